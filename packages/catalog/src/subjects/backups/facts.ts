import * as v from 'valibot'
import { amount, list, maybe, text, time } from '../../shapes.ts'

const backupResults = ['success', 'warnings', 'failed', 'running'] as const

/** One backup job, whatever the tool. */
const backupJob = v.object({
  /** The job's name on this machine: unique with the tool. */
  name: text(128),
  /** `restic`, `borg`, `marker`, `systemd`, `time-machine` … */
  tool: text(64),
  /** `snapshot`: on the same machine or disk, which is no backup. `sync`: follows deletions, which is none either. */
  kind: v.picklist(['backup', 'snapshot', 'sync']),
  /** Whose data it saves, told by sources that know jobs which pull from other machines; left out by those whose jobs are all of their own machine. */
  protects: v.optional(v.picklist(['this', 'others', 'unknown'])),
  /** Repository, target directory or server, without credentials. */
  destination: maybe(text()),
  /** `known`: the fields below are what the source says. `unknown`: it could not be asked; `reason` and `hint` tell. */
  standing: v.picklist(['known', 'unknown']),
  reason: maybe(text()),
  hint: maybe(text()),
  lastRunAt: maybe(time),
  /** Result of the last run; null where the source tells none. */
  lastResult: maybe(v.picklist(backupResults)),
  /** End of the last good backup of this host and these paths, epoch ms. Null with a known standing: there has never been one. */
  lastSuccessAt: maybe(time),
  /** Since when a job that runs now has been running, epoch ms. */
  runningSince: maybe(time),
  durationMs: maybe(amount),
  /** What the last run protected, and what it added to the repository. */
  sourceBytes: maybe(amount),
  addedBytes: maybe(amount),
  files: maybe(amount),
  /** Restore points of this job. */
  snapshots: maybe(amount),
  /** Source sizes of the runs before the last, newest first, bytes: an empty mount backed up well is a disaster. */
  earlierBytes: list(amount, 10),
  /** How often it should succeed, ms, as configured; null where not told. */
  expectedEveryMs: maybe(amount),
  /** Median distance of its successes, ms; null with fewer than three. */
  learnedEveryMs: maybe(amount),
  /** The tool's own verification of the repository. Null: nothing is known of any. */
  verify: maybe(v.object({ at: maybe(time), result: v.picklist(['ok', 'failed', 'never']), detail: maybe(text()) })),
  /** Last restore that was tried and compared, epoch ms. */
  restoreTestedAt: maybe(time),
  destinationFreeRatio: maybe(amount),
  /** What went wrong or was left out in the last run, in the tool's words. */
  warnings: list(text(), 16),
})
export type BackupJob = v.InferOutput<typeof backupJob>

/** The backup jobs that one tool knows on this machine. A tool that is there with no job gives an empty list. */
export const backupsFact = v.object({ jobs: list(backupJob, 128) })
export type BackupsFact = v.InferOutput<typeof backupsFact>
