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
