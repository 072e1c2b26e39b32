/** A clock in good order always wanders a little: told in these steps, its fact stays as it was. */
const OFFSET_STEP_SECONDS = 0.01
const SYNC_STEP_MS = 3_600_000

/** Seconds to the nearest hundredth, without a negative zero. */
export function offsetInSteps(seconds: number): number {
  return Number((Math.round(seconds / OFFSET_STEP_SECONDS) * OFFSET_STEP_SECONDS).toFixed(2)) + 0
}

/** The hour in which the clock was last set right, epoch ms: never later than it was. */
export function syncInSteps(at: number): number {
  return Math.floor(at / SYNC_STEP_MS) * SYNC_STEP_MS
}
