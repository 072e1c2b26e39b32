import { type Host, NotInstalled, TimedOut } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, Failed, type Inputs } from '../../probe.ts'
import { captureFile, captureFolder, listsPath, namesUnder, sysfsTree, type Tree, textOf, wholeOf } from '../sysfs.ts'
import { blankArray, countMembers, detailOf, type Member, type RaidArray, raidFact, steadyRatio } from './array.ts'
import { type DeviceStats, parseScrub, parseShow, parseStats, type Scrub, type Shown } from './btrfs-text.ts'

const ROOT = '/sys/fs/btrfs'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const TIMEOUT_MS = 20_000
/** Profiles of which no device may be lost; see mkfs.btrfs(8). */
const NOTHING_TO_LOSE = /^(single|dup|raid0)$/
const PROFILE = /^(single|dup|raid\w{1,6})$/

/** btrfs file systems by sysfs, btrfs-device(8), btrfs-filesystem(8) and btrfs-scrub(8). */
export default defineProbe({
  subject: 'raid',
  source: 'btrfs',
  platforms: ['linux'],
  every: '1h',
  timeout: '3m',
  privilege: 'root or CAP_SYS_ADMIN: the kernel gives error counters and scrubs of btrfs to nobody else',
  blind:
    'File systems that are not mounted are not seen. Counters of errors last until `btrfs device stats -z`. How full the metadata is, is not judged.',
  inputs: {
    stats: {
      from: 'btrfs device stats MOUNTPOINT',
      recognise: text => /^\[[^\]]*\]\.\w+_errs\s/m.test(text) || /"device-stats"/.test(text),
    },
    show: { from: 'btrfs filesystem show --mounted', recognise: text => /^Label: .*uuid: /m.test(text) },
    scrub: {
      from: 'btrfs scrub status --raw MOUNTPOINT',
      recognise: text => /^[ \t]*(Scrub (started|resumed):|scrub started at)|no stats available/m.test(text),
    },
    usage: { from: 'btrfs filesystem usage -b MOUNTPOINT', recognise: text => /^[ \t]*Device unallocated:/m.test(text) },
    sysfs: { from: `${ROOT}/*/devinfo/*/missing`, recognise: text => listsPath(text, '/fs/btrfs/') },
  },

  parse: parseBtrfs,

  async read(host: Host) {
    const systems = (await host.list(ROOT, { missing: new Absent('btrfs is not in the kernel') })).filter(name => UUID.test(name))
    if (systems.length === 0) throw new Absent('no btrfs is mounted')
    const sysfs: Captured[] = []
    for (const uuid of systems) sysfs.push(...(await captureSystem(host, `${ROOT}/${uuid}`)))
    const mounts = mountPoints(await host.text('/proc/self/mountinfo'))
    const show = await ask(host, ['btrfs', 'filesystem', 'show', '--mounted'])
    const stats: Captured[] = []
    const scrub: Captured[] = []
    for (const mount of mounts) {
      stats.push(await ask(host, ['btrfs', 'device', 'stats', mount]))
      scrub.push(await ask(host, ['btrfs', 'scrub', 'status', '--raw', mount]))
    }
    return parseBtrfs({ show: [show], stats, scrub, sysfs })
  },
})

async function captureSystem(host: Host, folder: string): Promise<Captured[]> {
  const found: Captured[] = []
  for (const id of await host.list(`${folder}/devinfo`, { missing: [] as string[] }))
    found.push(...(await captureFolder(host, `${folder}/devinfo/${id}`, /^missing$/)))
  const profiles = (await host.list(`${folder}/allocation/data`, { missing: [] as string[] })).filter(name => PROFILE.test(name))
  for (const profile of profiles) {
    const captured = await captureFile(host, `${folder}/allocation/data/${profile}/total_bytes`)
    if (captured) found.push(captured)
  }
  return found
}

async function ask(host: Host, argv: readonly string[]): Promise<Captured> {
  try {
    return await host.run(argv, { timeoutMs: TIMEOUT_MS })
  } catch (error) {
    if (error instanceof NotInstalled)
      throw new Failed('btrfs is mounted, but btrfs-progs is not installed', 'Install the package btrfs-progs.')
    if (error instanceof TimedOut) throw new Failed(`${argv.slice(0, 3).join(' ')} hangs`, 'Look for I/O errors in the kernel log.')
    throw error
  }
}

/** One mount point a device: subvolumes share all that is asked. See proc_pid_mountinfo(5). */
function mountPoints(mountinfo: string): string[] {
  const byDevice = new Map<string, string>()
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ', 2)
    const [type, source] = after.split(' ')
    const mount = before.split(' ')[4]?.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    if (type === 'btrfs' && source && mount && !byDevice.has(source)) byDevice.set(source, mount)
  }
  return [...byDevice.values()].slice(0, 64)
}

/** @throws Absent where no btrfs is mounted, Denied where btrfs may not be asked, Error where an output cannot be read */
export function parseBtrfs(inputs: Inputs) {
  const tree = sysfsTree(inputs.sysfs ?? [])
  const shown = (inputs.show ?? []).flatMap(captured => parseShow(allowed(captured)))
  const stats = (inputs.stats ?? []).map(captured => ({ name: captured.name, devices: parseStats(allowed(captured)) }))
  const scrubs = (inputs.scrub ?? []).map(captured => parseScrub(allowed(captured)))
  if (scrubs.some(scrub => scrub.uuid === null)) throw new Error('Cannot tell which file system was scrubbed: its UUID is missing')
  const usages = (inputs.usage ?? []).map(captured => usageOf(captured.text))
  const uuids = [
    ...new Set([
      ...shown.map(system => system.uuid),
      ...namesUnder(tree, ROOT).filter(name => UUID.test(name)),
      ...scrubs.flatMap(scrub => scrub.uuid ?? []),
    ]),
  ]
  const ofUuid = uuids.map(uuid => {
    const system = shown.find(one => one.uuid === uuid)
    const own = stats.find(({ devices }) => devices.some(({ device }) => system?.paths.includes(device)))
    return { name: system?.label ?? uuid, system, uuid, devices: own?.devices, scrub: scrubs.find(scrub => scrub.uuid === uuid) }
  })
  const used = new Set(ofUuid.map(({ devices }) => devices))
  const loose = stats.filter(({ devices }) => !used.has(devices)).map(({ devices }) => ({ name: devices[0]?.device ?? 'btrfs', devices }))
  const arrays = [...ofUuid, ...loose].map(known => arrayOf(known, tree))
  const level = usages.map(usage => ({ ...blankArray('btrfs', 'usage'), ...usage }))
  return raidFact(
    arrays.length > 0 && level.length === 1 ? arrays.map(array => withUsage(array, level[0])) : [...arrays, ...level],
    'no btrfs is mounted',
  )
}

type Known = {
  readonly name: string
  readonly uuid?: string
  readonly system?: Shown | undefined
  readonly devices?: DeviceStats[] | undefined
  readonly scrub?: Scrub | undefined
}

function arrayOf({ name, uuid, system, devices, scrub }: Known, tree: Tree): RaidArray {
  const folder = `${ROOT}/${uuid}`
  const ids = uuid ? namesUnder(tree, `${folder}/devinfo`) : []
  const lostIds = ids.filter(id => wholeOf(tree, `${folder}/devinfo/${id}/missing`) === 1)
  const asked = ids.length > 0 && ids.every(id => [0, 1].includes(wholeOf(tree, `${folder}/devinfo/${id}/missing`) ?? -1))
  const members = membersOf(system, devices, lostIds, namesUnder(tree, `${folder}/devices`))
  const missing = Math.max(members.filter(member => member.state === 'missing').length, lostIds.length, system?.warned ? 1 : 0)
  const level = levelOf(tree, folder)
  const complete = system !== undefined && system.paths.length >= system.total
  const counted = devices?.reduce((sum, device) => sum + device.errors, 0) ?? null
  const errors = counted === null && scrub?.errors === undefined ? null : Math.max(counted ?? 0, scrub?.errors ?? 0)
  return {
    ...blankArray('btrfs', name),
    level,
    // Counters of a device that is gone are 0: they never say that all is there.
    state: missing > 0 ? (NOTHING_TO_LOSE.test(level ?? '') ? 'failed' : 'degraded') : complete || asked ? 'ok' : 'unknown',
    disks: { ...countMembers(members, system?.total ?? (ids.length || null)), missing: missing > 0 || complete || asked ? missing : null },
    errors: counted === null && (scrub?.errors ?? null) === null ? null : errors,
    sync: scrub?.sync ? { ...scrub.sync, ratio: steadyRatio(scrub.sync.ratio) } : null,
    lastScrubAt: scrub?.endedAt ?? null,
    members,
    detail: detailOf(
      missing > 0 && `${missing} of its devices are missing`,
      missing === 0 && !complete && !asked && 'whether all its devices are there was not told',
      scrub && scrub.uncorrectable > 0 && `the last scrub found ${scrub.uncorrectable} errors that it could not correct`,
      scrub?.stopped && 'the last scrub was stopped before its end',
    ),
  }
}

function membersOf(
  system: Shown | undefined,
  devices: readonly DeviceStats[] | undefined,
  lostIds: readonly string[],
  linked: readonly string[],
): Member[] {
  if (system)
    return system.paths.map((path, at) => ({ name: path ?? `missing device ${at + 1}`, state: path === null ? 'missing' : 'active' }))
  if (devices) return devices.map(({ device, missing }) => ({ name: device || 'missing device', state: missing ? 'missing' : 'unknown' }))
  const lost = lostIds.map(id => ({ name: `devid ${id}`, state: 'missing' as const }))
  return [...linked.map(name => ({ name, state: 'unknown' as const })), ...lost]
}

/** The profile of data: with several (a balance that was stopped) the weakest counts. */
function levelOf(tree: Tree, folder: string): string | null {
  const profiles = namesUnder(tree, `${folder}/allocation/data`).filter(
    name => PROFILE.test(name) && textOf(tree, `${folder}/allocation/data/${name}/total_bytes`) !== null,
  )
  return profiles.find(profile => NOTHING_TO_LOSE.test(profile)) ?? profiles[0] ?? null
}

/** `btrfs filesystem usage`: the profile of data and devices that are missing (their bytes). @throws Error where it is cut short */
function usageOf(text: string): Pick<RaidArray, 'level' | 'state' | 'detail'> {
  const missing = /^[ \t]*Device missing:\s+(\d\S*)/m.exec(text)?.[1]
  const level = /^Data,(\w{1,16}):/m.exec(text)?.[1]?.toLowerCase() ?? null
  if (missing === undefined || !/^Unallocated:/m.test(text))
    throw new Error('Cannot read the output of btrfs filesystem usage: it is cut short')
  const lost = Number.parseFloat(missing) > 0
  return { level, state: lost ? 'degraded' : 'unknown', detail: lost ? `${missing} of its devices are missing` : 'only its space was told' }
}

function withUsage(array: RaidArray, usage: RaidArray | undefined): RaidArray {
  if (!usage) return array
  const lost = usage.state === 'degraded'
  return {
    ...array,
    level: array.level ?? usage.level,
    state: lost && array.state !== 'failed' ? 'degraded' : array.state,
    detail: lost ? usage.detail : array.detail,
  }
}

function allowed({ text, stderr, code }: Captured): string {
  if (text.trim() !== '') return text
  if (/Operation not permitted|Permission denied|must be root/i.test(stderr))
    throw new Denied('btrfs may not ask the kernel', 'Run the agent as root, or give its unit CAP_SYS_ADMIN.')
  throw new Error(
    `Cannot read btrfs: it printed nothing${code === null ? '' : ` and ended with ${code}`}${stderr ? `: ${stderr.trim().slice(0, 200)}` : ''}`,
  )
}
