import type { Metric } from '../../metric.ts'

export const agentMetrics: readonly Metric[] = []
