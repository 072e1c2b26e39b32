import { counter, type Metric, scalar } from '../../metric.ts'

export const memoryErrorsTotal = counter('memory_errors_total', {
  tier: 'core',
  life: 'state',
  domain: 'hardware',
  from: 'memory',
  help: 'Memory errors since boot by kind (correctable, uncorrectable).',
  labels: ['kind'],
  samples(host) {
    const sources = host.facts.memory.map(fact => fact.data.controllers).filter(controllers => controllers.length > 0)
    if (sources.length === 0) return []
    const kinds = ['correctable', 'uncorrectable'] as const
    return kinds.flatMap(kind =>
      scalar(
        // Two sources count the same errors: their sum would tell each twice.
        Math.max(...sources.map(controllers => controllers.reduce((sum, controller) => sum + controller[kind], 0))),
        kind,
      ),
    )
  },
})

export const memoryMetrics: readonly Metric[] = [memoryErrorsTotal]
