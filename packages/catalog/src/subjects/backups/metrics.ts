import { gauge, type Metric, type Sample, scalar, timestamp, word } from '../../metric.ts'
import { type HostView, isSwitchedOff } from '../../view.ts'
import type { BackupJob } from './facts.ts'
import { overdueAfter } from './overdue.ts'

const kind = { tier: 'core', life: 'state', domain: 'backups', from: 'backups', labels: ['backup', 'tool'] } as const
const detail = { ...kind, tier: 'detail' } as const
const runState = { success: 0, warnings: 1, failed: 2, running: 3 } as const

/** Real backups only: a snapshot on the same disk, or a copy that follows deletions, would look like one. */
const backups = (host: HostView) => host.facts.backups.flatMap(fact => fact.data.jobs).filter(job => job.kind === 'backup')

/** One sample a job whose standing is known; what could not be asked gives none. */
const perJob =
  (of: (job: BackupJob, host: HostView) => number | null) =>
  (host: HostView): Sample[] =>
    backups(host).flatMap(job => (job.standing === 'known' ? scalar(of(job, host), job.name, job.tool) : []))

const inSeconds = (ms: number | null): number | null => (ms === null ? null : ms / 1000)

export const backupConfigured = gauge('backup_configured', {
  ...kind,
  help: 'Whether at least one backup job that saves the host itself is configured; no sample where a source that could know of one cannot be read.',
  labels: [],
  samples(host) {
    if (backups(host).some(job => job.protects === undefined || job.protects === 'this')) return scalar(1)
    if (backups(host).some(job => job.protects === 'unknown')) return []
    const held = [...host.held.values()].filter(fact => fact.key.startsWith('backups/'))
    const allSpoke = held.length > 0 && held.every(fact => fact.outcome === 'ok' || (fact.outcome === 'absent' && !isSwitchedOff(fact)))
    return allSpoke ? scalar(0) : []
  },
})

export const backupLastSuccessTimestampSeconds = gauge('backup_last_success_timestamp_seconds', {
  ...kind,
  help: 'Unix time at which the last successful backup finished, 0 if there has been none.',
  samples: perJob(job => inSeconds(job.lastSuccessAt) ?? 0),
})

export const backupLastRunState = gauge('backup_last_run_state', {
  ...kind,
  help: 'Result of the last run: 0 success, 1 success with warnings, 2 failed, 3 unknown or running.',
  samples: host => backups(host).flatMap(job => scalar(job.lastResult === null ? 3 : runState[job.lastResult], job.name, job.tool)),
})

export const backupMaxAgeSeconds = gauge('backup_max_age_seconds', {
  ...kind,
  help: "Age beyond which the last success counts as overdue, by the catalog's policy for the job's interval and the role.",
  samples: perJob((job, host) => inSeconds(overdueAfter(job, host.role).warning ?? null)),
})

export const backupLastDurationSeconds = gauge('backup_last_duration_seconds', {
  ...kind,
  help: 'Duration of the last run.',
  samples: perJob(job => inSeconds(job.durationMs)),
})

export const backupVerifyLastSuccessTimestampSeconds = gauge('backup_verify_last_success_timestamp_seconds', {
  ...kind,
  help: 'Unix time of the last successful repository verification, 0 if there has been none.',
  samples: perJob(({ verify }) => (verify?.result === 'ok' ? inSeconds(verify.at) : verify?.result === 'never' ? 0 : null)),
})

export const backupLastRunTimestampSeconds = gauge('backup_last_run_timestamp_seconds', {
  ...detail,
  help: 'Unix time of the last backup run, whatever its result.',
  samples: host => backups(host).flatMap(job => (job.standing === 'known' ? timestamp(job.lastRunAt, job.name, job.tool) : [])),
})

export const backupLastSourceBytes = gauge('backup_last_source_bytes', {
  ...detail,
  help: 'Size of the data the last run protected.',
  samples: perJob(job => job.sourceBytes),
})

export const backupLastAddedBytes = gauge('backup_last_added_bytes', {
  ...detail,
  help: 'Data the last run added to the repository.',
  samples: perJob(job => job.addedBytes),
})

export const backupSnapshots = gauge('backup_snapshots', {
  ...detail,
  help: 'Restore points available.',
  samples: perJob(job => job.snapshots),
})

export const backupJobInfo = gauge('backup_job_info', {
  ...detail,
  help: 'Identity of a job and its kind (backup, or snapshot and sync, which are none), value is always 1.',
  labels: ['backup', 'tool', 'kind', 'repository_type'],
  samples: host =>
    host.facts.backups
      .flatMap(fact => fact.data.jobs)
      .flatMap(job => scalar(1, job.name, job.tool, job.kind, repositoryType(word(job.destination)))),
})

/** `s3` of `s3:https://…`, `ssh` of `user@host:path`, `local` of a path; one letter before the colon is a drive. */
function repositoryType(destination: string): string {
  if (destination === '') return ''
  const [, scheme] = /^([a-z][a-z0-9]{1,15}):/.exec(destination) ?? []
  if (scheme) return scheme
  return /^[^/:\\]{2,253}:/.test(destination) ? 'ssh' : 'local'
}

export const backupsMetrics: readonly Metric[] = [
  backupConfigured,
  backupLastSuccessTimestampSeconds,
  backupLastRunState,
  backupMaxAgeSeconds,
  backupLastDurationSeconds,
  backupVerifyLastSuccessTimestampSeconds,
  backupLastRunTimestampSeconds,
  backupLastSourceBytes,
  backupLastAddedBytes,
  backupSnapshots,
  backupJobInfo,
]
