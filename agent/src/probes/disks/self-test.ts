import type { FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import { shortText } from '../sysfs.ts'

type SelfTest = FactTypes['disks']['disks'][number]['selfTest']
type Entry = { readonly result: NonNullable<SelfTest>['result']; readonly atHours: number | null; readonly detail: string | null }

const result = v.object({ value: v.number(), string: v.optional(v.string(), '') })
const ataTable = v.array(v.object({ status: result, lifetime_hours: v.optional(v.number()) }))
const ataLog = v.object({ table: v.optional(ataTable, []) })
const ataSchema = v.object({ standard: v.optional(ataLog), extended: v.optional(ataLog) })
const nvmeSchema = v.object({
  current_self_test_operation: v.optional(result),
  table: v.optional(v.array(v.nullable(v.object({ self_test_result: result, power_on_hours: v.optional(v.number()) }))), []),
})
const scsiSchema = v.object({ result, power_on_time: v.optional(v.object({ hours: v.optional(v.number()) })) })

/** What each result code means: ATA (high nibble of the status byte), NVMe (self-test log), SCSI (self-test results page). */
const ATA = { passed: [0], aborted: [1, 2], failed: [3, 4, 5, 6, 7, 8], running: [15] }
const NVME = { passed: [0], aborted: [1, 2, 3, 4, 8, 9], failed: [5, 6, 7], running: [] }
const SCSI = { passed: [0], aborted: [1, 2], failed: [3, 4, 5, 6, 7], running: [15] }

/** The newest self-test that ended with an answer, else the newest at all; null where none is logged. Newest first in all three logs. */
export function selfTestOf(report: Readonly<Record<string, unknown>>, exit: number): SelfTest {
  const entries = [...ataEntries(report), ...nvmeEntries(report), ...scsiEntries(report)]
  const newest = entries.find(entry => entry.result === 'passed' || entry.result === 'failed') ?? entries[0]
  // Bit 7 says that the log has errors; without the log only that is known.
  if (!newest) return exit & 128 ? { result: 'failed', atHours: null, detail: 'the self-test log has errors' } : null
  return newest
}

function ataEntries(report: Readonly<Record<string, unknown>>): Entry[] {
  const log = v.safeParse(ataSchema, report.ata_smart_self_test_log)
  if (!log.success) return []
  const table = log.output.extended?.table ?? log.output.standard?.table ?? []
  return table.flatMap(({ status, lifetime_hours }) => entryOf(ATA, status.value >> 4, lifetime_hours, status.string))
}

function nvmeEntries(report: Readonly<Record<string, unknown>>): Entry[] {
  const log = v.safeParse(nvmeSchema, report.nvme_self_test_log)
  if (!log.success) return []
  const current = log.output.current_self_test_operation
  const running: Entry[] =
    current && current.value > 0 ? [{ result: 'running', atHours: null, detail: shortText(current.string, 128) }] : []
  const ended = log.output.table.flatMap(entry =>
    entry ? entryOf(NVME, entry.self_test_result.value, entry.power_on_hours, entry.self_test_result.string) : [],
  )
  return [...running, ...ended]
}

function scsiEntries(report: Readonly<Record<string, unknown>>): Entry[] {
  return Array.from({ length: 20 }, (_, index) => v.safeParse(scsiSchema, report[`scsi_self_test_${index}`])).flatMap(entry =>
    entry.success ? entryOf(SCSI, entry.output.result.value, entry.output.power_on_time?.hours, entry.output.result.string) : [],
  )
}

function entryOf(
  codes: Readonly<Record<Entry['result'], readonly number[]>>,
  code: number,
  hours: number | undefined,
  detail: string,
): Entry[] {
  const found = (Object.keys(codes) as Entry['result'][]).find(name => codes[name].includes(code))
  if (!found) return []
  return [{ result: found, atHours: hours !== undefined && hours >= 0 ? hours : null, detail: shortText(detail, 128) }]
}
