import { gauge, type Metric, scalar } from '../../metric.ts'

export const servicesBad = gauge('services_bad', {
  tier: 'core',
  life: 'volatile',
  domain: 'host',
  from: 'services',
  help: 'Services that should run and do not, by kind: failed, or stopped although set to start automatically.',
  labels: ['kind'],
  samples(host) {
    if (host.facts.services.length === 0) return []
    const bad = host.facts.services.flatMap(fact => fact.data.bad)
    return (['failed', 'stopped'] as const).flatMap(kind => scalar(bad.filter(service => service.kind === kind).length, kind))
  },
})

export const servicesMetrics: readonly Metric[] = [servicesBad]
