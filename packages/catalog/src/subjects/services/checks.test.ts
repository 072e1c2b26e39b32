import { expect, test } from 'vitest'
import { type Cases, findingOf, judges } from '../../testing.ts'
import { servicesFailed } from './checks.ts'
import type { ServicesFact } from './facts.ts'

const bad = (name: string): ServicesFact['bad'][number] => ({ name, description: null, kind: 'failed', result: 'exit-code', since: null })
const services = (names: string[], state = 'running') => ({
  services: { manager: 'systemd', state, bad: names.map(bad) } satisfies ServicesFact,
})

const cases: Cases = [
  ['all run', services([]), 'ok'],
  ['one failed', services(['a.service'], 'degraded'), 'warning'],
  ['maintenance', services([], 'maintenance'), 'warning'],
  ['wrong green 37: no systemd to ask is not "0 failed"', { 'services/systemd': { outcome: 'failed', reason: 'no bus' } }, 'unknown'],
  ['no manager', { 'services/systemd': { outcome: 'absent' } }, 'not-applicable'],
]
judges(servicesFailed, cases)

test('the reason names three of many', () => {
  expect(findingOf(servicesFailed, services(['a', 'b', 'c', 'd'])).reason).toBe('a (exit-code), b (exit-code), c (exit-code) and 1 more')
})
