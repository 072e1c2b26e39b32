import type { Metric } from '../../metric.ts'

export const disksMetrics: readonly Metric[] = []
