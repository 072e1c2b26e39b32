import { blankJob, clip, isFuture, type Job, learnedEvery, Unanswered, unanswered } from './job.ts'

/** A run of a job of Bacula or Bareos, whoever tells it. */
export type Run = {
  readonly name: string
  /** `B` is a backup; `R` restores, `V` verifies, `D` is an administrator's job. */
  readonly type: string
  /** `F` full, `D` differential, `I` incremental. */
  readonly level: string
  readonly status: string
  readonly files: number | null
  readonly bytes: number | null
  /** Errors and missing files that did not end the run. */
  readonly errors: number
  /** Epoch ms; null where it is not told in a way that has a zone. */
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly durationMs: number | null
}

const MOST_JOBS = 64

/** JobStatus; see "Job" in the catalog tables of Bacula's developer's guide. What stands nowhere is not judged. */
const RESULTS = new Map<string, NonNullable<Job['lastResult']>>([
  ['T', 'success'],
  ['W', 'warnings'],
  ...[...'EefAIDu'].map(status => [status, 'failed'] as const),
  ...[...'RCBFSMmsjcdtpaiqLl'].map(status => [status, 'running'] as const),
])

/** Jobs of the runs that back up, by name. @param tool `bacula` or `bareos` */
export function jobsOfRuns(runs: readonly Run[], tool: string, now: number): Job[] {
  const byName = Map.groupBy(
    runs.filter(run => run.type === 'B'),
    run => run.name,
  )
  return [...byName].slice(0, MOST_JOBS).map(([name, own]) => jobOf({ ...blankJob(name, tool) }, own, now))
}

/** An ended full backup of no file protects nothing, although its status is T. */
const isEmpty = (run: Run): boolean => run.level === 'F' && run.files === 0

function resultOf(run: Run): Job['lastResult'] {
  const result = RESULTS.get(run.status) ?? null
  return result === 'success' && (run.errors > 0 || isEmpty(run)) ? 'warnings' : result
}

function jobOf(job: Job, runs: readonly Run[], now: number): Job {
  const ended = runs.filter(run => run.endedAt !== null).sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0))
  const running = runs.find(run => resultOf(run) === 'running')
  const good = ended.filter(run => ['success', 'warnings'].includes(resultOf(run) ?? '') && !isEmpty(run))
  const last = ended[0]
  if (last && isFuture(last.endedAt ?? 0, now))
    return unanswered(job, new Unanswered('the last run ends in the future', 'Set the clock of the machine, or of the director.'))
  if (!last && !running)
    return unanswered(
      { ...job, lastResult: runs[0] ? resultOf(runs[0]) : null },
      new Error('its runs are told without a time that has a zone'),
    )
  const fulls = good.filter(run => run.level === 'F').flatMap(run => run.bytes ?? [])
  return {
    ...job,
    lastRunAt: last?.endedAt ?? null,
    lastResult: running ? 'running' : last ? resultOf(last) : null,
    lastSuccessAt: good[0]?.endedAt ?? null,
    runningSince: running?.startedAt ?? null,
    durationMs: last?.durationMs ?? null,
    // Only a full run tells how much there is; others tell what was new.
    sourceBytes: last?.level === 'F' ? last.bytes : null,
    addedBytes: last?.bytes ?? null,
    files: last?.files ?? null,
    earlierBytes: last?.level === 'F' ? fulls.slice(good[0] === last ? 1 : 0).slice(0, 10) : [],
    learnedEveryMs: learnedEvery(good.flatMap(run => run.endedAt ?? [])),
    warnings: last ? warningsOf(last) : [],
  }
}

function warningsOf(run: Run): string[] {
  const said = [
    run.errors > 0 ? `${run.errors} errors or missing files` : '',
    isEmpty(run) ? 'a full backup of no file' : '',
    RESULTS.get(run.status) === 'failed' ? `it ended with status ${run.status}` : '',
  ]
  return said.filter(text => text !== '').map(text => clip(text))
}
