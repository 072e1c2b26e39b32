import { counter, type Metric, scalar } from '../../metric.ts'

export const memoryErrorsTotal = counter('memory_errors_total', {
  tier: 'core',
  life: 'state',
  domain: 'hardware',
  from: 'memory',
  help: 'Memory errors since boot by kind (correctable, uncorrectable).',
  labels: ['kind'],
  samples(host) {
    const controllers = host.facts.memory.flatMap(fact => fact.data.controllers)
    if (controllers.length === 0) return []
    const kinds = ['correctable', 'uncorrectable'] as const
    return kinds.flatMap(kind =>
      scalar(
        controllers.reduce((sum, controller) => sum + controller[kind], 0),
        kind,
      ),
    )
  },
})

export const memoryMetrics: readonly Metric[] = [memoryErrorsTotal]
