import { documentIn, type Json, numberOf, objectOf, objectsOf, wordOf } from '../loose-json.ts'
import { type ArrayState, blankArray, countMembers, detailOf, type Member, type MemberState, type RaidArray, steadyRatio } from './array.ts'

/** A device or group of a pool as both forms of `zpool status` give it. */
type Vdev = {
  readonly name: string
  readonly state: string
  readonly errors: number | null
  readonly note: string
  readonly children: Vdev[]
}

/** Top-level groups of a pool that are no part of its redundancy. */
const SIDE = /^(logs?|cache|l2cache|spares?|special|dedup|indirect-\d+)$/
const MEMBER_STATES: Readonly<Record<string, MemberState>> = {
  ONLINE: 'active',
  INUSE: 'active',
  AVAIL: 'spare',
  DEGRADED: 'failed',
  FAULTED: 'failed',
  OFFLINE: 'failed',
  REMOVED: 'missing',
  UNAVAIL: 'missing',
}

/** The state that a pool's word means; see zpoolconcepts(7). A suspended pool answers nobody. */
export function poolState(word: string | undefined): ArrayState {
  if (word === 'ONLINE') return 'ok'
  if (word === 'DEGRADED') return 'degraded'
  return /^(FAULTED|UNAVAIL|SUSPENDED|REMOVED|OFFLINE|DESTROYED|EXPORTED)$/.test(word ?? '') ? 'failed' : 'unknown'
}

/** `zpool status -j`, with and without `--json-int`, and `zpool list -j`, of OpenZFS 2.3 and newer. @throws Error where it is none */
export function parseStatusJson(text: string): RaidArray[] {
  const pools = objectOf(objectOf(documentIn(text))?.pools)
  if (!pools) throw new Error('Cannot find pools in the JSON of zpool')
  return Object.entries(pools).map(([name, pool]) => jsonPool(name, objectOf(pool) ?? {}))
}

function jsonPool(name: string, pool: Json): RaidArray {
  const word = wordOf(pool.state)
  if (!pool.vdevs)
    return { ...blankArray('zfs', name), state: poolState(word), detail: `${word ?? 'no state'} by zpool list; errors are not told` }
  const root = jsonVdev(name, objectOf(objectOf(pool.vdevs)?.[name]) ?? objectsOf(pool.vdevs)[0] ?? {})
  const side = ['logs', 'l2cache', 'spares', 'special', 'dedup'].map(kind => ({
    ...blankVdev(kind),
    children: objectsOf(pool[kind]).map(vdev => jsonVdev(wordOf(vdev.name) ?? kind, vdev)),
  }))
  const scan = objectOf(pool.scan_stats) ?? {}
  const array = poolOf(name, word, { ...root, children: [...root.children, ...side] }, numberOf(pool.error_count), wordOf(pool.status))
  const scanErrors = numberOf(scan.errors) ?? 0
  return { ...array, ...jsonScan(scan), errors: array.errors === null ? scanErrors || null : Math.max(array.errors, scanErrors) }
}

function jsonVdev(name: string, vdev: Json): Vdev {
  const counters = ['read_errors', 'write_errors', 'checksum_errors'].map(key => counterOf(wordOf(vdev[key])))
  const children = Object.entries(objectOf(vdev.vdevs) ?? {}).map(([child, value]) => jsonVdev(child, objectOf(value) ?? {}))
  const counted = counters.some(value => value !== null)
  return {
    name: wordOf(vdev.name) ?? name,
    state: wordOf(vdev.state) ?? '',
    errors: counted ? counters.reduce<number>((sum, value) => sum + (value ?? 0), 0) : null,
    note: vdev.scan_processed !== undefined && wordOf(vdev.resilver_txg) ? 'resilvering' : '',
    children,
  }
}

const blankVdev = (name: string): Vdev => ({ name, state: '', errors: null, note: '', children: [] })

function jsonScan(scan: Json): Pick<RaidArray, 'sync' | 'lastScrubAt'> {
  const kind = wordOf(scan.function)
  const state = wordOf(scan.state)
  const done = numberOf(scan.issued) ?? numberOf(scan.examined)
  const all = numberOf(scan.to_examine)
  const ratio = done !== null && all !== null && all > 0 ? steadyRatio(Math.min(1, done / all)) : null
  const finished = kind === 'SCRUB' && state === 'FINISHED'
  return {
    sync: state === 'SCANNING' ? { action: kind === 'RESILVER' ? 'recovery' : 'scrub', ratio } : null,
    lastScrubAt: finished ? timeOf(wordOf(scan.end_time)) : null,
  }
}

/** `zpool status`, with or without -p and -v, of all versions. @throws Error where a pool's section is not whole */
export function parseStatusText(text: string): RaidArray[] {
  const sections = text.split(/^[ \t]*pool: /m).slice(1)
  if (sections.length === 0) throw new Error('Cannot find a pool in the output of zpool status')
  return sections.map(textPool)
}

function textPool(section: string): RaidArray {
  const name = section.split('\n', 1)[0]?.trim() ?? ''
  const field = (key: string) =>
    new RegExp(`^ {0,8}${key}: *([^\\n]*(?:\\n(?:\\t| {8,})[^\\n]*)*)`, 'm').exec(section)?.[1]?.replace(/\s+/g, ' ').trim()
  const state = field('state')
  const errors = /^errors: *(.*)$/m.exec(section)?.[1]?.trim()
  if (!name || !state || errors === undefined || !/^config:/m.test(section))
    throw new Error(`Cannot read the pool ${name.slice(0, 64)}: its section is cut short`)
  const root = treeOf(section.slice(section.search(/^config:/m), section.search(/^errors:/m)))
  const suspended = /currently suspended/.test(errors)
  const array = poolOf(name, suspended ? 'SUSPENDED' : state.split(' ')[0], root, dataErrors(errors, section), field('status'))
  return { ...array, ...textScan(field('scan') ?? field('scrub') ?? '') }
}

/** "No known data errors", "3 data errors, use '-v' for a list", or the list itself; null where the words are new. */
function dataErrors(line: string, section: string): number | null {
  if (/^No known data errors/.test(line)) return 0
  const count = /^(\d{1,12}) data errors?/.exec(line)?.[1]
  if (count) return Number(count)
  if (/^Permanent errors/.test(line))
    return Math.max(
      1,
      section
        .slice(section.search(/^errors:/m))
        .split('\n')
        .slice(1)
        .filter(row => row.trim() !== '').length,
    )
  return /unavailable/.test(line) ? 1 : null
}

/** The table of devices; depth by indentation. */
function treeOf(config: string): Vdev {
  const rows = config
    .split('\n')
    .slice(1)
    .filter(row => row.trim() !== '')
  const header = rows.findIndex(row => /^\s*NAME\s+STATE\b/.test(row))
  if (header < 0) throw new Error('Cannot read the devices of a pool: wanted a table of NAME and STATE')
  const base = depthOf(rows[header] ?? '')
  const top = blankVdev('')
  const open: { depth: number; vdev: Vdev }[] = [{ depth: -1, vdev: top }]
  for (const row of rows.slice(header + 1)) {
    const depth = depthOf(row) - base
    while (open.length > 1 && (open.at(-1)?.depth ?? -1) >= depth) open.pop()
    const vdev = vdevOf(row)
    open.at(-1)?.vdev.children.push(vdev)
    open.push({ depth, vdev })
  }
  const [root, ...side] = top.children
  if (!root) throw new Error('Cannot read the devices of a pool: the table is empty')
  return { ...root, children: [...root.children, ...side] }
}

const depthOf = (row: string): number => row.replace(/\t/g, '        ').search(/\S/)

function vdevOf(row: string): Vdev {
  const [name = '', state = '', read, write, checksum, ...note] = row.trim().split(/\s+/)
  const counters = [read, write, checksum].map(counterOf)
  const counted = counters.every(value => value !== null)
  return {
    name,
    state,
    errors: counted ? counters.reduce<number>((sum, value) => sum + (value ?? 0), 0) : null,
    note: note.join(' '),
    children: [],
  }
}

/** Counters are shortened without -p: `1.2K`. */
function counterOf(text: string | undefined): number | null {
  const [, digits, unit = ''] = /^(\d{1,18}(?:\.\d{1,3})?)([KMGTPE]?)$/.exec(text ?? '') ?? []
  return digits === undefined ? null : Math.round(Number(digits) * 1024 ** (unit ? 'KMGTPE'.indexOf(unit) + 1 : 0))
}

function poolOf(name: string, word: string | undefined, root: Vdev, dataErrorCount: number | null, status: string | undefined): RaidArray {
  const data = root.children.filter(vdev => !SIDE.test(vdev.name))
  const spares = root.children.filter(vdev => /^spares?$/.test(vdev.name)).flatMap(vdev => vdev.children)
  const side = root.children.filter(vdev => SIDE.test(vdev.name) && !/^spares?$/.test(vdev.name)).flatMap(leaves)
  const members = [...data.flatMap(leaves), ...side.filter(vdev => vdev.state !== ''), ...spares].map(memberOf)
  const counted = [...data.flatMap(leaves), ...side].reduce((sum, vdev) => sum + (vdev.errors ?? 0), 0)
  const devices = Math.max(counted, root.errors ?? 0)
  const errors = dataErrorCount === null ? devices || null : devices + dataErrorCount
  const state = poolState(word)
  const troubled = state !== 'ok' || (errors ?? 0) > 0
  return {
    ...blankArray('zfs', name),
    level: levelOf(data),
    state,
    disks: countMembers(members, data.length > 0 ? data.reduce((sum, vdev) => sum + slots(vdev), 0) : null),
    errors,
    members,
    detail: troubled ? detailOf(word, dataErrorCount ? `${dataErrorCount} data errors` : null, status) : null,
  }
}

const leaves = (vdev: Vdev): Vdev[] => (vdev.children.length > 0 ? vdev.children.flatMap(leaves) : SIDE.test(vdev.name) ? [] : [vdev])

/** Disks that a group was made of: what stands in for another shares its place. */
function slots(vdev: Vdev): number {
  if (vdev.children.length === 0 || /^(replacing|spare)-\d+$/.test(vdev.name)) return 1
  return vdev.children.reduce((sum, child) => sum + slots(child), 0)
}

const memberOf = ({ name, state, note }: Vdev): Member => ({
  name,
  state: /\b(resilvering|awaiting resilver)\b/.test(note) && state === 'ONLINE' ? 'rebuilding' : (MEMBER_STATES[state] ?? 'unknown'),
})

/** `mirror`, `raidz2` …: the kind of the pool's groups; a group of one disk is a stripe. */
function levelOf(data: readonly Vdev[]): string | null {
  const kinds = new Set(
    data.map(({ name, children }) => (children.length === 0 ? 'stripe' : (/^(mirror|raidz\d?|draid\d?)/.exec(name)?.[1] ?? 'stripe'))),
  )
  return kinds.size === 0 ? null : [...kinds].sort().join('+').slice(0, 32)
}

function textScan(scan: string): Pick<RaidArray, 'sync' | 'lastScrubAt'> {
  const running = /^(scrub|resilver) in progress/.exec(scan)?.[1]
  const percent = /(\d{1,3}(?:\.\d{1,3})?)% done/.exec(scan)?.[1]
  const sync = running
    ? {
        action: running === 'scrub' ? ('scrub' as const) : ('recovery' as const),
        ratio: steadyRatio(percent ? Number(percent) / 100 : null),
      }
    : null
  const ended = /^scrub (?:repaired\b.*\bwith \d+ errors|completed\b.*) on (.+)$/.exec(scan)?.[1]
  return { sync, lastScrubAt: timeOf(ended) }
}

/** Seconds since the epoch, or the C locale's `Sun Nov 16 08:00:21 CET 2025` in the time of this machine; null for anything else. */
function timeOf(text: string | undefined): number | null {
  if (text === undefined) return null
  if (/^\d{6,11}$/.test(text)) return Number(text) * 1000
  const [, month, day, clock, year] = /^\w{3} (\w{3}) +(\d{1,2}) (\d\d:\d\d:\d\d) (?:\S{1,6} )?(\d{4})$/.exec(text.trim()) ?? []
  const at = month ? new Date(`${month} ${day} ${year} ${clock}`).getTime() : Number.NaN
  return Number.isFinite(at) && at > 0 ? at : null
}
