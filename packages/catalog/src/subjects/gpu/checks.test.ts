import { expect, test } from 'vitest'
import { days, hours } from '../../duration.ts'
import { findingOf, judgesEach, NOW, type Rows } from '../../testing.ts'
import { gpuHot, gpuLost, gpuMemory } from './checks.ts'
import type { GpuFact } from './facts.ts'

const healthy: GpuFact['gpus'][number] = {
  id: 'GPU-1',
  name: 'Tesla T4',
  driver: '550.54',
  standing: 'read',
  reason: null,
  temperatureCelsius: 40,
  temperatureLimitCelsius: 93,
  correctable: 3,
  uncorrectable: 0,
  retired: 0,
  retirementPending: false,
  remapFailed: null,
  slowedBy: [],
}
const gpu = (change: Partial<typeof healthy>): { gpu: GpuFact } => ({ gpu: { gpus: [{ ...healthy, ...change }] } })
const silent = { temperatureCelsius: null, uncorrectable: null, retired: null, retirementPending: null, slowedBy: null } as const

const cases: Rows = [
  [gpuLost, 'answers', gpu({}), 'ok'],
  [gpuLost, 'fell off the bus', gpu({ ...silent, standing: 'lost' }), 'critical'],
  [gpuLost, 'does not tell', gpu({ ...silent, standing: 'unreadable' }), 'unknown'],
  [gpuLost, 'sleeps', gpu({ ...silent, standing: 'asleep' }), 'not-applicable'],
  [gpuLost, 'not readable', { gpu: { outcome: 'failed' } }, 'unknown'],
  [gpuLost, 'no GPU', { gpu: { outcome: 'absent' } }, 'not-applicable'],
  [gpuMemory, 'corrected errors only', gpu({}), 'ok'],
  [gpuMemory, 'an uncorrectable error', gpu({ uncorrectable: 1 }), 'warning'],
  [gpuMemory, 'a page that waits to be retired', gpu({ retirementPending: true }), 'warning'],
  [gpuMemory, 'no spare memory', gpu({ remapFailed: true }), 'critical'],
  [gpuMemory, 'no ECC is no zero', gpu(silent), 'not-applicable'],
  [gpuMemory, 'not readable', { gpu: { outcome: 'denied' } }, 'unknown'],
  [gpuHot, 'cool', gpu({}), 'ok'],
  [gpuHot, 'at its limit', gpu({ temperatureCelsius: 93 }), 'warning'],
  [gpuHot, 'slowed down by heat', gpu({ slowedBy: ['heat'] }), 'warning'],
  [gpuHot, 'tells nothing', gpu(silent), 'not-applicable'],
  [gpuHot, 'not readable', { gpu: { outcome: 'timeout' } }, 'unknown'],
]
judgesEach(cases.filter(([check]) => check.hold === undefined))
judgesEach(
  cases
    .filter(([check]) => check.hold !== undefined)
    .map(([check, title, told, wanted]) => [{ ...check, hold: 0 }, title, told, wanted] as const),
)

test('uncorrectable errors that grow are critical for 30 days', () => {
  const before = findingOf(gpuMemory, gpu({ uncorrectable: 1 }))
  const grown = findingOf(gpuMemory, gpu({ uncorrectable: 2 }), { previous: before, now: NOW + hours(1) })
  expect(grown.status).toBe('critical')
  expect(findingOf(gpuMemory, gpu({ uncorrectable: 2 }), { previous: grown, now: NOW + days(31) }).status).toBe('warning')
})
