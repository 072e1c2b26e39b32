import { type Check, type Context, type Limit, limitFor } from './check.ts'
import { age, minutes } from './duration.ts'
import { type Answer, byBadness, type Finding, notApplicable, unknown } from './finding.ts'
import type { Subject } from './subject.ts'
import type { FactTypes, SubjectName } from './subjects/facts.ts'
import { subjects } from './subjects/index.ts'
import { type FactsBySubject, type HeldFact, isSwitchedOff, type SourceFact } from './view.ts'

/** A fact is stale once it has not been renewed for this many of its own intervals. */
const STALE_INTERVALS = 3
/** No fact is stale sooner than this, ms: a probe of every few seconds survives a reconnect. */
const STALE_FLOOR = 90_000

/** What is judged: everything known of one host at one moment. */
export type Judged = {
  readonly held: ReadonlyMap<string, HeldFact>
  readonly context: Context
  /** The limit of a check for this host; the collector's configuration may override the catalog's. */
  readonly limitOf?: (check: Check) => Limit
  /** The findings before these, by check: they carry `since` and hysteresis on. */
  readonly previous?: ReadonlyMap<string, Finding>
}

/** When a fact stops being evidence, epoch ms. */
export function staleAt(fact: Pick<HeldFact, 'at' | 'everyMs'>): number {
  return fact.at + Math.max(STALE_INTERVALS * fact.everyMs, STALE_FLOOR)
}

/** A fact may lie this far in the future, ms; beyond that its clock says nothing, and it would never grow stale. */
const AHEAD = minutes(10)

const isFresh = (fact: HeldFact, now: number): boolean => staleAt(fact) > now && fact.at <= now + AHEAD

/** Facts with outcome `ok` by subject, stale ones too: what metrics show. */
export function factsBySubject(held: ReadonlyMap<string, HeldFact>): FactsBySubject {
  const facts = Object.fromEntries(subjects.map(subject => [subject.name, [] as SourceFact<unknown>[]]))
  for (const fact of held.values()) {
    const { subject, source } = keyParts(fact.key)
    if (fact.outcome === 'ok') facts[subject]?.push({ source, at: fact.at, data: fact.data })
  }
  for (const known of Object.values(facts)) known.sort((a, b) => (a.source < b.source ? -1 : 1))
  return facts as unknown as { [S in SubjectName]: SourceFact<FactTypes[S]>[] }
}

/** `subject/source` taken apart. */
export function keyParts(key: string): { readonly subject: string; readonly source: string } {
  const slash = key.indexOf('/')
  return { subject: key.slice(0, slash), source: key.slice(slash + 1) }
}

/** All checks of the catalog over one host: one finding a check, in the catalog's order. @param checksOf fewer or other checks than the catalog's */
export function judge(host: Judged, now: number, checksOf = (subject: Subject): readonly Check[] => subject.checks): Finding[] {
  return judgeSubjects(host, now, () => true, checksOf)
}

/** What any check may look at besides its own subject: what machine this is. */
const LOOKED_AT_BY_ALL: SubjectName = 'system'

/**
 * The same, but only of subjects whose answer can be another one than `previous`: their facts changed, their time has come, or they stand on presence.
 * The other findings stay as they are, the ages in their reasons too. Role, limits and all else of the context must be as they were.
 * @param changed subjects whose facts were renewed, replaced or removed since
 */
export function judgeAgain(host: Judged, now: number, changed: ReadonlySet<string>): Finding[] {
  const { previous } = host
  const isDue = (subject: Subject) =>
    changed.has(subject.name) ||
    subject.checks.some(check => {
      const finding = previous?.get(check.name)
      return !finding || check.standsOn === 'presence' || (finding.changesAt !== undefined && finding.changesAt <= now)
    })
  const due = new Set<string>(subjects.filter(isDue).map(subject => subject.name))
  return judgeSubjects(host, now, due.has(LOOKED_AT_BY_ALL) ? () => true : subject => due.has(subject.name), subject => subject.checks)
}

/** Judges the subjects that are wanted; of the others the findings before stand. */
function judgeSubjects(
  host: Judged,
  now: number,
  wanted: (subject: Subject) => boolean,
  checksOf: (subject: Subject) => readonly Check[],
): Finding[] {
  const due = new Set<string>(subjects.filter(wanted).map(subject => subject.name))
  const held = new Map<string, HeldFact[]>()
  const looked: HeldFact[] = []
  // Written as a loop: it runs over every fact of a host with every report of it.
  for (const fact of host.held.values()) {
    const name = fact.key.slice(0, fact.key.indexOf('/'))
    if (!due.has(name) && name !== LOOKED_AT_BY_ALL) continue
    looked.push(fact)
    const own = held.get(name)
    if (own) own.push(fact)
    else held.set(name, [fact])
  }
  const fresh = factsBySubject(new Map(looked.filter(fact => isFresh(fact, now)).map(fact => [fact.key, fact])))
  return subjects.flatMap(subject =>
    checksOf(subject).map(check => {
      const before = due.has(subject.name) ? undefined : host.previous?.get(check.name)
      return before ?? judgeCheck(check, host, { fresh, held: held.get(subject.name) ?? [] }, now)
    }),
  )
}

/** The fresh facts of all subjects, and all that is held of the check's own. */
type Seen = { readonly fresh: FactsBySubject; readonly held: readonly HeldFact[] }

/** One check over one host: joins the check's own answer with what could not be seen, and with time. */
function judgeCheck(check: Check, host: Judged, seen: Seen, now: number): Finding {
  const previous = host.previous?.get(check.name)
  const base = host.limitOf?.(check) ?? limitFor(check.thresholds, host.context.role)
  const limit = previous ? relaxed(base, previous, check.hysteresis) : base
  const answer = answerOf(check, host, seen, limit, now)
  const finding = withSince(check, answer, previous, now)
  // What a check carries outlives the time in which it sees nothing, and its held-back answers.
  const carry = answer.carry ?? (answer.status === 'unknown' ? previous?.carry : undefined)
  const changesAt = finding.changesAt !== undefined && finding.changesAt > now ? finding.changesAt : undefined
  return { ...finding, carry, changesAt }
}

function answerOf(check: Check, host: Judged, { fresh, held }: Seen, limit: Limit, now: number): Answer {
  if (check.roles && !check.roles.includes(host.context.role)) return notApplicable(`not judged on a ${host.context.role}`)
  const moot = check.moot?.(host.context)
  if (moot !== undefined) return notApplicable(moot)
  const context = { ...host.context, previous: host.previous?.get(check.name) }
  if (check.standsOn === 'presence') return check.evaluate(fresh, limit, now, context)
  if (held.length === 0)
    return unknown('nothing has been reported yet', 'The agent reports every source within its interval after it starts.')
  const stale = held.map(staleAt).filter(at => at > now)
  const changesAt = stale.length > 0 ? Math.min(...stale) : undefined
  const judged = held.filter(fact => !check.besides?.includes(keyParts(fact.key).source))
  const blind = judged.filter(fact => !isFresh(fact, now) || (fact.outcome !== 'ok' && fact.outcome !== 'absent'))
  const seen = fresh[check.subject].length
  if (seen === 0 && blind.length > 0) return blindAnswer(blind, now)
  const off = held.find(isSwitchedOff)
  const isLifted = limit.warning === undefined && limit.critical === undefined
  if (seen === 0 && (check.whenAbsent !== 'evaluate' || (off && isLifted))) {
    return { ...notApplicable((off ?? held[0])?.reason ?? 'this machine has no such thing'), changesAt }
  }
  if (seen === 0 && off) return { ...offAnswer(off), changesAt }
  const answer = check.evaluate(fresh, limit, now, context)
  const soonest = Math.min(answer.changesAt ?? Number.POSITIVE_INFINITY, changesAt ?? Number.POSITIVE_INFINITY)
  const timed = { ...answer, changesAt: Number.isFinite(soonest) ? soonest : undefined }
  if (blind.length === 0) return timed
  const cannot = { ...blindAnswer(blind, now), changesAt: timed.changesAt, carry: timed.carry }
  // Where one good source is enough, a blind one could be it: then neither good nor bad is known.
  if (check.sources === 'any') return answer.status === 'ok' ? timed : cannot
  return byBadness(cannot, answer) < 0 ? cannot : timed
}

/** Where absence would be judged, a source that nobody looked at leaves it open: neither good nor bad is known. */
function offAnswer(off: HeldFact): Answer {
  return unknown(
    `${off.key}: ${off.reason}`,
    "Switch it on in the configuration of the agent (probes, its key, enabled), or lift the limits of this check for the machine in the collector's configuration.",
  )
}

function blindAnswer(blind: readonly HeldFact[], now: number): Answer {
  const [fact] = blind
  if (!fact) throw new Error('Cannot tell of no fact why it is blind')
  const more = blind.length > 1 ? ` (and ${blind.length - 1} more)` : ''
  if (fact.at > now + AHEAD) {
    return unknown(`${fact.key} claims to be of ${age(fact.at - now)} from now${more}`, 'Set the clock of the machine.')
  }
  if (staleAt(fact) <= now) {
    return unknown(
      `${fact.key} was last looked at ${age(now - fact.at)} ago${more}`,
      'See whether the machine is on and its agent is connected.',
    )
  }
  return unknown(`${fact.key}: ${fact.outcome}${fact.reason ? `: ${fact.reason}` : ''}${more}`, fact.hint)
}

/** While a check is bad its limits are a little lower, so that a value at the limit does not flap. */
function relaxed(limit: Limit, previous: Finding, hysteresis = 0): Limit {
  if (hysteresis === 0 || (previous.status !== 'warning' && previous.status !== 'critical')) return limit
  const factor = 1 - hysteresis
  const lower = (tier: number | undefined, active: boolean) => (tier === undefined ? undefined : active ? tier * factor : tier)
  const warning = lower(limit.warning, previous.status === 'warning' || previous.status === 'critical')
  const critical = lower(limit.critical, previous.status === 'critical')
  return { ...(warning === undefined ? {} : { warning }), ...(critical === undefined ? {} : { critical }) }
}

/** `since` of the status; a check with `hold` gets worse only after it would have been worse for that long. */
function withSince(check: Check, answer: Answer, previous: Finding | undefined, now: number): Finding {
  if (!previous) return { ...answer, check: check.name, since: now }
  if (previous.status === answer.status) return { ...answer, check: check.name, since: previous.since }
  const worse = (answer.status === 'warning' || answer.status === 'critical') && byBadness(answer, previous) < 0
  if (!check.hold || !worse || previous.status === 'unknown') return { ...answer, check: check.name, since: now }
  const worseSince = previous.worseSince ?? now
  if (now - worseSince >= check.hold) return { ...answer, check: check.name, since: now }
  const changesAt = Math.min(worseSince + check.hold, answer.changesAt ?? Number.POSITIVE_INFINITY)
  return { ...previous, worseSince, changesAt }
}
