import type { Captured } from '../../probe.ts'
import { documentIn, type Json, numberOf, objectOf, objectsOf, wordOf } from '../loose-json.ts'
import { DID_NOT_RUN } from './gather.ts'
import { clip, isFuture, type Job, learnedEvery, redact, Unanswered, warningList } from './job.ts'
import { zoned } from './record.ts'

/** A snapshot of kopia, as far as a job's standing needs it. */
export type KopiaSnapshot = {
  readonly host: string
  readonly user: string
  readonly path: string
  readonly startedAt: number
  readonly endedAt: number
  /** `checkpoint`, `canceled`: no whole snapshot; null for a whole one. */
  readonly incomplete: string | null
  /** Entries that could not be read, and those that the policy ignores. */
  readonly failed: number
  readonly ignored: number
  readonly bytes: number | null
  readonly files: number | null
  readonly errors: readonly string[]
}

/** kopia writes a checkpoint every 45 minutes: one that is older than two of these is of a run that goes on no more, ms. */
const CHECKPOINT_MS = 100 * 60_000

/**
 * `kopia snapshot list --json --all --incomplete`: a list of manifests, one of them alone as `kopia snapshot create --json` and `kopia manifest show` print it.
 * Versions leave out what is 0, and stats altogether.
 * @throws Unanswered where kopia said why it could not answer, Error where the text is nothing it prints
 */
export function parseKopiaSnapshots(captured: Captured): KopiaSnapshot[] {
  const isBad = captured.code !== null && captured.code !== 0
  if (isBad || !/^[ \t]{0,80}[[{]/m.test(captured.text)) throw kopiaRefusal(captured)
  const document = documentIn(captured.text)
  if (Array.isArray(document)) return document.map(snapshot)
  return [snapshot(document)]
}

function snapshot(entry: unknown): KopiaSnapshot {
  const said = objectOf(entry)
  const source = objectOf(said?.source)
  const path = wordOf(source?.path)
  if (!said || !source || path === undefined) throw new Error('kopia printed a snapshot without its source')
  const startedAt = zoned(said.startTime)
  if (!(startedAt > 0)) throw new Error('kopia printed a snapshot without its time')
  const root = objectOf(said.rootEntry)
  const summary = objectOf(root?.summ)
  const stats = objectOf(said.stats)
  const endedAt = zoned(said.endTime)
  // Go's zero time is of the year 1.
  const isEnded = endedAt >= startedAt
  return {
    host: wordOf(source.host) ?? '',
    user: wordOf(source.userName) ?? '',
    path,
    startedAt,
    endedAt: isEnded ? endedAt : startedAt,
    incomplete: wordOf(said.incomplete) ?? wordOf(summary?.incomplete) ?? (root ? null : 'without a root'),
    ...counts(summary, stats, root),
    errors: objectsOf(summary?.errors).map(error => clip(redact(`${wordOf(error.path) ?? ''}: ${wordOf(error.error) ?? ''}`))),
  }
}

function counts(summary: Json | undefined, stats: Json | undefined, root: Json | undefined) {
  const of = (object: Json | undefined, key: string): number | null => positive(numberOf(object?.[key]))
  const failed = Math.max(of(summary, 'numFailed') ?? 0, of(stats, 'errorCount') ?? 0, of(stats, 'readErrors') ?? 0)
  return {
    failed,
    ignored: Math.max(of(summary, 'numIgnoredErrors') ?? 0, of(stats, 'ignoredErrorCount') ?? 0),
    bytes: of(summary, 'size') ?? of(stats, 'totalSize') ?? (root?.type === 'f' ? of(root, 'size') : null),
    files: of(summary, 'files') ?? of(stats, 'fileCount') ?? (root?.type === 'f' ? 1 : null),
  }
}

function positive(value: number | null): number | null {
  return value !== null && value >= 0 ? value : null
}

/** Fills a job from the snapshots of its source. @throws Unanswered where the newest is from the future */
export function withKopiaSnapshots(job: Job, all: readonly KopiaSnapshot[], now: number): Job {
  const sorted = [...all].sort((a, b) => b.endedAt - a.endedAt || b.startedAt - a.startedAt)
  const whole = sorted.filter(one => one.incomplete === null)
  const [newest] = sorted
  const [last, ...earlier] = whole
  if (newest && isFuture(newest.endedAt, now))
    throw new Unanswered('the newest snapshot is from the future', 'Set the clock right, here or where it ran.')
  const sizes = earlier.map(one => one.bytes).filter(bytes => bytes !== null)
  const told: Job = {
    ...job,
    lastRunAt: last?.endedAt ?? null,
    lastResult: last ? (last.failed > 0 || last.ignored > 0 ? 'warnings' : 'success') : null,
    lastSuccessAt: last?.endedAt ?? null,
    durationMs: last ? last.endedAt - last.startedAt : null,
    sourceBytes: last?.bytes ?? null,
    files: last?.files ?? null,
    snapshots: whole.length,
    earlierBytes: sizes.slice(0, 10),
    learnedEveryMs: learnedEvery(whole.map(one => one.endedAt)),
    warnings: last ? complaints(last) : [],
  }
  if (!newest || newest.incomplete === null) return told
  return withIncomplete(told, newest, now)
}

/** A run after the last whole snapshot: it goes on, or it was broken off. */
function withIncomplete(job: Job, newest: KopiaSnapshot, now: number): Job {
  const goesOn = newest.incomplete === 'checkpoint' && now - newest.endedAt < CHECKPOINT_MS
  const said = `a snapshot of a later run is not whole: ${clip(newest.incomplete ?? '', 80)}`
  return {
    ...job,
    lastRunAt: newest.endedAt,
    lastResult: goesOn ? 'running' : 'failed',
    runningSince: goesOn ? newest.startedAt : null,
    warnings: goesOn ? job.warnings : warningList([said, ...job.warnings]),
  }
}

function complaints({ failed, ignored, errors }: KopiaSnapshot): string[] {
  const counted = [
    ...(failed > 0 ? [`${failed} entries could not be read`] : []),
    ...(ignored > 0 ? [`errors of ${ignored} entries were ignored, as its policy says`] : []),
  ]
  return warningList([...counted, ...errors])
}

/** What kopia says where it cannot answer, and what to do about it; texts of its source and of reports of its users. */
const readings: readonly (readonly [RegExp, string, string])[] = [
  [
    /repository is not connected|unable to open config file|error reading config file/i,
    'kopia is connected to no repository for this user',
    'Connect it (kopia repository connect), or set config, home or user to where it is.',
  ],
  [
    /invalid repository password|password prompt error|message authentication failed/i,
    'kopia cannot open the repository: the password is wrong or missing',
    'Connect again so that kopia keeps the password, or give KOPIA_PASSWORD in environmentFile.',
  ],
  [
    /repository not initialized in the provided storage|kopia\.repository blob/i,
    'there is no repository where kopia is connected to',
    'See that its disk is mounted and its server is there.',
  ],
]

/** Why kopia gave no answer. */
export function kopiaRefusal(captured: Captured): Unanswered {
  const said = `${captured.stderr}\n${captured.text}`.slice(0, 64 * 1024)
  const known = readings.find(([pattern]) => pattern.test(said))
  if (known) return new Unanswered(known[1], known[2])
  if (captured.code === DID_NOT_RUN) return new Unanswered(captured.stderr || 'kopia did not run')
  const lines = said.split('\n').map(line => line.slice(0, 2000).trim())
  const line = lines.find(one => /\b(error|failed|cannot|unable)\b/i.test(one)) ?? lines.find(one => one !== '')
  if (line) return new Unanswered(`kopia: ${line.slice(0, 300)}`)
  return new Unanswered(captured.code === null ? 'kopia printed nothing' : `kopia ended with ${captured.code} and printed nothing`)
}

/** `kopia repository status --json`, as far as it is understood. */
export type KopiaStatus = { readonly host: string | null; readonly destination: string | null; readonly path: string | null }

/** Where the repository is, and under which name this machine backs up to it. What cannot be read tells nothing. */
export function parseKopiaStatus(captured: Captured | undefined): KopiaStatus {
  const said = statusIn(captured)
  const storage = objectOf(said?.storage)
  const config = objectOf(storage?.config)
  const path = wordOf(config?.path) ?? null
  const place =
    path ?? wordOf(config?.bucket) ?? wordOf(config?.container) ?? wordOf(config?.host) ?? wordOf(config?.remotePath) ?? wordOf(config?.url)
  const type = wordOf(storage?.type)
  return {
    host: wordOf(objectOf(said?.clientOptions)?.hostname) ?? null,
    destination: type === undefined ? null : clip(redact(place === undefined ? type : `${type}:${place}`)),
    path: path?.startsWith('/') ? path : null,
  }
}

function statusIn(captured: Captured | undefined): Json | undefined {
  if (!captured || (captured.code !== null && captured.code !== 0)) return undefined
  try {
    return objectOf(documentIn(captured.text))
  } catch {
    // Older versions know no JSON here: where the repository is is an extra.
    return undefined
  }
}
