import type { Captured, Inputs } from '../../probe.ts'
import { DID_NOT_RUN } from './gather.ts'
import { clip, isFuture, type Job, Unanswered, unanswered, warningList } from './job.ts'
import { verifiedByMarker } from './record.ts'

/** What a tool's log tells of the last run. */
export type LoggedRun = {
  readonly result: 'success' | 'warnings' | 'failed' | 'running'
  readonly warnings: readonly string[]
  /** The restore point that it made: restic's snapshot id, borg's archive name. */
  readonly made: string | null
  /** When it ended, epoch ms, where the log itself says so. */
  readonly endedAt: number | null
  readonly durationMs: number | null
  readonly bytes: number | null
  readonly addedBytes: number | null
  readonly files: number | null
}

/** What a verification's log tells. `isLast`: nothing follows the verdict, so the log's time is the verdict's. */
export type Verdict = { readonly result: 'ok' | 'failed'; readonly detail: string | null; readonly isLast: boolean }

/** A log that ends so much before the newest restore point is not of the run that made it, ms. */
const LOG_LAG_MS = 10 * 60_000

/** The captures of one job; all of them where no job is configured, as under `parse`. */
export function capturesOf(inputs: Inputs, input: string, job: string | null): readonly Captured[] {
  const all = inputs[input] ?? []
  return job === null ? all : all.filter(captured => captured.name === job)
}

/** The job with its last run as the log tells it. `newest`: name of the newest restore point. */
export function withRun(job: Job, captured: Captured, run: LoggedRun, newest: string | null): Job {
  const endedAt = run.endedAt ?? captured.modifiedAt
  const isOther = run.made !== null && newest !== null && !newest.startsWith(run.made)
  const isOld = endedAt === null ? isOther : job.lastRunAt !== null && endedAt + LOG_LAG_MS < job.lastRunAt
  if (isOld) return { ...job, reason: job.reason ?? 'the log is older than the newest restore point and tells nothing of it' }
  const madeNewest = run.made !== null && !isOther
  const isPartial = job.lastResult === 'warnings' && run.result === 'success'
  return {
    ...job,
    lastRunAt: madeNewest && job.lastRunAt !== null ? job.lastRunAt : (endedAt ?? job.lastRunAt),
    lastResult: isPartial ? 'warnings' : run.result,
    durationMs: run.durationMs ?? (madeNewest ? job.durationMs : null),
    sourceBytes: run.bytes ?? (madeNewest ? job.sourceBytes : null),
    addedBytes: run.addedBytes ?? (madeNewest ? job.addedBytes : null),
    files: run.files ?? (madeNewest ? job.files : null),
    earlierBytes: madeNewest || job.sourceBytes === null ? job.earlierBytes : [job.sourceBytes, ...job.earlierBytes].slice(0, 10),
    warnings: warningList([...run.warnings, ...job.warnings]),
  }
}

/**
 * The job as the log alone tells it, where no restore points are given: only a good end with a time in the log is a last success.
 * The time of the file is none: a log that was copied would look fresh.
 */
export function byLogAlone(job: Job, captured: Captured, run: LoggedRun, now: number): Job {
  const told = withRun(job, { ...captured, modifiedAt: null }, run, null)
  const isGood = run.result === 'success' || run.result === 'warnings'
  if (isGood && told.lastRunAt !== null && !isFuture(told.lastRunAt, now)) return { ...told, lastSuccessAt: told.lastRunAt }
  return unanswered(
    told,
    new Unanswered('the log alone does not tell when the last good backup was', 'Give the list of restore points too.'),
  )
}

/** What verification and restore test of a job left behind. */
export type Proofs = {
  readonly log?: Captured | undefined
  readonly marker?: Captured | undefined
  readonly restored?: Captured | undefined
  /** Reads the verdict in a log. */
  verdict(log: Captured): Verdict | undefined
}

/** The job with its verification. A proof that cannot be read is no verification, and the reason says so. */
export function withProofs(job: Job, proofs: Proofs, now: number): Job {
  let told = job
  for (const captured of [proofs.marker, proofs.log]) {
    if (!captured) continue
    told = orReason(told, () => {
      const verify = captured === proofs.log ? byLog(captured, proofs, now) : verifiedByMarker(captured, now)
      return { ...told, verify: later(told.verify, verify) }
    })
  }
  const { restored } = proofs
  if (!restored) return told
  return orReason(told, () => {
    const test = verifiedByMarker(restored, now)
    return { ...told, restoreTestedAt: test.result === 'ok' ? test.at : null }
  })
}

type Verify = NonNullable<Job['verify']>

function byLog(log: Captured, proofs: Proofs, now: number): Verify | null {
  if (log.code === DID_NOT_RUN && log.stderr === '') return { at: null, result: 'never', detail: 'its log has not been written yet' }
  if (log.code === DID_NOT_RUN) throw new Unanswered(`the verification cannot be told: ${log.stderr}`)
  const verdict = proofs.verdict(log)
  if (!verdict) return null
  const at = verdict.isLast ? log.modifiedAt : null
  if (at !== null && isFuture(at, now)) throw new Unanswered('the verification cannot be told: its time is in the future')
  return { at, result: verdict.result, detail: verdict.detail === null ? null : clip(verdict.detail) }
}

/** Of two proofs a failure counts first, then the later. */
function later(one: Verify | null, two: Verify | null): Verify | null {
  if (!one || !two) return one ?? two
  if (one.result === 'failed' || two.result === 'failed') return one.result === 'failed' ? one : two
  return (two.at ?? 0) > (one.at ?? 0) ? two : one
}

function orReason(job: Job, tell: () => Job): Job {
  try {
    return tell()
  } catch (error) {
    return { ...job, reason: job.reason ?? unanswered(job, error).reason }
  }
}
