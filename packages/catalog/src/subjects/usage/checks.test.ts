import { expect, test } from 'vitest'
import { minutes } from '../../duration.ts'
import { type Cases, findingOf, judges, NOW } from '../../testing.ts'
import { usageMemory, usageSwap } from './checks.ts'
import type { UsageFact } from './facts.ts'

const usage = (availableBytes: number | null, swapFreeBytes = 0, swapTotalBytes = 0): { usage: UsageFact } => ({
  usage: {
    cpu: { logical: 4, busyRatio: null, stealRatio: null },
    load: null,
    memory: { totalBytes: 1000, availableBytes, swapTotalBytes, swapFreeBytes },
    pressure: { cpu: null, memory: null, io: null },
  },
})

const memory: Cases = [
  ['plenty', usage(500), 'ok'],
  ['almost none', usage(40), 'warning'],
  ['none', usage(10), 'critical'],
  ['the kernel does not say', usage(null), 'not-applicable'],
]
judges(usageMemory, memory)

const swap: Cases = [
  ['full, and memory is short', usage(100, 50, 1000), 'warning'],
  ['full, with memory to spare', usage(500, 0, 1000), 'ok'],
  ['none configured', usage(10), 'not-applicable'],
]
judges(usageSwap, swap)

test('a short peak of memory is held back, a lasting one counts', () => {
  const good = findingOf(usageMemory, usage(500))
  const peak = findingOf(usageMemory, usage(10), { now: NOW + minutes(5), previous: good })
  expect(peak).toMatchObject({ status: 'ok', worseSince: NOW + minutes(5), changesAt: NOW + minutes(20) })
  const lasting = findingOf(usageMemory, usage(10), { now: NOW + minutes(20), previous: peak })
  expect(lasting.status).toBe('critical')
})
