import { gauge, type Metric, scalar, word } from '../../metric.ts'
import type { HostView } from '../../view.ts'

const kind = { tier: 'core', life: 'state', domain: 'hardware', from: 'raid' } as const
const arrays = (host: HostView) => host.facts.raid.flatMap(fact => fact.data.arrays)
const health = { ok: 0, degraded: 1, failed: 2, unknown: 3 } as const

export const raidArrayHealthState = gauge('raid_array_health_state', {
  ...kind,
  help: 'Health of a RAID array: 0 ok, 1 degraded but working, rebuilding or not, 2 failed, 3 unknown.',
  labels: ['array'],
  samples: host => arrays(host).flatMap(array => scalar(health[array.state], array.name)),
})

export const raidArrayDisks = gauge('raid_array_disks', {
  ...kind,
  help: 'Number of member disks by state (active, failed, spare, missing).',
  labels: ['array', 'state'],
  samples: host =>
    arrays(host).flatMap(({ name, disks }) =>
      (['active', 'failed', 'spare', 'missing'] as const).flatMap(state => scalar(disks[state], name, state)),
    ),
})

export const raidArrayDisksRequired = gauge('raid_array_disks_required', {
  ...kind,
  tier: 'detail',
  help: 'Number of member disks the array is configured for.',
  labels: ['array'],
  samples: host => arrays(host).flatMap(array => scalar(array.disks.required, array.name)),
})

export const raidArraySyncRatio = gauge('raid_array_sync_ratio', {
  ...kind,
  tier: 'detail',
  life: 'volatile',
  help: 'Progress of a rebuild, resync or check, 1 when idle.',
  labels: ['array'],
  samples: host => arrays(host).flatMap(array => scalar(array.sync ? array.sync.ratio : 1, array.name)),
})

export const raidArrayInfo = gauge('raid_array_info', {
  ...kind,
  tier: 'detail',
  help: 'Identity of a RAID array or storage pool, value is always 1.',
  labels: ['array', 'level', 'implementation'],
  samples: host => arrays(host).flatMap(array => scalar(1, array.name, word(array.level), array.implementation)),
})

export const raidMetrics: readonly Metric[] = [
  raidArrayHealthState,
  raidArrayDisks,
  raidArrayDisksRequired,
  raidArraySyncRatio,
  raidArrayInfo,
]
