import { linesOf } from '../lines.ts'
import type { ArrayState, MemberState } from './array.ts'
import { blankDrive, type Drive, type Report, sizeOf, type Volume } from './controller.ts'

/**
 * States of a unit, see "info [CX]" of tw_cli(8). "Not optimal" is every state but OK and those of a verification, so a unit that is being initialised or
 * migrated is told as degraded, as the maker does.
 */
const UNITS: Readonly<Record<string, readonly [ArrayState, NonNullable<Volume['sync']>['action'] | null]>> = {
  OK: ['ok', null],
  VERIFYING: ['ok', 'check'],
  'VERIFY-PAUSED': ['ok', 'check'],
  INITIALIZING: ['degraded', 'resync'],
  'INIT-PAUSED': ['degraded', 'resync'],
  REBUILDING: ['degraded', 'recovery'],
  'REBUILD-PAUSED': ['degraded', 'recovery'],
  RECOVERY: ['degraded', 'recovery'],
  MIGRATING: ['degraded', 'reshape'],
  'MIGRATE-PAUSED': ['degraded', 'reshape'],
  DEGRADED: ['degraded', null],
  INOPERABLE: ['failed', null],
}
/** Fewest drives of a level: a unit with fewer is one of which the output does not tell all. */
const FEWEST: Readonly<Record<string, number>> = { 'RAID-0': 2, 'RAID-1': 2, 'RAID-5': 3, 'RAID-6': 4, 'RAID-10': 4, 'RAID-50': 6 }
const HEADING = /^Unit\s+UnitType\s+Status\s+/m
const PORTS = /^V?Port\s+Status\s+Unit\s+Size\s+/m
const CONTROLLERS = /^Ctl\s+Model\s/m

/** Whether a text is `tw_cli /cN show`. */
export const isUnits = (text: string): boolean => HEADING.test(text) || PORTS.test(text)
/** Whether a text is `tw_cli show` or `tw_cli info`. */
export const isShow = (text: string): boolean => CONTROLLERS.test(text)

type Fault = Report['faults'][number]
export type Controller = { readonly id: string; readonly units: number; readonly notOptimal: number; readonly fault: Fault | null }

/** `Ctl Model (V)Ports Drives Units NotOpt RRate VRate BBU`. @throws Error on a row that is cut */
export function controllersIn(text: string): Controller[] {
  if (text === '' || /no controllers? (found|detected)/i.test(text.slice(0, 500))) return []
  if (!CONTROLLERS.test(text)) throw new Error('Cannot find the controllers in the output of tw_cli')
  return rowsAfter(text, CONTROLLERS).map(line => {
    const [id = '', , , , units = '', notOptimal = '', , , bbu] = line.trim().split(/\s+/)
    if (!/^c\d{1,3}$/.test(id) || !/^\d{1,4}$/.test(units) || !/^\d{1,4}$/.test(notOptimal) || bbu === undefined)
      throw new Error(`Cannot read the controller: ${line.trim().slice(0, 120)}`)
    return { id, units: Number(units), notOptimal: Number(notOptimal), fault: batteryFault(id, bbu) }
  })
}

/** `tw_cli /cN show`: units, ports and the battery. @throws Error where a part is missing or a row is cut */
export function reportOf(text: string, controller: string): Report & { readonly controller: string; readonly units: number } {
  if (!HEADING.test(text) || !PORTS.test(text)) throw new Error('Cannot judge the units: wanted a table of units and one of ports')
  if (!text.endsWith('\n')) throw new Error('Cannot judge the units: the output is cut short')
  const units = rowsAfter(text, HEADING).map(line => unitOf(line, controller))
  const spares = new Set(units.filter(({ level }) => level === 'SPARE').map(({ group }) => group))
  const drives = rowsAfter(text, PORTS).flatMap(line => driveOf(line, controller, spares) ?? [])
  const volumes = units.filter(({ group }) => !spares.has(group))
  for (const { name, level, group, state } of volumes) {
    const own = drives.filter(drive => drive.group === group).length
    if (state === 'ok' && own < (FEWEST[level ?? ''] ?? 1)) throw new Error(`Cannot judge ${name}: ${own} drives of a ${level} were told`)
  }
  const spareFaults = units.filter(({ group, state }) => spares.has(group) && state !== 'ok')
  const isLoose = ({ group }: Drive) => group === null || spares.has(group)
  const loose = drives.filter(drive => isLoose(drive) && (drive.state === 'failed' || drive.state === 'missing'))
  const battery = /^bbu\s+(\S+)\s+(\S+)\s+(\S+)/m.exec(text)
  return {
    controller,
    units: units.length,
    volumes,
    drives: drives.filter(drive => !isLoose(drive)),
    faults: [
      ...spareFaults.map(({ name, word }) => ({ name, state: 'degraded' as const, detail: `the spare is ${word}` })),
      ...loose.map(({ slot, word }) => ({ name: slot, state: 'degraded' as const, detail: `a drive that no unit uses is ${word}` })),
      ...[battery && battery[1] !== '-' ? batteryFault(controller, battery[3] ?? '') : null].filter(fault => fault !== null),
    ],
  }
}

/** Rows of the table behind a heading, up to the next blank line. */
function rowsAfter(text: string, heading: RegExp): string[] {
  const at = heading.exec(text)?.index ?? text.length
  const [, ...lines] = linesOf(text.slice(at))
  const end = lines.findIndex((line, index) => line.trim() === '' && index > 0)
  return (end < 0 ? lines : lines.slice(0, end)).filter(line => line.trim() !== '' && !/^-{10,}\s*$/.test(line))
}

/** `u0 RAID-5 REBUILDING 45% - 64K 1788.08 …`; older versions have one column of progress. */
function unitOf(line: string, controller: string): Volume {
  const [unit = '', level = '', word = '', ...rest] = line.trim().split(/\s+/)
  if (!/^u\d{1,4}$/.test(unit) || !/^[A-Z][\w-]{2,15}$/.test(level) || rest.length < 3)
    throw new Error(`Cannot read the unit: ${line.trim().slice(0, 120)}`)
  const [state, action] = UNITS[word] ?? (['unknown', null] as const)
  const percent = rest.slice(0, 2).flatMap(cell => /^(\d{1,3})%/.exec(cell)?.[1] ?? [])[0]
  const ratio = percent === undefined || Number(percent) > 100 ? null : Number(percent) / 100
  return {
    name: `${controller} ${unit}`,
    group: `${controller} ${unit}`,
    level,
    state,
    word,
    required: null,
    errors: null,
    sync: action === null ? null : { action, ratio },
    note: null,
  }
}

/** `p0 OK u0 931.51 GB SATA 0 - MODEL`, or with blocks and serial number. Undefined for an empty port. */
function driveOf(line: string, controller: string, spares: ReadonlySet<string | null>): Drive | undefined {
  const [port = '', word = '', unit = '', ...rest] = line.trim().split(/\s+/)
  if (!/^p\d{1,4}$/.test(port) || !/^(-|u\d{1,4})$/.test(unit) || rest.length < 2)
    throw new Error(`Cannot read the port: ${line.trim().slice(0, 120)}`)
  if (unit === '-' && word === 'NOT-PRESENT') return undefined
  const group = unit === '-' ? null : `${controller} ${unit}`
  const told = stateOf(word)
  return {
    ...blankDrive(`${controller} ${port}`),
    group,
    word,
    state: told === 'active' && spares.has(group) ? 'spare' : told,
    sizeBytes: sizeOf(rest.slice(0, 2).join(' '), 1024),
    interface: rest[2] === 'SATA' ? 'sata' : rest[2] === 'SAS' ? 'sas' : 'unknown',
    alert: /^(ECC-ERROR|SMART-FAIL)/.test(word) ? true : null,
  }
}

function stateOf(word: string): MemberState {
  if (/^(OK|VERIFYING|INITIALIZING|MIGRATING|ECC-ERROR|SMART-FAIL\S*)$/.test(word)) return 'active'
  if (word === 'REBUILDING') return 'rebuilding'
  if (/^(NOT-PRESENT|DRIVE-REMOVED)$/.test(word)) return 'missing'
  return /FAIL|ERROR|DEGRADED|OFFLINE|TIMEOUT|INOPERABLE/.test(word) ? 'failed' : 'unknown'
}

/** A battery that tests or charges itself is at work; `-` is none. */
function batteryFault(controller: string, word: string): Fault | null {
  if (/^(-|OK|Testing|Charging)$/i.test(word)) return null
  return { name: `${controller} battery`, state: 'degraded', detail: `the battery is ${word.slice(0, 40)}` }
}
