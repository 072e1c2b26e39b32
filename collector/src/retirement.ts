import type { Clock } from '@fettle/kit'
import type { Fleet } from './fleet.ts'

/** How often hosts are looked through for ones that came no more, ms. */
const EVERY = 60 * 60 * 1000
/**
 * A collector that started, or whose clock was set, listens for this long before it removes anybody, ms: after a month off, or by a clock that is a year
 * ahead, every host that is not connected at that moment looks as if it came no more.
 */
const LISTENS_MS = 24 * EVERY
/** The wall clock and the time that passed may differ by this much between two looks, ms; beyond it the clock was set. */
const SET_MS = 10 * 60_000

/** Removes hosts that have not been seen for the time-to-live. Returns what stops it. */
export function startRetirement(deps: {
  fleet: Fleet
  clock: Clock
  ttlMs: number
  remove(hostId: string): Promise<boolean>
  failed(error: unknown): void
}): () => void {
  const { clock } = deps
  const shift = () => clock.now() - clock.monotonic()
  let cancel = () => {}
  let stopped = false
  let listensSince = clock.monotonic()
  let before = shift()
  const hasListened = () => {
    if (Math.abs(shift() - before) > SET_MS) listensSince = clock.monotonic()
    before = shift()
    return clock.monotonic() - listensSince >= LISTENS_MS
  }
  const look = async () => {
    if (!hasListened()) return
    const due = clock.now() - deps.ttlMs
    for (const host of [...deps.fleet.hosts()]) {
      if (host.connectedSince !== null || Math.max(host.lastSeenAt, host.meta.enrolledAt) >= due) continue
      if (stopped) return
      await deps.remove(host.meta.hostId)
    }
  }
  const arm = () => {
    if (!stopped) cancel = clock.after(EVERY, () => look().catch(deps.failed).finally(arm))
  }
  arm()
  return () => {
    stopped = true
    cancel()
  }
}
