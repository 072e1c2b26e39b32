import { counter, gauge, type Metric, scalar } from '../../metric.ts'
import type { HostView } from '../../view.ts'

const kind = { domain: 'hardware', from: 'battery', labels: ['battery'] } as const
const batteries = (host: HostView) => host.facts.battery.flatMap(fact => fact.data.batteries)

export const batteryHealthRatio = gauge('battery_health_ratio', {
  ...kind,
  tier: 'core',
  life: 'state',
  help: 'Full capacity relative to design capacity.',
  samples: host => batteries(host).flatMap(battery => scalar(battery.healthRatio, battery.name)),
})

export const batteryChargeRatio = gauge('battery_charge_ratio', {
  ...kind,
  tier: 'detail',
  life: 'volatile',
  help: 'Charge of the battery.',
  samples: host => batteries(host).flatMap(battery => scalar(battery.chargeRatio, battery.name)),
})

export const batteryCyclesTotal = counter('battery_cycles_total', {
  ...kind,
  tier: 'detail',
  life: 'state',
  help: 'Charge cycles.',
  samples: host => batteries(host).flatMap(battery => scalar(battery.cycles, battery.name)),
})

export const batteryMetrics: readonly Metric[] = [batteryChargeRatio, batteryHealthRatio, batteryCyclesTotal]
