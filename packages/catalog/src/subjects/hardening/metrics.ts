import type { Metric } from '../../metric.ts'

export const hardeningMetrics: readonly Metric[] = []
