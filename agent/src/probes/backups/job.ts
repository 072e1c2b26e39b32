import type { FactTypes } from '@fettle/catalog'

/** One job of the `backups` fact. */
export type Job = FactTypes['backups']['jobs'][number]

/** Clocks differ by so much without anybody being wrong, ms. */
const CLOCK_TOLERANCE_MS = 10 * 60_000
const LONGEST_TEXT = 512
const MOST_WARNINGS = 16

/** A job of which only the name is known: every field says so. */
export function blankJob(name: string, tool: string): Job {
  return {
    name: clip(name, 128),
    tool: clip(tool, 64),
    kind: 'backup',
    destination: null,
    standing: 'known',
    reason: null,
    hint: null,
    lastRunAt: null,
    lastResult: null,
    lastSuccessAt: null,
    runningSince: null,
    durationMs: null,
    sourceBytes: null,
    addedBytes: null,
    files: null,
    snapshots: null,
    earlierBytes: [],
    expectedEveryMs: null,
    learnedEveryMs: null,
    verify: null,
    restoreTestedAt: null,
    destinationFreeRatio: null,
    warnings: [],
  }
}

/** A tool answered in a way that is understood, and it is no answer: the job's standing is unknown, the rest of the fact stays. */
export class Unanswered extends Error {
  override name = 'Unanswered'
  readonly hint: string | null
  constructor(reason: string, hint: string | null = null) {
    super(reason)
    this.hint = hint
  }
}

/** The job, told as one that could not be asked. */
export function unanswered(job: Job, error: unknown): Job {
  const reason = error instanceof Error ? error.message : String(error)
  const hint = error instanceof Unanswered ? error.hint : null
  return { ...job, standing: 'unknown', reason: clip(redact(reason)), hint: hint === null ? null : clip(redact(hint)) }
}

/** Median distance of the newest ten successes, whole minutes in ms; null with fewer than three. */
export function learnedEvery(times: readonly number[]): number | null {
  const newest = [...new Set(times)].sort((a, b) => b - a).slice(0, 10)
  if (newest.length < 3) return null
  const distances = newest.slice(1).map((time, index) => (newest[index] ?? time) - time)
  distances.sort((a, b) => a - b)
  const median = distances[Math.floor((distances.length - 1) / 2)] ?? 0
  return median < 60_000 ? null : Math.round(median / 60_000) * 60_000
}

/** A time that this machine's clock has not reached says nothing: it would look fresh for ever. */
export function isFuture(time: number, now: number): boolean {
  return time > now + CLOCK_TOLERANCE_MS
}

/** One line of at most `most` characters, control characters out; what is cut is counted. */
export function clip(text: string, most = LONGEST_TEXT): string {
  const line = text
    .slice(0, most * 8)
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
    .trim()
  if (line.length <= most && text.length <= most * 8) return line
  const tail = ` … (${text.length - most + 20} more)`
  return line.slice(0, most - tail.length) + tail
}

/** What the tool said, secrets out, bounded: the last entry counts the rest. */
export function warningList(said: readonly string[]): string[] {
  const lines = said.map(line => clip(redact(line))).filter(line => line !== '')
  if (lines.length <= MOST_WARNINGS) return lines
  return [...lines.slice(0, MOST_WARNINGS - 1), `and ${lines.length - MOST_WARNINGS + 1} more`]
}

/** The text without passwords of addresses (`//user:secret@`) and without values of things named like secrets. */
export function redact(text: string): string {
  return text
    .replace(/(\w{0,16}):\/\/([^\s/]*)@/g, (_, scheme: string, login: string) => shownUser(scheme, login))
    .replace(/\b(\w{0,32}?(?:pass(?:word|phrase|wd)?|secret|token|_key|sig))=[^\s,;&"']+/gi, '$1=***')
}

/** ssh and sftp need the user's name to be understood; elsewhere a lone user may be a token. */
function shownUser(scheme: string, login: string): string {
  const isShell = scheme.toLowerCase() === 'ssh' || scheme.toLowerCase() === 'sftp'
  const name = login.split(':')[0] ?? ''
  if (isShell && name !== '') return `${scheme}://${name}@`
  return `${scheme}://`
}

/** A repository as it may be shown; see `redact`. */
export function destinationOf(repository: string): string {
  return clip(redact(repository.trim()))
}
