import { linesOf } from '../lines.ts'

/** What rsnapshot.conf(5) says, as far as a job's standing needs it. */
export type RsnapshotConfig = {
  readonly root: string | null
  readonly logfile: string | null
  readonly lockfile: string | null
  /** Levels of retention, the one that backs up first. */
  readonly levels: readonly string[]
  /** With `sync_first` the backup is made by `rsnapshot sync`, and the levels only rotate. */
  readonly isSyncFirst: boolean
  /** Paths of this machine that are backed up. */
  readonly locals: readonly string[]
  /** Machines that are backed up over the network, as the configuration names them. */
  readonly hosts: readonly string[]
  /** Whether more may be backed up than is told here: by scripts, by what is included, or by too many sources. */
  readonly hasMore: boolean
  /** Files that are included; what a command prints cannot be followed. */
  readonly includes: readonly string[]
}

/** More sources than these are not looked at. */
const MOST = 256

/**
 * The text of rsnapshot.conf and of the files that it includes, one after the other: words apart by tabs, a line that begins with a blank goes on the
 * line before. What is not known is left out, as rsnapshot itself judges its words.
 */
export function parseRsnapshotConfig(text: string): RsnapshotConfig {
  const entries = joined(text).map(line => line.split(/\t+/).map(word => word.trim()))
  const last = (name: string) => entries.findLast(([key]) => key === name)?.[1] ?? null
  const all = (...names: string[]) => entries.flatMap(([key = '', value = '']) => (names.includes(key) && value !== '' ? [value] : []))
  const sources = all('backup').slice(0, MOST)
  const isLocal = (source: string) => /^(?:\/|lvm:\/\/)/.test(source)
  const locals = sources.filter(isLocal)
  const root = last('snapshot_root')
  return {
    root: root?.startsWith('/') ? root.replace(/(.)\/+$/, '$1') : null,
    logfile: last('logfile'),
    lockfile: last('lockfile'),
    levels: all('retain', 'interval').slice(0, 32),
    isSyncFirst: last('sync_first') === '1',
    locals,
    hosts: sources.filter(source => !isLocal(source)).map(hostOf),
    hasMore: all('backup').length > MOST || all('backup_script').length > 0 || all('include_conf').length > 0,
    includes: all('include_conf').filter(path => path.startsWith('/')),
  }
}

/** The machine of `user@host:path`, `host::module` and `rsync://user@host:port/module`; see rsync(1). */
function hostOf(source: string): string {
  const place = source.replace(/^rsync:\/\//, '').replace(/^[^@:/]{0,256}@/, '')
  return (/^\[([^\]]{1,64})\]/.exec(place)?.[1] ?? place.split(/[:/]/)[0] ?? '').toLowerCase()
}

/** Lines that say something, continued ones made whole. */
function joined(text: string): string[] {
  const lines: string[] = []
  for (const line of linesOf(text)) {
    if (line.trim() === '' || /^[ \t]*#/.test(line)) continue
    if (/^[ \t]/.test(line) && lines.length > 0) lines[lines.length - 1] += `\t${line.trim()}`
    else lines.push(line)
  }
  return lines
}
