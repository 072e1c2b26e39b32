import { bad, type Check, defineCheck, sinceTiers, watchGrowth } from '../../check.ts'
import { age, days } from '../../duration.ts'
import { type Answer, notApplicable, ok, unknown, worstOr } from '../../finding.ts'
import type { FactsBySubject } from '../../view.ts'
import type { RaidFact } from './facts.ts'

type RaidArray = RaidFact['arrays'][number]

const perArray = ({ raid }: FactsBySubject, judge: (array: RaidArray) => Answer): Answer =>
  worstOr('the machine has no array', raid.flatMap(fact => fact.data.arrays).map(judge))

export const raidDegraded = defineCheck({
  name: 'raid-degraded',
  subject: 'raid',
  title: 'An array has lost redundancy',
  unit: 'state',
  thresholds: { critical: 1 },
  why: 'The next disk that fails takes the data with it; until it is rebuilt an array is one fault from loss.',
  remedy: 'Replace the failed member and watch the rebuild; see that the backup is good first.',

  evaluate: (facts, limit) =>
    perArray(facts, array => {
      const { name, detail, disks, sync, state } = array
      if (state === 'ok') return ok('every array has its redundancy')
      if (state === 'unknown') return unknown(`${name}: ${detail ?? 'its state could not be told'}`)
      const rebuilding = sync?.action === 'recovery' ? ', rebuilding' : ''
      const members = array.members.filter(member => member.state !== 'active' && member.state !== 'spare').slice(0, 20)
      return bad(limit, `${name} is ${state}${rebuilding}${detail ? `: ${detail}` : ''}`, { array: name, state, disks, sync, members })
    }),
})

export const raidErrors = defineCheck({
  name: 'raid-errors',
  subject: 'raid',
  title: 'An array has found damaged data',
  unit: 'count',
  thresholds: { warning: 1, critical: 1 },
  why: 'An array that is online with data or checksum errors has lost, or is losing, what it holds. Errors that grow within 30 days are critical.',
  remedy: 'Find the member that makes them (`zpool status -v`, `btrfs device stats`), scrub, restore what is damaged, replace the member.',

  evaluate: (facts, limit, now, { previous }) =>
    perArray(facts, array => {
      if (array.errors === null) return notApplicable(`${array.name} does not count errors`)
      const { grewAt, ...more } = watchGrowth(array.name, array.errors, now, previous)
      const told = { ...more, evidence: { array: array.name, errors: array.errors } }
      if (grewAt !== undefined && limit.critical !== undefined && array.errors >= limit.critical) {
        return { ...told, status: 'critical', reason: `${array.name}: ${array.errors} errors, growing since ${age(now - grewAt)}` }
      }
      if (limit.warning !== undefined && array.errors >= limit.warning) {
        return { ...told, status: 'warning', reason: `${array.name}: ${array.errors} errors` }
      }
      return ok('no array counts errors', told)
    }),
})

export const raidScrubLate = defineCheck({
  name: 'raid-scrub-late',
  subject: 'raid',
  title: 'An array was not verified for long',
  unit: 'milliseconds',
  thresholds: { warning: days(35) },
  why: 'Damage that nobody reads is found when a rebuild needs it. Distributions scrub monthly.',
  remedy: 'Start a scrub or check now, and switch on its timer.',
  blind: 'Arrays that do not record when they were verified (md) are not judged.',

  evaluate: (facts, limit, now) =>
    perArray(facts, array => {
      if (array.lastScrubAt === null) return notApplicable(`${array.name} does not tell when it was verified`)
      if (array.sync?.action === 'scrub' || array.sync?.action === 'check') return ok(`${array.name} is being verified`)
      const told = { reason: (value: string) => `${array.name} was verified ${value} ago`, evidence: { array: array.name } }
      return sinceTiers(array.lastScrubAt, now, limit, told)
    }),
})

export const raidChecks: readonly Check[] = [raidDegraded, raidErrors, raidScrubLate]
