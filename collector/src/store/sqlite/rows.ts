import type { Finding, Outcome } from '@fettle/catalog'
import { ACTIVE, type HostMeta, type StoredFact, type StoredHost, type Token, type Transition } from '../store.ts'

type Row = Readonly<Record<string, unknown>>

const text = (value: unknown): string => String(value)
const numberOrNull = (value: unknown): number | null => (value === null ? null : Number(value))
/** A column that may be NULL as a property that may be missing. */
const optional = <N extends string>(name: N, value: unknown) => (value === null ? {} : { [name]: text(value) }) as { [K in N]?: string }

export function readMeta(row: Row): HostMeta {
  return {
    hostId: text(row.host_id),
    instance: text(row.instance),
    publicKey: text(row.public_key),
    labels: JSON.parse(text(row.labels)) as HostMeta['labels'],
    enrolledAt: Number(row.enrolled_at),
    standing: row.standing === null ? ACTIVE : (JSON.parse(text(row.standing)) as HostMeta['standing']),
  }
}

export function readHost(row: Row, facts: readonly Row[]): StoredHost {
  return {
    meta: readMeta(row),
    seq: Number(row.seq),
    lastSeenAt: Number(row.last_seen_at),
    agentVersion: text(row.agent_version),
    clockOffsetMs: numberOrNull(row.clock_offset_ms),
    dropped: Number(row.dropped),
    facts: facts.map(readFact),
    findings: JSON.parse(text(row.findings)) as Finding[],
  }
}

function readFact(row: Row): StoredFact {
  return {
    key: text(row.key),
    outcome: text(row.outcome) as Outcome,
    at: Number(row.at),
    freshAt: Number(row.fresh_at),
    everyMs: Number(row.every_ms),
    tookMs: Number(row.took_ms),
    hash: text(row.hash),
    ...optional('reason', row.reason),
    ...optional('hint', row.hint),
    ...optional('data', row.data),
  }
}

export function readTransition(row: Row): Transition {
  return {
    seq: Number(row.seq),
    key: text(row.key),
    at: Number(row.at),
    outcome: text(row.outcome) as Outcome,
    hash: text(row.hash),
    ...optional('reason', row.reason),
    ...optional('data', row.data),
  }
}

export function readToken(row: Row): Token {
  return {
    id: text(row.id),
    kind: text(row.kind) as Token['kind'],
    secretHash: text(row.secret_hash),
    createdAt: Number(row.created_at),
    expiresAt: numberOrNull(row.expires_at),
    usesLeft: numberOrNull(row.uses_left),
    labels: JSON.parse(text(row.labels)) as Token['labels'],
    role: row.role === null ? null : (text(row.role) as Token['role']),
    note: text(row.note),
    approve: row.approve === 1,
  }
}
