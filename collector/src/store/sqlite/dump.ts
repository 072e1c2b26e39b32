import type { DatabaseSync } from 'node:sqlite'
import type { DumpRecord, Transition } from '../store.ts'
import { standingText } from './members.ts'
import { readHost, readToken, readTransition } from './rows.ts'
import { readEntry } from './values.ts'

/** Updates told in one record. */
const PAGE = 1_000

/** Everything that is not a host, in records. */
export function* dumpFleet(database: DatabaseSync): Generator<DumpRecord> {
  for (const row of database.prepare('SELECT * FROM tokens ORDER BY id').iterate()) yield { kind: 'token', token: readToken(row) }
  for (const row of database.prepare('SELECT * FROM audit ORDER BY id').iterate()) yield { kind: 'audit', entry: readEntry(row) }
  for (const row of database.prepare('SELECT * FROM kept_values ORDER BY name').iterate()) {
    yield { kind: 'value', name: String(row.name), text: String(row.text), endsAt: row.ends_at === null ? null : Number(row.ends_at) }
  }
  const page: [string, number][] = []
  for (const row of database.prepare('SELECT name, at FROM first_seen ORDER BY name').iterate()) {
    page.push([String(row.name), Number(row.at)])
    if (page.length === PAGE) yield { kind: 'firstSeen', updates: page.splice(0) }
  }
  if (page.length > 0) yield { kind: 'firstSeen', updates: page }
}

/** A host with all that belongs to it. */
export function dumpHost(database: DatabaseSync, hostId: string): DumpRecord | undefined {
  const row = database.prepare('SELECT * FROM hosts WHERE host_id = ?').get(hostId)
  if (!row) return undefined
  const transitions = database.prepare('SELECT * FROM transitions WHERE host_id = ? ORDER BY seq').all(hostId).map(readTransition)
  const link = { kept: textOrNull(row.link_kept), offered: textOrNull(row.link_offered) }
  const facts = database.prepare('SELECT * FROM facts WHERE host_id = ? ORDER BY key').all(hostId)
  return { kind: 'host', host: readHost(row, facts), transitions, tokenId: String(row.token_id), link }
}

function textOrNull(value: unknown): string | null {
  return value === null ? null : String(value)
}

/** Writes records into an empty database; runs inside one transaction. */
export function createFill(database: DatabaseSync) {
  const host = database.prepare(
    `INSERT INTO hosts (host_id, instance, public_key, labels, enrolled_at, token_id, seq, last_seen_at, agent_version, clock_offset_ms, dropped,
     findings, transitions, transition_bytes, standing, link_kept, link_offered) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const fact = database.prepare('INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const latest = database.prepare('INSERT OR REPLACE INTO latest VALUES (?, ?, ?)')
  const transition = database.prepare('INSERT INTO transitions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const audit = database.prepare('INSERT INTO audit (id, at, who, what, target, detail, address) VALUES (?, ?, ?, ?, ?, ?, ?)')
  const value = database.prepare('INSERT INTO kept_values VALUES (?, ?, ?)')

  return {
    host({ host: { meta, facts, findings, ...told }, transitions, tokenId, link }: Extract<DumpRecord, { kind: 'host' }>): void {
      const { hostId } = meta
      const bytes = transitions.map(bytesOf)
      const who = [hostId, meta.instance, meta.publicKey, JSON.stringify(meta.labels), meta.enrolledAt, tokenId ?? ''] as const
      const state = [told.seq, told.lastSeenAt, told.agentVersion, told.clockOffsetMs, told.dropped, JSON.stringify(findings)] as const
      const sum = bytes.reduce((all, one) => all + one, 0)
      host.run(...who, ...state, transitions.length, sum, standingText(meta.standing), link.kept, link.offered)
      for (const one of facts) {
        const { key, outcome, at, freshAt, everyMs, tookMs, reason = null, hint = null, hash, data = null } = one
        fact.run(hostId, key, outcome, at, freshAt, everyMs, tookMs, reason, hint, hash, data)
        latest.run(hostId, key, hash)
      }
      for (const [i, { seq, key, at, outcome, reason = null, hash, data = null }] of transitions.entries()) {
        transition.run(hostId, seq, key, at, outcome, reason, hash, data, bytes[i] ?? 0)
        latest.run(hostId, key, hash)
      }
    },
    audit({ id, at, who, what, target, detail, address }: Extract<DumpRecord, { kind: 'audit' }>['entry']): void {
      audit.run(id, at, who, what, target, detail, address)
    },
    value({ name, text, endsAt }: Extract<DumpRecord, { kind: 'value' }>): void {
      value.run(name, text, endsAt)
    },
  }
}

function bytesOf({ key, reason = '', hash, data = '' }: Transition): number {
  return Buffer.byteLength(key) + Buffer.byteLength(reason) + hash.length + Buffer.byteLength(data)
}
