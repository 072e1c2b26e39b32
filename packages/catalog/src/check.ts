import { age, days, minutes } from './duration.ts'
import { type Answer, type Finding, ok, unknown } from './finding.ts'
import type { SubjectName } from './subjects/facts.ts'
import type { SoftwarePolicy } from './subjects/software/policy.ts'
import type { FactsBySubject, HostView, Role } from './view.ts'

/** The tiers of a check. A tier that is left out does not exist for that role. */
export type Limit = { readonly warning?: number; readonly critical?: number }

/** One limit for all, or one per role over a default. */
export type Thresholds = Limit | ({ readonly default: Limit } & { readonly [R in Role]?: Limit })

/** What the numbers of a check's thresholds count. `state`: 1 means that the tier applies as soon as the state is bad. */
export type Unit = 'milliseconds' | 'ratio' | 'count' | 'celsius' | 'state'

/** What `evaluate` gets besides facts. */
export type Context = Pick<HostView, 'role' | 'supportEnd' | 'firstSeen' | 'presence' | 'instance'> & {
  /** The check's finding before this one, for what it carries; the judge fills it in. */
  readonly previous?: Finding | undefined
  /** What must and must not be installed on this host, by the collector's configuration; none under `fettle-agent check`. */
  readonly software?: SoftwarePolicy | undefined
}

export type Check = {
  /** `subject-what`, kebab-case: the label value of `fettle_check_status`. */
  readonly name: string
  readonly subject: SubjectName
  readonly title: string
  readonly unit: Unit
  readonly thresholds: Thresholds
  /** Why anyone should care, and where the numbers come from. */
  readonly why: string
  /** What to do about it. */
  readonly remedy: string
  /** What the check cannot see. */
  readonly blind?: string
  /** `all`: a source that cannot be read makes a good answer unknown. `any`: one good source is enough. */
  readonly sources: 'all' | 'any'
  /** Sources of the subject that this check does not judge: where one of them cannot be read, the answer stands. */
  readonly besides?: readonly string[]
  /** `evaluate`: with no source at all on the machine the check still judges (with empty facts); default: not applicable. */
  readonly whenAbsent?: 'evaluate'
  /** `presence`: judged by what the collector knows of the agent, however old the facts are; default: by the subject's facts. */
  readonly standsOn?: 'presence'
  /** Not applicable for other roles. */
  readonly roles?: readonly Role[]
  /** Why there is nothing to judge on this host, whatever its facts say; undefined where there is. */
  moot?(context: Context): string | undefined
  /** A worse status counts only after it has held this long, ms. */
  readonly hold?: number
  /** Share by which a limit is lowered while the status is bad, against flapping: 0.05 clears a limit of 60 at 57. */
  readonly hysteresis?: number
  /** Pure. `facts` holds the fresh facts of all subjects. Never called with none of its own, unless `whenAbsent` says so. */
  evaluate(facts: FactsBySubject, limit: Limit, now: number, context: Context): Answer
}

type Declared = Omit<Check, 'sources'> & { readonly sources?: Check['sources'] }

/** A rule of the catalog. Sources default to `all`. */
export function defineCheck(check: Declared): Check {
  return { sources: 'all', ...check }
}

/** The limit that holds for a role. */
export function limitFor(thresholds: Thresholds, role: Role): Limit {
  if (!('default' in thresholds)) return thresholds
  return thresholds[role] ?? thresholds.default
}

type Told = {
  /** One line; gets the value as a person says it. */
  readonly reason: (value: string) => string
  readonly evidence?: unknown
  /** For ages: when a tier would be reached. */
  readonly changesAt?: (tier: number) => number
  /** How the value is said; default: as an age. */
  readonly say?: (value: number) => string
}

/** A timestamp may lie this far in the future, ms, before it is no evidence any more. */
const CLOCK_TOLERANCE = minutes(10)

/** Judges a number against the tiers: at or over a tier is that tier. */
export function tiers(value: number, limit: Limit, told: Told): Answer {
  const reason = told.reason((told.say ?? age)(value))
  const ahead = [limit.warning, limit.critical].filter(tier => tier !== undefined && tier > value) as number[]
  const changesAt = told.changesAt && ahead.length > 0 ? told.changesAt(Math.min(...ahead)) : undefined
  const more = { reason, evidence: told.evidence, changesAt }
  if (limit.critical !== undefined && value >= limit.critical) return { ...more, status: 'critical' }
  if (limit.warning !== undefined && value >= limit.warning) return { ...more, status: 'warning' }
  return { ...more, status: 'ok' }
}

/** Judges how long ago something was. A time in the future is no evidence: unknown, or a wrong clock would look healthy. */
export function sinceTiers(at: number, now: number, limit: Limit, told: Omit<Told, 'changesAt' | 'say'>): Answer {
  const elapsed = now - at
  if (elapsed < -CLOCK_TOLERANCE) {
    return unknown(`the time told lies ${age(-elapsed)} in the future`, 'Set the clock of the machine, or of where the time was written.')
  }
  return tiers(Math.max(0, elapsed), limit, { ...told, changesAt: tier => at + tier })
}

/** Judges a state that is simply bad: the tier that exists for the role; `ok` with the reason where none does. */
export function bad(limit: Limit, reason: string, evidence?: unknown): Answer {
  if (limit.critical !== undefined) return { status: 'critical', reason, evidence }
  if (limit.warning !== undefined) return { status: 'warning', reason, evidence }
  return ok(reason, { evidence })
}

/**
 * Since when a bad state is known whose source gives no time, epoch ms: carried from finding to finding. Seen bad for the first time after it was seen
 * good, it counts from now; with no memory of it, it has lasted for the first tier already, or a restart of the collector would turn it green.
 */
export function badSince(name: string, limit: Limit, now: number, previous: Finding | undefined): number {
  const carried = previous?.carry?.[name]
  if (carried !== undefined) return Math.min(carried, now)
  return previous?.status === 'ok' ? now : now - (limit.warning ?? limit.critical ?? 0)
}

/**
 * Judges for how long a bad state has been seen: the tiers are ages. Where the beginning was not seen, the reason gets `an unknown time`.
 * @param name unique within the check
 */
export function lasting(
  name: string,
  limit: Limit,
  now: number,
  previous: Finding | undefined,
  told: Omit<Told, 'changesAt' | 'say'>,
): Answer {
  const since = badSince(name, limit, now, previous)
  const guess = `${name} guessed`
  const guessed = previous?.carry?.[name] === undefined ? previous?.status !== 'ok' : previous.carry[guess] !== undefined
  const reason = (value: string) => told.reason(guessed ? 'an unknown time' : value)
  return { ...sinceTiers(since, now, limit, { ...told, reason }), carry: guessed ? { [name]: since, [guess]: 1 } : { [name]: since } }
}

/** How long growth of an error counter is remembered, ms. */
const GROWTH_REMEMBERED = days(30)

/**
 * Watches a counter of errors: whether it has grown over what was first seen, within the last 30 days. A counter that starts anew is a new baseline.
 * @param name unique within the check
 */
export function watchGrowth(name: string, total: number, now: number, previous: Finding | undefined): Growth {
  const before = previous?.carry?.[name]
  const grew = before !== undefined && total > before ? now : previous?.carry?.[`${name} grew`]
  const remembered = grew !== undefined && now - grew < GROWTH_REMEMBERED ? grew : undefined
  return {
    grewAt: remembered,
    carry: { [name]: total, ...(remembered === undefined ? {} : { [`${name} grew`]: remembered }) },
    changesAt: remembered === undefined ? undefined : remembered + GROWTH_REMEMBERED,
  }
}
export type Growth = Pick<Answer, 'carry' | 'changesAt'> & { readonly grewAt: number | undefined }
