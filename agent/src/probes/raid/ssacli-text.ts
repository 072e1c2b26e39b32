import { linesOf } from '../lines.ts'
import type { ArrayState, MemberState } from './array.ts'
import { blankDrive, type Drive, type Report, sizeOf, type Volume } from './controller.ts'

type Draft<T> = { -readonly [K in keyof T]: T[K] }
type Section = {
  readonly kind: 'controller' | 'array' | 'volume' | 'drive' | 'cage' | 'other'
  readonly title: string
  readonly values: Map<string, string>
  readonly group: string | null
  readonly controller: string
}

/**
 * `ssacli ctrl all show config [detail]`, of hpssacli and hpacucli too, and their `pd all show [detail]`.
 * @throws Error where a section has no status, or where drives are listed and no array is told
 */
export function parseSsacli(text: string): Report {
  const sections = sectionsOf(text)
  const volumes = sections.filter(section => section.kind === 'volume').map(volumeOf)
  const drives = sections.filter(section => section.kind === 'drive').map(driveOf)
  const controllers = sections.filter(section => section.kind === 'controller')
  const grouped = volumes.length > 0 || drives.some(drive => drive.group !== null)
  const bare = volumes.find(volume => drives.length > 0 && !drives.some(drive => drive.group === volume.group))
  if (bare) throw new Error(`Cannot read ${bare.name}: its drives are not told, so the output may be cut short`)
  if (controllers.length === 0) throw new Error('Cannot find a controller in the output of ssacli')
  if (
    !grouped &&
    !/^[ \t]*(unassigned|HBA Drives)\b/im.test(text) &&
    (drives.length > 0 || !/None attached[\s\S]*^[ \t]+SEP \(/im.test(text))
  )
    throw new Error('Cannot judge the controllers: their arrays are not told')
  return { volumes, drives: byPlace(drives), faults: sections.flatMap(faultOf) }
}

/** A drive is listed twice, in its cage and in its array or among the unassigned: what tells more counts. */
function byPlace(drives: readonly Drive[]): Drive[] {
  const places = new Map<string, Drive>()
  for (const drive of drives) {
    const known = places.get(drive.slot)
    if (!known || drive.group !== null || toldOf(drive) > toldOf(known)) places.set(drive.slot, drive)
  }
  return [...places.values()]
}

const toldOf = (drive: Drive): number => Object.values(drive).filter(value => value !== null && value !== 'unknown').length

function sectionsOf(text: string): Section[] {
  const sections: Section[] = []
  let controller = ''
  let group: string | null = null
  for (const line of linesOf(text)) {
    const opened = opening(line)
    if (!opened) {
      const [, key, value] = /^\s+([^:\n]{1,80}): *(.*?)\s*$/.exec(line) ?? []
      if (key && value !== undefined) sections.at(-1)?.values.set(key.trim(), value)
      continue
    }
    if (opened.kind === 'controller') controller = opened.title
    if (opened.kind === 'controller' || opened.kind === 'cage' || opened.kind === 'other') group = null
    if (opened.kind === 'array') group = `${controller} array ${opened.title}`
    sections.push({ ...opened, values: new Map(), group, controller })
  }
  return sections
}

function opening(line: string): Pick<Section, 'kind' | 'title'> | undefined {
  const controller = /^\s{0,2}\S.{0,120} in Slot (\S{1,16})/.exec(line)?.[1]
  if (controller) return { kind: 'controller', title: `slot ${controller}` }
  const array = /^\s+Array:? ([A-Z]{1,3})\b/i.exec(line)?.[1]
  if (array && !/^\s+Array (Type|Accel)/i.test(line)) return { kind: 'array', title: array }
  const volume = /^\s+Logical ?Drive:? (\d{1,4})\b(.*)$/i.exec(line)
  if (volume) return { kind: 'volume', title: `${volume[1]}${volume[2]}` }
  const drive = /^\s+physicaldrive (\S{1,32})(.*)$/.exec(line)
  if (drive) return { kind: 'drive', title: `${drive[1]}${drive[2]}` }
  if (/^\s+\S.* at Port \S+, Box \S+/.test(line)) return { kind: 'cage', title: line.trim() }
  return /^\s+(SEP \(|Expander |Enclosure SEP|Port Name:|Physical Drives|Unassigned|HBA Drives)/i.test(line)
    ? { kind: 'other', title: line.trim() }
    : undefined
}

/** `1 (2.2 TB, RAID 1+0, OK)`: place, what is in brackets by commas. */
function summaryOf(title: string): readonly [place: string, cells: readonly string[]] {
  const [, place = title, inside] = /^(\S{1,32})(?: \((.{1,300})\))?/.exec(title) ?? []
  return [place, inside === undefined ? [] : inside.split(',').map(cell => cell.trim())]
}

function volumeOf({ title, values, group, controller }: Section): Volume {
  const [id, cells] = summaryOf(title)
  const word = values.get('Status') ?? cells.slice(2).join(', ')
  if (!word) throw new Error(`Cannot read the logical drive ${id}: it has no status`)
  const percent = /(\d{1,3}(?:\.\d{1,2})?)% complete/i.exec(word)?.[1]
  const recovering = /recovering|rebuild/i.test(word)
  const errors = values.get('Unrecoverable Media Errors')
  return {
    name: `${controller} logical drive ${id}`,
    group,
    level: `raid${(values.get('Fault Tolerance') ?? cells[1]?.replace(/^RAID /, '') ?? '').toLowerCase()}`.slice(0, 32),
    state: volumeState(word),
    word,
    required: null,
    errors: errors === undefined ? null : /^none$/i.test(errors) ? 0 : 1,
    sync: recovering ? { action: 'recovery', ratio: percent ? Math.floor(Math.min(100, Number(percent))) / 100 : null } : null,
    note: errors !== undefined && !/^none$/i.test(errors) ? `unrecoverable media errors: ${errors}` : null,
  }
}

function volumeState(word: string): ArrayState {
  if (/^OK\b/.test(word)) return 'ok'
  if (/recover|rebuild|degraded|interim/i.test(word)) return 'degraded'
  if (/fail|offline|disabled|wrong (physical )?drive|not (yet )?available|overheat/i.test(word)) return 'failed'
  return /expanding|transforming|initiali|erasing|queued/i.test(word) ? 'ok' : 'unknown'
}

function driveOf({ title, values, group, controller }: Section): Drive {
  const [place, cells] = summaryOf(title)
  const words = cells.length > 0 ? cells.slice(3) : [values.get('Status'), values.get('Drive Type')].filter(word => word !== undefined)
  const word = words[0]
  if (!word) throw new Error(`Cannot read the physical drive ${place}: it has no status`)
  const bus = `${values.get('Interface Type') ?? cells[1] ?? ''}`
  const known = (key: string) => {
    const value = values.get(key)
    return value === undefined || value === '' || /^(redacted|n\/a|not available|none)$/i.test(value) ? null : value
  }
  const number = (key: string) =>
    /^-?\d{1,9}(\.\d{1,2})?%?$/.test(values.get(key) ?? '') ? Number.parseFloat(values.get(key) ?? '') : null
  const left = number('Usage remaining')
  const predicted = /predictive/i.test(word) || values.get('SSD Smart Trip Wearout') === 'True'
  const drive: Draft<Drive> = blankDrive(`${controller} ${place}`)
  return {
    ...drive,
    group,
    state: driveState(words.join(', ')),
    word,
    model: known('Model')?.replace(/\s+/g, ' ') ?? null,
    serial: known('Serial Number'),
    firmware: known('Firmware Revision'),
    interface: /nvme/i.test(bus) ? 'nvme' : /sata/i.test(bus) ? 'sata' : /sas/i.test(bus) ? 'sas' : 'unknown',
    media: /ssd|solid state/i.test(bus) ? 'ssd' : /hdd/i.test(bus) || values.has('Rotational Speed') ? 'hdd' : 'unknown',
    sizeBytes: sizeOf(values.get('Size') ?? cells[2], 1000),
    temperatureCelsius: number('Current Temperature (C)'),
    alert: predicted ? true : /^(OK|Rebuilding)/.test(word) ? false : null,
    powerOnHours: number('Power On Hours'),
    enduranceUsedRatio: left === null ? null : Math.round(100 - left) / 100,
  }
}

function driveState(words: string): MemberState {
  if (/^(OK|Predictive)/i.test(words)) return /spare/i.test(words) ? 'spare' : 'active'
  if (/rebuild|recover/i.test(words)) return 'rebuilding'
  return /fail|offline|bad|unsupported/i.test(words) ? 'failed' : /missing/i.test(words) ? 'missing' : 'unknown'
}

function faultOf({ kind, title, values, controller }: Section): Report['faults'] {
  const keys =
    kind === 'controller'
      ? ['Controller Status', 'Cache Status', 'Battery/Capacitor Status']
      : kind === 'cage'
        ? ['Fan Status', 'Temperature Status', 'Power Supply Status']
        : []
  return keys.flatMap(key => {
    const word = values.get(key)
    if (word === undefined || /^(OK|(Not )?Redundant|Not (Supported|Configured|Present)|Enabled|None)\b/i.test(word)) return []
    const state =
      /^(fail|dead)/i.test(word) && key === 'Controller Status'
        ? ('failed' as const)
        : /fail|degraded|dead|missing/i.test(word)
          ? ('degraded' as const)
          : ('unknown' as const)
    return [
      {
        name: `${controller} ${key.replace(' Status', '').toLowerCase()}`,
        state,
        detail: `${kind === 'cage' ? `${title}: ` : ''}${key} is ${word}`,
      },
    ]
  })
}
