import { bad, type Check, defineCheck, watchGrowth } from '../../check.ts'
import { age, minutes } from '../../duration.ts'
import { type Answer, notApplicable, ok, unknown, worstOr } from '../../finding.ts'
import type { FactsBySubject } from '../../view.ts'
import type { GpuFact } from './facts.ts'

type Gpu = GpuFact['gpus'][number]

const perGpu = ({ gpu }: FactsBySubject, judge: (gpu: Gpu) => Answer): Answer =>
  worstOr('the machine has no GPU that tells of itself', gpu.flatMap(fact => fact.data.gpus).map(judge))

const nameOf = ({ name, id }: Gpu): string => (name === null ? id : `${name} (${id})`)

export const gpuLost = defineCheck({
  name: 'gpu-lost',
  subject: 'gpu',
  title: 'A GPU does not answer',
  unit: 'state',
  thresholds: { critical: 1 },
  why: 'A GPU that fell off the bus, or whose driver hangs, computes nothing until the machine is restarted.',
  remedy: 'Look for Xid errors in the kernel log; restart; see to seating, power and heat; replace it if it happens again.',

  evaluate: (facts, limit) =>
    perGpu(facts, gpu => {
      if (gpu.standing === 'lost') return bad(limit, `${nameOf(gpu)} is lost: ${gpu.reason ?? 'it does not answer'}`, { gpu: gpu.id })
      if (gpu.standing === 'unreadable') return unknown(`${nameOf(gpu)}: ${gpu.reason ?? 'it did not tell'}`)
      return gpu.standing === 'asleep' ? notApplicable(`${nameOf(gpu)} sleeps`) : ok('every GPU answers')
    }),
})

export const gpuMemory = defineCheck({
  name: 'gpu-memory',
  subject: 'gpu',
  title: 'GPU memory has lost data',
  unit: 'count',
  thresholds: { warning: 1, critical: 1 },
  why: 'An error that ECC could not correct has spoilt a result. Errors that grow within 30 days, or spare memory that has run out, are critical.',
  remedy: 'Reset the GPU so that the page is retired; replace it where errors grow or remapping failed.',
  blind: 'GPUs without ECC, or with ECC switched off, count nothing.',

  evaluate: (facts, limit, now, { previous }) =>
    perGpu(facts, gpu => {
      const { uncorrectable, retired, retirementPending, remapFailed } = gpu
      if (uncorrectable === null && retirementPending === null && remapFailed === null)
        return notApplicable(`${nameOf(gpu)} counts no memory errors`)
      const { grewAt, ...growth } = watchGrowth(gpu.id, uncorrectable ?? 0, now, previous)
      const told = { ...growth, evidence: { gpu: gpu.id, uncorrectable, retired, retirementPending, remapFailed } }
      const errors = `${nameOf(gpu)}: ${uncorrectable ?? 'unknown'} uncorrectable memory errors`
      if (limit.critical !== undefined && remapFailed === true)
        return { ...told, status: 'critical', reason: `${nameOf(gpu)} has no spare memory left` }
      if (limit.critical !== undefined && grewAt !== undefined && (uncorrectable ?? 0) >= limit.critical)
        return { ...told, status: 'critical', reason: `${errors}, growing since ${age(now - grewAt)}` }
      if (limit.warning !== undefined && (uncorrectable ?? 0) >= limit.warning) return { ...told, status: 'warning', reason: errors }
      if (limit.warning !== undefined && retirementPending === true)
        return { ...told, status: 'warning', reason: `${nameOf(gpu)} waits for a reset to retire bad memory` }
      return ok('no GPU counts memory errors', told)
    }),
})

export const gpuHot = defineCheck({
  name: 'gpu-hot',
  subject: 'gpu',
  title: 'A GPU is too hot',
  unit: 'state',
  thresholds: { warning: 1 },
  hold: minutes(10),
  why: 'A GPU that slows itself down against heat or for want of power delivers less than was paid for, and ages faster.',
  remedy: 'See to fans, dust, air and power supply.',
  blind: "The limit is the GPU's own; one that tells neither a limit nor what slows it down is not judged.",

  evaluate: (facts, limit) =>
    perGpu(facts, gpu => {
      const { temperatureCelsius: now, temperatureLimitCelsius: most, slowedBy } = gpu
      const evidence = { gpu: gpu.id, temperature: now, limit: most, slowedBy }
      if (slowedBy !== null && slowedBy.length > 0)
        return bad(limit, `${nameOf(gpu)} is slowed down by ${slowedBy.join(' and ')}`, evidence)
      if (now !== null && most !== null && now >= most) return bad(limit, `${nameOf(gpu)} has ${now} °C, its limit is ${most} °C`, evidence)
      if (slowedBy === null && (now === null || most === null)) return notApplicable(`${nameOf(gpu)} has no limit`)
      return ok('every GPU is within its limits')
    }),
})

export const gpuChecks: readonly Check[] = [gpuLost, gpuMemory, gpuHot]
