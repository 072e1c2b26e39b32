import type { Captured } from '../../probe.ts'
import { linesOf } from '../lines.ts'
import { parseCheck } from './borg-log.ts'
import type { LoggedRun, Verdict } from './evidence.ts'
import { DID_NOT_RUN } from './gather.ts'
import { clip, redact, Unanswered, warningList } from './job.ts'

/** A log that was written so short ago may be of a run that goes on, ms. */
const STILL_WRITTEN_MS = 15 * 60_000
const MOST_NOTES = 64

const STARTS = /^(.{1,400}): Creating archive$/
const MADE = /^Creating archive at ".{1,800}::(.{1,400})"$/
const ENDS = /^summary:$/

/**
 * The last run for one repository in a log that borgmatic wrote with verbosity 1 (`--log-file FILE --log-file-verbosity 1`, or its output). borg ends with
 * 1 where a source is missing, which borgmatic calls a success: the complaint in the log is all that tells (wrong green 28).
 * @param names label and location of the repository; none means any
 * @throws Unanswered where the log tells nothing of that repository, or nothing that could be trusted
 */
export function parseBorgmaticLog(captured: Captured, names: readonly string[], now: number): LoggedRun {
  if (captured.code === DID_NOT_RUN) throw new Unanswered(captured.stderr || 'the log of borgmatic has not been written yet')
  const lines = linesOf(captured.text).map(unprefixed)
  const start = lines.findLastIndex(line => isStart(line, names))
  if (start < 0) throw new Unanswered('the log tells of no backup of this repository', 'Let borgmatic log with --log-file-verbosity 1.')
  const rest = lines.slice(start + 1)
  const end = rest.findIndex(line => ENDS.test(line) || STARTS.test(line))
  const run = end < 0 ? rest : rest.slice(0, end)
  const made = run.map(line => MADE.exec(line)?.[1]).findLast(name => name !== undefined) ?? null
  const failure = run.find(line => /: Error running (actions for repository|configuration file)$/.test(line))
  const complaints = run.filter(isComplaint).slice(0, MOST_NOTES)
  if (failure !== undefined) return told('failed', null, [...reasons(run), ...complaints])
  if (end >= 0 && made !== null) return told(complaints.length > 0 ? 'warnings' : 'success', made, complaints)
  if (end >= 0) throw new Unanswered('the log does not name the archive that was made', 'Let borgmatic log with --log-file-verbosity 1.')
  if (captured.modifiedAt === null) throw new Unanswered('the log tells no end of the run: it was broken off, or goes on')
  if (now - captured.modifiedAt < STILL_WRITTEN_MS) return told('running', null, complaints)
  return told('failed', null, ['the log tells no end of the run: it was broken off', ...complaints])
}

/** What `borgmatic check` of verbosity 1 found: borg's own words, see `parseCheck`. An error after them leaves no good verdict. */
export function parseBorgmaticCheck(captured: Captured): Verdict | undefined {
  const lines = linesOf(captured.text).map(unprefixed)
  const verdict = parseCheck({ ...captured, text: lines.join('\n') })
  const start = lines.findLastIndex(line => /^Starting (repository|archive consistency) check/.test(line))
  const isBroken = lines.slice(start + 1).some(line => /: Error running (actions for repository|configuration file)$/.test(line))
  return verdict?.result === 'ok' && isBroken ? undefined : verdict
}

/** `[2026-11-22 09:16:38,456] INFO: ` before each line of a log file; nothing before those of the console. */
function unprefixed(line: string): string {
  return line.replace(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[,.]\d{1,6}\] [A-Z]{4,8}: ?/, '').trim()
}

function isStart(line: string, names: readonly string[]): boolean {
  const repository = STARTS.exec(line)?.[1]
  return repository !== undefined && (names.length === 0 || names.includes(repository))
}

function isComplaint(line: string): boolean {
  return /\[Errno \d{1,4}\]|file changed while we backed it up|: (?:open|stat|read|readlink|xattr): .{0,200}error/i.test(line)
}

/** borg's own words first, then what borgmatic made of them. */
function reasons(run: readonly string[]): string[] {
  const said = run.filter(line => line !== '' && !/^(Creating archive at |Need some help)/.test(line))
  const isFrame = (line: string) => /^Command '|: Error running (actions for repository|configuration file)$/.test(line)
  return [...said.filter(line => !isFrame(line)), ...said.filter(isFrame)].slice(0, 8)
}

function told(result: LoggedRun['result'], made: string | null, warnings: readonly string[]): LoggedRun {
  return {
    result,
    warnings: warningList([...new Set(warnings.map(line => clip(redact(line))))]),
    made,
    endedAt: null,
    durationMs: null,
    bytes: null,
    addedBytes: null,
    files: null,
  }
}
