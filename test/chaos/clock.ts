import { type Clock, systemClock } from '@fettle/kit'

/** A clock that a test sets to another time, or lets run fast. */
export type MovableClock = Clock & {
  /** Puts the wall clock forward, or back where negative, ms. Durations do not jump. */
  jump(ms: number): void
}

/** @param speed how many of its milliseconds pass in one of the world's: every time-out of whoever lives by it is as much shorter */
export function movableClock(speed = 1): MovableClock {
  const start = { wall: systemClock.now(), steady: systemClock.monotonic() }
  const passed = () => (systemClock.monotonic() - start.steady) * speed
  let jumped = 0
  return {
    now: () => Math.round(start.wall + jumped + passed()),
    monotonic: () => start.steady + passed(),
    after: (ms, callback) => systemClock.after(ms / speed, callback),
    jump(ms) {
      jumped += ms
    },
  }
}
