import type { Clock } from '@fettle/kit'

/** Every limit of noticing. */
export const wakingLimits = {
  /** How often clock and network are looked at, ms. */
  lookMs: 5_000,
  /** A look that comes this much too early or too late means that the machine slept, was halted, or had its clock set, ms. */
  sleptMs: 15_000,
} as const

/** What happened to the machine. */
export type Waking = {
  /** How long nothing ran, by the wall clock, or by how much that was set; 0 where only the network changed, ms. */
  readonly sleptMs: number
}

/**
 * Notices that the machine slept or that its network changed. Whether a monotonic clock stands still meanwhile differs between systems
 * (clock_gettime(2), CLOCK_MONOTONIC), so the wall clock is compared with when the next look was due.
 * @param network a text that changes with the network
 */
export function watchWaking(clock: Clock, network: () => string, onWaking: (waking: Waking) => void): () => void {
  let wall = clock.now()
  let known = network()
  let cancel = () => {}
  const look = () => {
    const sleptMs = Math.abs(clock.now() - wall - wakingLimits.lookMs)
    const now = network()
    const changed = now !== known
    wall = clock.now()
    known = now
    cancel = clock.after(wakingLimits.lookMs, look)
    if (sleptMs > wakingLimits.sleptMs) onWaking({ sleptMs })
    else if (changed) onWaking({ sleptMs: 0 })
  }
  cancel = clock.after(wakingLimits.lookMs, look)
  return () => cancel()
}
