import { type Json, numberOf, objectOf, objectsOf, wordOf } from '../loose-json.ts'
import type { Run } from './bacula-runs.ts'

/** What the director's catalog tells of jobs, by bconsole(8): `llist jobs` as text, or as JSON where Bareos was asked for `.api 2`. */

const MOST_ROWS = 5_000

/** Whether a text is a listing of jobs. */
export function isListing(text: string): boolean {
  const start = text.slice(0, 262_144)
  return /^ *jobid: *[\d,]/im.test(start) || /^\| *jobid *\|/im.test(start) || /"jobtdate"|"jobstatus"/.test(start)
}

/** Runs in a listing. An empty list where the director says that there is none. @throws Error where it answers something else */
export function parseConsole(text: string): Run[] {
  const refused =
    /^.*(authorization problem|authentication error|Failed to connect|Could not connect|is an invalid command|Client .* not found).*$/im.exec(
      text.slice(0, 65_536),
    )
  const rows = /^\{/m.test(text) ? fromJson(text) : /^\| *jobid *\|/im.test(text) ? fromTable(text) : fromLines(text)
  if (rows.length > 0) return rows.slice(0, MOST_ROWS).map(runOf)
  if (refused) throw new Error(`The director did not answer: ${refused[0].trim().slice(0, 160)}`)
  if (/^No results to list\.|"jobs":\s*\[\s*\]/m.test(text)) return []
  throw new Error('Cannot find jobs in what the director answered')
}

/** Documents one after another, each from a line that begins with a brace to the line that ends it. */
function fromJson(text: string): Json[] {
  const rows: Json[] = []
  let open: string[] = []
  for (const line of text.split('\n')) {
    if (open.length === 0 && !line.startsWith('{')) continue
    open.push(line)
    if (!/^\}|^\{.*\}\s*$/.test(line)) continue
    const result = objectOf(objectOf(JSON.parse(open.join('\n')))?.result)
    rows.push(...objectsOf(result?.jobs ?? []))
    open = []
  }
  if (open.length > 0) throw new Error('Cannot read the JSON of the director: it is cut short')
  return rows.map(row => Object.fromEntries(Object.entries(row).map(([key, value]) => [key.toLowerCase(), value])))
}

/** `llist`: a line for each column, names to the right of their room, jobs apart by an empty line. */
function fromLines(text: string): Json[] {
  const rows: Record<string, string>[] = []
  for (const line of text.split('\n')) {
    const [, key = '', value = ''] = /^ {0,30}([A-Za-z]{2,30}): ?(.*)$/.exec(line.slice(0, 1_000)) ?? []
    if (key.toLowerCase() === 'jobid') rows.push({})
    const row = rows.at(-1)
    if (row && key !== '') row[key.toLowerCase()] = value.trim()
  }
  // Errors stand below the status: a listing that is cut off between them would look better than it is.
  if (rows.some(row => row.joberrors === undefined || row.jobmissingfiles === undefined))
    throw new Error('Cannot read a job of the director: its listing is cut short')
  return rows
}

/** `list`: it tells no end, and the start without a zone. */
function fromTable(text: string): Json[] {
  const lines = text.split('\n').filter(line => line.startsWith('|'))
  const cellsOf = (line: string) =>
    line
      .slice(0, 2_000)
      .split('|')
      .slice(1, -1)
      .map(cell => cell.trim())
  const head = cellsOf(lines[0] ?? '').map(cell => cell.toLowerCase())
  return lines
    .slice(1)
    .map(cellsOf)
    .filter(cells => cells.length === head.length)
    .map(cells => Object.fromEntries(head.map((key, index) => [key, cells[index] ?? ''])))
}

/** `jobtdate` is when the job ended, in epoch seconds; while it runs, when it began. Other times are the director's local ones. */
function runOf(row: Json): Run {
  const [name, status, type] = [wordOf(row.name), wordOf(row.jobstatus), wordOf(row.type)]
  if (name === undefined || status === undefined || type === undefined)
    throw new Error('Cannot read a job of the director without name, type and status')
  const seconds = counted(row.jobtdate)
  const at = seconds !== null && seconds > 0 && seconds < 1e11 ? seconds * 1000 : null
  const isOver = /^[TWEefAIDu]$/.test(status)
  const [start, end] = [naive(row.starttime), naive(row.endtime)]
  return {
    name,
    status,
    type,
    level: wordOf(row.level) ?? '',
    files: counted(row.jobfiles),
    bytes: counted(row.jobbytes),
    errors: (counted(row.joberrors) ?? 0) + (counted(row.jobmissingfiles) ?? 0),
    startedAt: isOver ? null : at,
    endedAt: isOver ? at : null,
    durationMs: isOver && start !== null && end !== null && end >= start ? end - start : null,
  }
}

/** A number as text may have commas between its thousands. */
function counted(value: unknown): number | null {
  const number = numberOf(typeof value === 'string' ? value.replaceAll(',', '') : value)
  return number === null || number < 0 ? null : number
}

/** For differences only: both ends are of the same zone. */
function naive(value: unknown): number | null {
  const [, day, clock] = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)/.exec(wordOf(value) ?? '') ?? []
  const time = Date.parse(`${day}T${clock}Z`)
  return time > 0 ? time : null
}
