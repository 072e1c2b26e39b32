import type { Run } from './bacula-runs.ts'

/** The state file of a file daemon, in which it keeps its last ten jobs: `s_state_hdr` of lib/bsys.c and `s_last_job` of jcr.h, on 64-bit machines. */

const MAGIC = /^(?:426163756c61|426172656f73)2053746174650a/
/** `id[14]`, padding, version (int32), padding, address of the jobs (uint64). */
const [VERSION_AT, ADDRESS_AT, HEADER] = [16, 24, 192]
const VERSIONS: readonly number[] = [3, 4]
/** A record with the links of a list before it (Bacula, Bareos before 19), and without. */
const RECORDS = new Map([
  [200, 16],
  [184, 0],
])
const MOST_JOBS = 10
const LONGEST_NAME = 128

/** Larger than any state file, bytes. */
export const LARGEST_STATE = 8_192

/** Whether a text is a state file, written as hexadecimal digits or as it is. */
export function isState(text: string): boolean {
  return MAGIC.test(text.slice(0, 64).toLowerCase().trim()) || /^(Bacula|Bareos) State\n/.test(text)
}

/** Runs in a state file. @param text its bytes as hexadecimal digits, as `xxd -p` writes them @throws Error where it is of another layout */
export function parseState(text: string): Run[] {
  if (/^(Bacula|Bareos) State\n/.test(text))
    throw new Error('Cannot read a state file as text: give its bytes as hexadecimal digits, by xxd -p')
  const digits = text
    .slice(0, LARGEST_STATE * 3)
    .replace(/\s+/g, '')
    .toLowerCase()
  if (!MAGIC.test(digits) || !/^(?:[0-9a-f]{2})+$/.test(digits)) throw new Error('Cannot find a state file of a file daemon in this text')
  const bytes = Buffer.from(digits, 'hex')
  const strange = new Error('Cannot read the state file: its layout is of no version of a 64-bit machine that is known')
  if (bytes.length < HEADER || !VERSIONS.includes(bytes.readInt32LE(VERSION_AT))) throw strange
  const address = Number(bytes.readBigUInt64LE(ADDRESS_AT))
  if (address === 0) return []
  if (address !== HEADER || bytes.length < HEADER + 4) throw strange
  const count = bytes.readUInt32LE(HEADER)
  if (count === 0) return []
  const size = (bytes.length - HEADER - 4) / count
  const linksBytes = RECORDS.get(size)
  if (linksBytes === undefined || count > MOST_JOBS) throw strange
  return Array.from({ length: count }, (_, index) => runAt(bytes, HEADER + 4 + index * size + linksBytes))
}

/** Errors, type, status, level, three identities, files (32 bits each), bytes, start, end (64 bits each), name. */
function runAt(bytes: Buffer, at: number): Run {
  const letter = (offset: number): string => {
    const code = bytes.readInt32LE(at + offset)
    if (code !== 0 && (code < 0x20 || code > 0x7e)) throw new Error('Cannot read the state file: a job in it is none')
    return code === 0 ? '' : String.fromCharCode(code)
  }
  const time = (offset: number): number | null => {
    const seconds = Number(bytes.readBigInt64LE(at + offset))
    if (seconds < 0 || seconds > 1e11) throw new Error('Cannot read the state file: a time in it is none')
    return seconds === 0 ? null : seconds * 1000
  }
  const [startedAt, endedAt] = [time(40), time(48)]
  return {
    name: nameAt(bytes.subarray(at + 56, at + 56 + LONGEST_NAME)),
    type: letter(4),
    status: letter(8),
    level: letter(12),
    files: bytes.readUInt32LE(at + 28),
    bytes: Number(bytes.readBigUInt64LE(at + 32)),
    errors: Math.max(0, bytes.readInt32LE(at)),
    startedAt,
    endedAt,
    durationMs: startedAt !== null && endedAt !== null && endedAt >= startedAt ? endedAt - startedAt : null,
  }
}

/** `backup-home.2026-11-22_09.15.38_03`: the job's name, when it was scheduled, and a number. */
function nameAt(field: Buffer): string {
  const end = field.indexOf(0)
  const unique = field.toString('utf8', 0, end < 0 ? field.length : end)
  const name = unique.replace(/\.\d{4}-\d\d-\d\d_\d\d\.\d\d\.\d\d_\d{1,10}$/, '')
  if (name === unique || name === '') throw new Error('Cannot read the state file: a job in it has no name')
  return name
}
