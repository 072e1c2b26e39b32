import { linesOf } from '../lines.ts'

/** Something that rsnapshot said of a run. `at`: epoch ms; null where its zone is not known. */
export type Said = { readonly at: number | null; readonly text: string }

/** A run of rsnapshot, as its log tells it. */
export type Run = {
  /** `alpha`, `sync`: what it was called with. */
  readonly command: string
  /** Its configuration, where it was called with one (`-c`). */
  readonly config: string | null
  readonly startedAt: number | null
  /** Null while it goes on, or where it was broken off. */
  readonly endedAt: number | null
  readonly result: 'success' | 'warnings' | 'failed' | 'open'
  readonly notes: readonly string[]
}

const MOST_LINES = 50_000
const MOST_NOTES = 64

/** `logfile` of rsnapshot.conf(5): `[2026-11-22T03:00:01] text`, in the zone of the machine; before 1.3.1 `[22/Nov/2026:03:00:01] text`. */
export function parseLogfile(text: string, toEpoch: (naive: string) => number | null): Said[] {
  return linesOf(text)
    .slice(-MOST_LINES)
    .flatMap(line => {
      const [, naive = '', said = ''] = /^\[([\w/:-]{19,20})\] (.*)$/.exec(line) ?? []
      return naive === '' ? [] : [{ at: toEpoch(isoOf(naive)), text: said }]
    })
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

function isoOf(naive: string): string {
  const [, day, month = '', year, clock] = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d:\d\d:\d\d)$/.exec(naive) ?? []
  return day === undefined ? naive : `${year}-${String(MONTHS.indexOf(month) + 1).padStart(2, '0')}-${day}T${clock}`
}

/** `journalctl -o json -t rsnapshot`: what it tells the system's log by logger(1), oldest first. @throws Error where a line is no JSON */
export function parseSystemLog(text: string): Said[] {
  return text
    .split('\n')
    .filter(line => line.startsWith('{'))
    .slice(-MOST_LINES)
    .flatMap(line => {
      const { __REALTIME_TIMESTAMP: micros, MESSAGE: said } = entryOf(line)
      const at = Math.floor(Number(micros) / 1000)
      return at > 0 && typeof said === 'string' ? [{ at, text: said.slice(0, 2000) }] : []
    })
    .sort((a, b) => a.at - b.at)
}

function entryOf(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    throw new Error('journalctl printed a line that is no JSON')
  }
}

type Open = { command: string; config: string | null; startedAt: number | null; notes: string[] }

/**
 * The runs that were told, oldest first. The system's log knows no beginnings, and a run with a broken configuration has neither beginning nor end: only
 * an error. One that finds another running is refused, while the other goes on.
 */
export function runsOf(said: readonly Said[]): Run[] {
  const runs: Run[] = []
  const open: Open[] = []
  for (const { at, text } of said) {
    const told = read(text)
    const index = told ? open.findLastIndex(one => one.command === told.command && one.config === told.config) : -1
    const run = open[index]
    if (!told) note(open.at(-1), text)
    else if (told.what === 'started') open.push({ command: told.command, config: told.config, startedAt: at, notes: [] })
    else if (told.what === 'error' && run && !told.isRefusal) note(run, told.how)
    else {
      if (run) open.splice(index, 1)
      end(runs, {
        command: told.command,
        config: told.config,
        startedAt: run?.startedAt ?? null,
        endedAt: at,
        ...outcome(told, run?.notes ?? []),
      })
    }
  }
  const broken = open.map(one => ({ ...one, endedAt: null, result: 'open' as const }))
  return [...runs, ...broken].sort((a, b) => (a.startedAt ?? a.endedAt ?? 0) - (b.startedAt ?? b.endedAt ?? 0))
}

type Told = {
  readonly command: string
  readonly config: string | null
  readonly what: 'started' | 'ended' | 'error'
  readonly how: string
  readonly isRefusal: boolean
}

/** A line that names the call of rsnapshot; others belong to the run that is open. */
function read(text: string): Told | undefined {
  const said = text.replace(/^WARNING: /, '')
  const colon = said.indexOf(': ')
  const command = colon < 0 ? '' : commandOf(said.slice(0, colon))
  if (command === '') return undefined
  const rest = said.slice(colon + 2)
  const config = /\s-c\s+(\S{1,1000})/.exec(said.slice(0, colon))?.[1] ?? null
  if (rest === 'started') return { command, config, what: 'started', how: '', isRefusal: false }
  const how = /(?:^|: )completed,? (successfully|but with [a-z ]{1,40})$/.exec(rest)?.[1]
  if (how !== undefined) return { command, config, what: 'ended', how, isRefusal: false }
  const error = /^ERROR: (.*)$/.exec(rest)?.[1]
  if (error === undefined) return undefined
  return {
    command,
    config,
    what: 'error',
    how: error,
    isRefusal: /^(Lockfile .* exists|Stale lockfile |Could not write lockfile )/.test(error),
  }
}

function outcome({ what, how }: Told, notes: readonly string[]): Pick<Run, 'result' | 'notes'> {
  if (what === 'error') return { result: 'failed', notes: [...notes, how] }
  return { result: how === 'successfully' ? 'success' : how === 'but with some warnings' ? 'warnings' : 'failed', notes }
}

/** Errors one after the other without a run are of one call. */
function end(runs: Run[], run: Run): void {
  const before = runs.at(-1)
  const isSame =
    before?.result === 'failed' &&
    before.command === run.command &&
    before.config === run.config &&
    before.startedAt === null &&
    run.startedAt === null
  const isClose = (run.endedAt ?? 0) - (before?.endedAt ?? 0) < 60_000
  if (before && isSame && isClose)
    runs[runs.length - 1] = { ...run, result: 'failed', notes: [...before.notes, ...run.notes].slice(0, MOST_NOTES) }
  else runs.push(run)
}

function note(run: Open | undefined, text: string): void {
  if (run && run.notes.length < MOST_NOTES && !/^(?:echo|touch|mkdir|mv|rm|cd|\/\S{1,200}) /.test(text)) run.notes.push(text)
}

/** The command in what rsnapshot was called with: `/usr/bin/rsnapshot -c FILE alpha`. `sync` of one place alone is told with that place. */
export function commandOf(call: string): string {
  const words = call.trim().split(/\s+/)
  if (!/(^|\/)rsnapshot$/.test(words[0] ?? '')) return ''
  const rest: string[] = []
  for (let index = 1; index < words.length; index++) {
    const word = words[index] ?? ''
    if (word === '-c') index++
    else if (!word.startsWith('-')) rest.push(word)
  }
  return rest.join(' ')
}

/** A function that reads times without a zone as those of `zone` (`Europe/Berlin`), to epoch ms; one that knows nothing where the zone is not known. */
export function clockOf(zone: string | null): (naive: string) => number | null {
  const format = zone === null ? undefined : formatOf(zone)
  if (!format) return () => null
  return naive => {
    const asUtc = Date.parse(`${naive}Z`)
    if (!(asUtc > 0)) return null
    // Twice: the first guess may lie on the other side of a change of the clocks.
    const first = asUtc - offsetAt(format, asUtc)
    return asUtc - offsetAt(format, first)
  }
}

function formatOf(zone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' })
  } catch {
    return undefined
  }
}

function offsetAt(format: Intl.DateTimeFormat, at: number): number {
  return Date.parse(`${format.format(at).replace(' ', 'T')}Z`) - Math.floor(at / 1000) * 1000
}
