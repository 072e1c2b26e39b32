import { gauge, type Metric, scalar, timestamp } from '../../metric.ts'
import type { HostView } from '../../view.ts'

const kind = { tier: 'core', life: 'state', domain: 'updates', from: 'reboot' } as const

export const updatesRebootRequired = gauge('updates_reboot_required', {
  ...kind,
  help: 'Whether a restart is required to finish updates; no sample where no source could tell.',
  samples: host => scalar(required(host)),
})

/** One yes is a yes; a no needs every source that speaks to say no. */
function required(host: HostView): boolean | null {
  const told = host.facts.reboot.map(fact => fact.data.required)
  if (told.includes(true)) return true
  return told.length === 0 || told.includes(null) ? null : false
}

export const updatesRebootRequiredSinceTimestampSeconds = gauge('updates_reboot_required_since_timestamp_seconds', {
  ...kind,
  tier: 'detail',
  help: 'Unix time since which a restart has been required, 0 if none is; no sample where the evidence has no time.',
  samples(host) {
    if (required(host) === false) return scalar(0)
    const since = host.facts.reboot.flatMap(fact => (fact.data.required ? (fact.data.since ?? []) : []))
    return since.length === 0 ? [] : timestamp(Math.min(...since))
  },
})

export const updatesServicesRestartRequired = gauge('updates_services_restart_required', {
  ...kind,
  tier: 'detail',
  help: 'Services still running code that an update replaced.',
  samples: host => host.facts.reboot.flatMap(fact => scalar(fact.data.services?.length)),
})

export const rebootMetrics: readonly Metric[] = [
  updatesRebootRequired,
  updatesRebootRequiredSinceTimestampSeconds,
  updatesServicesRestartRequired,
]
