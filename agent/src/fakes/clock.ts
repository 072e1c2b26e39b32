import type { Clock } from '@fettle/kit'

/** A clock that tests move. */
export type FakeClock = Clock & {
  /** Moves time on; what falls due is called in its order, each with what it caused let through. */
  advance(ms: number): Promise<void>
  /** Sets the wall clock forward, or back where negative; no time passes. */
  jump(ms: number): void
}

type Timer = { readonly at: number; readonly callback: () => void }

/** Starts at `now`, epoch ms. */
export function fakeClock(now = Date.UTC(2026, 10, 22)): FakeClock {
  let elapsed = 0
  let jumped = 0
  const timers = new Set<Timer>()
  const settle = () => new Promise<void>(resolve => setImmediate(resolve))
  return {
    now: () => Math.floor(now + jumped + elapsed),
    monotonic: () => elapsed,
    after(ms, callback) {
      const timer = { at: elapsed + Math.max(0, ms), callback }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    jump(ms) {
      jumped += ms
    },
    async advance(ms) {
      const end = elapsed + ms
      await settle()
      for (let next = earliest(timers, end); next; next = earliest(timers, end)) {
        timers.delete(next)
        elapsed = Math.max(elapsed, next.at)
        next.callback()
        await settle()
      }
      elapsed = end
      await settle()
    },
  }
}

function earliest(timers: ReadonlySet<Timer>, end: number): Timer | undefined {
  let first: Timer | undefined
  for (const timer of timers) if (timer.at <= end && (!first || timer.at < first.at)) first = timer
  return first
}

/** The system's clock, running this many times as fast. */
export function fastClock(factor: number): Clock {
  const now = Date.now()
  const begun = performance.now()
  const elapsed = () => (performance.now() - begun) * factor
  return {
    now: () => Math.floor(now + elapsed()),
    monotonic: elapsed,
    after: (ms, callback) => {
      const timer = setTimeout(callback, ms / factor)
      return () => clearTimeout(timer)
    },
  }
}
