import { linesOf } from '../lines.ts'
import { shortText } from '../sysfs.ts'
import type { Sensor } from './quantity.ts'

/** A row: record, date (or `Pre-Init`), time, sensor, event, direction. */
const ROW = /^\s{0,8}[0-9a-f]{1,4} \|\s*(\d\d\/\d\d\/\d{2,4}|Pre-Init|Unknown)\s*\|/i
const TROUBLE =
  /fail|fault|lost|degraded|critical|non-recoverable|uncorrectable|correctable|\becc\b|intrusion|error|predictive|going (high|low)|over.?temp|throttl|drive fault|cable|dead|bad/i
/** Power states, restarts and the operating system's own words are no trouble of the hardware. */
const USUAL = /^(System ACPI Power State|OS Boot|System Boot|Button|OEM record|Event Logging Disabled|Version Change)/i

/** Whether a text is the event log of a BMC. */
export function isEventLog(text: string): boolean {
  return linesOf(text.slice(0, 4000)).some(line => ROW.test(line)) || /^SEL has no entries/m.test(text.slice(0, 1000))
}

/**
 * `ipmitool sel elist` or `sel list`: a sensor for each that the log names. What ever was wrong is a warning until somebody clears the log; a log
 * without trouble says nothing good of sensors. @throws Error on a row that is cut short
 */
export function parseEventLog(text: string): Sensor[] {
  if (/^SEL has no entries/m.test(text.slice(0, 1000))) return [logSensor('event log', 'the event log is empty', 'ok')]
  const bySensor = new Map<string, { event: string; gone: boolean; trouble: boolean }>()
  for (const line of linesOf(text)) {
    if (line.trim() === '' || /^(Unable to|Get |SEL |Error)/.test(line)) continue
    const cells = line.split('|').map(cell => cell.trim())
    const [, , , name = '', event = '', direction = ''] = cells
    if (!ROW.test(line) || cells.length < 5) throw new Error(`Cannot read the row of the event log: ${line.slice(0, 120)}`)
    if (/^OEM record/i.test(name)) continue
    if (!/^(de)?asserted$/i.test(direction)) throw new Error(`Cannot read the row of the event log: ${line.slice(0, 120)}`)
    const before = bySensor.get(name)
    const gone = /^de/i.test(direction)
    const trouble = !USUAL.test(name) && TROUBLE.test(event)
    if (trouble) bySensor.set(name, { event, gone, trouble })
    else bySensor.set(name, before ?? { event, gone, trouble })
  }
  if (bySensor.size === 0) throw new Error('Cannot find an event in the event log')
  return [...bySensor].map(([name, { event, gone, trouble }]) =>
    logSensor(`event log ${name}`, `event log: ${name}: ${event}${gone ? ', gone again' : ''}`, trouble ? 'warning' : 'unknown'),
  )
}

function logSensor(id: string, label: string, state: Sensor['state']): Sensor {
  const blank = { chip: 'ipmi', kind: 'other', value: null, high: null, critical: null, low: null } as const
  return { ...blank, id: `ipmi ${id}`.slice(0, 128), label: shortText(label, 128), state, trusted: state !== 'unknown' }
}
