import { gauge, type Metric, scalar, stateNumber, timestamp, word } from '../../metric.ts'
import type { HostView } from '../../view.ts'

const kind = { tier: 'core', domain: 'host', from: 'custom' } as const
const entries = (host: HostView) => host.facts.custom.flatMap(({ source, data }) => data.entries.map(entry => ({ source, entry })))

export const customStatus = gauge('custom_status', {
  ...kind,
  life: 'volatile',
  help: 'Status of a drop-in, monitoring plug-in or text file: 0 ok, 1 warning, 2 critical, 3 unknown.',
  labels: ['source', 'name'],
  samples: host => entries(host).flatMap(({ source, entry }) => scalar(stateNumber[entry.status], source, entry.name)),
})

export const customValue = gauge('custom_value', {
  ...kind,
  life: 'volatile',
  help: 'Measurement of a drop-in, monitoring plug-in or text file, as told and in its own unit; a series of a text file has its name in metric and its labels in labels.',
  labels: ['source', 'name', 'metric', 'labels', 'unit'],
  samples: host =>
    entries(host).flatMap(({ source, entry }) =>
      entry.values.flatMap(({ name, labels, unit, value }) => scalar(numberOf(value), source, entry.name, name, labels, word(unit))),
    ),
})

export const customTimestampSeconds = gauge('custom_timestamp_seconds', {
  ...kind,
  life: 'state',
  help: 'Unix time of which a drop-in says that it is, or at which a text file was written.',
  labels: ['source', 'name'],
  samples: host => entries(host).flatMap(({ source, entry }) => timestamp(entry.at, source, entry.name)),
})

function numberOf(value: number | 'NaN' | '+Inf' | '-Inf' | null): number | null {
  if (typeof value !== 'string') return value
  return value === 'NaN' ? Number.NaN : value === '+Inf' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
}

export const customMetrics: readonly Metric[] = [customStatus, customValue, customTimestampSeconds]
