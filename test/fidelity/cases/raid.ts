import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Case, CaseList, Expected, Samples } from '../case.ts'
import { exporterMetrics } from './exporter.ts'

/** md, ZFS, btrfs. */
export const raid: CaseList = {
  domain: 'raid',
  cases: samples => [...mdadm(samples), ...mdstat(samples), ...zfs(samples), ...btrfs, ...btrfsTree(samples)],
  leftOut: [
    { files: /^raid_mdadm\/kellyjonbrazil.*\.json$/, why: 'what another program made of the capture beside it' },
    { files: /^zfs\/(kellyjonbrazil.*\.json|influxdata.*\/expected\.out)$/, why: 'what another program made of the capture beside it' },
    { files: /\/proc\/drbd$/, why: 'DRBD is no source' },
    { files: /zpool-iostat/, why: 'throughput of pools, which says nothing of their health' },
    { files: /^zfs\/puppetlabs\+facter\//, why: 'versions that a zpool command supports, not a pool' },
  ],
}

const JC = 'raid_mdadm/kellyjonbrazil+jc/tests/fixtures/generic'

type MdadmDetail = {
  readonly device: string
  readonly raid_level?: string
  readonly raid_devices?: number
  readonly state?: string
  readonly active_devices?: number
  readonly failed_devices?: number
  readonly spare_devices?: number
  readonly resync_status_percent?: number
  readonly device_table?: readonly { readonly device: string | null; readonly state?: readonly string[] | string }[]
  readonly array_state_list?: readonly string[]
  readonly device_role?: string
  readonly name_val?: string
}

/** The reading is what jc makes of the same text, in the `.json` beside it. */
function mdadm(samples: Samples): Case[] {
  const captures = samples.files.filter(file => file.startsWith(`${JC}/`) && file.endsWith('.out'))
  return captures.map(file => {
    if (file.endsWith('mdadm-examine-container1.out')) return { source: 'raid/md', files: [file], reading: { ok: { arrays: [DDF] } } }
    const told = JSON.parse(readFileSync(join(samples.root, file.replace(/\.out$/, '.json')), 'utf8')) as MdadmDetail
    const array = told.raid_level === 'container' ? containerOf(told) : told.array_state_list ? memberOf(told) : arrayOf(told)
    return { source: 'raid/md', files: [file], reading: { ok: { arrays: [array] } } }
  })
}

/** By the eye: `state[0] : Optimal, Consistent`, as one member's superblock last saw it. */
const DDF: Expected = { name: 'vol0', level: 'raid1', state: 'unknown', disks: { required: 2 } }

/** A container has no redundancy of its own; its member arrays have. */
function containerOf({ device }: MdadmDetail): Expected {
  return { name: basename(device), level: 'container', state: (state: string) => state === 'ok' || state === 'unknown' }
}

/** `mdadm --examine`: what one member remembers. Whether the array runs is not told. */
function memberOf({ name_val, raid_level, raid_devices, array_state_list = [], device_role }: MdadmDetail): Expected {
  const gone = array_state_list.filter(state => state === 'missing').length
  return {
    name: name_val ?? null,
    level: raid_level ?? null,
    state: gone > 0 ? 'degraded' : 'unknown',
    disks: { required: raid_devices ?? null, active: array_state_list.length - gone, missing: gone },
    members: [{ state: device_role === 'spare' ? 'spare' : 'unknown' }],
  }
}

function arrayOf(told: MdadmDetail): Expected {
  const words = told.state ?? ''
  const members = (told.device_table ?? []).map(({ device, state = [] }) => {
    const said = String(state)
    const expected = said.includes('faulty')
      ? 'failed'
      : said.includes('removed')
        ? 'missing'
        : said.includes('active')
          ? 'active'
          : 'spare'
    return device === null ? { state: expected } : { name: basename(device), state: expected }
  })
  return {
    name: basename(told.device),
    level: told.raid_level ?? null,
    state: words.includes('degraded') ? 'degraded' : 'ok',
    disks: {
      required: told.raid_devices ?? null,
      active: told.active_devices ?? null,
      failed: told.failed_devices ?? null,
      spare: told.spare_devices ?? null,
    },
    sync: told.resync_status_percent === undefined ? null : { action: 'resync', ratio: told.resync_status_percent / 100 },
    members,
  }
}

const MDSTAT = 'raid_mdadm/prometheus+node_exporter/collector/fixtures/proc/mdstat'

/** The reading is what node_exporter tells of the same file. */
function mdstat(samples: Samples): Case[] {
  const live: Case = { source: 'raid/md', files: ['live/debian-12/proc-mdstat.txt'], reading: { outcomes: ['absent'] } }
  const scan: Case = {
    source: 'raid/md',
    files: ['live/debian-12/storage_tools/mdadm-detail-scan.txt'],
    // It printed nothing: no array, or it failed.
    reading: { outcomes: ['absent', 'failed'] },
  }
  const metrics = exporterMetrics(samples)
  const names = readFileSync(join(samples.root, MDSTAT), 'utf8').match(/^md\d+(?= :)/gm) ?? []
  const of = (name: string, metric: string, state: string) => metrics.value(metric, { device: name, state }) ?? 0
  const array = (name: string): Expected => {
    const [active, failed, spare] = ['active', 'failed', 'spare'].map(state => of(name, 'node_md_disks', state))
    const required = metrics.value('node_md_disks_required', { device: name }) ?? 0
    const inactive = of(name, 'node_md_state', 'inactive') === 1
    const container = name === 'md219'
    const doing = (['check', 'resync', 'recovering'] as const).find(state => of(name, 'node_md_state', state) === 1)
    return {
      name,
      // An IMSM container is never active itself.
      state: container ? (state: string) => state !== 'degraded' : inactive ? 'failed' : (active ?? 0) < required ? 'degraded' : 'ok',
      ...(inactive ? {} : { disks: { required, active: active ?? 0, failed: failed ?? 0, spare: spare ?? 0 } }),
      sync: doing === undefined ? null : { action: doing === 'recovering' ? 'recovery' : doing },
    }
  }
  const reading = { ok: { arrays: names.map(array) } }
  return [live, scan, ...(names.length > 0 ? [{ source: 'raid/md', files: [MDSTAT], reading }] : [])]
}

/** By name of the file: pools with state, errors, and members of each state, by the eye. */
const POOLS: readonly (readonly [file: RegExp, arrays: readonly Expected[]])[] = [
  [/zpool_list_sample\.md$/, ['rpool', 'zpool-nvme'].map(name => ({ name, state: 'ok', errors: null }))],
  [/zpool_status_degraded\.json$/, [{ name: 'rpool', state: 'degraded', errors: 0, lastScrubAt: 1_764_050_594_000 }]],
  [/zpool_status_ok\.json$/, ['rpool', 'zpool-hdd', 'zpool-nvme', 'zpool-ssd'].map(name => ({ name, state: 'ok', errors: 0 }))],
  // ONLINE, but 5 read, 2 write and 1 checksum errors.
  [/zpool_status_with_errors\.json$/, [{ name: 'zpool-data', state: 'ok', errors: (errors: number) => errors >= 8 }]],
  [/zpool-status-spares\.out$/, [{ name: 'tank', state: 'ok', level: 'mirror', errors: 0, disks: { active: 8, spare: 1, failed: 0 } }]],
  [
    /zpool-status-v\.out$/,
    [
      { name: 'zhgstera6', state: 'ok', errors: 0, lastScrubAt: null },
      { name: 'zint500', state: 'ok', errors: 0, lastScrubAt: Date.UTC(2022, 7, 16, 0, 20, 50) },
      { name: 'zsam53', state: 'ok', errors: 0, lastScrubAt: Date.UTC(2022, 7, 15, 1, 26, 46) },
    ],
  ],
  [
    /zpool-status-v3\.out$/,
    [
      {
        name: 'tank',
        state: 'failed',
        errors: (errors: number) => errors >= 3,
        disks: { active: 1 },
        lastScrubAt: Date.UTC(2010, 1, 2, 13, 8, 42),
      },
    ],
  ],
  [/pool1\/state$/, [{ name: 'pool1', state: 'ok' }]],
  [/pool2\/state$/, [{ name: 'pool2', state: 'failed' }]],
  [/pool3\/state$/, [{ name: 'pool3', state: 'ok' }]],
  [/poolz1\/state$/, [{ name: 'poolz1', state: 'degraded' }]],
  [
    /(cache|cache_poolmetrics|freenas|freenas_zfetchstats)\/zpool\.txt$/,
    ['freenas-boot', 'red1', 'temp1', 'temp2'].map(name => ({ name, state: 'ok', errors: null })),
  ],
  [/freebsd14\/zpool\.txt$/, [{ name: 'zroot', state: 'ok', errors: null }]],
  [/unavailable(_poolmetrics)?\/zpool\.txt$/, [{ name: 'temp2', state: 'failed' }]],
]

function zfs(samples: Samples): Case[] {
  const of = (file: string): Case[] => {
    if (/zpool_status_(int_OK|int_degraded|sample)\.md$/.test(file)) return [inPoolsJson(samples, file)]
    if (/\/dataset\w*\/zpool\.txt$/.test(file)) return [{ source: 'raid/zfs', files: [file], reading: { outcomes: ['absent', 'failed'] } }]
    const arrays = POOLS.find(([pattern]) => pattern.test(file))?.[1]
    return arrays === undefined ? [] : [{ source: 'raid/zfs', files: [file], reading: { ok: { arrays } } }]
  }
  return samples.files.filter(file => file.startsWith('zfs/')).flatMap(of)
}

type Vdev = { readonly vdev_type: string; readonly state: string; readonly vdevs?: Readonly<Record<string, Vdev>> }
type Pool = { readonly name: string; readonly state: string; readonly vdevs: Readonly<Record<string, Vdev>> }

/** `zpool status -j` behind a prompt: states of pools and of their disks, by walking the document. */
function inPoolsJson(samples: Samples, file: string): Case {
  const text = readFileSync(join(samples.root, file), 'utf8')
  const { pools } = JSON.parse(text.slice(text.indexOf('\n{'))) as { pools: Readonly<Record<string, Pool>> }
  const leaves = (vdevs: Readonly<Record<string, Vdev>> = {}): Vdev[] =>
    Object.values(vdevs).flatMap(vdev => (vdev.vdev_type === 'disk' ? [vdev] : leaves(vdev.vdevs)))
  const arrays = Object.values(pools).map(pool => ({
    name: pool.name,
    state: pool.state === 'ONLINE' ? 'ok' : 'degraded',
    errors: (errors: number) => (pool.state === 'ONLINE' ? errors === 0 : errors > 0),
    disks: { active: leaves(pool.vdevs).filter(({ state }) => state === 'ONLINE').length, required: leaves(pool.vdevs).length },
  }))
  return { source: 'raid/zfs', files: [file], reading: { ok: { arrays } } }
}

const LIVE = 'live/debian-12/storage_tools/btrfs-'
const btrfsCase = (file: string, array: Expected): Case => ({
  source: 'raid/btrfs',
  files: [`${LIVE}${file}`],
  reading: { ok: { arrays: [array] } },
})

/** Made on purpose: a mirror of two loop devices, one scribbled over, then one removed. Counters alone do not tell whether all devices are there. */
const btrfs: readonly Case[] = [
  btrfsCase('device-stats.txt', { errors: 0, state: (state: string) => state !== 'degraded' }),
  btrfsCase('device-stats.json', { errors: 0, state: (state: string) => state !== 'degraded' }),
  btrfsCase('device-stats-errors.txt', { errors: 4864 }),
  btrfsCase('device-stats-errors.json', { errors: 4864 }),
  btrfsCase('device-stats-check.txt', { errors: 4864 }),
  btrfsCase('device-stats-missing.txt', { errors: 0, state: 'degraded', disks: { missing: 1 } }),
  btrfsCase('device-stats-missing-check.txt', { errors: 0, state: 'degraded', disks: { missing: 1 } }),
  btrfsCase('fi-show.txt', { state: 'ok', disks: { required: 2, active: 2, missing: 0 } }),
  btrfsCase('fi-show-missing.txt', { state: 'degraded', disks: { required: 2, active: 1, missing: 1 } }),
  btrfsCase('fi-usage.txt', { level: 'raid1', state: (state: string) => state === 'ok' || state === 'unknown' }),
  btrfsCase('scrub-corrupt.txt', { errors: 4864, lastScrubAt: Date.UTC(2026, 10, 22, 1, 57, 48) }),
  btrfsCase('scrub-status-errors.txt', { errors: 4864, lastScrubAt: Date.UTC(2026, 10, 22, 1, 57, 48) }),
  btrfsCase('scrub-status.txt', { errors: 0, lastScrubAt: Date.UTC(2026, 10, 22, 1, 56, 54) }),
]

/** Two file systems of four and two devices; kernels of that age do not tell which are missing. */
function btrfsTree(samples: Samples): Case[] {
  const named = samples.files.filter(file => file.includes('/sys/fs/btrfs/')).map(file => ({ input: 'sysfs', file }))
  if (named.length === 0) return []
  const array = (name: string, devices: number): Expected => ({
    name: (told: string) => told === name || told === 'fixture',
    state: (state: string) => state === 'unknown' || state === 'ok',
    members: (members: readonly unknown[]) => members.length === devices,
  })
  const arrays = [array('0abb23a9-579b-43e6-ad30-227ef47fcb9d', 2), array('7f07c59f-6136-449c-ab87-e1cf2328731b', 4)]
  return [{ source: 'raid/btrfs', files: [], named, reading: { ok: { arrays } } }]
}
