import type { Captured } from '../../probe.ts'
import { destinationOf, isFuture, type Job, learnedEvery, Unanswered } from './job.ts'
import { zoned } from './record.ts'

/** An archive, as far as a job's standing needs it. */
export type Archive = {
  readonly name: string
  readonly id: string
  /** Null where the listing does not tell (`borg list --json` without `--format`). */
  readonly hostname: string | null
  /** End where it is told, else start; epoch ms. */
  readonly at: number
  readonly durationMs: number | null
  readonly bytes: number | null
  readonly addedBytes: number | null
  readonly files: number | null
}

/**
 * The finished archives of `borg list --json` or `borg info --json --last N`; see borg's manual, "All about JSON". Times are naive, so the
 * command ran with TZ=UTC. Checkpoints are left out: a run that was broken off made them.
 * @throws Unanswered where borg said why it could not answer, Error where the text is nothing it prints
 */
export function parseArchives(captured: Captured, destination: string | null): Archive[] {
  const text = captured.text.trim()
  const isBad = captured.code !== null && captured.code !== 0
  if (isBad || text === '' || messages(text).length > 0) throw refusal(captured, destination)
  const { archives } = json(text)
  if (archives === undefined) throw new Unanswered('borg listed no archives: this output is about the repository alone')
  if (!Array.isArray(archives)) throw new Error('borg printed archives that are no list')
  return archives.map(archive).filter(one => !/\.checkpoint(\.\d+)?$/.test(one.name))
}

function json(text: string): { archives?: unknown } {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed
  } catch {
    // Told below like any other text that is not borg's.
  }
  throw new Error('borg printed no JSON')
}

function archive(entry: unknown): Archive {
  if (typeof entry !== 'object' || entry === null) throw new Error('borg printed an archive that is none')
  const raw = entry as Record<string, unknown>
  const name = raw.name ?? raw.archive
  const start = timeOf(raw.start ?? raw.time)
  if (typeof name !== 'string' || !(start > 0)) throw new Error('borg printed an archive without name or time')
  const end = timeOf(raw.end)
  const stats = (typeof raw.stats === 'object' && raw.stats !== null ? raw.stats : {}) as Record<string, unknown>
  const seconds = size(raw.duration)
  return {
    name,
    id: typeof raw.id === 'string' ? raw.id : name,
    hostname: typeof raw.hostname === 'string' ? raw.hostname : null,
    at: Number.isNaN(end) ? start : Math.max(start, end),
    durationMs: seconds === null ? null : Math.round(seconds * 1000),
    bytes: size(stats.original_size),
    addedBytes: size(stats.deduplicated_size),
    files: size(stats.nfiles),
  }
}

const size = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null)

/** Borg's time, epoch ms: naive ones are UTC by the environment it ran with. NaN for anything else. */
export function timeOf(value: unknown): number {
  if (typeof value !== 'string') return Number.NaN
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?$/.test(value) ? Date.parse(`${value}Z`) : zoned(value)
}

/** Newest first; of two within one second, which is as fine as borg prints, the one listed later. */
export function newestFirst(archives: readonly Archive[]): Archive[] {
  return [...archives].reverse().sort((a, b) => b.at - a.at)
}

/** Fills a job from its archives. `sizes`: the archives as `borg info` tells them. @throws Unanswered where the newest is from the future */
export function withArchives(job: Job, own: readonly Archive[], sizes: readonly Archive[], now: number): Job {
  const sorted = newestFirst(own)
  const [newest] = sorted
  if (newest && isFuture(newest.at, now)) {
    throw new Unanswered(
      `the newest archive ${newest.name.slice(0, 80)} is from the future`,
      'Set the clock right, here or where the backup ran.',
    )
  }
  const byId = new Map(sizes.map(one => [one.id, one]))
  const detailed = sorted.map(one => byId.get(one.id) ?? one)
  const [last, ...earlier] = detailed
  return {
    ...job,
    lastRunAt: newest?.at ?? null,
    lastSuccessAt: newest?.at ?? null,
    durationMs: last?.durationMs ?? null,
    sourceBytes: last?.bytes ?? null,
    addedBytes: last?.addedBytes ?? null,
    files: last?.files ?? null,
    snapshots: sorted.length,
    earlierBytes: earlier
      .map(one => one.bytes)
      .filter(bytes => bytes !== null)
      .slice(0, 10),
    learnedEveryMs: learnedEvery(sorted.map(one => one.at)),
  }
}

/** A line of `--log-json`. */
export type Message = { readonly level: string; readonly text: string; readonly msgid: string }

/** The messages of `--log-json` in a text; other lines are left out. */
export function messages(text: string): Message[] {
  return text.split('\n').flatMap(line => messageOf(line) ?? [])
}

/** The message in a line of `--log-json`, or undefined. */
export function messageOf(line: string): Message | undefined {
  if (!line.startsWith('{"') || !line.includes('"type"')) return undefined
  try {
    const { levelname, message, msgid, type } = JSON.parse(line) as Record<string, unknown>
    if (typeof type !== 'string') return undefined
    return { level: typeof levelname === 'string' ? levelname : '', text: String(message ?? ''), msgid: String(msgid ?? '') }
  } catch {
    return undefined
  }
}

type Reading = { readonly ids: readonly string[]; readonly said: RegExp; readonly reason: string; readonly hint: string }

/** Borg's message ids (borg's manual, "Message IDs"), and the words of output without `--log-json`. */
const readings: readonly Reading[] = [
  {
    ids: ['LockTimeout'],
    said: /acquire the lock .{0,512}\(timeout\)/,
    reason: 'is locked, a backup may be running',
    hint: 'If none runs, see borg break-lock.',
  },
  {
    ids: ['LockFailed', 'LockError', 'LockErrorT'],
    said: /Failed to create\/acquire the lock/,
    reason: 'cannot be locked',
    hint: 'Let the agent run as a user who may write to the repository.',
  },
  {
    ids: ['PassphraseWrong', 'NoPassphraseFailure', 'PasscommandFailure', 'PasswordRetriesExceeded'],
    said: /passphrase supplied .{0,200} is incorrect|can not acquire a passphrase|passcommand supplied .{0,200} failed/,
    reason: 'does not open: wrong passphrase, or it cannot be read',
    hint: 'See that the passphrase file, command or credential of this job opens the repository.',
  },
  {
    ids: ['Repository.DoesNotExist', 'Repository.InvalidRepository', 'Repository.ParentPathDoesNotExist'],
    said: /does not exist|is not a valid repository/,
    reason: 'is no repository',
    hint: 'See that the address is right and its disk or server is there.',
  },
  {
    ids: ['Cache.CacheInitAbortedError'],
    said: /previously unknown unencrypted repository/,
    reason: 'is not encrypted and was never seen before',
    hint: 'If that is meant so, set unencrypted: true for this job.',
  },
  {
    ids: ['Cache.RepositoryAccessAborted'],
    said: /was previously located at/,
    reason: 'has moved, or another one stands in its place',
    hint: 'If that is meant so, run borg list once by hand with BORG_BASE_DIR set to the base of this job.',
  },
  {
    ids: ['ConnectionClosed', 'ConnectionClosedWithHint'],
    said: /Connection closed by remote host/,
    reason: 'did not answer: the connection was closed',
    hint: 'See that ssh reaches it without a password as the user the agent runs as.',
  },
]

/** Why borg gave no answer. */
export function refusal(captured: Captured, destination: string | null): Unanswered {
  const said = `${captured.stderr}\n${captured.text}`.slice(0, 64 * 1024)
  const where = destination === null ? 'the repository' : destinationOf(destination)
  const told = messages(said)
  const byId = readings.find(reading => told.some(message => reading.ids.includes(message.msgid)))
  const known = byId ?? readings.find(reading => reading.said.test(said))
  if (known) return new Unanswered(`${where} ${known.reason}`, known.hint)
  const error = told.find(message => message.level === 'ERROR' || message.level === 'CRITICAL') ?? told[0]
  const line = error?.text ?? said.split('\n').find(one => one.trim() !== '')
  if (line) return new Unanswered(`${line.slice(0, 400)}`)
  return new Unanswered(
    captured.code === null || captured.code <= 0 ? 'borg printed nothing' : `borg ended with ${captured.code} and printed nothing`,
  )
}
