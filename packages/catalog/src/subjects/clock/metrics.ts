import { gauge, type Metric, scalar } from '../../metric.ts'
import type { HostView } from '../../view.ts'

const kind = { tier: 'detail', life: 'volatile', domain: 'host', from: 'clock' } as const
const clocks = (host: HostView) => host.facts.clock.map(fact => fact.data)

export const hostTimeOffsetSeconds = gauge('host_time_offset_seconds', {
  ...kind,
  help: 'Offset of the host clock from its time source as reported by the operating system.',
  samples: host => clocks(host).flatMap(fact => scalar(fact.offsetSeconds)),
})

export const hostTimeSynchronized = gauge('host_time_synchronized', {
  ...kind,
  help: 'Whether a time service keeps the clock right, by its own word: 1 if any source says so.',
  samples(host) {
    const told = clocks(host).flatMap(fact => (fact.synchronized === null ? [] : [fact.synchronized]))
    return told.length === 0 ? [] : scalar(told.includes(true))
  },
})

export const clockMetrics: readonly Metric[] = [hostTimeOffsetSeconds, hostTimeSynchronized]
