import type { Host } from '../../host.ts'
import { type Captured, Denied } from '../../probe.ts'
import { cut } from '../gather.ts'
import { windowsTime } from './time.ts'

/** One record of an event log. */
export type LogEvent = {
  readonly provider: string
  readonly id: number
  /** 1 critical, 2 error, 3 warning, 4 information; 0 where the provider tells none. */
  readonly level: number
  readonly at: number | null
  readonly data: readonly (readonly [name: string, value: string])[]
}

const MOST_EVENTS = 5000
const LONGEST_EVENT = 100_000
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** Most records that are asked for, newest first. */
const MOST_ASKED = 2000

/** The command that gives the records of a log that a query (XPath 1.0 as of "Consuming Events") names, newest first; see `wevtutil qe /?`. */
export function logQuery(log: string, query: string): readonly string[] {
  return ['wevtutil.exe', 'qe', log, `/q:${query}`, '/f:xml', '/rd:true', `/c:${MOST_ASKED}`]
}

/** Records for those who want them besides: a log that cannot be asked gives a capture that `recordsOf` refuses. Never rejects. */
export async function besides(host: Host, argv: readonly string[]): Promise<Captured> {
  return host.run(argv).catch((error: Error) => ({ text: '', stderr: error.message, code: 1, name: argv.join(' '), modifiedAt: null }))
}

/**
 * The records that wevtutil printed; none is an answer. Its exit codes are those of Windows, its words are translated.
 * @throws Denied, Error where the log could not be read, or its text is cut off or no XML
 */
export function recordsOf({ text, stderr, code }: Captured): LogEvent[] {
  if (code === 5 || /\(?0x5\)?\b|Access is denied/i.test(stderr))
    throw new Denied('the event log may not be read', 'Run the agent as a service (LocalSystem).')
  if (code !== null && code !== 0) throw new Error(`Cannot read the event log: wevtutil ended with ${code} ${cut(stderr, 120)}`)
  const events = eventsOf(text)
  if (text.trim() !== '' && events.length === 0) throw new Error('Cannot read the events: wanted XML of wevtutil')
  if (text.lastIndexOf('<Event ') > text.lastIndexOf('</Event>')) throw new Error('Cannot read the events: the last one is cut off')
  return events
}

/** Whether a text holds records of an event log as XML. */
export function isEventXml(text: string): boolean {
  return /<Event\s[^>]{0,200}schemas\.microsoft\.com\/win\/2004\/08\/events\/event/.test(text.slice(0, 4000))
}

/**
 * Records as `wevtutil qe … /f:xml` prints them: `<Event>` elements without a root. What is cut off at the end is no event.
 * @throws where an event has no provider, id or time
 */
export function eventsOf(text: string): LogEvent[] {
  const events: LogEvent[] = []
  let from = text.indexOf('<Event ')
  while (from !== -1 && events.length < MOST_EVENTS) {
    const to = text.indexOf('</Event>', from)
    if (to === -1) break
    if (to - from > LONGEST_EVENT) throw new Error('Cannot read the event log: an event is longer than it may be')
    events.push(eventOf(text.slice(from, to)))
    from = text.indexOf('<Event ', to)
  }
  return events
}

function eventOf(xml: string): LogEvent {
  const provider = /<Provider\s[^>]{0,300}?Name=['"]([^'"]{1,200})['"]/.exec(xml)?.[1]
  const id = /<EventID(?:\s[^>]{0,60})?>(\d{1,6})<\/EventID>/.exec(xml)?.[1]
  if (!provider || !id) throw new Error('Cannot read an event: it has no provider or no id')
  const level = /<Level>(\d{1,3})<\/Level>/.exec(xml)?.[1]
  const time = /<TimeCreated\s{1,4}SystemTime=['"]([^'"]{1,60})['"]/.exec(xml)?.[1]
  const data = [...xml.matchAll(/<Data(?:\s{1,4}Name=['"]([^'"]{0,100})['"])?>([^<]{0,4000})<\/Data>/g)].map(
    ([, name = '', value = '']) => [name, decoded(value)] as const,
  )
  return { provider: decoded(provider), id: Number(id), level: Number(level ?? 0), at: windowsTime(time), data }
}

function decoded(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(amp|lt|gt|quot|apos));/gi, (whole, decimal, hex, name) => {
    const code = decimal ? Number(decimal) : hex ? Number.parseInt(hex, 16) : null
    if (code !== null) return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole
    return ENTITIES[String(name).toLowerCase()] ?? whole
  })
}
