import { documentIn, numberOf, objectOf, objectsOf, wordOf } from '../loose-json.ts'
import type { RaidArray } from './array.ts'

/** Errors that one device of a file system counted; `missing` where the kernel has no device behind the number. */
export type DeviceStats = { readonly device: string; readonly missing: boolean; readonly errors: number }

const COUNTERS = ['write_io_errs', 'read_io_errs', 'flush_io_errs', 'corruption_errs', 'generation_errs'] as const
/** What stands for a device that is gone; its counters are all 0, which is no good news. */
const GONE = /^(devid:\d+|<missing disk>|missing.*|\(null\)|)$/i

/** `btrfs device stats`, text or JSON, see btrfs-device(8). @throws Error where a device has not all its counters */
export function parseStats(text: string): DeviceStats[] {
  const counted = /^[ \t]*\{/m.test(text) ? jsonStats(text) : textStats(text)
  const devices = [...counted].map(([device, counters]) => {
    const values = COUNTERS.map(name => counters.get(name) ?? null)
    if (values.includes(null)) throw new Error(`Cannot read the errors of ${device.slice(0, 80)}: a counter is missing`)
    return { device, missing: GONE.test(device), errors: values.reduce<number>((sum, value) => sum + (value ?? 0), 0) }
  })
  if (devices.length === 0) throw new Error('Cannot find a device in the output of btrfs device stats')
  return devices
}

type Counted = Map<string, Map<string, number | null>>

function jsonStats(text: string): Counted {
  const devices = objectsOf(objectOf(documentIn(text))?.['device-stats'])
  return new Map(
    devices.map(device => {
      const name = wordOf(device.device) ?? `devid:${wordOf(device.devid) ?? '?'}`
      return [name, new Map(COUNTERS.map(counter => [counter as string, numberOf(device[counter])]))]
    }),
  )
}

function textStats(text: string): Counted {
  const devices: Counted = new Map()
  for (const row of text.split('\n')) {
    if (row.trim() === '') continue
    const [, device = '', counter = '', value = ''] = /^\[([^\]]{0,256})\]\.(\w{1,32})\s+(\d{1,20})\s*$/.exec(row) ?? []
    if (counter === '') throw new Error(`Cannot read the line of btrfs device stats: ${row.slice(0, 120)}`)
    devices.set(device, (devices.get(device) ?? new Map()).set(counter, Number(value)))
  }
  return devices
}

/** One file system of `btrfs filesystem show`. */
export type Shown = {
  readonly uuid: string
  readonly label: string | null
  readonly total: number
  readonly paths: readonly (string | null)[]
  readonly warned: boolean
}

/** `btrfs filesystem show`, see btrfs-filesystem(8); a path is null where the device is missing. @throws Error where a section cannot be read */
export function parseShow(text: string): Shown[] {
  const sections = text.split(/^Label: /m).slice(1)
  if (sections.length === 0) throw new Error('Cannot find a file system in the output of btrfs filesystem show')
  return sections.map(section => {
    const [, label = '', uuid] = /^(.{0,300}?)\s+uuid: ([0-9a-f-]{36})/.exec(section) ?? []
    const total = /^[ \t]*Total devices (\d{1,5})\b/m.exec(section)?.[1]
    if (!uuid || !total) throw new Error(`Cannot read the file system ${uuid ?? label.slice(0, 64)}: its section is cut short`)
    const rows = [...section.matchAll(/^[ \t]*devid +\d+ size \S+ used \S+ path\s+(.*)$/gm)].map(row => row[1]?.trim() ?? '')
    const paths = rows.map(path => (/^$|\bMISSING\b|^<missing disk>/i.test(path) ? null : path))
    const odd = paths.find(path => path !== null && !path.startsWith('/'))
    if (odd) throw new Error(`Cannot read the device of ${uuid}: ${odd.slice(0, 80)}`)
    return {
      uuid,
      label: label === 'none' ? null : label.replace(/^'|'$/g, ''),
      total: Number(total),
      paths,
      warned: /Some devices missing/.test(section),
    }
  })
}

/** What a scrub told. */
export type Scrub = {
  readonly uuid: string | null
  readonly sync: RaidArray['sync']
  readonly endedAt: number | null
  readonly errors: number | null
  readonly uncorrectable: number
  readonly stopped: boolean
}

/** `btrfs scrub status`, see btrfs-scrub(8). @throws Error where it tells neither an end nor that there never was one */
export function parseScrub(text: string): Scrub {
  const field = (name: string) => new RegExp(`^[ \\t]*${name}: *(.*)$`, 'mi').exec(text)?.[1]?.trim()
  const uuid = field('UUID') ?? /(?:scrub (?:status|done) for) ([0-9a-f-]{36})/.exec(text)?.[1] ?? null
  if (/no stats available/.test(text)) return { uuid, sync: null, endedAt: null, errors: null, uncorrectable: 0, stopped: false }
  const status =
    field('Status') ??
    (/scrub started at .* and finished after/.test(text) ? 'finished' : /scrub started at .*running/.test(text) ? 'running' : undefined)
  const summary = field('Error summary') ?? /with (\d{1,12}) errors/.exec(text)?.[0]
  if (!status || summary === undefined) throw new Error('Cannot read the scrub: it tells no status or no errors')
  if (!/no errors found/.test(summary) && field('Status') !== undefined && field('Unverified') === undefined)
    throw new Error('Cannot read the scrub: its errors are cut short')
  const started = localTime(field('Scrub started') ?? field('Scrub resumed') ?? /scrub started at (.*?) and/.exec(text)?.[1])
  const lasted = /^(\d{1,6}):(\d\d):(\d\d)$/.exec(field('Duration') ?? '')
  const duration = lasted ? (Number(lasted[1]) * 3600 + Number(lasted[2]) * 60 + Number(lasted[3])) * 1000 : 0
  const percent = /\((\d{1,3}(?:\.\d{1,2})?)%\)/.exec(field('Bytes scrubbed') ?? '')?.[1]
  const counted = [...summary.matchAll(/\w=(\d{1,18})|with (\d{1,12}) errors/g)].map(found => Number(found[1] ?? found[2]))
  return {
    uuid,
    sync: status === 'running' ? { action: 'scrub', ratio: percent ? Math.min(1, Number(percent) / 100) : null } : null,
    endedAt: status === 'finished' && started !== null ? started + duration : null,
    errors: /no errors found/.test(summary) ? 0 : counted.length > 0 ? counted.reduce((sum, value) => sum + value, 0) : null,
    uncorrectable: Number(/^\d{1,18}$/.exec(field('Uncorrectable') ?? '')?.[0] ?? 0),
    stopped: status === 'aborted' || status === 'interrupted',
  }
}

/** The C locale's `Sun Nov 22 01:56:54 2026` in the time of this machine; null for anything else. */
function localTime(text: string | undefined): number | null {
  const [, month, day, clock, year] = /^\w{3} (\w{3}) +(\d{1,2}) (\d\d:\d\d:\d\d) (\d{4})$/.exec(text?.trim() ?? '') ?? []
  const at = month ? new Date(`${month} ${day} ${year} ${clock}`).getTime() : Number.NaN
  return Number.isFinite(at) && at > 0 ? at : null
}
