import type { FactTypes } from '@fettle/catalog'
import { type Json, numberOf, objectOf, objectsOf, wordOf } from '../loose-json.ts'
import { shortText } from '../sysfs.ts'

type Disk = FactTypes['disks']['disks'][number]

/** What `nvme list` or sysfs knows of a disk. */
export type Identity = Pick<Disk, 'id' | 'device' | 'model' | 'serial' | 'firmware' | 'sizeBytes'>

/** Bytes that one data unit stands for: a thousand blocks of 512, see NVM Express Base Specification, SMART / Health Information. */
const DATA_UNIT = 512_000
const KELVIN = 273

/** A disk of which only the identity is known. */
export function blankNvme(identity: Identity): Disk {
  const nothing = { hint: null, readAt: null, passed: null, temperatureCelsius: null, powerOnHours: null, enduranceUsedRatio: null }
  const spare = {
    availableSpareRatio: null,
    availableSpareThresholdRatio: null,
    criticalWarning: null,
    mediaErrors: null,
    writtenBytes: null,
    unsafeShutdowns: null,
  }
  const ata = {
    reallocatedSectors: null,
    pendingSectors: null,
    uncorrectableSectors: null,
    endToEndErrors: null,
    reportedUncorrectable: null,
  }
  const more = { commandTimeouts: null, spinRetries: null, reallocationEvents: null, interfaceCrcErrors: null, selfTest: null }
  const base = {
    interface: 'nvme',
    media: 'ssd',
    standing: 'unreadable',
    reason: 'its health was not read',
    failingNow: [],
    failedBefore: [],
  } as const
  return { ...identity, ...base, failingNow: [], failedBefore: [], ...nothing, ...spare, ...ata, ...more }
}

/**
 * `nvme smart-log -o json` of all versions: a value is a number, a fraction or a text from version to version.
 * @throws Error where the critical warning is missing: without it nothing says that the disk is well
 */
export function healthOf(log: Json, identity: Identity, now: number): Disk {
  const value = (...keys: readonly string[]) => keys.map(key => amountOf(log[key])).find(found => found !== null) ?? null
  const warning = warningOf(log.critical_warning)
  const kelvin = value('temperature', 'composite_temperature')
  if (warning === null || kelvin === null)
    throw new Error('Cannot read the health of an NVMe disk: it tells no critical_warning or no temperature')
  const share = (...keys: readonly string[]) => {
    const percent = value(...keys)
    return percent === null ? null : percent / 100
  }
  const units = value('data_units_written')
  return {
    ...blankNvme(identity),
    standing: 'read',
    reason: null,
    readAt: now || null,
    passed: warning === 0,
    criticalWarning: warning,
    // 0 K is what controllers say that do not measure.
    temperatureCelsius: kelvin > 0 ? Math.round(kelvin) - KELVIN : null,
    powerOnHours: value('power_on_hours'),
    enduranceUsedRatio: share('percent_used', 'percentage_used'),
    availableSpareRatio: share('avail_spare', 'available_spare'),
    availableSpareThresholdRatio: share('spare_thresh', 'available_spare_threshold'),
    mediaErrors: value('media_errors'),
    writtenBytes: units === null ? null : units * DATA_UNIT,
    unsafeShutdowns: value('unsafe_shutdowns'),
  }
}

/** Bits as a number, or the object that newer versions print: `{"value": 0, "available_spare": 0, …}`. */
function warningOf(value: unknown): number | null {
  const told = amountOf(objectOf(value)?.value ?? value)
  return told !== null && Number.isInteger(told) && told < 256 ? told : null
}

/** A number, or a text that is one, with digits grouped or not. */
function amountOf(value: unknown): number | null {
  const number = numberOf(typeof value === 'string' ? value.replace(/(?<=\d),(?=\d{3})/g, '') : value)
  return number !== null && number >= 0 ? number : null
}

/** `nvme list -o json` of all versions: namespaces in a flat list, or under subsystems and controllers. */
export function listedDisks(document: Json): Identity[] {
  return objectsOf(document.Devices).flatMap(device => {
    if (wordOf(device.DevicePath)) return [identityOf(device, wordOf(device.DevicePath) ?? '', amountOf(device.PhysicalSize))]
    return objectsOf(device.Subsystems).flatMap(system =>
      objectsOf(system.Controllers).map(controller => controllerOf(controller, objectsOf(system.Namespaces))),
    )
  })
}

function controllerOf(controller: Json, shared: readonly Json[]): Identity {
  const own = objectsOf(controller.Namespaces)
  const spaces = own.length > 0 ? own : shared
  const size = spaces.reduce<number | null>(
    (sum, space) => (amountOf(space.PhysicalSize) === null ? sum : (sum ?? 0) + (amountOf(space.PhysicalSize) ?? 0)),
    null,
  )
  return identityOf(controller, `/dev/${wordOf(controller.Controller) ?? 'nvme'}`, size)
}

function identityOf(told: Json, device: string, sizeBytes: number | null): Identity {
  const model = shortText(wordOf(told.ModelNumber), 128)
  const serial = shortText(wordOf(told.SerialNumber), 128)
  const id = model && serial ? `${model}_${serial}`.replace(/\s+/g, '_').slice(0, 128) : device.slice(0, 128)
  return { id, device: shortText(device, 128), model, serial, firmware: shortText(wordOf(told.Firmware), 64), sizeBytes }
}
