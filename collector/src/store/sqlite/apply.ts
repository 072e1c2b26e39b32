import type { DatabaseSync } from 'node:sqlite'
import {
  type Applied,
  type Change,
  type FeedEntry,
  FRESH_AHEAD_MS,
  SEEN_AHEAD_MS,
  type StoredFact,
  TRANSITION_BYTES_KEPT,
  TRANSITIONS_KEPT,
} from '../store.ts'

type Report = Change & { kind: 'report' }
type Held = { seq: number; transitions: number; transition_bytes: number }

/** Applies one change inside a transaction, by prepared statements; the same rules as the `apply` script of Redis. */
export function createApply(database: DatabaseSync): (change: Change, tell: (entry: FeedEntry) => void) => Applied {
  const held = database.prepare('SELECT seq, transitions, transition_bytes FROM hosts WHERE host_id = ?')
  const moveHost = database.prepare(
    `UPDATE hosts SET seq = ?1, last_seen_at = iif(last_seen_at > ?2 + ${SEEN_AHEAD_MS}, ?2, max(last_seen_at, ?2)), clock_offset_ms = ?3,
     dropped = ?4, agent_version = coalesce(?5, agent_version) WHERE host_id = ?6`,
  )
  const renew = database.prepare(
    `UPDATE facts SET fresh_at = ?1 WHERE host_id = ?2 AND key = ?3 AND (fresh_at < ?1 OR fresh_at > ?4 + ${FRESH_AHEAD_MS})`,
  )
  const putFact = createPutFact(database)
  const append = createAppend(database)
  const latest = database.prepare('SELECT hash FROM latest WHERE host_id = ? AND key = ?')

  function report(change: Report, before: Held): void {
    const { hostId, fact } = change
    if (latest.get(hostId, fact.key)?.hash !== fact.hash) append(change, before)
    if (!change.superseded) putFact(hostId, fact)
  }

  return (change, tell) => {
    const { hostId, seq } = change
    const before = held.get(hostId) as Held | undefined
    if (!before) return 'gone'
    if (seq <= before.seq) return 'old'
    moveHost.run(seq, change.receivedAt, change.clockOffsetMs, change.dropped, change.agentVersion ?? null, hostId)
    if (change.kind === 'report') report(change, before)
    else for (const [key, at] of Object.entries(change.fresh)) renew.run(at, hostId, key, change.receivedAt)
    tell(change.kind === 'report' ? { kind: 'fact', hostId, key: change.fact.key } : { kind: 'beat', hostId })
    return 'applied'
  }
}

function createPutFact(database: DatabaseSync): (hostId: string, fact: StoredFact) => void {
  const put = database.prepare(
    `INSERT INTO facts (host_id, key, outcome, at, fresh_at, every_ms, took_ms, reason, hint, hash, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (host_id, key) DO UPDATE SET outcome = excluded.outcome, at = excluded.at, fresh_at = excluded.fresh_at, every_ms = excluded.every_ms,
     took_ms = excluded.took_ms, reason = excluded.reason, hint = excluded.hint, hash = excluded.hash, data = excluded.data`,
  )
  return (hostId, fact) => {
    const { key, outcome, at, freshAt, everyMs, tookMs, reason, hint, hash, data } = fact
    put.run(hostId, key, outcome, at, freshAt, everyMs, tookMs, reason ?? null, hint ?? null, hash, data ?? null)
  }
}

function createAppend(database: DatabaseSync): (change: Report, before: Held) => void {
  const add = database.prepare(
    'INSERT INTO transitions (host_id, seq, key, at, outcome, reason, hash, data, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const remember = database.prepare(
    'INSERT INTO latest (host_id, key, hash) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET hash = excluded.hash',
  )
  const oldest = database.prepare('SELECT seq, bytes FROM transitions WHERE host_id = ? ORDER BY seq LIMIT 1')
  const drop = database.prepare('DELETE FROM transitions WHERE host_id = ? AND seq = ?')
  const count = database.prepare('UPDATE hosts SET transitions = ?, transition_bytes = ? WHERE host_id = ?')

  return ({ hostId, seq, fact }, before) => {
    const { key, at, outcome, reason, hash, data } = fact
    const size = 100 + Buffer.byteLength(data ?? '') + Buffer.byteLength(reason ?? '')
    add.run(hostId, seq, key, at, outcome, reason ?? null, hash, data ?? null, size)
    remember.run(hostId, key, hash)
    let kept = before.transitions + 1
    let bytes = before.transition_bytes + size
    while (kept > 1 && (kept > TRANSITIONS_KEPT || bytes > TRANSITION_BYTES_KEPT)) {
      const first = oldest.get(hostId) as { seq: number; bytes: number }
      drop.run(hostId, first.seq)
      kept--
      bytes -= first.bytes
    }
    count.run(kept, bytes, hostId)
  }
}
