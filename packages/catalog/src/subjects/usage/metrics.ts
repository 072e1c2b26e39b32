import type { Metric } from '../../metric.ts'

export const usageMetrics: readonly Metric[] = []
