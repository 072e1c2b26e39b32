import type { FactTypes } from '@fettle/catalog'
import { Absent } from '../../probe.ts'
import { shortText } from '../sysfs.ts'
import type { Drive } from './controller.ts'

type Disk = FactTypes['disks']['disks'][number]
const MOST_DISKS = 256
const DAY_MS = 86_400_000
const DAY_HOURS = 24

/** Drives behind a controller as disks, by what the controller says of them. @throws Absent where it has none */
export function disksOf(drives: readonly Drive[], now: number): FactTypes['disks'] {
  const real = drives.filter(drive => drive.state !== 'missing' || drive.serial)
  if (real.length === 0) throw new Absent('the controller has no drive')
  const worstFirst =
    real.length > MOST_DISKS
      ? [...real].sort((a, b) => Number(b.alert === true || b.state === 'failed') - Number(a.alert === true || a.state === 'failed'))
      : real
  const disks = worstFirst.slice(0, MOST_DISKS).map(drive => diskOf(drive, now))
  return { disks: apart(disks) }
}

function diskOf(drive: Drive, now: number): Disk {
  const failed = drive.state === 'failed' || drive.state === 'missing'
  const told = failed || drive.alert !== null
  return {
    ...blankDisk,
    id: idOf(drive),
    device: shortText(drive.slot, 128),
    model: shortText(drive.model, 128),
    serial: shortText(drive.serial, 128),
    firmware: shortText(drive.firmware, 64),
    interface: drive.interface,
    media: drive.media,
    sizeBytes: drive.sizeBytes,
    standing: told ? 'read' : 'unsupported',
    reason: shortText(failed ? `the controller calls it ${drive.word}` : told ? null : 'the controller does not say how it is', 512),
    readAt: told ? Math.floor(now / DAY_MS) * DAY_MS || null : null,
    passed: failed || drive.alert === true ? false : drive.alert === false ? true : null,
    temperatureCelsius: drive.temperatureCelsius,
    powerOnHours: drive.powerOnHours === null ? null : Math.floor(drive.powerOnHours / DAY_HOURS) * DAY_HOURS,
    enduranceUsedRatio: drive.enduranceUsedRatio,
    mediaErrors: drive.mediaErrors,
  }
}

/** As smartctl names the same disk: a disk that both see is one. */
function idOf({ wwn, model, serial, slot }: Drive): string {
  if (wwn && /^[0-9a-f]{16}$/i.test(wwn) && !/^0+$/.test(wwn)) return `naa.${wwn.toLowerCase()}`
  return model && serial ? `${model}_${serial}`.replace(/\s+/g, '_').slice(0, 128) : slot.slice(0, 128)
}

function apart(disks: readonly Disk[]): Disk[] {
  const times = new Map<string, number>()
  for (const { id } of disks) times.set(id, (times.get(id) ?? 0) + 1)
  return disks.map(disk =>
    times.get(disk.id) === 1 ? disk : { ...disk, id: `${disk.id.slice(0, 64)} ${disk.device ?? ''}`.slice(0, 128) },
  )
}

const blankDisk = {
  hint: null,
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
  failingNow: [],
  failedBefore: [],
  selfTest: null,
} satisfies Partial<Disk>
