import { basename, dirname } from 'node:path'
import { type Host, NotInstalled } from '../../host.ts'
import { holding } from './listing.ts'

/** `smartctl -n standby,CODE` ends with it where the disk sleeps; no other exit code of it has only these bits. */
const ASLEEP_EXIT = 3
const TIMEOUT_MS = 20_000
/** Layers below a device that are followed: LUKS on LVM on md are three. */
const DEEPEST = 6
const MOST_DISKS = 64

/**
 * Why the disks under these block devices (`sda2`, `dm-0`) may not be touched: one of them sleeps, and reading would wake it. Null where they may be.
 * Only turning disks on SATA, SAS or USB (`sd*`) can sleep; see smartctl(8), `-n`.
 */
export async function asleepUnder(host: Host, devices: readonly string[]): Promise<string | null> {
  const disks = new Set<string>()
  for (const device of devices.slice(0, MOST_DISKS)) for (const disk of await disksUnder(host, device, 0)) disks.add(disk)
  for (const disk of disks) {
    if (!/^sd[a-z]+$/.test(disk)) continue
    const turns = await host.text(`/sys/class/block/${disk}/queue/rotational`, { missing: '0' })
    if (turns.trim() !== '1') continue
    const reason = await whySilent(host, disk)
    if (reason !== null) return reason
  }
  return null
}

async function whySilent(host: Host, disk: string): Promise<string | null> {
  try {
    const { code } = await host.run(['smartctl', '-n', `standby,${ASLEEP_EXIT}`, '-i', `/dev/${disk}`], { timeoutMs: TIMEOUT_MS })
    return code === ASLEEP_EXIT ? `${disk} sleeps and is not woken for this` : null
  } catch (error) {
    if (error instanceof NotInstalled) return `whether ${disk} sleeps cannot be told without smartctl, and it is not woken for this`
    throw error
  }
}

async function disksUnder(host: Host, device: string, depth: number): Promise<string[]> {
  if (depth > DEEPEST || !/^[\w!.:-]{1,64}$/.test(device)) return []
  const folder = `/sys/class/block/${device}`
  const below = await host.list(`${folder}/slaves`, { missing: [] as string[] })
  if (below.length > 0) {
    const found = await Promise.all(below.slice(0, MOST_DISKS).map(one => disksUnder(host, one, depth + 1)))
    return found.flat()
  }
  const isPartition = (await host.text(`${folder}/partition`, { missing: null })) !== null
  if (!isPartition) return [device]
  const real = await host.realpath(folder, { missing: null })
  return real === null ? [device] : disksUnder(host, basename(dirname(real)), depth + 1)
}

/** What is mounted: point, the folder of its file system that is shown there, type, source. */
export type Mounted = { readonly point: string; readonly root: string; readonly type: string; readonly source: string }

/** /proc/self/mountinfo with sources; see proc_pid_mountinfo(5). */
export function mountsOf(mountinfo: string): Mounted[] {
  return mountinfo.split('\n').flatMap(line => {
    const [before = '', after = ''] = line.split(' - ', 2)
    const [, , , root = '', point = ''] = before.split(' ').map(unescaped)
    const [type = '', source = ''] = after.split(' ').map(unescaped)
    return point.startsWith('/') && type !== '' ? [{ point, root, type, source }] : []
  })
}

function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** The mount that a path lies on; later mounts hide earlier ones. */
export function mountOf(mounts: readonly Mounted[], path: string): Mounted | undefined {
  const point = holding(
    mounts.map(mount => mount.point),
    path,
  )
  return mounts.findLast(mount => mount.point === point)
}

/** The block devices of a mount: all members of a btrfs, else its source. Empty where it has none here, as a network mount. */
export async function devicesOf(host: Host, mount: Mounted | undefined): Promise<string[]> {
  if (!mount?.source.startsWith('/dev/')) return []
  const name = basename((await host.realpath(mount.source, { missing: null })) ?? mount.source)
  if (mount.type !== 'btrfs') return [name]
  for (const uuid of await host.list('/sys/fs/btrfs', { missing: [] as string[] })) {
    const members = await host.list(`/sys/fs/btrfs/${uuid}/devices`, { missing: [] as string[] })
    if (members.includes(name)) return members
  }
  return [name]
}
