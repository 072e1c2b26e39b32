import type { Metric } from '../../metric.ts'

export const clockMetrics: readonly Metric[] = []
