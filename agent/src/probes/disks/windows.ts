import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { type Answer, answerOf, isAnswer, partIfThere, partOf, raise } from '../windows/answer.ts'
import { besides, isEventXml } from '../windows/events.ts'
import { jsonObjects, listObjects, type Properties, tableRows, truth, whole } from '../windows/properties.ts'
import { DISK_EVENTS, type DiskEvent, diskEventsOf } from './windows-events.ts'

type Disk = FactTypes['disks']['disks'][number]

const SCRIPT = 'disks/windows'
const MOST_DISKS = 256
const COUNTER = /\b(ReadErrorsUncorrected|PowerOnHours|StartStopCycleCount)\b/
/** BusType of MSFT_PhysicalDisk, by number and by name. */
const BUSES: Readonly<Record<string, Disk['interface']>> = {
  '1': 'scsi',
  '3': 'sata',
  '7': 'usb',
  '8': 'raid',
  '9': 'scsi',
  '10': 'sas',
  '11': 'sata',
  '14': 'virtual',
  '15': 'virtual',
  '16': 'virtual',
  '17': 'nvme',
  scsi: 'scsi',
  ata: 'sata',
  usb: 'usb',
  raid: 'raid',
  iscsi: 'scsi',
  sas: 'sas',
  sata: 'sata',
  virtual: 'virtual',
  'file backed virtual': 'virtual',
  filebackedvirtual: 'virtual',
  'storage spaces': 'virtual',
  spaces: 'virtual',
  nvme: 'nvme',
}
const HEALTH: Readonly<Record<string, 'healthy' | 'warning' | 'unhealthy' | 'unknown'>> = {
  '0': 'healthy',
  '1': 'warning',
  '2': 'unhealthy',
  '5': 'unknown',
  healthy: 'healthy',
  warning: 'warning',
  unhealthy: 'unhealthy',
  unknown: 'unknown',
}
/** OperationalStatus of MSFT_PhysicalDisk that says the disk is gone, and that it fails. */
const LOST = new Set(['12', '13', 'no contact', 'lost communication'])
const FAILING = new Set(['5', '6', '7', 'predictive failure', 'error', 'non-recoverable error', 'nonrecoverable error'])
/** Buses on which "healthy" is the disk's own word. Behind a RAID controller it means that the controller answered, over USB that nothing was asked. */
const OWN_WORD = new Set<Disk['interface']>(['nvme', 'sata', 'sas'])

/** Physical disks as Windows sees them (MSFT_PhysicalDisk, MSFT_StorageReliabilityCounter, MSStorageDriver_FailurePredictStatus), and what the System log tells of them. */
export default defineProbe({
  subject: 'disks',
  source: 'windows',
  platforms: ['win32'],
  shares: 'powershell',
  every: '1h',
  timeout: '2m',
  privilege: 'LocalSystem or an administrator: the counters and predictions are empty for everyone else.',
  blind: 'Single attributes of SMART (smartctl tells them); disks behind a RAID controller; most USB enclosures.',
  inputs: {
    answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'disks') },
    counters: { from: 'Get-StorageReliabilityCounter | Format-List', recognise: text => COUNTER.test(text) && !/\bBusType\b/.test(text) },
    events: { from: DISK_EVENTS.join(' '), recognise: isEventXml },
    disks: { from: 'Get-PhysicalDisk', recognise: text => /\bHealthStatus\b/.test(text) && /\b(BusType|CanPool|Usage)\b/.test(text) },
  },
  parse: parseDisks,

  async read(host: Host) {
    const [answer, events] = await Promise.all([host.powershell(SCRIPT), besides(host, DISK_EVENTS)])
    return parseDisks({ answer: [answer], events: [events] }, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

/** @throws Denied, Error where what is given cannot be read */
export function parseDisks(inputs: Inputs, { now }: ParseContext): FactTypes['disks'] {
  const captured = sole(inputs, 'answer')
  const disks = captured ? answered(answerOf(captured, 'always'), now) : listed(inputs, now)
  const events = loggedIn(inputs)
  if (disks.length === 0 && !captured && events.events && events.events.length > 0) return { disks: [], ...events }
  if (disks.length === 0) throw new Error(captured ? 'Windows names no physical disk, although it runs from one' : 'Cannot read any disk')
  return { disks: disks.sort((a, b) => Number(a.passed === true) - Number(b.passed === true)).slice(0, MOST_DISKS), ...events }
}

/** Null where the log could not be read: then it is not said to be empty. Alone it is all there is, so then its error counts. */
function loggedIn(inputs: Inputs): { events?: DiskEvent[] | null } {
  const captured = sole(inputs, 'events')
  if (!captured) return {}
  if (!inputs.answer && !inputs.disks && !inputs.counters) return { events: diskEventsOf(captured) }
  try {
    return { events: diskEventsOf(captured) }
  } catch {
    return { events: null }
  }
}

function answered(answer: Answer, now: number): Disk[] {
  const counters = partIfThere(answer, 'counters')
  const predictions = partIfThere(answer, 'predictions')
  const hint = whyNot(answer)
  const found = partOf(answer, 'disks')
  if (!found) throw new Error('Cannot read the disks: the answer has no list')
  return found.map(object => {
    const id = object.get('deviceid')
    const own = (one: Properties) => id !== undefined && one.get('deviceid') === id
    return diskOf(object, { counter: counters?.find(own), prediction: predictions?.find(own), hint, now })
  })
}

/** Why there are no counters, where that is for a missing right. */
function whyNot(answer: Answer): string | null {
  try {
    raise((answer.counters as { error?: unknown } | null)?.error)
    return null
  } catch (error) {
    return error instanceof Error && 'hint' in error ? String(error.hint) : null
  }
}

function listed(inputs: Inputs, now: number): Disk[] {
  const counters = (inputs.counters ?? []).flatMap(({ text }) => objectsOf(text, 'deviceid'))
  const objects = (inputs.disks ?? []).flatMap(({ text }) => objectsOf(text, 'healthstatus'))
  const disks = objects.map(object => {
    const counter = counters.find(one => one.get('deviceid') !== undefined && one.get('deviceid') === object.get('deviceid'))
    return diskOf(object, { counter, prediction: undefined, hint: null, now })
  })
  const known = new Set(objects.map(object => object.get('deviceid')))
  const alone = counters.filter(counter => !known.has(counter.get('deviceid')))
  return [
    ...disks,
    ...alone.map(counter =>
      diskOf(new Map([['deviceid', counter.get('deviceid') ?? '']]), { counter, prediction: undefined, hint: null, now }),
    ),
  ]
}

function objectsOf(text: string, wanted: string): Properties[] {
  const found = (jsonObjects(text) ?? listObjects(text)).filter(object => object.has(wanted))
  return found.length > 0 ? found : tableRows(text).filter(object => object.has(wanted))
}

type Besides = {
  readonly counter: Properties | undefined
  readonly prediction: Properties | undefined
  readonly hint: string | null
  readonly now: number
}

function diskOf(object: Properties, { counter, prediction, hint, now }: Besides): Disk {
  const bus = BUSES[(object.get('bustype') ?? '').toLowerCase()] ?? 'unknown'
  const health = HEALTH[(object.get('healthstatus') ?? '').toLowerCase()]
  const standing = (object.get('operationalstatus') ?? '')
    .toLowerCase()
    .split(/[{},;]/)
    .map(word => word.trim())
  const lost = standing.some(word => LOST.has(word))
  const predicted = standing.some(word => FAILING.has(word)) || truth(prediction?.get('predictfailure'))
  const passed = lost ? null : verdict(bus, health, predicted)
  const model = words(object.get('model') ?? object.get('friendlyname'), 128)
  const serial = words(object.get('serialnumber'), 128)?.replace(/\.$/, '') ?? null
  const device = object.get('deviceid')
  const silent = !counter && passed === null
  return {
    id: cut(object.get('uniqueid') ?? ([model, serial].filter(part => part !== null).join(' ') || `PhysicalDrive${device ?? ''}`), 128),
    device: device === undefined || device === '' ? null : cut(`PhysicalDrive${device}`, 128),
    model,
    serial,
    firmware: words(object.get('firmwareversion'), 64),
    interface: bus,
    media: mediaOf(object.get('mediatype')),
    sizeBytes: sizeOf(object.get('size')),
    standing: lost ? 'unreadable' : silent ? 'unsupported' : 'read',
    reason: lost
      ? 'Windows lost the connection to it'
      : silent
        ? `Windows calls it ${health ?? 'nothing'}, which over this bus says nothing of the disk`
        : null,
    hint: counter ? null : hint,
    readAt: lost ? null : now,
    passed,
    ...countersOf(counter),
    failingNow:
      prediction && truth(prediction.get('predictfailure')) === true
        ? [cut(`predicted failure, reason ${prediction.get('reason') ?? 'not told'}`, 64)]
        : [],
    failedBefore: [],
    selfTest: null,
  }
}

function verdict(bus: Disk['interface'], health: string | undefined, predicted: boolean | null): boolean | null {
  if (predicted === true || health === 'warning' || health === 'unhealthy') return false
  if (predicted === false) return true
  return health === 'healthy' && OWN_WORD.has(bus) ? true : null
}

type Counters = Omit<
  Disk,
  | 'id'
  | 'device'
  | 'model'
  | 'serial'
  | 'firmware'
  | 'interface'
  | 'media'
  | 'sizeBytes'
  | 'standing'
  | 'reason'
  | 'hint'
  | 'readAt'
  | 'passed'
  | 'failingNow'
  | 'failedBefore'
  | 'selfTest'
>

/** What is blank, or 0 where 0 cannot be, is not reported by the driver. */
function countersOf(counter: Properties | undefined): Counters {
  const temperature = whole(counter?.get('temperature'))
  const wear = whole(counter?.get('wear'))
  const errors = [counter?.get('readerrorsuncorrected'), counter?.get('writeerrorsuncorrected')].map(whole).filter(count => count !== null)
  return {
    temperatureCelsius: temperature !== null && temperature > 0 && temperature < 200 ? temperature : null,
    powerOnHours: whole(counter?.get('poweronhours')) || null,
    enduranceUsedRatio: wear !== null && wear <= 255 ? wear / 100 : null,
    mediaErrors: errors.length === 0 ? null : errors.reduce((sum, count) => sum + count, 0),
    availableSpareRatio: null,
    availableSpareThresholdRatio: null,
    criticalWarning: null,
    reallocatedSectors: null,
    pendingSectors: null,
    uncorrectableSectors: null,
    endToEndErrors: null,
    reportedUncorrectable: null,
    commandTimeouts: null,
    spinRetries: null,
    reallocationEvents: null,
    interfaceCrcErrors: null,
    writtenBytes: null,
    unsafeShutdowns: null,
  }
}

/** MediaType: 3 HDD, 4 SSD, 5 SCM, 0 unspecified. */
function mediaOf(text: string | undefined): Disk['media'] {
  const said = (text ?? '').toLowerCase()
  return said === '4' || said === 'ssd' ? 'ssd' : said === '3' || said === 'hdd' ? 'hdd' : 'unknown'
}

/** Bytes; a table's rounded `25 GB` is not taken for a size. */
function sizeOf(text: string | undefined): number | null {
  const bytes = whole(text)
  return bytes !== null && bytes > 0 ? bytes : null
}

function words(text: string | undefined, longest: number): string | null {
  return cut(text ?? '', longest) || null
}
