import { judgesEach, type Rows } from '../../testing.ts'
import { sensorsCritical, sensorsPower } from './checks.ts'
import type { SensorsFact } from './facts.ts'

type Sensor = SensorsFact['sensors'][number]
const sensor = (more: Partial<Sensor> = {}): { sensors: SensorsFact } => ({
  sensors: {
    sensors: [
      {
        id: 's',
        chip: null,
        label: 'CPU',
        kind: 'temperature',
        value: 40,
        high: 80,
        critical: 95,
        low: null,
        state: 'unknown',
        trusted: true,
        ...more,
      },
    ],
  },
})

const cases: Rows = [
  [sensorsCritical, 'cool', sensor(), 'ok'],
  [sensorsCritical, 'over its high', sensor({ value: 85 }), 'warning'],
  [sensorsCritical, 'over its critical', sensor({ value: 96 }), 'critical'],
  [sensorsCritical, 'the firmware alarms', sensor({ kind: 'fan', value: 0, high: null, critical: null, state: 'critical' }), 'critical'],
  [sensorsCritical, 'a fan under its low', sensor({ kind: 'fan', value: 0, high: null, critical: null, low: 300 }), 'warning'],
  [sensorsCritical, 'not to be believed', sensor({ value: 200, trusted: false }), 'not-applicable'],
  [sensorsCritical, 'without limits', sensor({ high: null, critical: null }), 'not-applicable'],
  [sensorsCritical, 'no reading', sensor({ value: null }), 'not-applicable'],
  [sensorsCritical, 'not readable', { sensors: { outcome: 'failed' } }, 'unknown'],
  [sensorsPower, 'delivers', sensor({ kind: 'supply', state: 'ok' }), 'ok'],
  [sensorsPower, 'warns', sensor({ kind: 'supply', state: 'warning' }), 'warning'],
  [sensorsPower, 'dead', sensor({ kind: 'supply', state: 'critical' }), 'critical'],
  [sensorsPower, 'none', sensor(), 'not-applicable'],
  [sensorsPower, 'not readable', { sensors: { outcome: 'failed' } }, 'unknown'],
]
judgesEach(cases)
