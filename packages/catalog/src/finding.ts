/** What a check says of a host. `not-applicable`: the host has no such thing, so there is nothing to judge. */
export const statuses = ['ok', 'warning', 'critical', 'unknown', 'not-applicable'] as const
export type Status = (typeof statuses)[number]

/** The numbers of `fettle_check_status`; not-applicable has no series. */
export const statusNumber = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const

/** A check's answer before it is joined with time and host. */
export type Answer = {
  readonly status: Status
  /** One line for a person: what is so, with the number. */
  readonly reason: string
  /** The particulars, small: what the reason stands on. */
  readonly evidence?: unknown
  /** What to do about an `unknown`: comes from the fact's hint. */
  readonly hint?: string | undefined
  /** Epoch ms at which time alone would change this answer; nothing polls before. */
  readonly changesAt?: number | undefined
  /** Numbers that the check wants to see at its next judging (a time first seen, a count before): small, and only of what is there now. */
  readonly carry?: Readonly<Record<string, number>> | undefined
}

export type Finding = Answer & {
  readonly check: string
  /** Epoch ms since when the status is what it is. */
  readonly since: number
  /** While a worse answer is held back (`Check.hold`): since when it would have been worse, epoch ms. */
  readonly worseSince?: number | undefined
}

export const ok = (reason: string, more: Partial<Answer> = {}): Answer => ({ ...more, status: 'ok', reason })
export const unknown = (reason: string, hint?: string): Answer => ({ status: 'unknown', reason, hint })
export const notApplicable = (reason: string): Answer => ({ status: 'not-applicable', reason })

const badness: Record<Status, number> = { 'not-applicable': 0, ok: 1, unknown: 2, warning: 3, critical: 4 }

/** Negative when `a` is worse than `b`: critical, warning, unknown, ok, not applicable. */
export function byBadness(a: { readonly status: Status }, b: { readonly status: Status }): number {
  return badness[b.status] - badness[a.status]
}

/** The worst of several answers, its reason telling how many more are like it; evidence of all that are as bad. Empty input throws. */
export function worst(answers: readonly Answer[]): Answer {
  const [only, second] = answers
  if (!only) throw new Error('Cannot take the worst of no answers')
  if (!second) return only
  let first = only
  for (const answer of answers) if (byBadness(answer, first) < 0) first = answer
  const rest = answers.filter(answer => answer !== first)
  const alike = rest.filter(answer => answer.status === first.status)
  const times = answers.flatMap(answer => (answer.changesAt === undefined ? [] : [answer.changesAt]))
  const carries = answers.flatMap(answer => (answer.carry === undefined ? [] : [answer.carry]))
  return {
    ...first,
    reason: alike.length === 0 || first.status === 'ok' ? first.reason : `${first.reason} (and ${alike.length} more)`,
    ...(alike.length === 0 ? {} : { evidence: [first, ...alike].slice(0, 20).map(answer => answer.evidence ?? answer.reason) }),
    changesAt: times.length === 0 ? undefined : Math.min(...times),
    carry: carries.length === 0 ? undefined : Object.assign({}, ...carries),
  }
}

/** The worst of several answers; not applicable, with the reason, where there is none to judge. */
export function worstOr(none: string, answers: readonly Answer[]): Answer {
  return answers.length === 0 ? notApplicable(none) : worst(answers)
}

/** The best of several answers: where one of several means is enough. Empty input throws. */
export function best(answers: readonly Answer[]): Answer {
  const found = answers.find(answer => answer.status === 'ok')
  return found ? { ...found, carry: undefined } : worst(answers)
}
