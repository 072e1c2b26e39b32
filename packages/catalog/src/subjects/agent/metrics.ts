import { counter, gauge, type Metric, scalar, timestamp } from '../../metric.ts'
import type { HostView } from '../../view.ts'

const kind = { tier: 'detail', life: 'volatile', domain: 'agent', from: 'agent' } as const
const agent = (host: HostView) => host.facts.agent.slice(0, 1).map(fact => fact.data)

export const agentStartTimeSeconds = gauge('agent_start_time_seconds', {
  ...kind,
  help: 'Unix time at which the agent started.',
  samples: host => agent(host).flatMap(fact => timestamp(fact.startedAt)),
})

export const agentResidentMemoryBytes = gauge('agent_resident_memory_bytes', {
  ...kind,
  help: 'Resident memory of the agent.',
  samples: host => agent(host).flatMap(fact => scalar(fact.residentBytes)),
})

export const agentCpuSecondsTotal = counter('agent_cpu_seconds_total', {
  ...kind,
  help: 'CPU time of the agent and its finished children since it started.',
  samples: host => agent(host).flatMap(fact => scalar(fact.cpuSeconds)),
})

export const agentOutboxReports = gauge('agent_outbox_reports', {
  ...kind,
  help: 'Reports that waited in the outbox of the agent when it last looked.',
  samples: host => agent(host).flatMap(fact => scalar(fact.outbox.waiting)),
})

export const agentMetrics: readonly Metric[] = [agentStartTimeSeconds, agentResidentMemoryBytes, agentCpuSecondsTotal, agentOutboxReports]
