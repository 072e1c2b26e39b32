import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, type ParseContext } from '../../probe.ts'
import { cut } from '../gather.ts'
import { type Dict, dictOf, dictsOf, flagIn, isPlistWith, numberIn, parsePlistDict, textIn } from '../property-list.ts'
import { isProfile, isTextProfile, leaves, profileOf, type Section, sectionsOf, textProfile } from '../system-profiler.ts'
import { isVirtual } from './devices.ts'

type Disk = FactTypes['disks']['disks'][number]

const TYPES = ['SPNVMeDataType', 'SPSerialATADataType', 'SPStorageDataType'] as const
const MOST_DISKS = 256
/** Health values of Apple's own NVMe log, which "may vary"; units as in the NVMe specification. */
const DETAILS = 'SMARTDeviceSpecificKeysMayVaryNotGuaranteed'
const NVME_DATA_UNIT = 512_000
const KELVIN = 273.15

/**
 * Disks by their own verdict; see system_profiler(8) and diskutil(8). Volumes are no disks: an SSD with two of them is one. Only NVMe disks, which
 * never spin down, are asked for more.
 */
export default defineProbe({
  subject: 'disks',
  source: 'macos',
  platforms: ['darwin'],
  every: '6h',
  timeout: '180s',
  heavy: true,
  blind: 'Disks behind USB bridges and RAID controllers give no verdict, external NVMe disks are often left out. smartmontools tells more.',
  inputs: {
    profile: {
      from: `system_profiler -json ${TYPES.slice(0, 2).join(' ')}`,
      recognise: text =>
        TYPES.some(type => isProfile(text, type)) ||
        ['Serial-ATA', 'NVMExpress', 'SATA/SATA Express', 'Storage'].some(title => isTextProfile(text, title)),
    },
    info: {
      from: 'diskutil info -plist DISK',
      recognise: text =>
        isPlistWith(text, 'SMARTStatus') || isPlistWith(text, DETAILS) || /^[ \t]*Device Identifier:\s+disk\d+/m.test(text),
    },
  },
  parse: parseMacDisks,

  async read(host: Host) {
    const profile = await host.run(['system_profiler', '-json', ...TYPES.slice(0, 2)], { timeoutMs: 120_000 })
    const names = leaves(profileOf(profile.text, 'SPNVMeDataType') ?? []).flatMap(
      item => /^disk\d{1,4}$/.exec(textIn(item.bsd_name) ?? '')?.[0] ?? [],
    )
    const info: Captured[] = []
    for (const name of names.slice(0, 16)) info.push(await host.run(['diskutil', 'info', '-plist', name], { timeoutMs: 15_000 }))
    return parseMacDisks({ profile: [profile], info }, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

/** @throws Absent where the report is whole and has no disk, Error where it cannot be read */
export function parseMacDisks(inputs: Inputs, { now }: ParseContext): FactTypes['disks'] {
  const listed = (inputs.profile ?? []).flatMap(({ text }) => (/^\s*\{|<plist[\s>]/.test(text) ? reported(text) : printed(text)))
  const told = (inputs.info ?? []).filter(({ text }) => text.trim() !== '').map(({ text }) => infoOf(text))
  if ((inputs.profile ?? []).length === 0 && told.length === 0)
    throw new Error('Cannot tell of disks without what system_profiler or diskutil prints')
  const disks = listed.map(disk => told.reduce(withInfo, disk))
  const alone = told.filter(({ device }) => !listed.some(disk => disk.device === device)).map(info => withInfo(blank(info.device), info))
  const all = [...disks, ...alone].map(disk => judged(disk, now))
  if (all.length === 0) throw new Absent('no NVMe or ATA disk is attached')
  return { disks: all.slice(0, MOST_DISKS) }
}

/** Verdict as the tools say it; `undefined`: nothing is said. */
type Found = Disk & { readonly verdict: string | null }

function blank(device: string | null): Found {
  return {
    id: device ?? 'unknown',
    device,
    model: null,
    serial: null,
    firmware: null,
    interface: 'unknown',
    media: 'unknown',
    sizeBytes: null,
    standing: 'unsupported',
    reason: null,
    hint: null,
    readAt: null,
    passed: null,
    temperatureCelsius: null,
    powerOnHours: null,
    enduranceUsedRatio: null,
    availableSpareRatio: null,
    availableSpareThresholdRatio: null,
    criticalWarning: null,
    mediaErrors: null,
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
    failingNow: [],
    failedBefore: [],
    selfTest: null,
    verdict: null,
  }
}

/** Physical disks of the report; its SPStorage only speaks where neither bus is in it, since it lists each volume of a disk. */
function reported(text: string): Found[] {
  const [nvme, sata, storage] = TYPES.map(type => profileOf(text, type))
  if (!nvme && !sata && !storage) throw new Error(`Cannot read a report without ${TYPES.join(', ')}`)
  if (nvme?.length || sata?.length || !storage)
    return [...leaves(nvme ?? []).map(item => device(item, 'nvme')), ...leaves(sata ?? []).map(item => device(item, 'sata'))].filter(
      disk => disk !== undefined,
    )
  const drives = new Map<string, Found>()
  // A CoreStorage volume lies on several drives, a plain one on one.
  for (const volume of storage) {
    const physical = dictOf(volume.physical_drive)
    for (const drive of [...(physical ? [physical] : []), ...dictsOf(volume['com.apple.corestorage.pv'])]) addDrive(drives, drive)
  }
  if (storage.length > 0 && drives.size === 0) throw new Error('Cannot tell of disks: the volumes of the report name no drive')
  return [...drives.values()]
}

function addDrive(drives: Map<string, Found>, drive: Dict): void {
  const model = textIn(drive.device_name)
  if (model === null || /disk image/i.test(textIn(drive.protocol) ?? '')) return
  drives.set(model, {
    ...blank(null),
    id: short(model),
    model: short(model),
    media: mediaOf(textIn(drive.medium_type)),
    verdict: worse(drives.get(model)?.verdict ?? null, textIn(drive.smart_status)),
    interface: busOf(textIn(drive.protocol)),
  })
}

/** A drive for discs has no size and no verdict: it is left out. */
function device(item: Dict, bus: 'nvme' | 'sata'): Found | undefined {
  const model = textIn(item.device_model) ?? textIn(item._name)
  const bsd = textIn(item.bsd_name)
  const size = numberIn(item.size_in_bytes)
  if (model === null || (bsd === null && size === null)) return undefined
  const serial = textIn(item.device_serial)
  return {
    ...blank(bsd === null ? null : short(bsd)),
    id: short(serial === null ? model : `${model} ${serial}`),
    model: short(model),
    serial: serial === null ? null : short(serial),
    firmware: textIn(item.device_revision)?.slice(0, 64) ?? null,
    interface: bus,
    media: bus === 'nvme' ? 'ssd' : mediaOf(textIn(item.spsata_medium_type)),
    sizeBytes: size,
    verdict: textIn(item.smart_status),
  }
}

/** The report for people: a disk is what has a S.M.A.R.T. status, or a BSD name and a serial number. */
function printed(text: string): Found[] {
  const root = textProfile(text)
  const buses = [
    ...['Serial-ATA', 'SATA/SATA Express'].flatMap(title => sectionsOf(root, title).map(section => ['sata', section] as const)),
    ...sectionsOf(root, 'NVMExpress').map(section => ['nvme', section] as const),
  ]
  if (buses.length === 0) throw new Error(`Cannot read a report without disks: ${cut(text, 100) || 'nothing was printed'}`)
  const drives = buses.flatMap(([bus, section]) => drivesIn(section).map(drive => printedDrive(drive, bus)))
  // Without its end nobody knows whether it is whole.
  if (drives.length === 0) throw new Error('Cannot find a disk in the report: ask for it with -json')
  return drives
}

function drivesIn(section: Section): Section[] {
  return section.sections.flatMap(inner =>
    inner.values.has('Model') && inner.values.has('BSD Name') && inner.values.has('Capacity') ? [inner] : drivesIn(inner),
  )
}

function printedDrive({ values }: Section, bus: 'nvme' | 'sata'): Found {
  const item = {
    device_model: values.get('Model'),
    bsd_name: values.get('BSD Name'),
    device_serial: values.get('Serial Number'),
    device_revision: values.get('Revision'),
    size_in_bytes: bytesOf(values.get('Capacity') ?? ''),
    spsata_medium_type: values.get('Medium Type'),
    smart_status: values.get('S.M.A.R.T. status') ?? values.get('S.M.A.R.T. Status'),
  }
  return device(item, bus) ?? blank(null)
}

type Info = { readonly device: string | null; readonly values: Dict }

/** `diskutil info`, as property list or for people. @throws where it names no disk */
function infoOf(text: string): Info {
  const values = /<plist[\s>]/.test(text) ? parsePlistDict(text) : infoForPeople(text)
  const name = textIn(values.DeviceIdentifier) ?? storeOf(values)
  if (name === null) throw new Error('Cannot tell which disk this is: diskutil names no device')
  return { device: short(name), values }
}

/** A container is asked for by its volume: the disk below it is `disk0` of its store `disk0s2`. */
function storeOf(values: Dict): string | null {
  const [store, ...more] = dictsOf(values.APFSPhysicalStores)
  return more.length > 0 ? null : (/^(disk\d{1,4})s\d/.exec(textIn(store?.APFSPhysicalStore) ?? '')?.[1] ?? null)
}

function infoForPeople(text: string): Dict {
  const lines = new Map(
    text.split('\n').flatMap(line => {
      const [, name, value] = /^\s*([^:]{1,60}):\s+(\S.*)$/.exec(line) ?? []
      return name !== undefined && value !== undefined ? [[name.trim(), value.trim()] as const] : []
    }),
  )
  return {
    DeviceIdentifier: lines.get('Device Identifier'),
    MediaName: lines.get('Device / Media Name'),
    SMARTStatus: lines.get('SMART Status'),
    SolidState: lines.get('Solid State'),
    BusProtocol: lines.get('Protocol'),
    VirtualOrPhysical: /^yes$/i.test(lines.get('Virtual') ?? '') ? 'Virtual' : undefined,
    TotalSize: bytesOf(lines.get('Disk Size') ?? lines.get('Total Size') ?? ''),
  }
}

function withInfo(disk: Found, { device: name, values }: Info): Found {
  if (name === null || name !== disk.device) return disk
  const log = dictOf(values[DETAILS]) ?? {}
  const number = (key: string) => numberIn(log[key]) ?? numberIn(log[`${key}_0`])
  const percent = (key: string) => ratio(number(key))
  const kelvin = number('TEMPERATURE')
  const units = number('DATA_UNITS_WRITTEN')
  const solid = flagIn(values.SolidState)
  const virtual = textIn(values.VirtualOrPhysical) === 'Virtual'
  const model = disk.model ?? textIn(values.MediaName)
  return {
    ...disk,
    id: disk.model === null && model !== null ? short(`${model} ${name}`) : disk.id,
    model: model === null ? null : short(model),
    sizeBytes: disk.sizeBytes ?? numberIn(values.TotalSize) ?? numberIn(values.Size),
    media: disk.media !== 'unknown' || solid === null ? disk.media : solid ? 'ssd' : 'hdd',
    interface: virtual ? 'virtual' : disk.interface === 'unknown' ? busOf(textIn(values.BusProtocol)) : disk.interface,
    verdict: worse(disk.verdict, textIn(values.SMARTStatus)),
    temperatureCelsius: kelvin !== null && kelvin > 200 && kelvin < 450 ? Math.round(kelvin - KELVIN) : null,
    powerOnHours: number('POWER_ON_HOURS'),
    enduranceUsedRatio: percent('PERCENTAGE_USED'),
    availableSpareRatio: percent('AVAILABLE_SPARE'),
    availableSpareThresholdRatio: percent('AVAILABLE_SPARE_THRESHOLD'),
    mediaErrors: number('MEDIA_ERRORS'),
    unsafeShutdowns: number('UNSAFE_SHUTDOWNS'),
    writtenBytes: units === null ? null : units * NVME_DATA_UNIT,
  }
}

/** "Verified" and "Failing" are the words; anything else, "Not Supported" first, is no verdict. */
function judged({ verdict, ...disk }: Found, now: number): Disk {
  const virtual = disk.interface === 'virtual' || isVirtual(disk.device, disk.model)
  if (virtual) return { ...disk, interface: 'virtual', standing: 'unsupported', passed: null, reason: 'a virtual disk' }
  const passed = /^verified$/i.test(verdict ?? '') ? true : /^(failing|failed|about to fail)$/i.test(verdict ?? '') ? false : null
  if (passed === null) return { ...disk, standing: 'unsupported', reason: `SMART: ${cut(verdict ?? 'not told', 100)}` }
  return { ...disk, standing: 'read', passed, readAt: now > 0 ? now : null }
}

const worse = (a: string | null, b: string | null): string | null => (b !== null && /^fail|^about/i.test(b) ? b : (a ?? b))
const ratio = (percent: number | null): number | null => (percent === null || percent < 0 || percent > 255 ? null : percent / 100)
const short = (text: string): string => cut(text, 128)
const mediaOf = (word: string | null): Disk['media'] =>
  /solid|ssd/i.test(word ?? '') ? 'ssd' : /rotational|hdd/i.test(word ?? '') ? 'hdd' : 'unknown'

function busOf(protocol: string | null): Disk['interface'] {
  if (/apple fabric|nvme|pci/i.test(protocol ?? '')) return 'nvme'
  if (/sata|^ata/i.test(protocol ?? '')) return 'sata'
  return /usb/i.test(protocol ?? '') ? 'usb' : /disk image|virtual/i.test(protocol ?? '') ? 'virtual' : 'unknown'
}

/** `(320,072,933,376 bytes)`: each language groups digits in its own way. */
function bytesOf(text: string): number | undefined {
  const digits = /\(([\d,. '’\u00a0\u202f]{1,40}) bytes\)/i.exec(text)?.[1]?.replace(/\D/g, '')
  return digits ? Number(digits) : undefined
}
