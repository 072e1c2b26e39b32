import { type Host, NotInstalled, TimedOut } from '../../host.ts'
import { Absent, type Captured } from '../../probe.ts'
import { readable, told, untilHostError } from '../gather.ts'
import { DID_NOT_RUN, fileFor, freeFor } from './gather.ts'
import { listingLine } from './listing.ts'
import { parseRsnapshotConfig } from './rsnapshot-config.ts'

/** Where packages put its configuration. */
export const PLACES = ['/etc/rsnapshot.conf', '/usr/local/etc/rsnapshot.conf', '/opt/homebrew/etc/rsnapshot.conf']
const PROGRAMS = ['/usr/bin/rsnapshot', '/usr/local/bin/rsnapshot', '/opt/homebrew/bin/rsnapshot']
/** Question to the system's log: what rsnapshot told it. */
export const JOURNAL = ['journalctl', '--no-pager', '-q', '-o', 'json', '-n', '400', '--output-fields=MESSAGE', '-t', 'rsnapshot']
const MOST_INCLUDES = 16

/** Where one job's files are. */
export type RsnapshotFiles = {
  readonly name: string
  readonly config: string
  readonly verify?: { readonly marker?: string | undefined } | undefined
  readonly restore?: { readonly marker: string } | undefined
}

/** The configuration that packages bring; none where there is none. @throws Absent where rsnapshot is neither installed nor configured */
export async function found(host: Host): Promise<Pick<RsnapshotFiles, 'name' | 'config'>[]> {
  const here = (path: string) => host.realpath(path, { missing: null })
  for (const config of PLACES) if ((await here(config)) !== null) return [{ name: 'rsnapshot', config }]
  const programs = await Promise.all(PROGRAMS.map(here))
  if (programs.every(path => path === null)) throw new Absent('rsnapshot is not installed')
  return []
}

/** What is one for all jobs: the zone, and what is mounted. */
export async function common(host: Host): Promise<Record<string, Captured[]>> {
  const zone = await untilHostError(host.realpath('/etc/localtime', { missing: null }))
  const name = zone === null ? 'UTC' : /\/zoneinfo\/(?:posix\/|right\/)?(.+)$/.exec(zone ?? '')?.[1]
  const [mounts, fstab] = await Promise.all([readable(host, '/proc/self/mountinfo'), readable(host, '/etc/fstab')])
  return {
    zone: name === undefined ? [] : [told('zone', name)],
    mounts: mounts ? [mounts] : [],
    fstab: fstab ? [fstab] : [],
  }
}

/** Everything that tells of one configuration, named after its job. */
export async function gather(host: Host, job: RsnapshotFiles): Promise<Record<string, Captured[]>> {
  const named = (text: string): Captured[] => [{ ...told(job.name, text), code: 0 }]
  const config = await configured(host, job)
  if (config.code === DID_NOT_RUN) return { config: [config] }
  const { root, logfile, lockfile } = parseRsnapshotConfig(config.text)
  const log = logfile?.startsWith('/') ? await fileFor(host, job.name, logfile) : []
  const rotated = logfile?.startsWith('/') ? await untilHostError(host.captured(`${logfile}.1`, { missing: undefined })) : undefined
  return {
    config: [config],
    log: [...(rotated ? [{ ...rotated, name: job.name }] : []), ...log],
    journal: host.platform === 'linux' ? await journal(host, job.name) : [],
    ...(root === null ? {} : await kept(host, job.name, root)),
    lock: named(await lock(host, lockfile)),
    verified: await fileFor(host, job.name, job.verify?.marker),
    restored: await fileFor(host, job.name, job.restore?.marker),
  }
}

/** The configuration with what it includes put behind it. */
async function configured(host: Host, job: RsnapshotFiles): Promise<Captured> {
  const [config] = await fileFor(host, job.name, job.config)
  if (!config) throw new Error('a job without a configuration')
  if (config.code === DID_NOT_RUN) return { ...config, stderr: config.stderr || `${job.config} is not there` }
  const { includes } = parseRsnapshotConfig(config.text)
  const texts = await Promise.all(includes.slice(0, MOST_INCLUDES).map(path => readable(host, path)))
  return { ...config, text: [config, ...texts].map(one => one?.text ?? '').join('\n') }
}

async function journal(host: Host, name: string): Promise<Captured[]> {
  try {
    return [{ ...(await host.run(JOURNAL, { timeoutMs: 15_000 })), name }]
  } catch (error) {
    if (error instanceof NotInstalled || error instanceof TimedOut) return []
    throw error
  }
}

/** What is kept, how much room is left, and where that really is. */
async function kept(host: Host, name: string, root: string): Promise<Record<string, Captured[]>> {
  const listing = await snapshots(host, name, root)
  if (listing.code === DID_NOT_RUN) return { snapshots: [listing] }
  const place = await untilHostError(host.realpath(root))
  return { snapshots: [listing], free: await freeFor(host, name, root), place: place === undefined ? [] : [told(name, place)] }
}

/** A child asks for the free space first: a dead network mount hangs whoever touches it. */
async function snapshots(host: Host, name: string, root: string): Promise<Captured> {
  const not = (stderr: string): Captured => ({ ...told(name, ''), code: DID_NOT_RUN, stderr })
  try {
    await host.statfs(root)
    const names = (await host.list(root)).filter(entry => entry === '.sync' || /^[\w-]{1,64}\.\d{1,4}$/.test(entry))
    const lines = await Promise.all(
      names.map(async entry => {
        const stat = await host.stat(`${root}/${entry}`, { missing: null })
        return stat?.kind === 'directory' ? listingLine({ kind: 'd', size: 0, modifiedAt: stat.modifiedAt, name: entry }) : ''
      }),
    )
    return { ...told(name, lines.join('')), code: 0 }
  } catch (error) {
    return not(error instanceof Error ? error.message : String(error))
  }
}

/** `TIME COMMAND` of the process that holds the lock; empty where none does. */
async function lock(host: Host, path: string | null): Promise<string> {
  if (!path?.startsWith('/')) return ''
  const held = await readable(host, path)
  const pid = /^(\d{1,9})\s*$/.exec(held?.text ?? '')?.[1]
  const running = pid === undefined ? undefined : await readable(host, `/proc/${pid}/cmdline`)
  if (!running?.text.includes('rsnapshot')) return ''
  return `${Math.round(held?.modifiedAt ?? 0)} ${running.text.replaceAll('\0', ' ').trim()}`
}
