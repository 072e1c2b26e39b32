import { byBadness, statusNumber } from './finding.ts'
import { counter, type Domain, gauge, type Metric, type Sample, scalar, timestamp } from './metric.ts'
import type { SubjectName } from './subjects/facts.ts'
import { subjects } from './subjects/index.ts'
import type { HostView } from './view.ts'

const state = { tier: 'core', life: 'state', domain: 'agent', from: 'presence' } as const
const probe = { life: 'volatile', domain: 'agent', from: 'probes', labels: ['probe'] } as const

export const agentUp = gauge('agent_up', {
  ...state,
  help: 'Whether the agent is considered present: 1 if a report or heartbeat arrived within the presence window, 0 otherwise.',
  samples: ({ presence }) => scalar(presence.up),
})

export const agentLastSeenTimestampSeconds = gauge('agent_last_seen_timestamp_seconds', {
  ...state,
  help: 'Unix time, by the collector clock, at which the last frame from the agent arrived.',
  samples: ({ presence }) => timestamp(presence.lastSeenAt),
})

export const agentConnectionStartTimestampSeconds = gauge('agent_connection_start_timestamp_seconds', {
  ...state,
  tier: 'detail',
  help: 'Unix time at which the current agent connection was accepted, 0 while disconnected.',
  samples: ({ presence }) => timestamp(presence.connectedSince ?? 0),
})

export const agentReportIntervalSeconds = gauge('agent_report_interval_seconds', {
  ...state,
  help: 'Interval at which the agent is told to show life when nothing changes.',
  samples: ({ presence }) => scalar(typeof presence.beatMs === 'number' ? presence.beatMs / 1000 : null),
})

export const agentClockOffsetSeconds = gauge('agent_clock_offset_seconds', {
  ...state,
  life: 'volatile',
  help: 'Agent clock minus collector clock, measured at the last report.',
  samples: ({ presence }) => scalar(presence.clockOffsetMs === null ? null : presence.clockOffsetMs / 1000),
})

export const agentInfo = gauge('agent_info', {
  ...state,
  help: 'Agent software, value is always 1.',
  labels: ['version', 'protocol'],
  samples: ({ presence }) => scalar(1, presence.agentVersion, presence.protocol),
})

export const agentReportsDroppedTotal = counter('agent_reports_dropped_total', {
  ...state,
  tier: 'detail',
  help: 'Reports the agent discarded because its local queue was full.',
  samples: ({ presence }) => scalar(presence.dropped),
})

export const agentProbeSuccess = gauge('agent_probe_success', {
  ...probe,
  tier: 'core',
  help: 'Whether the last run of a probe succeeded (1), or was denied, failed or timed out (0); no sample for what the machine does not have.',
  samples: host => [...host.held.values()].flatMap(fact => (fact.outcome === 'absent' ? [] : scalar(fact.outcome === 'ok', fact.key))),
})

export const agentProbeDurationSeconds = gauge('agent_probe_duration_seconds', {
  ...probe,
  tier: 'detail',
  help: 'How long the last run of a probe took.',
  samples: host => [...host.held.values()].flatMap(fact => scalar(fact.tookMs / 1000, fact.key)),
})

export const agentProbeLastSuccessTimestampSeconds = gauge('agent_probe_last_success_timestamp_seconds', {
  ...probe,
  tier: 'detail',
  help: 'Unix time of the last successful run of a probe.',
  samples: host => subjects.flatMap(({ name }) => host.facts[name].flatMap(fact => timestamp(fact.at, `${name}/${fact.source}`))),
})

/** The labels of a host that routes and dashboards select on; label names are fixed, never an agent's choice. */
export const groupLabels = ['site', 'team'] as const

export const hostGroupInfo = gauge('host_group_info', {
  ...state,
  domain: 'host',
  help: 'Where a host belongs, from the labels set at enrolment or in its configuration, value is always 1.',
  labels: groupLabels,
  samples: ({ labels }) => scalar(1, ...groupLabels.map(name => labels[name] ?? '')),
})

const judged = { ...state, from: 'findings' } as const

export const checkStatus = gauge('check_status', {
  ...judged,
  domain: 'host',
  help: 'Status of a check: 0 ok, 1 warning, 2 critical, 3 unknown; no sample where it does not apply to the host.',
  labels: ['check'],
  samples: host => host.findings.flatMap(({ check, status }) => (status === 'not-applicable' ? [] : scalar(statusNumber[status], check))),
})

export const checkSinceTimestampSeconds = gauge('check_since_timestamp_seconds', {
  ...judged,
  tier: 'detail',
  domain: 'host',
  help: 'Unix time since which a check has its status.',
  labels: ['check'],
  samples: host => host.findings.flatMap(({ check, status, since }) => (status === 'not-applicable' ? [] : timestamp(since, check))),
})

const policies: Readonly<Record<string, Domain>> = { updates: 'updates', backup: 'backups', security: 'security' }

export const policyCompliant = gauge('policy_compliant', {
  ...judged,
  domain: 'host',
  help: 'Whether every check of a domain (updates, backup, security) that applies to the host is ok; an unknown one is not compliant.',
  labels: ['policy'],
  samples: host =>
    Object.entries(policies).flatMap(([policy, domain]): Sample[] => {
      const statuses = statusesOf(host, check => domainOfCheck.get(check) === domain)
      return statuses.length === 0
        ? []
        : scalar(
            statuses.every(status => status === 'ok'),
            policy,
          )
    }),
})

const components: Readonly<Record<string, (check: string) => boolean>> = {
  disk: check => subjectOfCheck.get(check) === 'disks',
  raid: check => subjectOfCheck.get(check) === 'raid',
  sensor: check => subjectOfCheck.get(check) === 'sensors' && check !== 'sensors-power',
  power: check => check === 'sensors-power',
  memory: check => subjectOfCheck.get(check) === 'memory',
  battery: check => subjectOfCheck.get(check) === 'battery',
}

export const hardwareHealthState = gauge('hardware_health_state', {
  ...judged,
  domain: 'hardware',
  help: 'Rolled-up health of a component class (disk, raid, sensor, power, memory, battery): 0 ok, 1 warning, 2 critical, 3 unknown.',
  labels: ['component'],
  samples: host =>
    Object.entries(components).flatMap(([component, belongs]) => {
      const [worst] = statusesOf(host, belongs).sort((a, b) => byBadness({ status: a }, { status: b }))
      return worst === undefined ? [] : scalar(statusNumber[worst], component)
    }),
})

/** What the checks of a kind say of the host, those left out that do not apply. */
function statusesOf(host: HostView, belongs: (check: string) => boolean) {
  return host.findings.flatMap(({ check, status }) => (status !== 'not-applicable' && belongs(check) ? [status] : []))
}

const subjectOfCheck = new Map<string, SubjectName>(
  subjects.flatMap(subject => subject.checks.map(check => [check.name, subject.name] as const)),
)
const domainOfCheck = new Map<string, Domain>(
  subjects.flatMap(subject => subject.checks.map(check => [check.name, subject.domain] as const)),
)

/** What only the collector knows of a host: presence, findings, how its probes fare. */
export const presenceMetrics: readonly Metric[] = [
  agentUp,
  agentLastSeenTimestampSeconds,
  agentReportIntervalSeconds,
  agentClockOffsetSeconds,
  agentInfo,
  agentProbeSuccess,
  agentProbeDurationSeconds,
  agentProbeLastSuccessTimestampSeconds,
  agentConnectionStartTimestampSeconds,
  agentReportsDroppedTotal,
  hostGroupInfo,
  checkStatus,
  checkSinceTimestampSeconds,
  policyCompliant,
  hardwareHealthState,
]
