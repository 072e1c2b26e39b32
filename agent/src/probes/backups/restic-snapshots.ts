import type { Captured } from '../../probe.ts'
import { clip, destinationOf, isFuture, type Job, learnedEvery, Unanswered, warningList } from './job.ts'
import { zoned } from './record.ts'
import { isSnapshotTable, tableSnapshots } from './restic-table.ts'

/** A snapshot, as far as a job's standing needs it. */
export type Snapshot = {
  readonly id: string
  /** Epoch ms: the end where the summary tells it (restic 0.17 and later), else the start. */
  readonly at: number
  readonly hostname: string
  readonly paths: readonly string[]
  readonly tags: readonly string[]
  readonly durationMs: number | null
  readonly bytes: number | null
  readonly addedBytes: number | null
  readonly files: number | null
}

/**
 * `restic snapshots --json`, grouped (`--group-by`) or not, or its table; see "Scripting" in restic's manual.
 * @throws Unanswered where restic said why it could not answer, Error where the text is nothing it prints
 */
export function parseSnapshots(captured: Captured, destination: string | null): Snapshot[] {
  const text = captured.text.trim()
  if (captured.code !== null && captured.code !== 0) throw refusal(captured, destination)
  if (text === '') throw refusal(captured, destination)
  if (!/^[[{]/.test(text) && isSnapshotTable(text)) return tableSnapshots(captured.text)
  if (/^(Fatal: |error: |repository .* opened|Resolving password)/m.test(text)) throw refusal(captured, destination)
  const parsed = json(text)
  if (parsed === null) return []
  if (!Array.isArray(parsed)) throw isExitError(parsed) ? refusal(captured, destination) : new Error('restic snapshots printed no list')
  return parsed.flatMap(entry => {
    const grouped = (entry as { snapshots?: unknown } | null)?.snapshots
    return Array.isArray(grouped) ? grouped.map(snapshot) : grouped === null ? [] : [snapshot(entry)]
  })
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('restic snapshots printed no JSON')
  }
}

function isExitError(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (value as { message_type?: unknown }).message_type === 'exit_error'
}

type Raw = { time?: unknown; id?: unknown; hostname?: unknown; paths?: unknown; tags?: unknown; summary?: unknown }

function snapshot(entry: unknown): Snapshot {
  if (typeof entry !== 'object' || entry === null) throw new Error('restic snapshots printed a snapshot that is none')
  const raw = entry as Raw
  const start = zoned(raw.time)
  if (!(start > 0)) throw new Error('restic snapshots printed a snapshot without a time')
  if (typeof raw.hostname !== 'string' || !Array.isArray(raw.paths))
    throw new Error('restic snapshots printed a snapshot without host or paths')
  const summary = (typeof raw.summary === 'object' && raw.summary !== null ? raw.summary : {}) as Record<string, unknown>
  const begun = zoned(summary.backup_start)
  const end = zoned(summary.backup_end)
  return {
    id: typeof raw.id === 'string' ? raw.id : '',
    at: Number.isNaN(end) ? start : Math.max(start, end),
    hostname: raw.hostname,
    paths: texts(raw.paths),
    tags: Array.isArray(raw.tags) ? texts(raw.tags) : [],
    durationMs: end >= begun ? end - begun : null,
    bytes: size(summary.total_bytes_processed),
    addedBytes: size(summary.data_added_packed) ?? size(summary.data_added),
    files: size(summary.total_files_processed),
  }
}

const texts = (values: readonly unknown[]): string[] => values.filter(value => typeof value === 'string').map(trimmedPath)
const size = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null)

/** `/srv/` and `/srv` are one source. */
export function trimmedPath(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

/** Which snapshots are the job's. */
export type Wanted = {
  readonly host: string
  readonly paths?: readonly string[] | undefined
  readonly tags?: readonly string[] | undefined
}

/**
 * Fills a job from the snapshots of its host, tags and paths. A snapshot that lacks a wanted path is partial: restic before 0.17 ends with 0 there.
 * @throws Unanswered where the newest is from the future
 */
export function withSnapshots(job: Job, all: readonly Snapshot[], wanted: Wanted, now: number): Job {
  const paths = (wanted.paths ?? []).map(trimmedPath)
  const own = all
    .filter(one => one.hostname === wanted.host && (wanted.tags ?? []).every(tag => one.tags.includes(tag)))
    .filter(one => paths.length === 0 || paths.some(path => one.paths.includes(path)))
    .sort((a, b) => b.at - a.at)
  const whole = own.filter(one => paths.every(path => one.paths.includes(path)))
  const last = own[0]
  const good = whole[0]
  if (last && isFuture(last.at, now)) {
    throw new Unanswered(
      `the newest snapshot ${last.id.slice(0, 8)} is from the future`,
      'Set the clock right, here or where the backup ran.',
    )
  }
  const missing = last && last !== good ? paths.filter(path => !last.paths.includes(path)) : []
  return {
    ...job,
    reason: own.length > 0 ? job.reason : clip(nothingOf(all, wanted, paths)),
    lastRunAt: last?.at ?? null,
    lastResult: missing.length > 0 ? 'warnings' : null,
    lastSuccessAt: good?.at ?? null,
    durationMs: last?.durationMs ?? null,
    sourceBytes: last?.bytes ?? null,
    addedBytes: last?.addedBytes ?? null,
    files: last?.files ?? null,
    snapshots: whole.length,
    earlierBytes: own
      .slice(1)
      .map(one => one.bytes)
      .filter(bytes => bytes !== null)
      .slice(0, 10),
    learnedEveryMs: learnedEvery(whole.map(one => one.at)),
    warnings: warningList(missing.map(path => `the newest snapshot does not hold ${path}`)),
  }
}

function nothingOf(all: readonly Snapshot[], wanted: Wanted, paths: readonly string[]): string {
  const what = paths.length > 0 ? ` with ${paths.join(', ')}` : ''
  if (all.length === 0) return `the repository holds no snapshot of the host ${wanted.host}${what}`
  return `none of its ${all.length} snapshots is of the host ${wanted.host}${what}: if backups are made under another name, set host`
}

/** Why restic gave no answer. Codes 10 to 12 are of 0.17 and later; before, everything ends with 1 and only the text tells. */
export function refusal(captured: Captured, destination: string | null): Unanswered {
  const said = `${captured.stderr}\n${captured.text}`.slice(0, 64 * 1024)
  const where = destination === null ? 'the repository' : destinationOf(destination)
  const { code } = captured
  if (code === 12 || /wrong password or no key found/.test(said)) {
    return new Unanswered(
      `wrong password for ${where}`,
      'See that the password file, command or credential of this job opens the repository.',
    )
  }
  if (code === 11 || /already locked|unable to create lock/.test(said)) {
    return new Unanswered(`${where} is locked, a backup or check may be running`, 'If none runs, see restic list locks and restic unlock.')
  }
  if (/connection refused|no such host|i\/o timeout|no route to host|network is unreachable|connection reset/.test(said)) {
    return new Unanswered(
      `${where} did not answer: ${firstLine(said)}`,
      'See that its server is up and the network lets the agent reach it.',
    )
  }
  if (code === 10 || /Is there a repository at the following location|unable to open config file|repository does not exist/.test(said)) {
    return new Unanswered(`no repository at ${where}`, 'See that the address is right and its disk or server is there.')
  }
  if (/password/i.test(said) && /does not exist|permission denied|empty password|Resolving password failed/i.test(said)) {
    return new Unanswered(`the password cannot be read: ${firstLine(said)}`, 'See that the agent may read the password file of this job.')
  }
  const line = firstLine(said)
  if (line !== '') return new Unanswered(`${line}`, null)
  return new Unanswered(code === null || code <= 0 ? 'restic printed nothing' : `restic ended with ${code} and printed nothing`)
}

/** The line that says what went wrong. */
export function firstLine(said: string): string {
  const lines = said.split('\n').map(line => line.trim())
  const fatal = lines.find(line => line.startsWith('Fatal:')) ?? lines.find(line => line !== '' && !line.startsWith('unable to open cache'))
  return (fatal ?? '').replace(/^Fatal: /, '').slice(0, 400)
}
