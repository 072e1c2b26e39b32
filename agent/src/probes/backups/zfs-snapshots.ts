import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, Failed, type Inputs, needed, type ParseContext } from '../../probe.ts'
import { cut } from '../gather.ts'
import { asleepUnder } from './awake.ts'
import { type Job, unanswered } from './job.ts'
import { blankSnapshots, notLookedAt, wasNotLookedAt, withTimes } from './snapshots.ts'

const KSTAT = '/proc/spl/kstat/zfs'
const ARGV = ['zfs', 'list', '-H', '-p', '-t', 'snapshot', '-o', 'name,creation'] as const
const ROW = /^([^\s@/][^@\t]{0,255})@([^@\t]{1,255})\t(\d{1,12})$/
/** More datasets than these are told by pool, or a fact of a busy file server would fill the wire. */
const MOST_DATASETS = 16
const MOST_POOLS = 100

/**
 * ZFS snapshots, a job for each dataset or, with many, each pool, whoever made them (sanoid, zrepl, zfs-auto-snapshot, a script); see zfs-list(8).
 * They lie in the pool that they are of: no backup. On the target of a replication they are other machines'.
 */
export default defineProbe({
  subject: 'backups',
  source: 'zfs-snapshots',
  platforms: ['linux'],
  every: '6h',
  timeout: '2m',
  heavy: true,
  blind:
    'Snapshots are no backup; whether they were sent elsewhere is not told. Pools that are suspended, or have a disk that sleeps, are not looked at.',
  inputs: {
    list: {
      from: ARGV.join(' '),
      recognise: text => ROW.test(text.slice(0, 2_000).split('\n')[0] ?? '') || /^no datasets available/.test(text),
    },
  },
  parse: parseZfsSnapshots,

  async read(host: Host) {
    const pools = await poolsOf(host)
    // A suspended pool lets every command on it hang for ever.
    for (const pool of pools) {
      const state = await host.text(`${KSTAT}/${pool}/state`, { missing: '' })
      if (/SUSPENDED/.test(state)) throw new Failed(`the pool ${pool} is suspended`, 'See raid/zfs: mend the pool, then `zpool clear`.')
    }
    const sleeps = await asleepUnder(host, devicesIn((await ask(host, ['zpool', 'list', '-HvPL', '-o', 'name'])).text))
    const list = sleeps === null ? await ask(host, ARGV) : notLookedAt('zfs', sleeps)
    return parseZfsSnapshots({ list: [list] }, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

async function poolsOf(host: Host): Promise<string[]> {
  const names = await host.list(KSTAT, { missing: new Absent('the ZFS module is not loaded') })
  const pools: string[] = []
  for (const name of names) if ((await host.text(`${KSTAT}/${name}/state`, { missing: null }).catch(() => null)) !== null) pools.push(name)
  if (pools.length === 0) throw new Absent('no ZFS pool is imported')
  return pools
}

/** Names of the block devices in `zpool list -vPL`. */
function devicesIn(text: string): string[] {
  return [...text.slice(0, 1_000_000).matchAll(/^[ \t]*\/dev\/([\w!.:-]{1,64})\b/gm)].map(([, name = '']) => name)
}

async function ask(host: Host, argv: readonly string[]): Promise<Captured> {
  try {
    return await host.run(argv, { timeoutMs: 60_000 })
  } catch (error) {
    if (error instanceof NotInstalled)
      throw new Failed('a ZFS pool is imported, but its tools are not installed', 'Install the package zfsutils-linux.')
    throw error
  }
}

/** @throws Denied, Error where a row is none: half a list would hide the newest */
export function parseZfsSnapshots(inputs: Inputs, { now }: ParseContext): FactTypes['backups'] {
  const captured = needed(inputs, 'list')
  if (wasNotLookedAt(captured)) return { jobs: [unanswered(blankSnapshots('zfs', 'zfs'), new Error(captured.stderr))] }
  const byDataset = timesOf(captured)
  const groups = byDataset.size <= MOST_DATASETS ? byDataset : byPool(byDataset)
  return { jobs: [...groups].slice(0, MOST_POOLS).map(([name, times]) => jobOf(name, times, now)) }
}

function jobOf(name: string, times: readonly number[], now: number): Job {
  return withTimes({ ...blankSnapshots(name, 'zfs'), destination: name.slice(0, 512) }, times, now)
}

function timesOf({ text, stderr, code }: Captured): Map<string, number[]> {
  if (/permission denied/i.test(stderr)) throw new Denied('zfs may not list snapshots', 'Run the agent as root.')
  const isNone = /^no datasets available/m.test(`${text}\n${stderr}`)
  if ((code !== null && code !== 0 && !isNone) || (text.trim() === '' && code === null && !isNone))
    throw new Error(`Cannot list the snapshots of ZFS: ${cut(stderr, 200) || 'it printed nothing'}`)
  const byDataset = new Map<string, number[]>()
  if (isNone) return byDataset
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [, dataset, , seconds] = ROW.exec(line.slice(0, 1_024)) ?? []
    if (dataset === undefined) throw new Error(`Cannot read a row of zfs list: ${JSON.stringify(line.slice(0, 60))}`)
    const times = byDataset.get(dataset)
    if (times) times.push(Number(seconds) * 1000)
    else byDataset.set(dataset, [Number(seconds) * 1000])
  }
  return byDataset
}

function byPool(byDataset: ReadonlyMap<string, readonly number[]>): Map<string, number[]> {
  const pools = new Map<string, number[]>()
  for (const [dataset, times] of byDataset) {
    const pool = dataset.split('/', 1)[0] ?? dataset
    const known = pools.get(pool) ?? []
    for (const time of times) known.push(time)
    pools.set(pool, known)
  }
  return pools
}
