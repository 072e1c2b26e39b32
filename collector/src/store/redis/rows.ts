import type { Finding, Outcome } from '@fettle/catalog'
import {
  ACTIVE,
  type AuditEntry,
  type Change,
  type FeedEntry,
  type HostMeta,
  type Standing,
  type StoredFact,
  type StoredHost,
  type Token,
  type Transition,
} from '../store.ts'

type Head = readonly [
  outcome: Outcome,
  at: number,
  everyMs: number,
  tookMs: number,
  hash: string,
  reason?: string | null,
  hint?: string | null,
]

/** A fact as one text: a JSON array of what is known of it, a line feed, the agent's JSON as it came. Shared by the fact and its transition. */
function bodyOf(fact: StoredFact): string {
  const head: unknown[] = [fact.outcome, fact.at, fact.everyMs, fact.tookMs, fact.hash]
  if (fact.reason !== undefined || fact.hint !== undefined) head.push(fact.reason, fact.hint)
  return `${JSON.stringify(head)}\n${fact.data ?? ''}`
}

function readBody(body: string): Omit<StoredFact, 'key' | 'freshAt'> {
  const end = body.indexOf('\n')
  const [outcome, at, everyMs, tookMs, hash, reason, hint] = JSON.parse(body.slice(0, end)) as Head
  const data = body.slice(end + 1)
  return {
    ...{ outcome, at, everyMs, tookMs, hash },
    ...(reason == null ? {} : { reason }),
    ...(hint == null ? {} : { hint }),
    ...(data === '' ? {} : { data }),
  }
}

/** A change as the arguments of the `apply` script. */
export function changeArguments(change: Change): (string | number)[] {
  const kind = change.kind === 'beat' ? 'b' : change.superseded ? 's' : 'f'
  const offset = change.clockOffsetMs ?? ''
  const head = [kind, change.hostId, change.seq, change.receivedAt, offset, change.dropped, change.agentVersion ?? '']
  if (change.kind === 'report') return [...head, 4, change.fact.key, change.fact.freshAt, change.fact.hash, bodyOf(change.fact)]
  const fresh = Object.entries(change.fresh).flat()
  return [...head, fresh.length, ...fresh]
}

/** What a host's record keeps of it beside when it was enrolled. */
export function metaText(meta: Pick<HostMeta, 'instance' | 'publicKey' | 'labels'>): string {
  return JSON.stringify([meta.instance, meta.publicKey, meta.labels])
}

/** '' where there is nothing to say of it. */
export function standingText(standing: Standing): string {
  return standing.state === 'active' ? '' : JSON.stringify(standing)
}

/** Who a host is, from the fields of its record. */
export function readMeta(hostId: string, meta: string, enrolled: string, standing: string): HostMeta {
  const [instance, publicKey, labels] = JSON.parse(meta) as [string, string, Record<string, string>]
  const read = standing === '' ? ACTIVE : (JSON.parse(standing) as Standing)
  return { hostId, instance, publicKey, labels, enrolledAt: Number(enrolled), standing: read }
}

/** An entry of the audit log from an element of its list: id, space, JSON. */
export function readEntry(element: string): AuditEntry {
  const space = element.indexOf(' ')
  return { id: Number(element.slice(0, space)), ...(JSON.parse(element.slice(space + 1)) as Omit<AuditEntry, 'id'>) }
}

/** A host as the arguments of the `fillHost` script behind its id: fields with their values, and transitions. */
export function filledHost(
  { meta, facts, findings, ...told }: StoredHost,
  transitions: readonly Transition[],
  link: { kept: string | null; offered: string | null },
) {
  const newest = new Map([...facts, ...transitions].map(({ key, hash }) => [key, hash]))
  const elements = transitions.map(one => `${one.seq} ${one.key}\n${bodyOf({ everyMs: 0, tookMs: 0, freshAt: 0, ...one })}`)
  const fields: Record<string, string | number> = {
    enrolled: meta.enrolledAt,
    meta: metaText(meta),
    seq: told.seq,
    seen: told.lastSeenAt,
    offset: told.clockOffsetMs ?? '',
    dropped: told.dropped,
    version: told.agentVersion,
    bytes: elements.reduce((sum, element) => sum + Buffer.byteLength(element), 0),
    findings: JSON.stringify(findings),
  }
  const standing = standingText(meta.standing)
  if (standing !== '') fields.standing = standing
  if (link.kept !== null) fields.linkKept = link.kept
  if (link.offered !== null) fields.linkOffered = link.offered
  for (const fact of facts) fields[`d:${fact.key}`] = bodyOf(fact)
  const freshAt = new Map(facts.map(fact => [fact.key, fact.freshAt]))
  for (const [key, hash] of newest) fields[`t:${key}`] = `${freshAt.get(key) ?? 0} ${hash}`
  return { fields: Object.entries(fields).flat(), elements }
}

/** A host from its hash; undefined where there is none. */
export function readHost(hostId: string, fields: Readonly<Record<string, string>>): StoredHost | undefined {
  if (fields.meta === undefined || fields.enrolled === undefined) return undefined
  return {
    meta: readMeta(hostId, fields.meta, fields.enrolled, fields.standing ?? ''),
    seq: Number(fields.seq ?? 0),
    lastSeenAt: Number(fields.seen ?? 0),
    agentVersion: fields.version ?? '',
    clockOffsetMs: fields.offset === undefined || fields.offset === '' ? null : Number(fields.offset),
    dropped: Number(fields.dropped ?? 0),
    facts: readFacts(fields),
    findings: JSON.parse(fields.findings ?? '[]') as Finding[],
  }
}

function readFacts(fields: Readonly<Record<string, string>>): StoredFact[] {
  const keys = Object.keys(fields).filter(field => field.startsWith('d:'))
  return keys.sort().map(field => {
    const key = field.slice(2)
    return { key, freshAt: Number.parseFloat(fields[`t:${key}`] ?? '0'), ...readBody(fields[field] ?? '') }
  })
}

/** A transition from an element of a host's list. */
export function readTransition(element: string): Transition {
  const end = element.indexOf('\n')
  const space = element.indexOf(' ')
  const { everyMs, tookMs, hint, ...body } = readBody(element.slice(end + 1))
  return { seq: Number(element.slice(0, space)), key: element.slice(space + 1, end), ...body }
}

/** A token without its uses, which are counted apart. */
export function tokenText({ usesLeft, ...token }: Token): string {
  return JSON.stringify(token)
}

export function readToken(text: string, uses: string): Token {
  return { ...(JSON.parse(text) as Omit<Token, 'usesLeft'>), usesLeft: uses === '' ? null : Number(uses) }
}

const kinds = { f: 'fact', b: 'beat', h: 'host', r: 'removed', n: 'findings' } as const satisfies Record<string, FeedEntry['kind']>

/** A feed entry from the text of its only field; undefined for a kind that a newer collector may write. */
export function readFeedEntry(text: string): FeedEntry | undefined {
  const kind = kinds[text.slice(0, 1) as keyof typeof kinds] as FeedEntry['kind'] | undefined
  if (kind === undefined) return undefined
  const key = text.slice(33)
  return { kind, hostId: text.slice(1, 33), ...(key === '' ? {} : { key }) }
}
