/** What systemd and its journal say of a unit: pure readings. */

/** Properties of a unit by name, as `systemctl show` prints them. */
export type Unit = ReadonlyMap<string, string>

/** `systemctl show`: `KEY=value` lines, units apart by an empty line; systemctl(1). @throws Error where a line is none */
export function parseUnits(text: string): Unit[] {
  return text
    .split(/\n{2,}/)
    .filter(block => block.trim() !== '')
    .map(block => {
      const unit = new Map<string, string>()
      for (const line of block.split('\n').filter(one => one !== '')) {
        const equals = line.indexOf('=')
        // Values of several lines go on without a key: none of those that are read here does.
        if (equals > 0) unit.set(line.slice(0, equals), line.slice(equals + 1))
        else if (unit.size === 0) throw new Error('systemctl show printed no properties')
      }
      return unit
    })
}

/**
 * A timestamp property, epoch ms; null where there is none. systemctl writes it in the zone of its environment, so it ran with TZ=UTC;
 * `--timestamp=unix` writes `@seconds`. @throws Error for any other zone: its name alone tells no offset
 */
export function timestamp(unit: Unit, property: string): number | null {
  const value = unit.get(property) ?? ''
  if (value === '' || value === 'n/a' || value === '0' || value === '@0') return null
  const seconds = /^@(\d{1,12})(?:\.\d{1,9})?$/.exec(value)?.[1]
  if (seconds !== undefined) return Number(seconds) * 1000
  const [, day = '', clock = ''] = /^[A-Z][a-z]{2} (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d{1,9})? (?:UTC|GMT)$/.exec(value) ?? []
  const time = Date.parse(`${day}T${clock}Z`)
  if (!(time > 0)) throw new Error(`systemctl wrote ${property} as ${value.slice(0, 60)}: run it with TZ=UTC`)
  return time
}

/** What happened to a unit. */
export type Event = {
  readonly at: number
  readonly what: 'started' | 'finished' | 'succeeded' | 'failed' | 'exited'
  readonly unit: string
  readonly isClean: boolean
}

/** Message ids of the manager; see sd-messages.h and the catalog of systemd. */
export const messageIds = {
  '7d4958e842da4a758f6c1cdc7b36dcc5': 'started',
  '39f53479d3a045ac8e11786248231fbf': 'finished',
  '7ad2d189f7e94e70a38c781354912448': 'succeeded',
  d9b373ed55a64feb8242e02dbe79a49c: 'failed',
  be02cf6855d2428ba40df7e9d022f03d: 'failed',
  '98e322203f7a4ed290d09fe03c09fe15': 'exited',
} as const

/** More messages than the newest of these tell nothing new. */
const MOST_MESSAGES = 500

/** `journalctl -o json` of these messages, oldest first; see "Journal JSON Format". Lines of other messages are left out. @throws Error where a line is no JSON */
export function parseJournal(text: string): Event[] {
  return text
    .split('\n')
    .filter(line => line.startsWith('{'))
    .slice(-MOST_MESSAGES)
    .flatMap(line => event(line) ?? [])
    .sort((a, b) => a.at - b.at)
}

function event(line: string): Event | undefined {
  let entry: Record<string, unknown>
  try {
    entry = JSON.parse(line) as Record<string, unknown>
  } catch {
    throw new Error('journalctl printed a line that is no JSON')
  }
  const what = messageIds[String(entry.MESSAGE_ID) as keyof typeof messageIds]
  const at = Math.floor(Number(entry.__REALTIME_TIMESTAMP) / 1000)
  const isDone = what !== 'finished' || entry.JOB_RESULT === undefined || entry.JOB_RESULT === 'done'
  if (!what || !(at > 0) || !isDone) return undefined
  const isClean = what !== 'exited' || (entry.EXIT_CODE === 'exited' && String(entry.EXIT_STATUS) === '0')
  return { at, what, unit: String(entry.UNIT ?? ''), isClean }
}

/** Messages of one end of a run come within so long, ms. */
const ONE_END_MS = 30_000

/** A run's end. `isClean`: no process of it was killed or ended with anything but 0. */
export type End = { readonly at: number; readonly isGood: boolean; readonly isClean: boolean }

/** Ends of runs, oldest first. `isOneshot`: only for such a unit does a finished start mean a finished run. */
export function endsOf(events: readonly Event[], isOneshot: boolean): End[] {
  const ends: End[] = []
  for (const one of events) {
    const isEnd = one.what === 'succeeded' || one.what === 'failed' || (one.what === 'finished' && isOneshot)
    if (!isEnd) continue
    const isClean = !events.some(other => other.what === 'exited' && !other.isClean && other.at <= one.at && one.at - other.at < ONE_END_MS)
    const end = { at: one.at, isGood: one.what !== 'failed', isClean }
    const before = ends.at(-1)
    if (before && end.at - before.at < ONE_END_MS && before.isGood === end.isGood)
      ends[ends.length - 1] = { ...end, isClean: end.isClean && before.isClean }
    else ends.push(end)
  }
  return ends
}
