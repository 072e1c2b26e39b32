import type { Metric } from '../../metric.ts'

export const raidMetrics: readonly Metric[] = []
