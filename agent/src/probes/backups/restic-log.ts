import type { Captured } from '../../probe.ts'
import type { LoggedRun, Verdict } from './evidence.ts'
import { DID_NOT_RUN } from './gather.ts'
import { clip, redact, Unanswered, warningList } from './job.ts'
import { zoned } from './record.ts'
import { firstLine } from './restic-snapshots.ts'

/** A log that was written so short ago may be of a run that goes on, ms. */
const STILL_WRITTEN_MS = 15 * 60_000

type Run = {
  warnings: string[]
  summary?: Record<string, unknown>
  plainId?: string
  fatal?: string
  /** `--skip-if-unchanged`: all was read, and nothing was different. */
  skipped?: true
  plain?: PlainSummary
}

type PlainSummary = { readonly files: number; readonly bytes: number | null; readonly durationMs: number | null }

/**
 * The last run in a log of `restic backup --json` or without `--json`, standard error in it or beside it.
 * @throws Unanswered where the log ends in the middle and nobody knows whether the run goes on
 */
export function parseBackupLog(captured: Captured, now: number): LoggedRun {
  if (captured.code === DID_NOT_RUN) throw new Unanswered(captured.stderr || 'the log of the backup has not been written yet')
  const run = lastRun(captured.text.split('\n'))
  for (const line of captured.stderr.split('\n')) note(run, line.trim())
  if (captured.code !== null && captured.code !== 0 && captured.code !== 3) run.fatal ??= `restic ended with ${captured.code}`
  if (captured.code === 3) run.warnings.push('restic ended with 3: some files could not be read')
  if (run.fatal !== undefined) return told(run, 'failed', [run.fatal, ...run.warnings])
  if (run.summary || run.plainId || run.skipped) return told(run, run.warnings.length > 0 ? 'warnings' : 'success', run.warnings)
  if (run.plain) throw new Unanswered('the log ends before it says that the snapshot was saved')
  const isFresh = captured.modifiedAt !== null && now - captured.modifiedAt < STILL_WRITTEN_MS
  if (isFresh && captured.text.trim() !== '') return told(run, 'running', run.warnings)
  if (captured.modifiedAt === null || captured.text.trim() === '')
    throw new Unanswered('the log ends without a summary: the run was broken off or goes on')
  return told(run, 'failed', ['the log ends without a summary: the run was broken off', ...run.warnings])
}

function told(run: Run, result: LoggedRun['result'], warnings: readonly string[]): LoggedRun {
  const summary = run.summary ?? {}
  const seconds = amount(summary.total_duration)
  const ended = zoned(summary.backup_end)
  const id = typeof summary.snapshot_id === 'string' ? summary.snapshot_id : run.plainId
  return {
    result,
    warnings: warningList([...new Set(warnings)]),
    made: id ?? null,
    endedAt: ended > 0 ? ended : null,
    durationMs: seconds === null ? (run.plain?.durationMs ?? null) : Math.round(seconds * 1000),
    bytes: amount(summary.total_bytes_processed) ?? run.plain?.bytes ?? null,
    addedBytes: amount(summary.data_added_packed) ?? amount(summary.data_added),
    files: amount(summary.total_files_processed) ?? run.plain?.files ?? null,
  }
}

const amount = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null)

/** A log may hold many runs: whatever follows a run's end begins the next one. */
function lastRun(lines: readonly string[]): Run {
  let run: Run = { warnings: [] }
  for (const raw of lines) {
    const line = raw.trim()
    if (line === '') continue
    const isOver = run.summary !== undefined || run.plainId !== undefined || run.skipped || run.fatal !== undefined
    if (isOver && !isAfterword(line)) run = { warnings: [] }
    note(run, line)
  }
  return run
}

/** Lines that restic prints after the end of the run they belong to. */
function isAfterword(line: string): boolean {
  return (
    /^Warning: (at least one source|failed to read all source)/.test(line) ||
    (line.startsWith('{') && /"code": ?3\b/.test(line) && line.includes('"exit_error"'))
  )
}

const MOST_NOTES = 64

function note(run: Run, line: string): void {
  const saved = /^snapshot ([0-9a-f]{8,64}) saved$/.exec(line)
  const processed = /^processed (\d{1,12}) files?, ([\d.]{1,12}) (B|[KMGTPE]iB) in ([\d:]{1,12})"?$/.exec(line)
  if (line.startsWith('{')) noteMessage(run, line)
  else if (saved?.[1]) run.plainId = saved[1]
  else if (line === 'skipped creating snapshot') run.skipped = true
  else if (processed) run.plain = plainSummary(processed)
  else if (line.startsWith('Fatal:')) run.fatal = clip(redact(line))
  else if (run.warnings.length < MOST_NOTES && isComplaint(line)) run.warnings.push(line.slice(0, 2000))
}

const UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40, PiB: 2 ** 50, EiB: 2 ** 60 }

/** Sizes are rounded to thousandths of their unit; times are `[H:]M:SS`. */
function plainSummary([, files, size, unit = '', time = '']: RegExpExecArray): PlainSummary {
  const bytes = Math.round(Number(size) * (UNITS[unit] ?? Number.NaN))
  const seconds = time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
  return { files: Number(files), bytes: Number.isSafeInteger(bytes) ? bytes : null, durationMs: seconds * 1000 }
}

function isComplaint(line: string): boolean {
  return /does not exist, skipping$|^error: |^Warning: |^failed to |returned error/.test(line)
}

function noteMessage(run: Run, line: string): void {
  const message = parsed(line)
  if (message.message_type === 'summary') run.summary = message
  else if (message.message_type === 'error') pushError(run, message)
  else if (message.message_type === 'exit_error') {
    const text = clip(redact(typeof message.message === 'string' ? message.message : 'restic ended with an error'))
    if (message.code === 3) run.warnings.push(text)
    else run.fatal = text
  }
}

function pushError(run: Run, message: Record<string, unknown>): void {
  const error = message.error as { message?: unknown; Err?: unknown } | string | undefined
  const text = typeof error === 'object' && error !== null ? (error.message ?? error.Err) : error
  const item = typeof message.item === 'string' ? `${message.item}: ` : ''
  if (run.warnings.length < MOST_NOTES) run.warnings.push(`${item}${typeof text === 'string' ? text : 'could not be read'}`.slice(0, 2000))
}

/** A torn last line is no message; it is seen as the missing summary that it is. */
function parsed(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return {}
  }
}

/** What `restic check` found; undefined where it came to no verdict, as when the repository was locked. */
export function parseCheck(captured: Captured): Verdict | undefined {
  const lines = `${captured.text}\n${captured.stderr}`.split('\n').map(line => line.trim())
  let verdict: { result: 'ok' | 'failed'; at: number } | undefined
  for (const [at, line] of lines.entries()) {
    const result = verdictOf(line)
    // Standard error comes behind standard output here: a failure is never taken back by an earlier "no errors".
    if (result) verdict = { result, at }
  }
  if (!verdict) return undefined
  const isLast = !lines.slice(verdict.at + 1).some(line => line.startsWith('Fatal:') || line.includes('"exit_error"'))
  return { result: verdict.result, detail: verdict.result === 'failed' ? damage(lines) : null, isLast }
}

function verdictOf(line: string): 'ok' | 'failed' | undefined {
  if (line === 'no errors were found') return 'ok'
  if (/repository contains errors|The repository (index )?is damaged|^error loading index/.test(line)) return 'failed'
  if (!line.startsWith('{')) return undefined
  const message = parsed(line)
  if (message.message_type !== 'summary' || typeof message.num_errors !== 'number') return undefined
  const broken = Array.isArray(message.broken_packs) ? message.broken_packs.length : 0
  return message.num_errors === 0 && broken === 0 ? 'ok' : 'failed'
}

function damage(lines: readonly string[]): string {
  const found =
    lines.find(line => /^(pack|error for tree|id|tree) [0-9a-f]+|^error: |^error for /.test(line)) ?? firstLine(lines.join('\n'))
  return clip(redact(found))
}
