import type { Metric } from '../../metric.ts'

export const rebootMetrics: readonly Metric[] = []
