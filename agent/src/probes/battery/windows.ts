import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, sole } from '../../probe.ts'
import { xmlReader } from '../documents.ts'
import { cut } from '../gather.ts'
import { objectOf, objectsOf, wordOf } from '../loose-json.ts'
import { type Answer, answerOf, isAnswer, partIfThere, partOf } from '../windows/answer.ts'
import { type Properties, propertiesOf, whole } from '../windows/properties.ts'
import { type Battery, chargeOf, cyclesOf, healthOf } from './reading.ts'

const SCRIPT = 'battery/windows'
const MOST = 16
/** Longest report that is read, characters: a year of a laptop has about a megabyte. */
const LONGEST_REPORT = 4 * 1024 * 1024
/** BATTERY_IS_SHORT_TERM of poclass.h: a UPS. */
const SHORT_TERM = 0x20000000
/** BatteryStatus of Win32_Battery; 2 means mains, and nothing of the battery. */
const STATES: { readonly [status: string]: Battery['state'] } = {
  '1': 'discharging',
  '3': 'full',
  '4': 'discharging',
  '5': 'discharging',
  '6': 'charging',
  '7': 'charging',
  '8': 'charging',
  '9': 'charging',
}

/** Batteries of a Windows machine: charge by Win32_Battery, wear and cycles by the battery driver. A report of `powercfg /batteryreport` is read too; none is made. */
export default defineProbe({
  subject: 'battery',
  source: 'windows',
  platforms: ['win32'],
  every: '1h',
  timeout: '1m',
  shares: 'powershell',
  blind: 'The wear of batteries whose driver does not tell the capacity they were designed for. Swollen cells.',
  inputs: {
    answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'batteries', 'static') },
    report: { from: 'powercfg /batteryreport /xml', recognise: text => /<BatteryReport[\s>]/.test(text.slice(0, 2000)) },
    page: { from: 'powercfg /batteryreport', recognise: text => /<html/i.test(text.slice(0, 2000)) && text.includes('DESIGN CAPACITY') },
  },
  parse: parseWindowsBattery,

  async read(host: Host) {
    return parseWindowsBattery({ answer: [await host.powershell(SCRIPT, { timeoutMs: 30_000 })] })
  },
})

/** @throws Absent where no battery powers the machine, Denied, Error where nothing tells */
export function parseWindowsBattery(inputs: Inputs): FactTypes['battery'] {
  const captured = sole(inputs, 'answer')
  const batteries = captured ? answered(answerOf(captured)) : reported(inputs)
  if (batteries.length === 0) throw new Absent('no battery powers this machine')
  return { batteries: batteries.slice(0, MOST) }
}

/** The driver's classes are joined by their instance; Win32_Battery has no key in common with them, so it is joined where each has one of them, or by name. */
function answered(answer: Answer): Battery[] {
  const found = partOf(answer, 'batteries')
  if (!found) throw new Error('Cannot read the batteries: the answer has no list')
  const powered = found.filter(one => !/^HID\\/i.test(one.get('pnpdeviceid') ?? ''))
  const told = partIfThere(answer, 'static') ?? []
  const drivers = told.filter(
    one => ((whole(one.get('capabilities')) ?? 0) & SHORT_TERM) === 0 && !/^HID\\/i.test(one.get('instancename') ?? ''),
  )
  const of = (part: string, driver: Properties, value: string) =>
    whole((partIfThere(answer, part) ?? []).find(one => one.get('instancename') === driver.get('instancename'))?.get(value))
  if (drivers.length === 0) return powered.map((one, i) => named(batteryOf(one), i))
  return drivers.map((driver, i) => {
    const own = powered.length === 1 && drivers.length === 1 ? powered[0] : matching(powered, driver)
    return named(
      {
        ...batteryOf(own ?? new Map()),
        vendor: word(driver.get('manufacturename')),
        model: word(driver.get('devicename')),
        serial: serialOf(driver.get('serialnumber')),
        healthRatio: healthOf(of('full', driver, 'fullchargedcapacity'), whole(driver.get('designedcapacity'))),
        cycles: cyclesOf(of('cycles', driver, 'cyclecount')),
      },
      i,
    )
  })
}

function matching(powered: readonly Properties[], driver: Properties): Properties | undefined {
  const name = driver.get('devicename') ?? ''
  const alike = powered.filter(one => name !== '' && (one.get('name') === name || one.get('deviceid')?.endsWith(name)))
  return alike.length === 1 ? alike[0] : undefined
}

const named = (battery: Battery, index: number): Battery => ({ ...battery, name: `battery${index}` })

/** What Win32_Battery tells. */
function batteryOf(one: Properties): Battery {
  const percent = whole(one.get('estimatedchargeremaining'))
  return {
    name: '',
    vendor: null,
    model: word(one.get('name')),
    serial: null,
    healthRatio: null,
    chargeRatio: percent !== null && percent <= 100 ? chargeOf(percent, 100) : null,
    cycles: null,
    state: STATES[one.get('batterystatus') ?? ''] ?? 'unknown',
    service: null,
    condition: null,
  }
}

/** What `powercfg /batteryreport` wrote, as XML or as a page. */
function reported(inputs: Inputs): Battery[] {
  const report = sole(inputs, 'report')
  const page = sole(inputs, 'page')
  if (report) return xmlBatteries(report.text)
  if (page) return [pageBattery(page.text)]
  throw new Error('Cannot tell of batteries without an answer or a report')
}

function xmlBatteries(text: string): Battery[] {
  if (text.length > LONGEST_REPORT) throw new Error(`Cannot read a report of ${text.length} characters: at most ${LONGEST_REPORT}`)
  const head = text.slice(0, text.indexOf('</Batteries>') + '</Batteries>'.length)
  if (!/<BatteryReport[\s>]/.test(head) || head.length < 20) throw new Error('Cannot read the report: its list of batteries does not end')
  // Only what stands up to the end of the list: the history behind it is long.
  // The parser takes what is damaged for what is not there.
  const { XMLParser, XMLValidator } = xmlReader()
  if (XMLValidator.validate(`${head}</BatteryReport>`) !== true) throw new Error('Cannot read the report: its XML is damaged')
  const parser = new XMLParser({ ignoreAttributes: true, parseTagValue: false, processEntities: false })
  const list = objectOf(objectOf(parser.parse(`${head}</BatteryReport>`))?.BatteryReport)?.Batteries
  const entries = objectOf(list)?.Battery
  const batteries = (Array.isArray(entries) ? objectsOf(entries) : entries === undefined ? [] : [objectOf(entries) ?? {}]).map(propertiesOf)
  return batteries.filter(one => one.get('longterm') !== '0').map((one, i) => reportedBattery(one, i))
}

/** Capacities of a page have the thousands' separator of the country: 52.500 mWh. */
function pageBattery(text: string): Battery {
  if (/BATTERY\s{1,40}2\s{0,40}</.test(text)) throw new Error('Cannot read a page of several batteries: make the report with /xml')
  const value = (label: string) => {
    const [, said = ''] = new RegExp(`<span class="label">${label}</span></td><td>([^<]{0,200})`).exec(text) ?? []
    return wordOf(said.replace(/\s+/g, ' '))
  }
  const capacity = (label: string) => {
    const [, digits] = /^(\d{1,3}(?:[.,'\u00a0\u202f ]?\d{3}){0,3}) mWh/.exec(value(label) ?? '') ?? []
    return digits === undefined ? undefined : digits.replace(/\D/g, '')
  }
  const fields: readonly (readonly [string, string | undefined])[] = [
    ['id', value('NAME')],
    ['manufacturer', value('MANUFACTURER')],
    ['serialnumber', value('SERIAL NUMBER')],
    ['designcapacity', capacity('DESIGN CAPACITY')],
    ['fullchargecapacity', capacity('FULL CHARGE CAPACITY')],
    ['cyclecount', value('CYCLE COUNT')],
  ]
  const told = new Map(fields.flatMap(([name, said]) => (said === undefined ? [] : [[name, said] as const])))
  if (!told.has('designcapacity') || !told.has('fullchargecapacity')) throw new Error('Cannot read the report: it tells no capacities')
  return reportedBattery(told, 0)
}

function reportedBattery(one: Properties, index: number): Battery {
  return {
    ...batteryOf(new Map()),
    name: `battery${index}`,
    vendor: word(one.get('manufacturer')),
    model: word(one.get('id')),
    serial: serialOf(one.get('serialnumber')),
    healthRatio: healthOf(whole(one.get('fullchargecapacity')), whole(one.get('designcapacity'))),
    cycles: cyclesOf(whole(one.get('cyclecount'))),
  }
}

const word = (text: string | undefined): string | null => (text === undefined ? null : cut(text, 128) || null)
/** Many a firmware has none and says zeros. */
const serialOf = (text: string | undefined): string | null => (text === undefined || /^[0\s]*$/.test(text) ? null : word(text))
