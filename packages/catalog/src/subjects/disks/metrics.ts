import { counter, gauge, type Metric, type Sample, scalar, word } from '../../metric.ts'
import type { HostView } from '../../view.ts'
import type { Disk } from './facts.ts'

const kind = { tier: 'core', life: 'state', domain: 'hardware', from: 'disks', labels: ['disk'] } as const
const detail = { ...kind, tier: 'detail' } as const

/** One sample a disk: what `of` gives is the value, `null` gives none. */
const perDisk =
  (of: (disk: Disk) => number | boolean | null) =>
  (host: HostView): Sample[] =>
    disks(host).flatMap(disk => scalar(of(disk), disk.id))
const disks = (host: HostView) => host.facts.disks.flatMap(fact => fact.data.disks)

export const diskInfo = gauge('disk_info', {
  ...kind,
  help: 'Identity of a physical disk, value is always 1.',
  labels: ['disk', 'device', 'model', 'serial_number', 'firmware_version', 'interface', 'media'],
  samples: host =>
    uniqueDisks(host).flatMap(disk =>
      scalar(1, disk.id, word(disk.device), word(disk.model), word(disk.serial), word(disk.firmware), disk.interface, disk.media),
    ),
})

/** Two sources may name one disk with different particulars; a join needs one. */
const uniqueDisks = (host: HostView) => [...new Map(disks(host).map(disk => [disk.id, disk])).values()]

export const diskSmartHealthy = gauge('disk_smart_healthy', {
  ...kind,
  help: 'Overall SMART self-assessment: 1 passed, 0 failed; no sample where the disk gives none.',
  samples: perDisk(disk => disk.passed),
})

export const diskTemperatureCelsius = gauge('disk_temperature_celsius', {
  ...kind,
  life: 'volatile',
  help: 'Current disk temperature.',
  samples: perDisk(disk => disk.temperatureCelsius),
})

export const diskEnduranceUsedRatio = gauge('disk_endurance_used_ratio', {
  ...kind,
  help: 'Share of the rated write endurance used, may exceed 1.',
  samples: perDisk(disk => disk.enduranceUsedRatio),
})

export const diskAvailableSpareRatio = gauge('disk_available_spare_ratio', {
  ...kind,
  help: 'Remaining spare capacity.',
  samples: perDisk(disk => disk.availableSpareRatio),
})

export const diskAvailableSpareThresholdRatio = gauge('disk_available_spare_threshold_ratio', {
  ...detail,
  help: 'Spare capacity below which the vendor declares the disk unreliable.',
  samples: perDisk(disk => disk.availableSpareThresholdRatio),
})

export const diskCriticalWarning = gauge('disk_critical_warning', {
  ...kind,
  help: 'NVMe critical warning bit field, 0 if none.',
  samples: perDisk(disk => disk.criticalWarning),
})

export const diskMediaErrorsTotal = counter('disk_media_errors_total', {
  ...kind,
  help: 'Unrecovered data integrity errors.',
  samples: perDisk(disk => disk.mediaErrors),
})

export const diskReallocatedSectors = gauge('disk_reallocated_sectors', {
  ...kind,
  help: 'Sectors remapped to the spare area.',
  samples: perDisk(disk => disk.reallocatedSectors),
})

export const diskPendingSectors = gauge('disk_pending_sectors', {
  ...kind,
  help: 'Unstable sectors waiting to be remapped.',
  samples: perDisk(disk => disk.pendingSectors),
})

export const diskUncorrectableSectors = gauge('disk_uncorrectable_sectors', {
  ...kind,
  help: 'Sectors found uncorrectable in offline tests.',
  samples: perDisk(disk => disk.uncorrectableSectors),
})

export const diskPowerOnSecondsTotal = counter('disk_power_on_seconds_total', {
  ...detail,
  help: 'Powered-on time over the life of the disk.',
  samples: perDisk(disk => (disk.powerOnHours === null ? null : disk.powerOnHours * 3600)),
})

export const diskWrittenBytesTotal = counter('disk_written_bytes_total', {
  ...detail,
  help: 'Bytes written by the host over the life of the disk.',
  samples: perDisk(disk => disk.writtenBytes),
})

export const diskUnsafeShutdownsTotal = counter('disk_unsafe_shutdowns_total', {
  ...detail,
  help: 'Power losses without a clean shutdown.',
  samples: perDisk(disk => disk.unsafeShutdowns),
})

export const diskInterfaceCrcErrorsTotal = counter('disk_interface_crc_errors_total', {
  ...detail,
  help: 'Interface CRC errors, usually cabling.',
  samples: perDisk(disk => disk.interfaceCrcErrors),
})

export const diskSizeBytes = gauge('disk_size_bytes', {
  ...detail,
  help: 'Capacity of the disk.',
  samples: perDisk(disk => disk.sizeBytes),
})

export const disksMetrics: readonly Metric[] = [
  diskInfo,
  diskSmartHealthy,
  diskTemperatureCelsius,
  diskEnduranceUsedRatio,
  diskAvailableSpareRatio,
  diskAvailableSpareThresholdRatio,
  diskCriticalWarning,
  diskMediaErrorsTotal,
  diskReallocatedSectors,
  diskPendingSectors,
  diskUncorrectableSectors,
  diskPowerOnSecondsTotal,
  diskWrittenBytesTotal,
  diskUnsafeShutdownsTotal,
  diskInterfaceCrcErrorsTotal,
  diskSizeBytes,
]
