import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 100
const WITHIN_MS = 45_000

/**
 * The first answer that is neither undefined nor false: for what another process does and tells nobody. An error is an answer that is not there yet.
 * @throws with `what` and the last error once the time is over
 */
export async function until<T>(
  look: () => T | Promise<T>,
  what = 'what the test waits for',
  withinMs = WITHIN_MS,
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + withinMs
  for (;;) {
    let last = ''
    try {
      const answer = await look()
      if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>
    } catch (error) {
      last = `: ${(error as Error).message}`
    }
    if (performance.now() > deadline) throw new Error(`Cannot go on: ${what} did not happen within ${withinMs / 1000} s${last}`)
    await delay(POLL_MS)
  }
}
