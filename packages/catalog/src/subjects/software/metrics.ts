import { gauge, type Metric } from '../../metric.ts'

export const softwarePackages = gauge('software_packages', {
  tier: 'core',
  life: 'state',
  domain: 'host',
  from: 'software',
  help: 'Installed packages by source (dpkg, rpm, snap …).',
  labels: ['source'],
  samples: host => host.facts.software.map(fact => [[fact.source], fact.data.total]),
})

export const softwareMetrics: readonly Metric[] = [softwarePackages]
