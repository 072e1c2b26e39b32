import { bad, type Check, defineCheck, type Limit } from '../../check.ts'
import { type Answer, ok, unknown, worstOr } from '../../finding.ts'
import type { FactsBySubject } from '../../view.ts'
import type { AccountsFact } from './facts.ts'

const HINT = 'Run the agent as root.'

/** A list of names that should be empty; `null` is not known. */
function named(facts: FactsBySubject, limit: Limit, namesOf: (fact: AccountsFact) => string[] | null, what: string): Answer {
  const answers = facts.accounts.map(({ data }): Answer => {
    const names = namesOf(data)
    if (names === null) return unknown(`whether an account ${what} could not be read`, HINT)
    return names.length === 0 ? ok(`no account ${what}`) : bad(limit, `${names.slice(0, 5).join(', ')} ${what}`, names.slice(0, 20))
  })
  return worstOr('no local accounts', answers)
}

export const accountsSuperuser = defineCheck({
  name: 'accounts-superuser',
  subject: 'accounts',
  title: 'Another account has all rights of root',
  unit: 'count',
  thresholds: { critical: 1 },
  why: 'A second account with UID 0 is a common back door, and no log tells it from root (CIS benchmark 6.2).',
  remedy: 'Find out who made it; give the account an id of its own, or remove it.',
  evaluate: (facts, limit) => named(facts, limit, fact => fact.superusers, 'has UID 0'),
})

export const accountsEmptyPassword = defineCheck({
  name: 'accounts-empty-password',
  subject: 'accounts',
  title: 'An account lets in without a password',
  unit: 'count',
  thresholds: { critical: 1 },
  why: 'Whoever knows the name of the account is in.',
  remedy: 'Set a password, or lock the account: `passwd -l NAME`.',
  evaluate: (facts, limit) => named(facts, limit, fact => fact.emptyPasswords, 'has an empty password'),
})

export const accountsPasswordless = defineCheck({
  name: 'accounts-passwordless',
  subject: 'accounts',
  title: 'Somebody may become root without a password',
  unit: 'count',
  thresholds: { warning: 1 },
  why: 'Malware that runs as such an account is root at once.',
  remedy: 'Remove NOPASSWD from the rule for all commands in sudoers; allow single commands where automation needs them.',
  evaluate: (facts, limit) => named(facts, limit, fact => fact.passwordless, 'may run everything without a password'),
})

export const accountsChecks: readonly Check[] = [accountsSuperuser, accountsEmptyPassword, accountsPasswordless]
