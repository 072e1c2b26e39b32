import type { Captured } from '../../probe.ts'
import { linesOf } from '../lines.ts'
import { documentIn, type Json, numberOf, objectOf, wordOf } from '../loose-json.ts'
import { blankJob, clip, isFuture, type Job, redact, Unanswered, unanswered, warningList } from './job.ts'
import { zoned } from './record.ts'
import { parseCheck } from './restic-log.ts'

/** More profiles than these in one file are not told. */
const MOST_PROFILES = 64

/** What one file says of one profile: the job, named after the profile. */
export type ProfileJob = { readonly profile: string; readonly job: Job }

/**
 * The status file of resticprofile (its documentation, "Status file"; monitor/status/profile.go): the last backup, check and retention of each profile.
 * Counts are all 0 unless `extended-status` is set, so that all 0 means not told. It forgets the last success at the next failure.
 * @throws Error where the text is no status file
 */
export function parseStatusFile(captured: Captured, now: number): ProfileJob[] {
  const profiles = objectOf(objectOf(documentIn(captured.text))?.profiles)
  if (!profiles) throw new Error('Cannot read the status file of resticprofile: it names no profiles')
  return Object.entries(profiles)
    .slice(0, MOST_PROFILES)
    .map(([profile, said]) => ({ profile, job: withStatus(blankJob(profile === '' ? 'profile' : profile, 'resticprofile'), said, now) }))
}

function withStatus(job: Job, said: unknown, now: number): Job {
  const backup = objectOf(objectOf(said)?.backup)
  const check = objectOf(objectOf(said)?.check)
  const checked = check ? withCheck(job, check, now) : job
  if (!backup)
    return unanswered(
      checked,
      new Unanswered('its status file tells of no backup of this profile', 'See that the profile runs backups; name the profiles that do.'),
    )
  try {
    return withBackup(checked, backup, now)
  } catch (error) {
    return unanswered(checked, error)
  }
}

function withBackup(job: Job, backup: Json, now: number): Job {
  const at = zoned(backup.time)
  if (!(at > 0)) throw new Unanswered('its status file does not tell when the backup was')
  if (isFuture(at, now)) throw new Unanswered('its status file has a time in the future', 'Set the clock right.')
  const result = resultOf(backup)
  const seconds = numberOf(backup.duration)
  const isExtended = ['files_total', 'bytes_total', 'bytes_added', 'files_new', 'dirs_unmodified'].some(
    key => (numberOf(backup[key]) ?? 0) > 0,
  )
  const amount = (key: string): number | null => (isExtended ? positive(numberOf(backup[key])) : null)
  const told: Job = {
    ...job,
    lastRunAt: at,
    lastResult: result,
    durationMs: seconds !== null && seconds > 0 ? seconds * 1000 : null,
    sourceBytes: amount('bytes_total'),
    addedBytes: amount('bytes_added'),
    files: amount('files_total'),
    warnings: warningList([...(result === 'success' ? [] : complaints(backup)), ...job.warnings]),
  }
  if (result === 'failed') return unanswered(told, new Unanswered('its last backup failed, and its status file tells of none before'))
  return { ...told, lastSuccessAt: at }
}

/** restic ends with 3 where it left something out and made a snapshot all the same; before 0.17 it ends with 0 and complains. */
function resultOf(backup: Json): 'success' | 'warnings' | 'failed' {
  if (backup.success === true) return complaints(backup).length === 0 ? 'success' : 'warnings'
  if (backup.success !== false) throw new Unanswered('its status file does not tell how the backup went')
  return /\bexit status 3$/.test(wordOf(backup.error) ?? '') ? 'warnings' : 'failed'
}

function complaints(run: Json): string[] {
  const lines = linesOf(`${wordOf(run.error) ?? ''}\n${wordOf(run.stderr) ?? ''}`)
  return warningList(lines.filter(line => line.trim() !== '').slice(0, 64))
}

/** A check that did not come to its end found nothing: a lock is no damage. */
function withCheck(job: Job, check: Json, now: number): Job {
  const at = zoned(check.time)
  if (!(at > 0) || isFuture(at, now)) return job
  if (check.success === true) return { ...job, verify: { at, result: 'ok', detail: null } }
  const text = `${wordOf(check.stderr) ?? ''}`
  const verdict = parseCheck({ text, stderr: '', code: null, name: '', modifiedAt: null })
  if (verdict?.result === 'failed')
    return { ...job, verify: { at, result: 'failed', detail: verdict.detail === null ? null : clip(verdict.detail) } }
  const said = complaints(check)[0]
  return { ...job, warnings: [clip(redact(`its last check did not end well${said === undefined ? '' : `: ${said}`}`))] }
}

function positive(value: number | null): number | null {
  return value !== null && value >= 0 ? value : null
}

/**
 * The text file that resticprofile writes for the node exporter (`prometheus-save-to-file`; monitor/prom/backup.go): status 0 failed, 1 warnings, 2 success.
 * It holds the last backup of one profile or group. @throws Error where the text is none
 */
export function parseMetricsFile(captured: Captured, now: number): ProfileJob[] {
  const profiles = new Map<string, Map<string, number>>()
  for (const line of linesOf(captured.text)) {
    const [, name = '', labels = '', value = ''] = /^resticprofile_backup_([a-z_]{1,40})\{(.{1,1500})\} (\S{1,40})$/.exec(line) ?? []
    const profile = /(?:^|,)profile="((?:[^"\\]|\\.){0,200})"/.exec(labels)?.[1]
    if (name === '' || profile === undefined || !Number.isFinite(Number(value))) continue
    const values = profiles.get(profile) ?? new Map<string, number>()
    profiles.set(profile, values.set(name, Number(value)))
  }
  if (profiles.size === 0) throw new Error('Cannot read the metrics of resticprofile: no resticprofile_backup_… of a profile is in it')
  return [...profiles].slice(0, MOST_PROFILES).map(([profile, values]) => ({
    profile,
    job: withMetrics(blankJob(profile === '' ? 'profile' : profile, 'resticprofile'), values, now),
  }))
}

/** The same run as the status file would tell it. */
function withMetrics(job: Job, values: ReadonlyMap<string, number>, now: number): Job {
  const seconds = values.get('time_seconds') ?? 0
  const status = values.get('status')
  const backup: Json = {
    time: seconds > 0 && seconds < 1e11 ? new Date(seconds * 1000).toISOString() : '',
    success: status === 2 ? true : status === 0 || status === 1 ? false : undefined,
    error: status === 1 ? 'exit status 3' : '',
    duration: Math.round(values.get('duration_seconds') ?? 0),
    files_total: values.get('files_processed'),
    bytes_total: values.get('processed_bytes'),
    bytes_added: values.get('added_bytes'),
  }
  try {
    return withBackup(job, backup, now)
  } catch (error) {
    return unanswered(job, error)
  }
}
