import { shortText } from '../sysfs.ts'
import { isPossible, isPossibleLimit, type Kind, type Sensor } from './quantity.ts'

type State = Sensor['state']

/** The BMC's word for a sensor, of ipmitool and of FreeIPMI; `ns` and `na` are slots without a sensor. */
const STATES: Readonly<Record<string, State>> = {
  ok: 'ok',
  nominal: 'ok',
  nc: 'warning',
  lnc: 'warning',
  unc: 'warning',
  warning: 'warning',
  cr: 'critical',
  lcr: 'critical',
  ucr: 'critical',
  nr: 'critical',
  lnr: 'critical',
  unr: 'critical',
  critical: 'critical',
}
const NO_SENSOR = /^(ns|na|n\/a)$/i
const UNITS: Readonly<Record<string, Kind>> = {
  'degrees c': 'temperature',
  'degrees f': 'temperature',
  c: 'temperature',
  rpm: 'fan',
  volts: 'voltage',
  v: 'voltage',
  amps: 'current',
  a: 'current',
  watts: 'power',
  w: 'power',
}
/** Lines of complaint in the middle of the table. */
const COMPLAINT = /^(Unable to|Get |Error|Could not|Invalid|SDR |FRU |Warning|ipmi)|\bfailed\b/i
const SUPPLY = /^(ps|psu|pwr|power supply|power unit)[ _-]?\d|\bps\d|\bpsu\b|power supply/i
const BAD_WORDS =
  /\b(fail(ed|ure)?|fault|lost|degraded|non-redundant|critical|non-recoverable|out of range|config(uration)? error|uncorrectable)\b/i

type Row = {
  readonly name: string
  readonly status: string
  readonly value: number | null
  readonly unit: string
  /** Discrete states in words, or as ipmitool's hexadecimal. */
  readonly words: string
  readonly limits: Pick<Sensor, 'high' | 'critical' | 'low'>
}

const NO_LIMITS = { high: null, critical: null, low: null }

/**
 * The tables of `ipmitool sensor`, `ipmitool sdr [elist]`, `ipmitool dcmi power reading` and `ipmi-sensors --comma-separated-output`.
 * @throws Error on a row that is none: it may be the one that is cut short
 */
export function parseIpmi(text: string): Sensor[] {
  const power = /^[ \t]*Instantaneous power reading:\s+(\d{1,6}) Watts/m.exec(text)?.[1]
  if (power) return [sensorOf({ name: 'Power', status: '', value: Number(power), unit: 'watts', words: '', limits: NO_LIMITS })]
  const lines = text.split('\n').filter(line => line.trim() !== '')
  const comma = /^(ID,Name,Type|\d+,[^,|]*,[^,|]*,[^,|]*,[^|]*'|\d+,[^,]*,[^,]*,(Nominal|Warning|Critical|N\/A)\b)/i.test(
    lines.find(line => !COMPLAINT.test(line)) ?? '',
  )
  const rows = comma ? commaRows(lines) : FREEIPMI.test(lines[0] ?? '') ? freeRows(lines) : tableRows(lines)
  if (rows.length === 0) throw new Error('Cannot find a sensor in the output')
  return apart(rows.filter(row => !NO_SENSOR.test(row.status)).map(sensorOf))
}

/** The heading of ipmi-sensors(8) as it prints by default. */
const FREEIPMI = /^ID\s*\|\s*Name\s*\|\s*Type\s*\|/

/** `4 | Inlet Temp | Temperature | 22.00 | C | 'OK'`, with or without a column of states. */
function freeRows(lines: readonly string[]): Row[] {
  const cellsOf = (line: string) => line.split('|').map(cell => cell.trim())
  const names = cellsOf(lines[0] ?? '').map(name => name.toLowerCase())
  return lines.slice(1).flatMap(line => {
    const cells = cellsOf(line)
    if (cells.length === 1 && COMPLAINT.test(line)) return []
    const cell = (name: string) => cells[names.indexOf(name)] ?? ''
    const isWhole = cells.length === names.length && /^\d+$/.test(cell('id')) && /^('[^']*'(\s+|$)){1,32}$|^N\/A$/.test(cell('event'))
    if (!isWhole) throw new Error(`Cannot read the row of the sensors: ${line.slice(0, 120)}`)
    const event = cell('event').replaceAll("'", '')
    const value = numeric(cell('reading'))
    const words = value === null || /power supply/i.test(cell('type')) ? event : ''
    return { name: cell('name'), status: cell('state') || statusOf(event), value, unit: cell('units'), words, limits: NO_LIMITS }
  })
}

/** Where no state is told, the event says on which side of which threshold the reading is. */
function statusOf(event: string): string {
  if (/^ok$/i.test(event)) return 'ok'
  if (/^n\/a$/i.test(event)) return 'na'
  return /non-critical/i.test(event) ? 'nc' : /critical|non-recoverable/i.test(event) ? 'cr' : ''
}

function tableRows(lines: readonly string[]): Row[] {
  let columns = 0
  return lines.flatMap(line => {
    const cells = line.split('|').map(cell => cell.trim())
    if (cells.length === 1 && COMPLAINT.test(line)) return []
    columns ||= cells.length
    const row =
      cells.length === columns
        ? cells.length === 3
          ? shortRow(cells)
          : cells.length === 5
            ? entityRow(cells)
            : cells.length === 10
              ? limitRow(cells)
              : undefined
        : undefined
    if (!row || row.name === '' || !(row.status.toLowerCase() in STATES || NO_SENSOR.test(row.status) || /^0x/.test(row.status)))
      throw new Error(`Cannot read the row of the sensors: ${line.slice(0, 120)}`)
    return row
  })
}

/** `Fan 1A Tach | 2610 RPM | ok` */
function shortRow([name = '', reading = '', status = '']: readonly string[]): Row {
  return { name, status, ...readingOf(reading), limits: NO_LIMITS }
}

/** `Fan1 | 30h | ok | 7.1 | 5040 RPM` */
function entityRow([name = '', , status = '', , reading = '']: readonly string[]): Row {
  return { name, status, ...readingOf(reading), limits: NO_LIMITS }
}

/** `CPU Temp | 25.000 | degrees C | ok | 0.000 | 0.000 | 0.000 | 95.000 | 100.000 | 100.000`: lower limits, then upper ones, outermost first and last. */
function limitRow([name = '', reading = '', unit = '', status = '', , lcr, lnc, unc, ucr, unr]: readonly string[]): Row {
  if (unit === 'discrete') return { name, status, value: null, unit: '', words: status, limits: NO_LIMITS }
  const kind = UNITS[unit.toLowerCase()] ?? 'other'
  const limit = (...texts: readonly (string | undefined)[]) =>
    texts.map(numeric).find(value => value !== null && isPossibleLimit(kind, value)) ?? null
  const limits = { high: kind === 'fan' ? null : limit(unc), critical: kind === 'fan' ? null : limit(ucr, unr), low: limit(lnc, lcr) }
  return { name, status, value: numeric(reading), unit, words: '', limits }
}

/** Columns of `--comma-separated-output`, with `--output-sensor-state` and without; see ipmi-sensors(8). */
const WITH_STATE = ['id', 'name', 'type', 'state', 'reading', 'units', 'event']
const WITHOUT_STATE = WITH_STATE.filter(name => name !== 'state')

/** Rows of ipmi-sensors(8); a heading tells the columns, thresholds among them. Events come last and may hold commas. */
function commaRows(lines: readonly string[]): Row[] {
  const heading = lines.find(line => /^ID,Name,Type/i.test(line))
  const told = heading?.trim().toLowerCase().split(',')
  return lines.flatMap(line => {
    if (line === heading || COMPLAINT.test(line)) return []
    const cells = line.split(',').map(cell => cell.trim())
    const columns = told ?? ((cells[3] ?? '').toLowerCase() in STATES || /^'|^N\/A$/.test(cells[6] ?? '') ? WITH_STATE : WITHOUT_STATE)
    const cell = (name: string) => (columns.includes(name) ? (cells[columns.indexOf(name)] ?? '') : '')
    const event = cells.slice(columns.length - 1).join(', ')
    const hasState = columns.includes('state')
    const status = hasState ? cell('state') : statusOf(event.replaceAll("'", ''))
    const isJudged = status.toLowerCase() in STATES || NO_SENSOR.test(status) || (!hasState && /^'.*'$/.test(event))
    if (!/^\d+$/.test(cell('id')) || columns.at(-1) !== 'event' || cells.length < columns.length || event === '' || !isJudged)
      throw new Error(`Cannot read the row of the sensors: ${line.slice(0, 120)}`)
    const value = numeric(cell('reading'))
    const words = value === null || /power supply/i.test(cell('type')) ? event.replaceAll("'", '') : ''
    return { name: cell('name'), status, value, unit: cell('units'), words, limits: NO_LIMITS }
  })
}

function readingOf(text: string): Pick<Row, 'value' | 'unit' | 'words'> {
  const [, value, unit = '', words = ''] = /^(-?\d{1,9}(?:\.\d{1,6})?) ([A-Za-z][A-Za-z ]*?|%)(?:, (.*))?$/.exec(text) ?? []
  return value === undefined ? { value: null, unit: '', words: text } : { value: Number(value), unit, words }
}

const numeric = (text: string | undefined): number | null =>
  text !== undefined && /^-?\d{1,9}(\.\d{1,6})?$/.test(text.trim()) ? Number(text) : null

function sensorOf({ name, status, value, unit, words, limits }: Row): Sensor {
  const fahrenheit = /^degrees f$/i.test(unit)
  const celsius = fahrenheit && value !== null ? ((value - 32) * 5) / 9 : value
  const supply = SUPPLY.test(name) && words !== ''
  const kind = supply ? 'supply' : (UNITS[unit.toLowerCase()] ?? 'other')
  const judged = STATES[status.toLowerCase()] ?? 'unknown'
  const state = supply ? supplyState(words, judged) : words !== '' ? wordState(words, judged) : judged
  const numericReading = celsius !== null && words === ''
  return {
    id: `ipmi ${name}`.slice(0, 128),
    chip: 'ipmi',
    label: shortText(name, 128),
    kind,
    value: celsius,
    ...limits,
    state,
    // The BMC judges by limits that its maker set for this very board.
    trusted: numericReading ? judged !== 'unknown' && isPossible(kind, celsius) : state !== 'unknown',
  }
}

/** For a sensor of states "ok" only says that it was read: its words say what is. */
function wordState(words: string, judged: State): State {
  if (judged === 'warning' || judged === 'critical') return judged
  return BAD_WORDS.test(words) && !/^0x/.test(words) ? 'warning' : 'unknown'
}

/** States of a power supply (IPMI 2.0, table 42-3, type 08h) in words, or as the bits that ipmitool prints: `0x0100` is "present". */
function supplyState(words: string, judged: State): State {
  const bits = /^0x([0-9a-f]{2})[0-9a-f]{2}$/i.exec(words)?.[1]
  if (bits !== undefined) {
    const set = Number.parseInt(bits, 16)
    return set & 0x1a ? 'critical' : set & 0x64 ? 'warning' : set & 1 ? 'ok' : 'unknown'
  }
  if (/predictive|config(uration)? error|out.of.range, but/i.test(words)) return 'warning'
  if (/fail|lost|out of range|\boff\b/i.test(words)) return 'critical'
  if (judged === 'warning' || judged === 'critical') return judged
  return /presence detected|present|\bok\b/i.test(words) ? 'ok' : 'unknown'
}

/** BMCs give several sensors one name: the later ones get a number. */
function apart(sensors: readonly Sensor[]): Sensor[] {
  const times = new Map<string, number>()
  return sensors.map(sensor => {
    const time = (times.get(sensor.id) ?? 0) + 1
    times.set(sensor.id, time)
    return time === 1 ? sensor : { ...sensor, id: `${sensor.id.slice(0, 120)} #${time}` }
  })
}
