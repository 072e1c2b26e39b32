import { AUDIT_KEPT, type AuditLog, assertSmall, type Leases, VALUES_LISTED, type Values } from '../store.ts'
import type { Run } from './members.ts'
import { readEntry } from './rows.ts'

/** Small texts by name. */
export function createValues(run: Run, fleet: string): Values {
  const put = (name: string, text: string, ttlMs: number | null, how: 'put' | 'first') =>
    run('putValue', fleet, [name, assertSmall(name, text), ttlMs === null ? '' : Math.max(1, Math.ceil(ttlMs)), how])
  return {
    async put(name, text, ttlMs) {
      await put(name, text, ttlMs, 'put')
    },
    async putFirst(name, text, ttlMs) {
      return String(await put(name, text, ttlMs, 'first'))
    },
    async get(name) {
      return ((await run('getValue', fleet, [name])) as string | null) ?? undefined
    },
    async take(name) {
      return ((await run('takeValue', fleet, [name])) as string | null) ?? undefined
    },
    async names(beginning) {
      return ((await run('listValues', fleet, [beginning])) as string[]).sort().slice(0, VALUES_LISTED)
    },
  }
}

/** What only one collector at a time may do; by the clock of the Redis. */
export function createLeases(run: Run, fleet: string): Leases {
  return {
    async take(name, holder, ttlMs) {
      return ((await run('takeLease', fleet, [name, holder, Math.ceil(ttlMs)])) as number | null) ?? undefined
    },
    async release(name, holder) {
      await run('releaseLease', fleet, [name, holder])
    },
  }
}

/** Who did what. */
export function createAudit(run: Run, fleet: string): AuditLog {
  return {
    async add(entry) {
      await run('addAudit', fleet, [JSON.stringify(entry), AUDIT_KEPT])
    },
    async list(most, before) {
      if (most < 1) return []
      return ((await run('listAudit', fleet, [Math.floor(most), before ?? ''])) as string[]).map(readEntry)
    },
  }
}
