import type { Finding, Outcome } from '@fettle/catalog'
import type { Change, FeedEntry, HostMeta, StoredFact, StoredHost, Token, Transition } from '../store.ts'

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
export function metaText(meta: Omit<HostMeta, 'enrolledAt'>): string {
  return JSON.stringify([meta.instance, meta.publicKey, meta.labels])
}

/** A host from its hash; undefined where there is none. */
export function readHost(hostId: string, fields: Readonly<Record<string, string>>): StoredHost | undefined {
  if (fields.meta === undefined || fields.enrolled === undefined) return undefined
  const [instance, publicKey, labels] = JSON.parse(fields.meta) as [string, string, Record<string, string>]
  return {
    meta: { hostId, instance, publicKey, labels, enrolledAt: Number(fields.enrolled) },
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
