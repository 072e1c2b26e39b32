import type { Metric } from '../../metric.ts'

export const updatesMetrics: readonly Metric[] = []
