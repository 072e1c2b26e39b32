import type { Metric } from '../../metric.ts'

export const firewallMetrics: readonly Metric[] = []
