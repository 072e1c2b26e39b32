import type { Clock } from '@fettle/kit'
import type { Fleet } from './fleet.ts'

/** How often hosts are looked through for ones that came no more, ms. */
const EVERY = 60 * 60 * 1000

/** Removes hosts that have not been seen for the time-to-live. Returns what stops it. */
export function startRetirement(deps: {
  fleet: Fleet
  clock: Clock
  ttlMs: number
  remove(hostId: string): Promise<boolean>
  failed(error: unknown): void
}): () => void {
  let cancel = () => {}
  let stopped = false
  const look = async () => {
    const before = deps.clock.now() - deps.ttlMs
    for (const host of [...deps.fleet.hosts()]) {
      if (host.connectedSince !== null || Math.max(host.lastSeenAt, host.meta.enrolledAt) >= before) continue
      if (stopped) return
      await deps.remove(host.meta.hostId)
    }
  }
  const arm = () => {
    if (!stopped) cancel = deps.clock.after(EVERY, () => look().catch(deps.failed).finally(arm))
  }
  arm()
  return () => {
    stopped = true
    cancel()
  }
}
