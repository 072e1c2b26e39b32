import { expect, test } from 'vitest'
import { days } from '../../duration.ts'
import { type Cases, findingOf, judges, NOW } from '../../testing.ts'
import { rebootPending, rebootServices } from './checks.ts'
import type { RebootFact } from './facts.ts'

type Reasons = RebootFact['reasons']
const kernel = (livePatched: boolean | null) => ({ running: '6.1.0-1', newest: '6.1.0-2', livePatched })
const because = (...kinds: Reasons[number]['kind'][]): Reasons => kinds.map(kind => ({ kind, detail: kind }))
const reboot = (more: Partial<RebootFact> = {}): { reboot: RebootFact } => ({
  reboot: { required: true, since: null, reasons: because('kernel'), kernel: kernel(false), services: [], ...more },
})

const pending: Cases = [
  ['none is due', reboot({ required: false, reasons: [] }), 'ok'],
  ['since yesterday', reboot({ since: NOW - days(1) }), 'ok'],
  ['since 4 days', reboot({ since: NOW - days(4) }), 'warning'],
  ['since 15 days', reboot({ since: NOW - days(15) }), 'critical'],
  ['since when is not known', reboot(), 'warning'],
  ['wrong green 40, 41, 42: no source could tell', reboot({ required: null }), 'unknown'],
  ['only a rename', reboot({ reasons: because('rename') }), 'ok'],
  ['only the kernel, live-patched', reboot({ kernel: kernel(true) }), 'ok'],
  ['libraries too', reboot({ reasons: because('kernel', 'libraries'), kernel: kernel(true) }), 'warning'],
  ['one of two sources says so', { 'reboot/a': reboot({ required: false }).reboot, 'reboot/b': reboot().reboot }, 'warning'],
]
judges(rebootPending, pending)

const services: Cases = [
  ['none', reboot(), 'ok'],
  ['some', reboot({ services: ['sshd'] }), 'warning'],
  ['could not be told', reboot({ services: null }), 'unknown'],
]
judges(rebootServices, services)

test('without a time of its own the age counts from when it was first seen', () => {
  const none = findingOf(rebootPending, reboot({ required: false, reasons: [] }))
  const first = findingOf(rebootPending, reboot(), { previous: none })
  const later = findingOf(rebootPending, reboot(), { previous: first, now: NOW + days(4) })
  const late = findingOf(rebootPending, reboot(), { previous: later, now: NOW + days(14) })
  expect([first, later, late].map(finding => finding.status)).toEqual(['ok', 'warning', 'critical'])
  expect(later.reason).toBe('a restart is due since 4 d: kernel')
})

test('a collector that has forgotten does not turn it green', () => {
  const first = findingOf(rebootPending, reboot())
  const next = findingOf(rebootPending, reboot(), { previous: first, now: NOW + 60_000 })
  expect([first.status, next.status]).toEqual(['warning', 'warning'])
  expect(next.reason).toContain('since an unknown time')
})
