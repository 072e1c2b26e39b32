import { gauge, type Metric, type Sample, scalar, timestamp } from '../../metric.ts'
import type { HostView, SourceFact } from '../../view.ts'
import { type PendingUpdate, type UpdatesFact, updateClasses, updateKey } from './facts.ts'

const kind = { tier: 'core', life: 'state', domain: 'updates', from: 'updates', labels: ['source'] } as const
const waiting = (fact: UpdatesFact) => fact.pending.filter(update => update.withheld === null)

export const updatesPending = gauge('updates_pending', {
  ...kind,
  help: 'Updates available and not installed by source and class; withheld ones are not counted. No zero is told where it is not known.',
  labels: ['source', 'class'],
  samples: host => host.facts.updates.flatMap(pendingByClass),
})

/** Zeros only where they are knowledge: the source was asked, and it tells that class apart. */
function pendingByClass({ source, data }: SourceFact<UpdatesFact>): Sample[] {
  const zeros = data.lastCheckAt === null ? [] : data.classified ? ['security', 'quality', 'other'] : ['other']
  const counts = new Map<string, number>(zeros.map(name => [name, 0]))
  for (const update of waiting(data)) counts.set(update.class, (counts.get(update.class) ?? 0) + 1)
  if (data.more > 0) counts.set('other', (counts.get('other') ?? 0) + data.more)
  return [...counts].map(([name, count]) => [[source, name], count])
}

export const updatesOldestPendingTimestampSeconds = gauge('updates_oldest_pending_timestamp_seconds', {
  ...kind,
  help: 'Unix time at which the oldest pending update was published, or first seen in the fleet where the publisher gives no date.',
  labels: ['source', 'class'],
  samples: host =>
    host.facts.updates.flatMap(({ source, data }) =>
      updateClasses.flatMap(name => {
        const ofClass = waiting(data).filter(update => update.class === name)
        return timestamp(oldest(host, source, ofClass), source, name)
      }),
    ),
})

function oldest(host: HostView, source: string, updates: readonly PendingUpdate[]): number | null {
  const known = updates.flatMap(update => update.published ?? host.firstSeen(updateKey(source, update)) ?? [])
  return known.length === 0 ? null : known.reduce((a, b) => Math.min(a, b))
}

export const updatesLastCheckTimestampSeconds = gauge('updates_last_check_timestamp_seconds', {
  ...kind,
  help: 'Unix time of the last successful check for updates.',
  samples: host => host.facts.updates.flatMap(({ source, data }) => timestamp(data.lastCheckAt, source)),
})

export const updatesLastInstallTimestampSeconds = gauge('updates_last_install_timestamp_seconds', {
  ...kind,
  help: 'Unix time of the last successful installation of updates.',
  samples: host => host.facts.updates.flatMap(({ source, data }) => timestamp(data.lastInstallAt, source)),
})

export const updatesAutomaticEnabled = gauge('updates_automatic_enabled', {
  ...kind,
  help: 'Whether automatic installation of security updates is enabled.',
  samples: host => host.facts.updates.flatMap(({ source, data }) => scalar(data.automatic.enabled, source)),
})

export const updatesHeld = gauge('updates_held', {
  ...kind,
  tier: 'detail',
  help: 'Updates available but withheld: held by an administrator, pinned, phased, hidden, deferred or behind a subscription.',
  samples: host =>
    host.facts.updates.flatMap(({ source, data }) => scalar(data.pending.filter(update => update.withheld !== null).length, source)),
})

export const updatesLastInstallSuccess = gauge('updates_last_install_success', {
  ...kind,
  tier: 'detail',
  help: 'Whether the last installation of updates succeeded.',
  samples: host => host.facts.updates.flatMap(({ source, data }) => scalar(data.lastInstallSucceeded, source)),
})

export const updatesMetrics: readonly Metric[] = [
  updatesPending,
  updatesOldestPendingTimestampSeconds,
  updatesLastCheckTimestampSeconds,
  updatesLastInstallTimestampSeconds,
  updatesAutomaticEnabled,
  updatesHeld,
  updatesLastInstallSuccess,
]
