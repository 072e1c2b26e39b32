import type { Metric } from '../../metric.ts'

export const antivirusMetrics: readonly Metric[] = []
