import type { Metric } from '../../metric.ts'

export const encryptionMetrics: readonly Metric[] = []
