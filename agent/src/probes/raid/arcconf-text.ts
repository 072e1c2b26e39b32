import { Absent } from '../../probe.ts'
import { linesOf } from '../lines.ts'
import type { ArrayState, MemberState } from './array.ts'
import { blankDrive, type Drive, type Report, sizeOf, type Volume } from './controller.ts'

type Section = {
  readonly kind: 'volume' | 'drive' | 'controller' | 'other'
  readonly title: string
  readonly rows: [key: string, value: string][]
}

/**
 * `arcconf getconfig N [ld|pd|al]` of all versions.
 * @throws Absent without a controller, Error where the output does not say that the command was completed
 */
export function parseArcconf(text: string): Report {
  if (/^Controllers found: 0\b/m.test(text)) throw new Absent('arcconf finds no controller')
  if (!/^Command completed successfully/m.test(text))
    throw new Error('Cannot read arcconf: its output does not end with "Command completed successfully"')
  const sections = sectionsOf(text)
  const volumes = sections.filter(section => section.kind === 'volume')
  const disks = sections.filter(section => section.kind === 'drive' && value(section, 'State') !== undefined)
  const controller = sections.find(section => section.kind === 'controller')
  const told = controller && /^(\d{1,4})\/(\d{1,4})\/(\d{1,4})$/.exec(value(controller, 'Logical devices/Failed/Degraded') ?? '')
  if (told && Number(told[1]) > volumes.length && volumes.length > 0)
    throw new Error(`Cannot read arcconf: it counts ${told[1]} logical devices, and ${volumes.length} are listed`)
  if (volumes.length + disks.length === 0 && !/No logical devices configured|Logical device information/i.test(text))
    throw new Error('Cannot find a device in the output of arcconf')
  return {
    volumes: volumes.map(volumeOf),
    drives: [...volumes.flatMap(segmentsOf), ...disks.map(driveOf)],
    faults: controller ? faultsOf(controller, volumes.length) : [],
  }
}

function sectionsOf(text: string): Section[] {
  const sections: Section[] = []
  for (const line of linesOf(text)) {
    const volume = /^\s*Logical device number (\d{1,4})/i.exec(line)?.[1]
    const drive = /^\s*Device #(\d{1,4})/.exec(line)?.[1]
    if (volume) sections.push({ kind: 'volume', title: volume, rows: [] })
    else if (drive) sections.push({ kind: 'drive', title: drive, rows: [] })
    else if (/^\s*Controller information/i.test(line)) sections.push({ kind: 'controller', title: '', rows: [] })
    else if (/^\s*(Physical Device information|Logical device information|Connector information|MaxCache|Array information)/i.test(line))
      sections.push({ kind: 'other', title: '', rows: [] })
    const [, key, told] = /^\s*(\S[^:\n]{0,80}?)\s*: ?(.*?)\s*$/.exec(line) ?? []
    if (key && told !== undefined) sections.at(-1)?.rows.push([key.toLowerCase(), told])
  }
  return sections
}

/** The first value of a key; battery and controller share the key `Status`. */
function value({ rows }: Section, key: string): string | undefined {
  return rows.find(([name]) => name === key.toLowerCase())?.[1]
}

function volumeOf(section: Section): Volume {
  const word = value(section, 'Status of logical device')
  if (!word) throw new Error(`Cannot read the logical device ${section.title}: it has no status`)
  const own = value(section, 'Logical device name')
  const lost = /^yes$/i.test(value(section, 'Failed stripes') ?? '')
  return {
    name: own ? `ld${section.title} ${own}` : `ld${section.title}`,
    group: `ld${section.title}`,
    level: `raid${(value(section, 'RAID level') ?? '').toLowerCase()}`.slice(0, 32),
    state: stateOf(word),
    word,
    required: null,
    errors: value(section, 'Failed stripes') === undefined ? null : lost ? 1 : 0,
    sync: /rebuild|recover/i.test(word) ? { action: 'recovery', ratio: null } : null,
    note: lost ? 'it has failed stripes' : null,
  }
}

function stateOf(word: string): ArrayState {
  if (/^optimal/i.test(word)) return 'ok'
  if (/degraded|rebuild|recover|impacted|suboptimal/i.test(word)) return 'degraded'
  return /fail|offline|missing/i.test(word) ? 'failed' : 'unknown'
}

/** `Group 0, Segment 1 : Present (Controller:1,Connector:0,Device:1) 7CS009RQ` */
function segmentsOf(section: Section): Drive[] {
  return section.rows.flatMap(([key, told]) => {
    if (!/^(group \d+, )?(segment|device) \d+$/.test(key)) return []
    const [, word = told, place, serial] = /^(\S+)(?: \((.{1,200})\))?\s*(\S{1,64})?/.exec(told) ?? []
    const state: MemberState = /^present/i.test(word)
      ? 'active'
      : /^rebuild/i.test(word)
        ? 'rebuilding'
        : /^missing/i.test(word)
          ? 'missing'
          : /^(fail|inconsistent|offline)/i.test(word)
            ? 'failed'
            : 'unknown'
    return [
      {
        ...blankDrive(`ld${section.title} ${key}${place ? ` ${place}` : ''}`),
        group: `ld${section.title}`,
        state,
        word,
        serial: serial ?? null,
      },
    ]
  })
}

function driveOf(section: Section): Drive {
  const word = value(section, 'State') ?? ''
  const warnings = /^\d{1,6}$/.exec(value(section, 'S.M.A.R.T. warnings') ?? '')?.[0]
  const flagged = value(section, 'S.M.A.R.T.')
  const type = `${value(section, 'Transfer Speed') ?? ''} ${value(section, 'Device Type') ?? ''}`
  const solid = value(section, 'SSD')
  return {
    ...blankDrive(`device ${section.title}`),
    state: /^(online|optimal|ready|raw|jbod|passthrough)/i.test(word)
      ? 'active'
      : /hot[- ]?spare/i.test(word)
        ? 'spare'
        : /^rebuild/i.test(word)
          ? 'rebuilding'
          : /fail|offline|dead/i.test(word)
            ? 'failed'
            : 'unknown',
    word,
    model: value(section, 'Model') || null,
    serial: value(section, 'Serial number') || null,
    firmware: value(section, 'Firmware') || null,
    wwn: value(section, 'World-wide name')?.toLowerCase() ?? null,
    interface: /sata/i.test(type) ? 'sata' : /sas/i.test(type) ? 'sas' : 'unknown',
    media: /^yes$/i.test(solid ?? '') ? 'ssd' : /^no$/i.test(solid ?? '') ? 'hdd' : 'unknown',
    sizeBytes: sizeOf(value(section, 'Total Size') ?? value(section, 'Size'), 1024),
    temperatureCelsius: Number(/^(\d{1,3}) ?C/.exec(value(section, 'Temperature') ?? '')?.[1] ?? Number.NaN) || null,
    alert: warnings === undefined && flagged === undefined ? null : /^yes$/i.test(flagged ?? '') || Number(warnings ?? 0) > 0,
  }
}

function faultsOf(controller: Section, listed: number): Report['faults'] {
  const word = value(controller, 'Controller Status')
  const own =
    word !== undefined && !/^(optimal|ok)$/i.test(word)
      ? [
          {
            name: 'controller',
            state: /fail/i.test(word) ? ('failed' as const) : ('unknown' as const),
            detail: `the controller is ${word}`,
          },
        ]
      : []
  const counts = /^(\d{1,4})\/(\d{1,4})\/(\d{1,4})$/.exec(value(controller, 'Logical devices/Failed/Degraded') ?? '')
  if (!counts || listed > 0) return own
  const [, all = '0', failed = '0', degraded = '0'] = counts
  const state = Number(failed) > 0 ? ('failed' as const) : Number(degraded) > 0 ? ('degraded' as const) : ('unknown' as const)
  return [
    ...own,
    ...(Number(all) > 0
      ? [{ name: 'logical devices', state, detail: `of ${all} logical devices ${failed} have failed and ${degraded} are degraded` }]
      : []),
  ]
}
