import type { Metric } from '../../metric.ts'

export const filesystemsMetrics: readonly Metric[] = []
