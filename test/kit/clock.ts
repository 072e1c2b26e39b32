import { type Clock, systemClock } from '@fettle/kit'

/** The machine's clock, which a test sets forward. Timers run as they do. */
export type MovingClock = { readonly clock: Clock; move(ms: number): void }

export function movingClock(): MovingClock {
  let ahead = 0
  return {
    clock: { ...systemClock, now: () => systemClock.now() + ahead, monotonic: () => systemClock.monotonic() + ahead },
    move(ms) {
      ahead += ms
    },
  }
}
