import { type Check, defineCheck, tiers } from '../../check.ts'
import { days } from '../../duration.ts'
import { type Answer, ok, worstOr } from '../../finding.ts'
import type { FactsBySubject } from '../../view.ts'
import type { MemoryFact } from './facts.ts'

type Controller = MemoryFact['controllers'][number]

const perController = ({ memory }: FactsBySubject, judge: (controller: Controller) => Answer): Answer =>
  worstOr('no memory controller counts errors', memory.flatMap(fact => fact.data.controllers).map(judge))

const faulty = (controller: Controller) =>
  controller.dimms.filter(dimm => (dimm.correctable ?? 0) + (dimm.uncorrectable ?? 0) > 0).slice(0, 20)

export const memoryUncorrectable = defineCheck({
  name: 'memory-uncorrectable',
  subject: 'memory',
  title: 'Memory has lost data',
  unit: 'count',
  thresholds: { critical: 1 },
  why: 'An error that ECC could not correct has damaged data or killed a process.',
  remedy: 'Replace the module that is named; a restart clears the count.',
  blind: 'Machines without ECC, or without a driver for it, count nothing.',

  evaluate: (facts, limit) =>
    perController(facts, controller =>
      tiers(controller.uncorrectable, limit, {
        say: String,
        reason: value => (value === '0' ? 'no uncorrectable memory error' : `${controller.id}: ${value} uncorrectable memory errors`),
        evidence: { controller: controller.id, dimms: faulty(controller) },
      }),
    ),
})

export const memoryCorrectable = defineCheck({
  name: 'memory-correctable',
  subject: 'memory',
  title: 'Memory needs correcting often',
  unit: 'count',
  thresholds: { warning: 10 },
  why: 'A few corrected errors a year are cosmic; more than 10 a day come from a module that is failing. The tier counts errors a day.',
  remedy: 'Replace the module that is named at the next maintenance.',
  blind: 'Machines without ECC, or without a driver for it, count nothing.',

  evaluate: (facts, limit, now, { previous }) =>
    perController(facts, controller => {
      const { since, correctable, id } = controller
      const base = previous?.carry?.[id]
      const from = previous?.carry?.[`${id} from`]
      if (correctable === 0) {
        // Within a day the older start says the same, and what is carried need not be written again.
        const stands = base === 0 && from !== undefined && now >= from && now - from < days(1)
        return ok('no corrected memory error', { carry: { [id]: 0, [`${id} from`]: stands ? from : now } })
      }
      const sameCount = base !== undefined && from !== undefined && base <= correctable && now >= from
      const recent = sameCount ? (correctable - base) / Math.max(1, (now - from) / days(1)) : 0
      const overall = since === null ? (sameCount ? 0 : correctable) : correctable / Math.max(1, (now - since) / days(1))
      // A day's window at a time, so that a burst shows however long the machine has been up.
      const keeps = sameCount && now - from < days(1)
      const carry = keeps ? { [id]: base, [`${id} from`]: from } : { [id]: correctable, [`${id} from`]: now }
      const answer = tiers(Math.max(recent, overall), limit, {
        say: value => value.toFixed(1),
        reason: value => `${id}: ${value} corrected memory errors a day`,
        evidence: { controller: id, correctable, since, dimms: faulty(controller) },
      })
      return { ...answer, carry }
    }),
})

export const memoryChecks: readonly Check[] = [memoryUncorrectable, memoryCorrectable]
