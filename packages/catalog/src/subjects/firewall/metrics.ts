import { gauge, type Metric, scalar } from '../../metric.ts'

export const firewallEnabled = gauge('firewall_enabled', {
  tier: 'core',
  life: 'state',
  domain: 'security',
  from: 'firewall',
  help: 'Whether the host firewall filters for a profile.',
  labels: ['profile'],
  samples: host => host.facts.firewall.flatMap(fact => fact.data.profiles.flatMap(profile => scalar(profile.enabled, profile.name))),
})

export const firewallMetrics: readonly Metric[] = [firewallEnabled]
