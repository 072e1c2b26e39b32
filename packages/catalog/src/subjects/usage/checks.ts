import { type Check, defineCheck, tiers } from '../../check.ts'
import { minutes } from '../../duration.ts'
import { notApplicable, worstOr } from '../../finding.ts'

const percent = (ratio: number): string => `${Math.round(ratio * 100)} %`

/** Swap in use says little while memory is free: kernels move what sleeps there early. */
const MEMORY_SHORT = 0.85

export const usageMemory = defineCheck({
  name: 'usage-memory',
  subject: 'usage',
  title: 'Memory is exhausted',
  unit: 'ratio',
  thresholds: { warning: 0.95, critical: 0.98 },
  hold: minutes(15),
  hysteresis: 0.02,
  why: 'A machine without memory kills processes, the backup and the antivirus among them.',
  remedy: 'Find what grows, restart it, or give the machine more memory.',

  evaluate({ usage }, limit) {
    return worstOr(
      'no source tells of memory',
      usage.map(({ data: { memory } }) => {
        if (memory.availableBytes === null || memory.totalBytes === 0) return notApplicable('the kernel does not tell what is available')
        const used = 1 - memory.availableBytes / memory.totalBytes
        return tiers(used, limit, { say: percent, reason: value => `${value} of memory is in use`, evidence: memory })
      }),
    )
  },
})

export const usageSwap = defineCheck({
  name: 'usage-swap',
  subject: 'usage',
  title: 'Swap space is exhausted',
  unit: 'ratio',
  thresholds: { warning: 0.9 },
  hold: minutes(15),
  hysteresis: 0.05,
  why: 'When swap is full and memory is short, the next allocation kills a process.',
  remedy: 'Find what grows, restart it, or give the machine more memory.',
  blind: 'Judged only while more than 85 % of memory is in use too.',

  evaluate({ usage }, limit) {
    return worstOr(
      'no source tells of swap',
      usage.map(({ data: { memory } }) => {
        if (memory.swapTotalBytes === 0) return notApplicable('the machine has no swap')
        if (memory.availableBytes === null || memory.totalBytes === 0) return notApplicable('the kernel does not tell what is available')
        const short = 1 - memory.availableBytes / memory.totalBytes >= MEMORY_SHORT
        const used = 1 - memory.swapFreeBytes / memory.swapTotalBytes
        return tiers(short ? used : 0, limit, {
          say: () => percent(used),
          reason: value => `${value} of swap is in use${short ? '' : ', with memory to spare'}`,
          evidence: memory,
        })
      }),
    )
  },
})

export const usageChecks: readonly Check[] = [usageMemory, usageSwap]
