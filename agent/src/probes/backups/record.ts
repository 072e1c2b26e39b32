import type { Captured } from '../../probe.ts'
import { isFuture, Unanswered } from './job.ts'

/** What a job's own record says: `{"started","finished","exit","bytes","files","lastSuccess"}`, times as ISO 8601 with a zone or epoch seconds or ms. */
export type RunRecord = {
  readonly startedAt: number | null
  readonly finishedAt: number | null
  readonly lastSuccessAt: number | null
  readonly exit: number | null
  readonly bytes: number | null
  readonly files: number | null
}

/** Larger than any record: a file of this size is a backup itself. */
const LARGEST_RECORD = 64 * 1024
const KEYS = ['started', 'finished', 'exit', 'bytes', 'files', 'lastSuccess']

/** The record in a text; null where the text is something else. @throws Error on a record that cannot be read, as one torn in the middle */
export function parseRecord(text: string): RunRecord | null {
  if (text.length > LARGEST_RECORD || !text.trimStart().startsWith('{')) return null
  const value = parseJson(text)
  if (!KEYS.some(key => key in value)) return null
  return {
    startedAt: timeOf(value, 'started'),
    finishedAt: timeOf(value, 'finished'),
    lastSuccessAt: timeOf(value, 'lastSuccess'),
    exit: numberOf(value, 'exit'),
    bytes: sizeOf(value, 'bytes'),
    files: sizeOf(value, 'files'),
  }
}

function parseJson(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    throw new Error('the record begins like JSON and is none: it may be torn; write it beside and rename it')
  }
}

function numberOf(value: Record<string, unknown>, key: string): number | null {
  const number = value[key]
  if (number === undefined || number === null) return null
  if (typeof number !== 'number' || !Number.isFinite(number)) throw new Error(`the record's ${key} is no number`)
  return number
}

function sizeOf(value: Record<string, unknown>, key: string): number | null {
  const size = numberOf(value, key)
  if (size !== null && size < 0) throw new Error(`the record's ${key} is negative`)
  return size
}

/** Seconds from 2001 to 2286 have ten digits: what is larger is milliseconds. */
const SECONDS_END = 1e10

function timeOf(value: Record<string, unknown>, key: string): number | null {
  const given = value[key]
  if (given === undefined || given === null || given === '') return null
  const time = typeof given === 'number' ? given * (given < SECONDS_END ? 1000 : 1) : zoned(given)
  if (!Number.isFinite(time) || time <= 0 || time > 8.64e15) {
    throw new Error(`the record's ${key} is no time: wanted ISO 8601 with a zone, or epoch seconds`)
  }
  return Math.round(time)
}

/** Time with a zone, epoch ms; NaN for anything else: the zone of a naive time is anybody's guess. RFC 3339. */
export function zoned(text: unknown): number {
  if (typeof text !== 'string' || text.length > 40) return Number.NaN
  if (!/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)? ?(Z|[+-]\d\d:?\d\d)$/.test(text)) return Number.NaN
  return Date.parse(text.replace(' ', 'T').replace(',', '.').replace(' ', ''))
}

/** Verification as a marker tells it: `null` result of a missing marker means there has been none. @throws Error where it cannot be read */
export function verifiedByMarker(
  marker: Captured,
  now: number,
): { at: number | null; result: 'ok' | 'failed' | 'never'; detail: string | null } {
  if (marker.stderr !== '') throw new Unanswered(`the verification cannot be told: ${marker.stderr}`)
  if (marker.code !== null) return { at: null, result: 'never', detail: 'its marker has not been written yet' }
  const record = parseRecord(marker.text)
  const at = record?.finishedAt ?? marker.modifiedAt
  if (at !== null && isFuture(at, now)) throw new Unanswered('the verification cannot be told: its time is in the future')
  if (record?.exit) return { at, result: 'failed', detail: `it ended with ${record.exit}` }
  return { at, result: 'ok', detail: null }
}
