import type { DatabaseSync } from 'node:sqlite'
import { AUDIT_KEPT, type AuditEntry, VALUES_LISTED } from '../store.ts'

type Row = Readonly<Record<string, unknown>>

/** Small texts by name; each method runs inside one transaction or reads. */
export function createValues(database: DatabaseSync) {
  const held = database.prepare('SELECT text FROM kept_values WHERE name = ? AND (ends_at IS NULL OR ends_at > ?)')
  const put = database.prepare('INSERT OR REPLACE INTO kept_values (name, text, ends_at) VALUES (?, ?, ?)')
  const drop = database.prepare('DELETE FROM kept_values WHERE name = ?')
  const forget = database.prepare('DELETE FROM kept_values WHERE ends_at <= ?')
  const list = database.prepare(
    'SELECT name FROM kept_values WHERE substr(name, 1, ?) = ? AND (ends_at IS NULL OR ends_at > ?) ORDER BY name LIMIT ?',
  )
  const get = (name: string, now: number): string | undefined => held.get(name, now)?.text as string | undefined
  const keep = (name: string, text: string, ttlMs: number | null, now: number): void => {
    forget.run(now)
    put.run(name, text, ttlMs === null ? null : now + ttlMs)
  }

  return {
    get,
    put: keep,
    putFirst(name: string, text: string, ttlMs: number | null, now: number): string {
      const first = get(name, now)
      if (first !== undefined) return first
      keep(name, text, ttlMs, now)
      return text
    },
    take(name: string, now: number): string | undefined {
      const text = get(name, now)
      drop.run(name)
      return text
    },
    names: (beginning: string, now: number): string[] =>
      list.all(beginning.length, beginning, now, VALUES_LISTED).map(row => String(row.name)),
  }
}

/** What only one may do at a time: with one collector a file, it matters only that a fencing number never comes again. */
export function createLeases(database: DatabaseSync) {
  const held = database.prepare('SELECT holder, ends_at, fence FROM leases WHERE name = ?')
  const put = database.prepare('INSERT OR REPLACE INTO leases (name, holder, ends_at, fence) VALUES (?, ?, ?, ?)')
  const end = database.prepare('UPDATE leases SET ends_at = 0 WHERE name = ? AND holder = ?')

  return {
    take(name: string, holder: string, ttlMs: number, now: number): number | undefined {
      const row = held.get(name) as { holder: string; ends_at: number; fence: number } | undefined
      const stands = row !== undefined && row.ends_at > now
      if (stands && row.holder !== holder) return undefined
      const fence = (row?.fence ?? 0) + (stands ? 0 : 1)
      put.run(name, holder, now + ttlMs, fence)
      return fence
    },
    release(name: string, holder: string): void {
      end.run(name, holder)
    },
  }
}

/** Who did what. */
export function createAudit(database: DatabaseSync) {
  const add = database.prepare('INSERT INTO audit (at, who, what, target, detail, address) VALUES (?, ?, ?, ?, ?, ?)')
  const cut = database.prepare('DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?')
  const list = database.prepare('SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?')

  return {
    add({ at, who, what, target, detail, address }: Omit<AuditEntry, 'id'>): void {
      add.run(at, who, what, target, detail, address)
      cut.run(AUDIT_KEPT)
    },
    list: (most: number, before = Number.MAX_SAFE_INTEGER): AuditEntry[] => list.all(before, Math.max(0, Math.floor(most))).map(readEntry),
  }
}

/** An entry from its row. */
export function readEntry(row: Row): AuditEntry {
  const text = (name: string): string => String(row[name])
  return {
    id: Number(row.id),
    at: Number(row.at),
    who: text('who'),
    what: text('what'),
    target: text('target'),
    detail: text('detail'),
    address: text('address'),
  }
}
