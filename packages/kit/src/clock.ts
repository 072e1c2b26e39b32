/** The only time that daemons know: passed in, so that tests move it. */
export type Clock = {
  /** Epoch ms, UTC. */
  now(): number
  /** Milliseconds that never jump, for durations. */
  monotonic(): number
  /** Calls back once after `ms`; the returned function takes it back. Never keeps the process alive. */
  after(ms: number, callback: () => void): () => void
}

/** Longest delay of a timer, ms: Node fires longer ones at once. */
const LONGEST_TIMER = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, ms), LONGEST_TIMER))
    timer.unref()
    return () => clearTimeout(timer)
  },
}
