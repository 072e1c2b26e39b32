import type { FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import { shortText } from '../sysfs.ts'
import { selfTestOf } from './self-test.ts'

export type Disk = FactTypes['disks']['disks'][number]

const loose = v.fallback
const number = loose(v.optional(v.number()), undefined)
const string = loose(v.optional(v.string()), undefined)
const flag = loose(v.optional(v.boolean()), undefined)
const part = <const E extends v.ObjectEntries>(entries: E) => loose(v.optional(v.object(entries)), undefined)

const attributeSchema = v.object({
  id: v.number(),
  name: v.string(),
  value: number,
  when_failed: string,
  flags: part({ prefailure: flag }),
  raw: part({ value: number, string }),
})
type Attribute = v.InferOutput<typeof attributeSchema>

const counterSchema = part({
  total_uncorrected_errors: number,
  gigabytes_processed: loose(v.optional(v.union([v.string(), v.number()])), undefined),
})

/** What is read of `smartctl --json` (smartmontools 7.0 and newer): every part may be missing, and one of an unknown shape counts as missing. */
const reportSchema = v.looseObject({
  smartctl: v.object({
    version: loose(v.optional(v.array(v.number())), undefined),
    argv: loose(v.optional(v.array(v.string())), undefined),
    messages: loose(v.optional(v.array(v.object({ string: v.string(), severity: v.string() }))), undefined),
    exit_status: number,
  }),
  device: part({ name: string, type: string, protocol: string }),
  // One that cannot be read would hide them all.
  devices: v.optional(v.array(v.object({ name: v.string(), type: string, protocol: string, open_error: string }))),
  model_name: string,
  scsi_model_name: string,
  vendor: string,
  product: string,
  serial_number: string,
  firmware_version: string,
  revision: string,
  scsi_revision: string,
  wwn: part({ naa: v.number(), oui: v.number(), id: v.number() }),
  logical_unit_id: string,
  user_capacity: part({ bytes: number }),
  nvme_total_capacity: number,
  nvme_namespaces: loose(v.optional(v.array(v.object({ eui64: part({ oui: v.number(), ext_id: v.number() }) }))), undefined),
  rotation_rate: number,
  trim: part({ supported: flag }),
  scsi_transport_protocol: part({ name: string }),
  smart_support: part({ available: flag, enabled: flag }),
  smart_status: part({ passed: flag }),
  temperature: part({ current: number }),
  power_on_time: part({ hours: number }),
  endurance_used: part({ current_percent: number }),
  spare_available: part({ current_percent: number, threshold_percent: number }),
  scsi_percentage_used_endurance_indicator: number,
  ata_smart_attributes: part({ table: loose(v.array(attributeSchema), []) }),
  nvme_smart_health_information_log: part({
    critical_warning: number,
    temperature: number,
    available_spare: number,
    available_spare_threshold: number,
    percentage_used: number,
    data_units_written: number,
    media_errors: number,
    unsafe_shutdowns: number,
    power_on_hours: number,
  }),
  scsi_grown_defect_list: number,
  scsi_error_counter_log: part({ read: counterSchema, write: counterSchema, verify: counterSchema }),
})
export type Report = v.InferOutput<typeof reportSchema>

/** One output of `smartctl --json`. @throws where it is no JSON, or JSON of something else */
export function readReport(text: string): Report {
  let parsed: unknown
  try {
    // Some wrappers print a line before it.
    parsed = JSON.parse(text.slice(Math.max(0, text.indexOf('{'))))
  } catch {
    throw new Error("Cannot read smartctl's output: it is no whole JSON document")
  }
  return reportFrom(parsed)
}

/** A document of smartctl's form. @throws where it is of something else */
export function reportFrom(document: unknown): Report {
  const result = v.safeParse(reportSchema, document)
  if (result.success) return result.output
  const [issue] = result.issues
  throw new Error(`Cannot read smartctl's output: ${v.getDotPath(issue) ?? 'the document'}: ${issue.message}`)
}

/** The health values of a report; null where it does not say. What stands in `standing`, `reason`, `hint` and `id` is for the caller. */
export function valuesOf(report: Report, exit: number): Omit<Disk, 'id' | 'device' | 'standing' | 'reason' | 'hint' | 'readAt'> {
  const attributes = report.ata_smart_attributes?.table ?? []
  const nvme = report.nvme_smart_health_information_log
  const spare = report.spare_available
  return {
    model: modelOf(report),
    serial: shortText(report.serial_number, 128),
    firmware: shortText(report.firmware_version ?? report.scsi_revision ?? report.revision, 64),
    interface: interfaceOf(report),
    media: mediaOf(report),
    sizeBytes: amount(report.user_capacity?.bytes ?? report.nvme_total_capacity),
    // Bit 3 is the disk's verdict too, where the document lacks it.
    passed: report.smart_status?.passed ?? (exit & 8 ? false : null),
    temperatureCelsius: temperatureOf(report),
    powerOnHours: amount(report.power_on_time?.hours ?? nvme?.power_on_hours),
    enduranceUsedRatio: enduranceOf(report, attributes),
    availableSpareRatio: percent(nvme?.available_spare ?? spare?.current_percent),
    availableSpareThresholdRatio: percent(nvme?.available_spare_threshold ?? spare?.threshold_percent),
    criticalWarning: whole(nvme?.critical_warning),
    mediaErrors: amount(nvme?.media_errors) ?? uncorrectedOf(report),
    reallocatedSectors: rawOf(attributes, 5) ?? amount(report.scsi_grown_defect_list),
    pendingSectors: rawOf(attributes, 197),
    uncorrectableSectors: rawOf(attributes, 198),
    endToEndErrors: rawOf(attributes, 184),
    reportedUncorrectable: rawOf(attributes, 187),
    commandTimeouts: rawOf(attributes, 188),
    spinRetries: rawOf(attributes, 10),
    reallocationEvents: rawOf(attributes, 196),
    interfaceCrcErrors: rawOf(attributes, 199),
    writtenBytes: writtenOf(report, attributes),
    unsafeShutdowns: amount(nvme?.unsafe_shutdowns),
    ...failuresOf(attributes, exit),
    selfTest: selfTestOf(report, exit),
  }
}

function modelOf(report: Report): string | null {
  const parts = [report.vendor, report.product].filter(Boolean).join(' ')
  return shortText(report.model_name ?? report.scsi_model_name ?? parts, 128)
}

/** What controllers call the volumes they make. */
const RAID_VOLUME = /\b(PERC|MegaRAID|ServeRAID|RAID|LOGICAL VOLUME|MR\d{4})\b/i

function interfaceOf(report: Report): Disk['interface'] {
  const { device, scsi_transport_protocol } = report
  const type = device?.type ?? ''
  if (/^(usb|snt)/.test(type)) return 'usb'
  if (device?.protocol === 'SCSI' && RAID_VOLUME.test(modelOf(report) ?? '')) return 'raid'
  if (device?.protocol === 'NVMe' || type === 'nvme') return 'nvme'
  if (device?.protocol === 'ATA' || type === 'sat' || type === 'ata') return 'sata'
  if (/^SAS/.test(scsi_transport_protocol?.name ?? '')) return 'sas'
  return device?.protocol === 'SCSI' || type === 'scsi' ? 'scsi' : 'unknown'
}

function mediaOf(report: Report): Disk['media'] {
  if (report.rotation_rate !== undefined) return report.rotation_rate > 0 ? 'hdd' : 'ssd'
  if (report.nvme_smart_health_information_log || report.device?.protocol === 'NVMe' || report.trim?.supported) return 'ssd'
  return 'unknown'
}

/** Never attributes 190 and 194: vendors pack lowest and highest into them. */
function temperatureOf(report: Report): number | null {
  const celsius = report.temperature?.current ?? report.nvme_smart_health_information_log?.temperature
  // 0 is what a disk without a sensor says.
  return celsius !== undefined && celsius !== 0 && celsius > -40 && celsius < 150 ? celsius : null
}

/** Attributes whose normalised value (100 new, 0 worn) is the remaining life, by the names of smartmontools' drive database. */
const LIFE_LEFT =
  /^(Media_Wearout_Indicator|SSD_Life_Left|Remaining_Lifetime_Perc|Percent_Lifetime_Remain(ing)?|Percent_Life_Remaining|Wear_Leveling_Count)$/

function enduranceOf(report: Report, attributes: readonly Attribute[]): number | null {
  const told = report.nvme_smart_health_information_log?.percentage_used ?? report.endurance_used?.current_percent
  const used = told ?? report.scsi_percentage_used_endurance_indicator
  if (used !== undefined) return percent(used)
  const remaining = attributes.filter(({ name }) => LIFE_LEFT.test(name)).flatMap(lifeLeft)
  return remaining.length === 0 ? null : Math.round(100 - Math.min(...remaining)) / 100
}

/** Some leave the normalised value at 100 and have the percentage in the raw value: the worse one counts. */
function lifeLeft({ name, value, raw }: Attribute): number[] {
  if (value === undefined || value > 100) return []
  const inRaw = /^(SSD_Life_Left|Remaining_Lifetime_Perc)$/.test(name) ? raw?.value : undefined
  return [inRaw !== undefined && inRaw > 1 && inRaw <= 100 ? Math.min(value, inRaw) : value]
}

const LARGEST_COUNT = 0xffff_ffff

/**
 * Raw value of a counting attribute. Raw values are 48 bits that some vendors pack with two or three counters, of which the lowest 16 bits are
 * the total: Seagate's 188 has those over 5 and 7.5 seconds above it. So the low word is taken where higher words are set, for 188 at once and
 * for the others where the number is over 32 bits.
 */
function rawOf(attributes: readonly Attribute[], id: number): number | null {
  const found = attributes.find(attribute => attribute.id === id && !/^Not_In_Use$/i.test(attribute.name))
  const value = found?.raw?.value
  if (value === undefined || !Number.isFinite(value) || value < 0) return null
  const packed = value > (id === 188 ? 0xffff : LARGEST_COUNT)
  return packed ? value % 0x1_0000 : value
}

function uncorrectedOf({ scsi_error_counter_log: log }: Report): number | null {
  const counts = [log?.read, log?.write, log?.verify].flatMap(counter => counter?.total_uncorrected_errors ?? [])
  return counts.length === 0 ? null : amount(counts.reduce((sum, count) => sum + count, 0))
}

/** Bytes in a unit of the attributes that count what the host wrote, by the drive database's names. */
const WRITTEN_UNITS: Readonly<Record<string, number>> = {
  Total_LBAs_Written: 512,
  Host_Writes_32MiB: 32 * 1024 ** 2,
  Host_Writes_MiB: 1024 ** 2,
  Host_Writes_GiB: 1024 ** 3,
  Lifetime_Writes_GiB: 1024 ** 3,
  Total_Writes_GiB: 1024 ** 3,
}

function writtenOf(report: Report, attributes: readonly Attribute[]): number | null {
  const units = report.nvme_smart_health_information_log?.data_units_written
  // NVMe counts thousands of 512-byte blocks.
  if (units !== undefined) return amount(units * 512_000)
  const gigabytes = report.scsi_error_counter_log?.write?.gigabytes_processed
  if (gigabytes !== undefined && gigabytes !== '') return amount(Math.round(Number(gigabytes) * 1e9))
  const counter = attributes.find(({ id, name }) => (id === 241 || id === 246) && Object.hasOwn(WRITTEN_UNITS, name))
  return counter?.raw?.value === undefined ? null : amount(counter.raw.value * (WRITTEN_UNITS[counter.name] ?? 0))
}

/** Bits 4 and 5 of the exit status say the same, also where the table is missing. */
function failuresOf(attributes: readonly Attribute[], exit: number): Pick<Disk, 'failingNow' | 'failedBefore'> {
  const names = (wanted: (attribute: Attribute) => boolean) =>
    attributes.filter(wanted).map(({ id, name }) => shortText(name, 64) ?? String(id))
  const failingNow = names(({ when_failed, flags }) => when_failed === 'now' && flags?.prefailure !== false)
  const failedBefore = names(({ when_failed, flags }) => when_failed === 'past' || (when_failed === 'now' && flags?.prefailure === false))
  if (exit & 16 && failingNow.length === 0) failingNow.push('not named')
  if (exit & 32 && failingNow.length + failedBefore.length === 0) failedBefore.push('not named')
  return { failingNow: failingNow.slice(0, 64), failedBefore: failedBefore.slice(0, 64) }
}

const amount = (value: number | undefined): number | null => (value !== undefined && Number.isFinite(value) && value >= 0 ? value : null)
const whole = (value: number | undefined): number | null => (value !== undefined && Number.isInteger(value) && value >= 0 ? value : null)
const percent = (value: number | undefined): number | null => (value !== undefined && value >= 0 && value <= 1000 ? value / 100 : null)
