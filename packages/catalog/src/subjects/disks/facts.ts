import * as v from 'valibot'
import { amount, count, list, maybe, quantity, text, time } from '../../shapes.ts'

/** Physical disks and what they say of themselves (ATA SMART, NVMe health log, SCSI log pages, operating system). */
export const disksFact = v.object({
  disks: list(
    v.object({
      /** Stable: WWN, else model and serial number; behind a controller with the slot. Never `/dev/sda`. */
      id: text(128),
      /** Where it was found this time: `/dev/sda`, `/dev/bus/0 megaraid,4`, `PhysicalDrive0`, `disk0`. */
      device: maybe(text(128)),
      model: maybe(text(128)),
      serial: maybe(text(128)),
      firmware: maybe(text(64)),
      interface: v.picklist(['nvme', 'sata', 'sas', 'scsi', 'usb', 'raid', 'virtual', 'unknown']),
      media: v.picklist(['ssd', 'hdd', 'unknown']),
      sizeBytes: maybe(amount),
      /** `read`: it answered. `asleep`: left sleeping; the values are the last known. `unsupported`: answers, but has no health data. `unreadable`: it did not answer. */
      standing: v.picklist(['read', 'asleep', 'unsupported', 'unreadable']),
      reason: maybe(text()),
      hint: maybe(text()),
      /** When the values were read, epoch ms; null where they never were. */
      readAt: maybe(time),
      /** The disk's own verdict; null where it gives none, and that is never "passed". */
      passed: maybe(v.boolean()),
      temperatureCelsius: maybe(quantity),
      powerOnHours: maybe(amount),
      /** Share of rated endurance used, may exceed 1. */
      enduranceUsedRatio: maybe(amount),
      availableSpareRatio: maybe(amount),
      availableSpareThresholdRatio: maybe(amount),
      /** NVMe critical warning bits: 1 spare low, 2 temperature, 4 reliability, 8 read-only, 16 volatile backup. */
      criticalWarning: maybe(count),
      /** NVMe media and data integrity errors; SCSI uncorrected errors. */
      mediaErrors: maybe(amount),
      /** ATA 5 / SCSI grown defects. */
      reallocatedSectors: maybe(amount),
      /** ATA 197. */
      pendingSectors: maybe(amount),
      /** ATA 198. */
      uncorrectableSectors: maybe(amount),
      /** ATA 184. */
      endToEndErrors: maybe(amount),
      /** ATA 187. */
      reportedUncorrectable: maybe(amount),
      /** ATA 188. */
      commandTimeouts: maybe(amount),
      /** ATA 10. */
      spinRetries: maybe(amount),
      /** ATA 196. */
      reallocationEvents: maybe(amount),
      /** ATA 199: the cable, not the disk. */
      interfaceCrcErrors: maybe(amount),
      writtenBytes: maybe(amount),
      unsafeShutdowns: maybe(amount),
      /** Names of pre-fail attributes at or under their threshold now. */
      failingNow: list(text(64), 64),
      /** Names of attributes that were under their threshold in the past. */
      failedBefore: list(text(64), 64),
      /** Result of the newest finished self-test; null where none is logged. */
      selfTest: maybe(
        v.object({ result: v.picklist(['passed', 'failed', 'aborted', 'running']), atHours: maybe(amount), detail: maybe(text(128)) }),
      ),
    }),
    256,
  ),
  /**
   * What the operating system logged of disks within the last seven days, by kind and device; null where the log could not be read, left out by
   * sources that read no log. `bad-block`: data could not be read or written there. `predicted`: the disk foretells its failure. `controller`,
   * `paging`, `retried`, `reset`: the way to the disk makes errors, or the disk does not answer in time. `removed`: it went without a word.
   */
  events: v.optional(
    maybe(
      list(
        v.object({
          kind: v.picklist(['bad-block', 'predicted', 'controller', 'paging', 'retried', 'reset', 'removed']),
          /** As in `disks`, where the log names a disk; else the port (`RaidPort0`). A disk that was unplugged since may have had another's name. */
          device: maybe(text(128)),
          /** How often; a lower bound where the log is very full. */
          count,
          lastAt: maybe(time),
        }),
        64,
      ),
    ),
  ),
})
export type DiskEvent = NonNullable<DisksFact['events']>[number]
export type DisksFact = v.InferOutput<typeof disksFact>
export type Disk = DisksFact['disks'][number]
