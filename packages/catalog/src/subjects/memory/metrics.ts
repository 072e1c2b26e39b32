import type { Metric } from '../../metric.ts'

export const memoryMetrics: readonly Metric[] = []
