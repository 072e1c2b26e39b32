import { expect, test } from 'vitest'
import { days, hours } from '../../duration.ts'
import { findingOf, judgesEach, NOW, type Rows } from '../../testing.ts'
import { memoryCorrectable, memoryUncorrectable } from './checks.ts'
import type { MemoryFact } from './facts.ts'

const memory = (correctable: number, uncorrectable = 0, since: number | null = NOW - days(100)): { memory: MemoryFact } => ({
  memory: { controllers: [{ id: 'mc0', kind: null, correctable, uncorrectable, since, dimms: [] }] },
})

const cases: Rows = [
  [memoryUncorrectable, 'none', memory(5), 'ok'],
  [memoryUncorrectable, 'one', memory(0, 1), 'critical'],
  [memoryUncorrectable, 'not readable', { memory: { outcome: 'failed' } }, 'unknown'],
  [memoryUncorrectable, 'no ECC is no zero', { memory: { outcome: 'absent' } }, 'not-applicable'],
  [memoryCorrectable, 'none', memory(0), 'ok'],
  [memoryCorrectable, 'five a day', memory(500), 'ok'],
  [memoryCorrectable, 'twenty a day', memory(2000), 'warning'],
  [memoryCorrectable, 'many since nobody knows when', memory(50, 0, null), 'warning'],
  [memoryCorrectable, 'not readable', { memory: { outcome: 'failed' } }, 'unknown'],
]
judgesEach(cases)

test('a burst shows on a machine that has been up for long', () => {
  const before = findingOf(memoryCorrectable, memory(100))
  expect(findingOf(memoryCorrectable, memory(130), { previous: before, now: NOW + hours(2) }).status).toBe('warning')
})
