import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, Failed, type Inputs, type ParseContext } from '../../probe.ts'
import { cut } from '../gather.ts'
import { asleepUnder, devicesOf, type Mounted, mountsOf } from './awake.ts'
import { type Job, unanswered } from './job.ts'
import { blankSnapshots, notLookedAt, utcTime, wasNotLookedAt, withTimes } from './snapshots.ts'

const MOST_MOUNTS = 32
const argvOf = (mount: string) => ['btrfs', 'subvolume', 'list', '-s', '-u', mount] as const
const ROW = /^ID \d{1,20} gen \d{1,20}(?: cgen \d{1,20})?(?: parent \d{1,20})? top level \d{1,20} otime (\S+ \S+) /

/**
 * Snapshots on btrfs, a job for each file system, whoever made them (btrbk, snapper, timeshift, a script); see btrfs-subvolume(8). The time of a
 * snapshot is printed in the zone of the environment, so the command runs with TZ=UTC.
 */
export default defineProbe({
  subject: 'backups',
  source: 'btrfs-snapshots',
  platforms: ['linux'],
  every: '6h',
  timeout: '3m',
  privilege: 'root or CAP_SYS_ADMIN: the kernel lists subvolumes to nobody else',
  blind:
    'Snapshots are no backup: one that was received from another file system is not told apart. Those on a disk that sleeps are not looked at.',
  inputs: {
    list: { from: `TZ=UTC ${argvOf('MOUNTPOINT').join(' ')}`, recognise: text => ROW.test(text) },
  },
  parse: parseBtrfsSnapshots,

  async read(host: Host) {
    const mounts = oneEach(mountsOf(await host.text('/proc/self/mountinfo')))
    if (mounts.length === 0) throw new Absent('no btrfs is mounted')
    const list: Captured[] = []
    for (const mount of mounts.slice(0, MOST_MOUNTS)) {
      const sleeps = await asleepUnder(host, await devicesOf(host, mount))
      list.push(sleeps === null ? { ...(await ask(host, mount.point)), name: mount.point } : notLookedAt(mount.point, sleeps))
    }
    return parseBtrfsSnapshots({ list }, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

/** Subvolumes of one file system list the same: its first mount is asked. */
function oneEach(mounts: readonly Mounted[]): Mounted[] {
  const bySource = new Map<string, Mounted>()
  for (const mount of mounts) if (mount.type === 'btrfs' && !bySource.has(mount.source)) bySource.set(mount.source, mount)
  return [...bySource.values()]
}

async function ask(host: Host, mount: string): Promise<Captured> {
  try {
    return await host.run(argvOf(mount), { timeoutMs: 30_000, env: { TZ: 'UTC' } })
  } catch (error) {
    if (error instanceof NotInstalled)
      throw new Failed('btrfs is mounted, but btrfs-progs is not installed', 'Install the package btrfs-progs.')
    throw error
  }
}

/** @throws Denied where the kernel refuses, Error where a list cannot be read or no file system has a snapshot and nothing says that the tool worked */
export function parseBtrfsSnapshots(inputs: Inputs, { now }: ParseContext): FactTypes['backups'] {
  const captures = inputs.list ?? []
  if (captures.length === 0) throw new Error('Cannot judge without the input list')
  return { jobs: captures.slice(0, 128).flatMap(captured => jobOf(captured, captures.length, now)) }
}

/** A file system without snapshots gives no job: nobody planned any. Of several one that cannot be read is unknown; alone it is a failure. */
function jobOf(captured: Captured, among: number, now: number): Job[] {
  const job = { ...blankSnapshots(captured.name, 'btrfs'), destination: captured.name.startsWith('/') ? captured.name.slice(0, 512) : null }
  if (wasNotLookedAt(captured)) return [unanswered(job, new Error(captured.stderr))]
  try {
    const times = timesOf(captured)
    return times.length === 0 ? [] : [withTimes(job, times, now)]
  } catch (error) {
    if (among === 1 || error instanceof Denied) throw error
    return [unanswered(job, error)]
  }
}

function timesOf({ text, stderr, code }: Captured): number[] {
  if (/Operation not permitted|Permission denied/i.test(stderr))
    throw new Denied('btrfs may not list subvolumes', 'Run the agent as root, or give its unit CAP_SYS_ADMIN.')
  // Nothing printed is no snapshot only where the tool is known to have ended well.
  if ((code !== null && code !== 0) || (text.trim() === '' && code === null))
    throw new Error(
      `Cannot list the snapshots of btrfs${code === null ? '' : `, it ended with ${code}`}: ${cut(stderr, 200) || 'it printed nothing'}`,
    )
  return text
    .split('\n')
    .filter(line => line.trim() !== '')
    .map(line => {
      const time = ROW.exec(line.slice(0, 8_192))?.[1]
      if (time === undefined) throw new Error(`Cannot read a line of btrfs subvolume list: ${JSON.stringify(line.slice(0, 60))}`)
      return utcTime(time, 'a snapshot of btrfs')
    })
}
