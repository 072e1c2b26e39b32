import { days } from '../../duration.ts'
import { type Cases, judges, NOW } from '../../testing.ts'
import { clockOffset, clockSync } from './checks.ts'
import type { ClockFact } from './facts.ts'

const clock = (more: Partial<ClockFact> = {}): ClockFact => ({
  synchronized: true,
  service: 'chronyd',
  enabled: true,
  reference: null,
  stratum: null,
  offsetSeconds: 0.001,
  lastSyncAt: null,
  ...more,
})

const offset: Cases = [
  ['a millisecond', { clock: clock() }, 'ok'],
  ['10 s slow', { clock: clock({ offsetSeconds: -10 }) }, 'warning'],
  ['an hour fast', { clock: clock({ offsetSeconds: 3600 }) }, 'critical'],
  ['not measured', { clock: clock({ offsetSeconds: null }) }, 'not-applicable'],
  ['could not be asked', { clock: { outcome: 'failed' } }, 'unknown'],
]
judges(clockOffset, offset)

const sync: Cases = [
  ['synchronized', { clock: clock() }, 'ok'],
  ['one of two services says so', { 'clock/a': clock({ synchronized: false }), 'clock/b': clock() }, 'ok'],
  ['one good source is enough', { 'clock/a': { outcome: 'denied' }, 'clock/b': clock() }, 'ok'],
  ['not synchronized', { clock: clock({ synchronized: false }) }, 'warning'],
  [
    'not synchronized, and the other cannot be asked',
    { 'clock/a': { outcome: 'denied' }, 'clock/b': clock({ synchronized: false }) },
    'unknown',
  ],
  ['silent for long', { clock: clock({ lastSyncAt: NOW - days(8) }) }, 'warning'],
  ['cannot tell', { clock: clock({ synchronized: null }) }, 'unknown'],
]
judges(clockSync, sync)
