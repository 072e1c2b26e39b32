import { bad, type Check, defineCheck, type Limit } from '../../check.ts'
import { type Answer, notApplicable, ok, unknown, worstOr } from '../../finding.ts'
import type { FactsBySubject } from '../../view.ts'
import type { AccountsFact } from './facts.ts'

const HINT = 'Run the agent as root.'

/** A list of names that should be empty; `null` is not known, and what the system never tells is not judged. */
function named(facts: FactsBySubject, limit: Limit, field: AccountsFact['untold'][number], what: string): Answer {
  const answers = facts.accounts.map(({ data }): Answer => {
    if (data.untold.includes(field)) return field === 'emptyPasswords' ? mayBeEmpty(data) : notApplicable('this system does not tell')
    const names = data[field]
    if (names === null) return unknown(`whether an account ${what} could not be read`, HINT)
    return names.length === 0 ? ok(`no account ${what}`) : bad(limit, `${names.slice(0, 5).join(', ')} ${what}`, names.slice(0, 20))
  })
  return worstOr('no local accounts', answers)
}

/** Windows tells only which accounts need no password. */
function mayBeEmpty({ mayBeEmpty: names }: AccountsFact): Answer {
  if (names === null) return notApplicable('this system does not tell')
  if (names.length === 0) return ok('every account that can be used needs a password')
  return unknown(`${names.slice(0, 5).join(', ')} may have an empty password`, 'Demand one: `net user NAME /passwordreq:yes`, then set it.')
}

export const accountsSuperuser = defineCheck({
  name: 'accounts-superuser',
  subject: 'accounts',
  title: 'Another account has all rights of root',
  unit: 'count',
  thresholds: { critical: 1 },
  why: 'A second account with UID 0 is a common back door, and no log tells it from root (CIS benchmark 6.2).',
  remedy: 'Find out who made it; give the account an id of its own, or remove it.',
  evaluate: (facts, limit) => named(facts, limit, 'superusers', 'has UID 0'),
})

export const accountsEmptyPassword = defineCheck({
  name: 'accounts-empty-password',
  subject: 'accounts',
  title: 'An account lets in without a password',
  unit: 'count',
  thresholds: { critical: 1 },
  why: 'Whoever knows the name of the account is in.',
  remedy: 'Set a password, or lock the account: `passwd -l NAME`.',
  evaluate: (facts, limit) => named(facts, limit, 'emptyPasswords', 'has an empty password'),
})

export const accountsPasswordless = defineCheck({
  name: 'accounts-passwordless',
  subject: 'accounts',
  title: 'Somebody may become root without a password',
  unit: 'count',
  thresholds: { warning: 1 },
  why: 'Malware that runs as such an account is root at once.',
  remedy: 'Remove NOPASSWD from the rule for all commands in sudoers; allow single commands where automation needs them.',
  evaluate: (facts, limit) => named(facts, limit, 'passwordless', 'may run everything without a password'),
})

export const accountsChecks: readonly Check[] = [accountsSuperuser, accountsEmptyPassword, accountsPasswordless]
