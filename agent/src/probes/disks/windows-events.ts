import type { FactTypes } from '@fettle/catalog'
import type { Captured } from '../../probe.ts'
import { cut } from '../gather.ts'
import { type LogEvent, logQuery, recordsOf } from '../windows/events.ts'

export type DiskEvent = NonNullable<FactTypes['disks']['events']>[number]

const WEEK_MS = 7 * 86_400_000
const MOST = 64
/** Events of the disk class driver: 7, 11, 15, 51, 52, 153, 154, 157; see "Storage event IDs" of Microsoft Learn. 15 (not ready) comes with empty card readers. */
const KINDS: ReadonlyMap<number, DiskEvent['kind']> = new Map([
  [7, 'bad-block'],
  [11, 'controller'],
  [51, 'paging'],
  [52, 'predicted'],
  [153, 'retried'],
  [154, 'bad-block'],
  [157, 'removed'],
])
/** Of a port driver, Microsoft's or a vendor's: "Reset to device, \Device\RaidPort0, was issued". */
const RESET = 129
const PORT = /^\\Device\\((?:RaidPort|ScsiPort|Scsi\\)[\w]{1,40})/i

/** Warnings and errors of the last seven days of the disk class driver, and resets by whatever port driver. */
export const DISK_EVENTS = logQuery(
  'System',
  `*[System[(Provider[@Name='disk' or @Name='Disk'] or EventID=${RESET}) and (Level=1 or Level=2 or Level=3) and TimeCreated[timediff(@SystemTime) <= ${WEEK_MS}]]]`,
)

/** What the log tells of disks, by kind and device. @throws Denied, Error where the log cannot be read */
export function diskEventsOf(captured: Captured): DiskEvent[] {
  const found = new Map<string, DiskEvent>()
  for (const record of recordsOf(captured)) {
    const seen = seenIn(record)
    if (!seen) continue
    const key = `${seen.kind} ${seen.device}`
    const before = found.get(key)
    const times = [before?.lastAt, record.at].filter(at => typeof at === 'number')
    found.set(key, { ...seen, count: (before?.count ?? 0) + 1, lastAt: times.length === 0 ? null : Math.max(...times) })
  }
  const order = [...KINDS.values(), 'reset'] as const
  return [...found.values()].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind)).slice(0, MOST)
}

function seenIn({ provider, id, data }: LogEvent): Pick<DiskEvent, 'kind' | 'device'> | undefined {
  const [, first = ''] = data[0] ?? []
  if (id === RESET) {
    const port = PORT.exec(first)?.[1]
    return port === undefined ? undefined : { kind: 'reset', device: cut(port, 128) }
  }
  const kind = provider.toLowerCase() === 'disk' ? KINDS.get(id) : undefined
  if (kind === undefined) return undefined
  // Most name the device; 157 gives the bare number of the disk.
  const number = /^\\Device\\Harddisk(\d{1,4})\\/i.exec(first)?.[1] ?? /^(\d{1,4})$/.exec(first)?.[1]
  return { kind, device: number === undefined ? null : `PhysicalDrive${number}` }
}
