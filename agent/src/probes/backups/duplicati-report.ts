import type { Captured } from '../../probe.ts'
import { linesOf } from '../lines.ts'
import { documentIn, type Json, numberOf, objectOf, wordOf } from '../loose-json.ts'
import { clip, isFuture, type Job, learnedEvery, Unanswered, unanswered, warningList } from './job.ts'
import { zoned } from './record.ts'

/** One report of duplicati. */
export type Report = {
  /** Name of the backup, where the report has it. */
  readonly backup: string | null
  /** `Backup`, `Test`, `Restore` …; null where it does not say. */
  readonly operation: string | null
  readonly result: 'success' | 'warnings' | 'failed'
  readonly isDryrun: boolean
  readonly begunAt: number | null
  readonly endedAt: number | null
  readonly bytes: number | null
  readonly addedBytes: number | null
  readonly files: number | null
  /** Restore points that are kept. */
  readonly versions: number | null
  /** What its own test of the stored files found, where it failed. */
  readonly testFailed: boolean
  readonly warnings: readonly string[]
}

/**
 * A report of duplicati as JSON (`--send-http-result-output-format=Json`, `--run-script-result-output-format=Json`: `Data`, `Extra`, `LogLines`), or in its
 * own format (`ParsedResult: Success`). What was interrupted or is partial is no good backup.
 * @throws Error where the text is no report, or does not say how the run went
 */
export function parseReport(captured: Captured): Report {
  const text = captured.text.replace(/^\uFEFF/, '').trim()
  return text.startsWith('{') ? ofJson(objectOf(documentIn(text))) : ofText(text)
}

function ofJson(said: Json | undefined): Report {
  const data = objectOf(said?.Data) ?? (said?.ParsedResult === undefined && said?.MainOperation === undefined ? undefined : said)
  const extra = objectOf(said?.Extra)
  const exception = wordOf(objectOf(said?.Exception)?.Message) ?? wordOf(said?.Exception) ?? wordOf(data?.Message)
  if (!data && exception === undefined) throw new Error('Cannot read the report of duplicati: it has no Data')
  const told = data ?? {}
  const backend = objectOf(told.BackendStatistics)
  const test = objectOf(told.TestResults)
  const lines = Array.isArray(said?.LogLines) ? said.LogLines : []
  return {
    backup: wordOf(extra?.['backup-name']) ?? null,
    operation: wordOf(told.MainOperation) ?? wordOf(extra?.OperationName) ?? null,
    result: resultOf(wordOf(told.ParsedResult), { isBroken: told.Interrupted === true || told.PartialBackup === true, exception }),
    isDryrun: told.Dryrun === true,
    begunAt: timeOf(told.BeginTime),
    endedAt: timeOf(told.EndTime),
    bytes: amount(told.SizeOfExaminedFiles),
    addedBytes: amount(backend?.BytesUploaded),
    files: amount(told.ExaminedFiles),
    versions: amount(backend?.BackupListCount),
    testFailed: /^(Error|Fatal)$/.test(wordOf(test?.ParsedResult) ?? ''),
    warnings: warningList([
      ...(exception === undefined ? [] : [exception]),
      ...(told.Interrupted === true || told.PartialBackup === true ? ['it was interrupted: the backup is not whole'] : []),
      ...lines
        .flatMap(line => (typeof line === 'string' && /\b(Warning|Error)\b/.test(line.slice(0, 200)) ? [line.slice(0, 2000)] : []))
        .slice(0, 64),
    ]),
  }
}

type Broken = { readonly isBroken: boolean; readonly exception: string | undefined }

/** @throws Error where the word is none that is known: it would be guessing */
function resultOf(word: string | undefined, { isBroken, exception }: Broken): Report['result'] {
  if (exception !== undefined || isBroken) return 'failed'
  if (word === 'Success') return 'success'
  if (word === 'Warning') return 'warnings'
  if (word === 'Error' || word === 'Fatal') return 'failed'
  throw new Error(`Cannot read the report of duplicati: how it went is told as ${clip(word ?? 'nothing', 40)}`)
}

/** `Key: value` lines; times carry epoch seconds behind them: `12/21/2020 2:57:14 PM (1608580634)`. */
function ofText(text: string): Report {
  const lines = linesOf(text)
  const values = new Map(
    lines.flatMap(line => {
      const [, key, value] = /^([A-Za-z]{1,60}): (.{1,1000})$/.exec(line) ?? []
      return key === undefined || value === undefined ? [] : [[key, value.trim()] as const]
    }),
  )
  const failed = values.get('Failed')
  if (!values.has('ParsedResult') && failed === undefined)
    throw new Error('Cannot read the report of duplicati: it is neither JSON nor says ParsedResult')
  const isBroken = values.get('Interrupted') === 'True' || values.get('PartialBackup') === 'True'
  return {
    backup: null,
    operation: values.get('MainOperation') ?? null,
    result: resultOf(values.get('ParsedResult'), { isBroken, exception: failed }),
    isDryrun: values.get('Dryrun') === 'True',
    begunAt: timeOf(values.get('BeginTime')),
    endedAt: timeOf(values.get('EndTime')),
    bytes: amount(values.get('SizeOfExaminedFiles')),
    addedBytes: amount(values.get('BytesUploaded')),
    files: amount(values.get('ExaminedFiles')),
    versions: amount(values.get('BackupListCount')),
    testFailed: false,
    warnings: warningList([
      ...(failed === undefined ? [] : [failed]),
      ...(isBroken ? ['it was interrupted: the backup is not whole'] : []),
      ...noted(lines),
    ]),
  }
}

/** Lines of the lists `Warnings: [` and `Errors: [`. */
function noted(lines: readonly string[]): string[] {
  return lines.filter(line => /^\s{0,8}\d{4}-\d\d-\d\d .{0,80}\[?(Warning|Error)\b/.test(line)).slice(0, 64)
}

function timeOf(value: unknown): number | null {
  const seconds = typeof value === 'string' ? /\((\d{9,11})\)$/.exec(value)?.[1] : undefined
  const at = seconds === undefined ? zoned(typeof value === 'string' ? value : undefined) : Number(seconds) * 1000
  // .NET's empty time is of the year 1.
  return at > 0 ? at : null
}

function amount(value: unknown): number | null {
  const number = numberOf(value)
  return number !== null && number >= 0 ? number : null
}

/** The job as its reports tell it, whatever their order. Only reports of backups count. */
export function withReports(job: Job, reports: readonly Report[], now: number): Job {
  const backups = reports.filter(one => (one.operation === null || one.operation === 'Backup') && !one.isDryrun)
  if (backups.length === 0) {
    const operations = [...new Set(reports.map(one => (one.isDryrun ? 'dry run' : (one.operation ?? ''))))].join(', ')
    throw new Unanswered(
      `its newest report is of no backup: ${clip(operations, 100)}`,
      'Keep the reports of backups in files of their own.',
    )
  }
  const sorted = [...backups].sort((a, b) => (b.endedAt ?? b.begunAt ?? 0) - (a.endedAt ?? a.begunAt ?? 0))
  if (sorted.length > 1 && sorted.some(one => one.endedAt === null && one.begunAt === null && one.result !== 'failed'))
    throw new Unanswered('one of its reports has no time')
  // A failure without a time may be the newest of all.
  const last = sorted.find(one => one.endedAt === null && one.begunAt === null) ?? sorted[0]
  if (!last) throw new Unanswered('it has no report')
  const at = last.endedAt ?? last.begunAt
  const good = sorted.filter(one => one.result !== 'failed')
  const success = good[0]?.endedAt ?? null
  const told: Job = {
    ...job,
    lastRunAt: at,
    lastResult: last.result,
    durationMs: last.begunAt !== null && last.endedAt !== null && last.endedAt >= last.begunAt ? last.endedAt - last.begunAt : null,
    sourceBytes: last.result === 'failed' ? null : last.bytes,
    addedBytes: last.addedBytes,
    files: last.files,
    snapshots: last.versions,
    earlierBytes: good
      .filter(one => one !== last)
      .flatMap(one => one.bytes ?? [])
      .slice(0, 10),
    learnedEveryMs: learnedEvery(good.flatMap(one => one.endedAt ?? [])),
    verify: last.testFailed ? { at, result: 'failed', detail: 'its test of stored files found errors' } : null,
    warnings: [...last.warnings],
  }
  if ([at, success].some(time => time !== null && isFuture(time, now)))
    return unanswered(told, new Unanswered('its report has a time in the future', 'Set the clock right.'))
  if (success !== null) return { ...told, lastSuccessAt: success }
  const reason =
    last.result === 'failed' ? 'its last backup failed, and its reports tell of none before' : 'its report does not tell when it ended'
  return unanswered(told, new Unanswered(reason))
}
