import type { Metric } from '../../metric.ts'

export const sensorsMetrics: readonly Metric[] = []
