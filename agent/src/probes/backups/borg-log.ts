import type { Captured } from '../../probe.ts'
import { messageOf, timeOf } from './borg-archives.ts'
import type { LoggedRun, Verdict } from './evidence.ts'
import { DID_NOT_RUN } from './gather.ts'
import { clip, redact, Unanswered, warningList } from './job.ts'

/** A log that was written so short ago may be of a run that goes on, ms. */
const STILL_WRITTEN_MS = 15 * 60_000
const MOST_NOTES = 64

type Run = {
  warnings: string[]
  block: string[]
  inBlock: boolean
  archive?: Record<string, unknown>
  plain?: true
  rc?: number
  fatal?: string
}

const fresh = (): Run => ({ warnings: [], block: [], inBlock: false })

/**
 * The last run in a log of `borg create`: its `--json`, `--stats` or `--show-rc`, with `--log-json` or without, standard error in it or beside it.
 * borg ends with 1 when a source is missing, and makes the archive all the same.
 * @throws Unanswered where the log ends in the middle and nobody knows whether the run goes on
 */
export function parseCreateLog(captured: Captured, now: number): LoggedRun {
  if (captured.code === DID_NOT_RUN) throw new Unanswered(captured.stderr || 'the log of the backup has not been written yet')
  const run = lastRun(captured.text.split('\n'))
  for (const line of captured.stderr.split('\n')) note(run, line)
  const rc = run.rc ?? captured.code ?? undefined
  const isError = rc !== undefined && rc !== 0 && !isWarningCode(rc)
  if (run.fatal !== undefined || isError) return told(run, 'failed', [run.fatal ?? `borg ended with ${rc}`, ...run.warnings])
  if (rc !== undefined && rc !== 0) run.warnings.push(`borg ended with ${rc}: the backup is not whole`)
  if (run.archive || run.plain || rc !== undefined) return told(run, run.warnings.length > 0 ? 'warnings' : 'success', run.warnings)
  const isEmpty = captured.text.trim() === ''
  const isFresh = captured.modifiedAt !== null && now - captured.modifiedAt < STILL_WRITTEN_MS
  if (isFresh && !isEmpty) return told(run, 'running', run.warnings)
  if (captured.modifiedAt === null || isEmpty)
    throw new Unanswered('the log tells no end of a run: it was broken off, goes on or says nothing')
  return told(run, 'failed', ['the log tells no end of the run: it was broken off', ...run.warnings])
}

/** borg's manual, "Return codes": 1, and 100 to 127 with BORG_EXIT_CODES=modern. */
function isWarningCode(rc: number): boolean {
  return rc === 1 || (rc >= 100 && rc <= 127)
}

/** End of the run as borg writes it, without a zone, read as UTC; null where it is not told. */
export function naiveEnd(captured: Captured): number | null {
  const end = timeOf(lastRun(captured.text.split('\n')).archive?.end)
  return end > 0 ? end : null
}

function told(run: Run, result: LoggedRun['result'], warnings: readonly string[]): LoggedRun {
  const archive = run.archive ?? {}
  const stats = (typeof archive.stats === 'object' && archive.stats !== null ? archive.stats : {}) as Record<string, unknown>
  const seconds = amount(archive.duration)
  return {
    result,
    warnings: warningList([...new Set(warnings)]),
    made: typeof archive.name === 'string' ? archive.name : null,
    endedAt: null,
    durationMs: seconds === null ? null : Math.round(seconds * 1000),
    bytes: amount(stats.original_size),
    addedBytes: amount(stats.deduplicated_size),
    files: amount(stats.nfiles),
  }
}

const amount = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null)

/** A log may hold many runs: whatever follows a run's end begins the next one. */
function lastRun(lines: readonly string[]): Run {
  let run = fresh()
  for (const line of lines) {
    if (line.trim() === '') continue
    const isOver = run.archive !== undefined || run.rc !== undefined || run.fatal !== undefined
    if (isOver && !run.inBlock && !(run.rc === undefined && codeIn(line) !== undefined)) run = fresh()
    note(run, line)
  }
  return run
}

function note(run: Run, line: string): void {
  if (run.inBlock) return noteBlock(run, line)
  const message = messageOf(line)
  const rc = codeIn(line)
  if (rc !== undefined) run.rc = rc
  else if (message) noteMessage(run, message)
  else if (line === '{') noteBlock(run, line)
  else if (line.startsWith('{"archive"')) setArchive(run, line)
  else if (/^(Time \(end\)|Duration): /.test(line)) run.plain = true
  else if (/^(Failed to create\/acquire the lock|Repository .{0,512} does not exist|passphrase supplied|Connection closed)/.test(line))
    run.fatal = clip(redact(line))
  else if (run.warnings.length < MOST_NOTES && isComplaint(line)) run.warnings.push(line.trim().slice(0, 2000))
}

/** `--show-rc`. */
function codeIn(line: string): number | undefined {
  const code = /terminating with (?:success|warning|error) status, rc (\d{1,3})/.exec(line)?.[1]
  return code === undefined ? undefined : Number(code)
}

function isComplaint(line: string): boolean {
  return /\[Errno \d+\]|file changed while we backed it up/.test(line.slice(0, 4096))
}

function noteMessage(run: Run, message: { level: string; text: string; msgid: string }): void {
  if (message.level === 'WARNING' && run.warnings.length < MOST_NOTES) run.warnings.push(message.text.slice(0, 2000))
  if (message.level === 'ERROR' || message.level === 'CRITICAL') run.fatal ??= clip(redact(message.text))
}

/** `--json` prints over many lines, from `{` to `}` at their begin. */
function noteBlock(run: Run, line: string): void {
  run.inBlock = true
  run.block.push(line)
  if (line !== '}') return
  run.inBlock = false
  setArchive(run, run.block.join('\n'))
  run.block = []
}

function setArchive(run: Run, text: string): void {
  try {
    const { archive } = JSON.parse(text) as { archive?: unknown }
    if (typeof archive === 'object' && archive !== null) run.archive = archive as Record<string, unknown>
  } catch {
    // A block torn in the middle is no archive: the run then has no end, which is told.
  }
}

/** What `borg check` found, from its verbose output or its `--show-rc`; undefined where it came to no verdict. A quiet good check prints nothing. */
export function parseCheck(captured: Captured): Verdict | undefined {
  const lines = `${captured.text}\n${captured.stderr}`.split('\n').map(line => messageOf(line)?.text ?? line.trim())
  const start = Math.max(lastIndex(lines, /^Starting repository check/), 0)
  const run = lines.slice(start)
  const bad = run.find(line =>
    /^Data integrity error|[^o] (errors|problems) found\.?$|, rc 1$|Archive metadata .{0,200} missing|^Completely/.test(line),
  )
  if (bad !== undefined) return { result: 'failed', detail: clip(redact(bad)), isLast: true }
  const good = lastIndex(run, /no problems found\.?$|success status, rc 0$/)
  const opened = lastIndex(run, /^Starting archive consistency check/)
  if (good < 0 || good < opened) return undefined
  const isLast = !run.slice(good + 1).some(line => /acquire the lock|error status, rc/.test(line))
  return { result: 'ok', detail: null, isLast }
}

function lastIndex(lines: readonly string[], pattern: RegExp): number {
  return lines.findLastIndex(line => pattern.test(line.slice(0, 4096)))
}
