import type { Metric } from '../../metric.ts'

export const servicesMetrics: readonly Metric[] = []
