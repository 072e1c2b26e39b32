import { gauge, type Metric, scalar } from '../../metric.ts'

/** `absent` and `unknown` are no states of a switch. */
const enabled = { on: true, partial: false, off: false, absent: null, unknown: null } as const

export const securityControlEnabled = gauge('security_control_enabled', {
  tier: 'core',
  life: 'state',
  domain: 'security',
  from: 'hardening',
  help: 'Whether a platform security control is fully active; no sample where the machine cannot have it or it could not be read.',
  labels: ['control'],
  samples: host => host.facts.hardening.flatMap(fact => fact.data.controls.flatMap(({ name, state }) => scalar(enabled[state], name))),
})

export const hardeningMetrics: readonly Metric[] = [securityControlEnabled]
