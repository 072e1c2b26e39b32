import { cut } from '../gather.ts'
import type { Snapshot } from './restic-snapshots.ts'

const MOST_ROWS = 100_000
const HEADING = /^ID +(?:Date|Time) +Host +Tags +(?:Reasons +)?(?:Directory|Paths)\b/

/** Whether a text is the table that `restic snapshots` prints for people, grouped or not; what `forget` keeps and removes is another one. */
export function isSnapshotTable(text: string): boolean {
  const head = text.slice(0, 65_536)
  return new RegExp(HEADING, 'm').test(head) && !/^(keep|remove|would remove) \d+ snapshots:/m.test(head)
}

/**
 * Rows of `restic snapshots` without `--json`. Columns stand where the heading says; further paths of a snapshot follow in lines without an id.
 * The times are local and have no zone: they are read as UTC. @throws where a row cannot be read, or the table ends in the middle
 */
export function tableSnapshots(text: string): Snapshot[] {
  if (!text.endsWith('\n')) throw new Error('Cannot trust the table of snapshots: it ends in the middle of a line')
  const found: { row: Snapshot; paths: string[] }[] = []
  let columns: Columns | undefined
  for (const line of text.split(/\r?\n/).slice(0, MOST_ROWS)) {
    if (HEADING.test(line)) columns = columnsOf(line)
    else if (columns && /^[0-9a-f]{8,64} /.test(line)) found.push(rowOf(line, columns))
    else if (columns && /^ {20,}\S/.test(line)) found.at(-1)?.paths.push(pathOf(line, columns))
    else if (/^\d+ snapshots$/.test(line) || /^snapshots for /.test(line)) columns = undefined
  }
  const counted = [...text.matchAll(/^(\d{1,7}) snapshots$/gm)].reduce((sum, [, count]) => sum + Number(count), 0)
  if (counted > 0 && counted !== found.length) throw new Error(`restic snapshots lists ${found.length} of ${counted} snapshots`)
  return found.map(({ row, paths }) => ({ ...row, paths: [...new Set(paths.filter(path => path !== ''))] }))
}

type Columns = { readonly host: number; readonly tags: number; readonly paths: number; readonly size: number }

function columnsOf(heading: string): Columns {
  const at = (name: string) => heading.search(new RegExp(`\\b${name}\\b`))
  return { host: at('Host'), tags: at('Tags'), paths: Math.max(at('Directory'), at('Paths')), size: at('Size') }
}

function rowOf(line: string, columns: Columns): { row: Snapshot; paths: string[] } {
  const [, id = '', day = '', time = ''] = /^([0-9a-f]{8,64}) +(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) /.exec(line) ?? []
  const at = Date.parse(`${day}T${time}Z`)
  const hostname = line.slice(columns.host, columns.tags).trim()
  const inPlace = /^[0-9a-f]+ +[\d-]{10} [\d:]{8} +$/.test(line.slice(0, columns.host))
  if (!(at > 0) || !inPlace || hostname === '' || /\s/.test(hostname)) throw new Error(`Cannot read the snapshot ${cut(line, 80)}`)
  const tags = line
    .slice(columns.tags, columns.paths)
    .trim()
    .split(',')
    .filter(tag => tag !== '')
  return {
    row: { id, at, hostname, paths: [], tags, durationMs: null, bytes: null, addedBytes: null, files: null },
    paths: [pathOf(line, columns)],
  }
}

function pathOf(line: string, { paths, size }: Columns): string {
  return line.slice(paths, size > 0 ? size : undefined).trim()
}
