import { judgesEach, type Rows } from '../../testing.ts'
import { batteryService, batteryWorn } from './checks.ts'
import type { BatteryFact } from './facts.ts'

type Battery = BatteryFact['batteries'][number]

const good: Battery = {
  name: 'BAT0',
  vendor: null,
  model: null,
  serial: null,
  healthRatio: 0.9,
  chargeRatio: 0.5,
  cycles: 100,
  state: 'discharging',
  service: null,
  condition: null,
}
const of = (...given: readonly Partial<Battery>[]): { battery: BatteryFact } => ({
  battery: { batteries: given.map(one => ({ ...good, ...one })) },
})

const cases: Rows = [
  [batteryWorn, 'new', of({ healthRatio: 1.03 }), 'ok'],
  [batteryWorn, 'at the limit', of({ healthRatio: 0.8 }), 'ok'],
  [batteryWorn, 'below 80 %', of({ healthRatio: 0.79 }), 'warning'],
  [batteryWorn, 'below 60 %', of({ healthRatio: 0.59 }), 'critical'],
  [batteryWorn, 'one of two is worn', of({}, { name: 'BAT1', healthRatio: 0.3 }), 'critical'],
  [batteryWorn, 'empty, but not worn', of({ chargeRatio: 0.01 }), 'ok'],
  [batteryWorn, 'no capacity and no judgement', of({ healthRatio: null }), 'unknown'],
  [batteryWorn, 'no capacity, but a judgement', of({ healthRatio: null, service: false }), 'not-applicable'],
  [batteryWorn, 'not readable', { battery: { outcome: 'failed' } }, 'unknown'],
  [batteryWorn, 'a machine without one', { battery: { outcome: 'absent' } }, 'not-applicable'],
  [batteryService, 'normal', of({ service: false, condition: 'Normal' }), 'ok'],
  [batteryService, 'asks for service', of({ service: true, condition: 'Service Recommended' }), 'critical'],
  [batteryService, 'tells nothing', of({}), 'not-applicable'],
  [batteryService, 'not readable', { battery: { outcome: 'failed' } }, 'unknown'],
]
judgesEach(cases)
