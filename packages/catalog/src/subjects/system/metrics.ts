import type { Metric } from '../../metric.ts'

export const systemMetrics: readonly Metric[] = []
