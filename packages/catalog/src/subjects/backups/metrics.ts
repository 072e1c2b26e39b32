import type { Metric } from '../../metric.ts'

export const backupsMetrics: readonly Metric[] = []
