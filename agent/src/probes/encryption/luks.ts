import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, needed, sole } from '../../probe.ts'

type Volume = FactTypes['encryption']['volumes'][number]
type Role = Volume['role']

const columns = ['NAME', 'TYPE', 'FSTYPE', 'PKNAME', 'UUID']
/** Beginning of /proc/cpuinfo that surely holds the flags of the first processor, bytes. */
const CPUINFO_BYTES = 8192
const MOST_VOLUMES = 128

/** File systems of a root that lies on no block device of this system: containers, network and memory roots. */
const withoutDevice = /^(overlay|aufs|fuse.*|virtiofs|9p|nfs4?|tmpfs|ramfs|rootfs|ceph|shiftfs)$/

/** Volumes and whether each lies on dm-crypt (LUKS or plain) all the way down; see lsblk(8), cryptsetup(8). */
export default defineProbe({
  subject: 'encryption',
  source: 'luks',
  platforms: ['linux'],
  every: '1h',
  timeout: '30s',
  blind:
    'ZFS, fscrypt and eCryptfs; drives that encrypt themselves; encryption below a virtual machine; who holds the key. /boot is left out: the boot loader must read it.',
  inputs: {
    lsblk: { from: 'lsblk --json -b -o NAME,TYPE,FSTYPE,PKNAME,UUID,MOUNTPOINTS', recognise: text => /^\s*\{\s*"blockdevices"/.test(text) },
    mounts: { from: '/proc/self/mounts', recognise: text => /^\S+ \/\S* \S+ (rw|ro)\b/m.test(text) },
    cpuinfo: { from: '/proc/cpuinfo', recognise: text => text.startsWith('processor') },
  },
  parse: parseLuks,

  async read(host: Host) {
    return parseLuks({
      lsblk: [await devicesOf(host)],
      mounts: [await host.captured('/proc/self/mounts')],
      cpuinfo: [
        {
          text: Buffer.from(await host.bytes('/proc/cpuinfo', CPUINFO_BYTES)).toString('latin1'),
          stderr: '',
          code: null,
          name: '/proc/cpuinfo',
          modifiedAt: null,
        },
      ],
    })
  },
})

/** lsblk before 2.37 knows only MOUNTPOINT. */
async function devicesOf(host: Host): Promise<Captured> {
  const ask = (mounts: string) => host.run(['lsblk', '--json', '-b', '-o', [...columns, mounts].join(',')])
  const captured = await ask('MOUNTPOINTS')
  return /unknown column/.test(captured.stderr) ? ask('MOUNTPOINT') : captured
}

/** @throws Absent where the root lies on no block device of this system, Error where the tree cannot be read */
export function parseLuks(inputs: Inputs): FactTypes['encryption'] {
  const mounts = mountsOf(sole(inputs, 'mounts'))
  const root = mounts.findLast(mount => mount.at === '/')
  if (root && withoutDevice.test(root.type))
    throw new Absent(`the root file system is ${root.type}, on no block device that this system sees`)
  const devices = readTree(needed(inputs, 'lsblk'))
  if (root?.source.startsWith('/dev/') && devices.size === 0) throw new Absent('no block device is visible here, as in a container')
  for (const { source, at } of mounts) devices.get(/^\/dev\/(?:mapper\/)?([^/]+)$/.exec(source)?.[1] ?? '')?.mountPoints.add(at)
  const virtual = isVirtual(sole(inputs, 'cpuinfo'), devices)
  const volumes = [...devices.values()].flatMap(device => volumesOf(device, devices, virtual))
  if (volumes.length === 0 && mounts.length === 0) throw new Error('Cannot tell what is encrypted: lsblk shows nothing mounted')
  if (!volumes.some(volume => volume.role === 'system')) volumes.push(unseenRoot(root))
  return { volumes: bounded(volumes.sort(byRole)) }
}

type Device = {
  readonly name: string
  type: string
  fstype: string
  uuid: string
  readonly parents: Set<string>
  readonly mountPoints: Set<string>
}
type Mount = { readonly source: string; readonly at: string; readonly type: string }

/** Every device once, with all its parents: a volume over two disks stands twice in lsblk's tree. */
function readTree(captured: Captured): Map<string, Device> {
  const devices = new Map<string, Device>()
  const pending = rootsOf(captured).map(node => ({ node, parent: '' }))
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { node, parent } = next
    if (!isRecord(node)) throw new Error('Cannot read the output of lsblk: a device is no object')
    const name = base(word(node.name) || word(node.kname) || word(node.path))
    if (name === '') throw new Error('Cannot read the output of lsblk: a device has no name')
    const device = devices.get(name) ?? { name, type: '', fstype: '', uuid: '', parents: new Set(), mountPoints: new Set() }
    devices.set(name, device)
    device.type = word(node.type) || device.type
    device.fstype = word(node.fstype) || device.fstype
    device.uuid = word(node.uuid) || device.uuid
    for (const above of [parent, base(word(node.pkname))]) if (above && above !== name) device.parents.add(above)
    for (const at of [node.mountpoint, node.mountpoints].flat()) if (typeof at === 'string') device.mountPoints.add(at)
    if (Array.isArray(node.children)) for (const child of node.children) pending.push({ node: child, parent: name })
  }
  return devices
}

function rootsOf({ text, stderr, code }: Captured): unknown[] {
  if (code !== null && code !== 0)
    throw new Error(`Cannot read the output of lsblk: it ended with ${code}: ${stderr.trim().split('\n')[0]}`)
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw new Error(`Cannot read the output of lsblk: wanted JSON${stderr ? `: ${stderr.trim().split('\n')[0]}` : ''}`)
  }
  if (!isRecord(parsed) || !Array.isArray(parsed.blockdevices))
    throw new Error('Cannot read the output of lsblk: it has no list `blockdevices`')
  return parsed.blockdevices
}

const base = (path: string): string => path.replace(/^\/dev\/(mapper\/)?/, '')
const word = (value: unknown): string => (typeof value === 'string' ? value : '')

/** At most one volume a role and device: bind mounts and subvolumes show the same disk again. */
function volumesOf(device: Device, devices: ReadonlyMap<string, Device>, virtual: boolean): Volume[] {
  if (device.name.startsWith('zram') || /^(squashfs|iso9660|udf)$/.test(device.fstype) || device.type === 'rom') return []
  const byRole = new Map<Role, string[]>()
  for (const at of device.mountPoints) {
    const role = roleOf(at)
    if (role) byRole.set(role, [...(byRole.get(role) ?? []), at])
  }
  if (byRole.has('system') || byRole.has('home')) byRole.delete('data')
  const volumes = [...byRole].map(([role, ats]): Volume => {
    const [name = '', ...others] = ats.sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
    return { name: shown(name, device), role, progressRatio: null, ...judge(device, devices, virtual, others.length) }
  })
  // An image of data is a file on a volume that is listed itself.
  return volumes.filter(volume => volume.role !== 'data' || volume.state !== 'unknown')
}

/** `null` for what must be readable before a key is asked for. */
function roleOf(at: string): Role | null {
  if (/^\/(boot|efi)(\/|$)/.test(at)) return null
  if (at === '[SWAP]') return 'swap'
  if (/^\/(usr|var|etc|root|writable)?$/.test(at)) return 'system'
  return /^\/home(\/|$)/.test(at) ? 'home' : 'data'
}

const shown = (at: string, device: Device): string => (at === '[SWAP]' ? device.name : at).slice(0, 128)

function judge(
  device: Device,
  devices: ReadonlyMap<string, Device>,
  virtual: boolean,
  others: number,
): Pick<Volume, 'state' | 'method' | 'detail'> {
  const also = others > 0 ? `mounted at ${others} more ${others === 1 ? 'place' : 'places'}` : null
  const say = (...parts: readonly (string | null)[]) => parts.filter(part => part !== null).join('; ') || null
  const members = membersOf(device, devices)
  const above = ancestry(members, devices)
  const open = members.flatMap(member => openPaths(member, devices, new Map()))
  if (open.length === 0) return { state: 'on', method: above.some(isLuks) ? 'luks' : 'dm-crypt', detail: say(also) }
  if (open.some(name => devices.get(name)?.type === 'loop'))
    return { state: 'unknown', method: null, detail: say('lies in a file on another volume', also) }
  const partly = above.some(layer => isCrypt(layer) || isLuks(layer)) ? `only in part: ${open[0]} is not encrypted`.slice(0, 200) : null
  const below = virtual ? 'a virtual machine: the host may encrypt below, which cannot be seen from inside' : null
  return { state: 'off', method: null, detail: say(partly, below, also) }
}

/** A btrfs or bcachefs over several devices is mounted from one of them. */
function membersOf(device: Device, devices: ReadonlyMap<string, Device>): Device[] {
  if (!/^(btrfs|bcachefs)$/.test(device.fstype) || device.uuid === '') return [device]
  return [...devices.values()].filter(other => other.uuid === device.uuid && other.fstype === device.fstype)
}

/** Disks that a device reaches without passing an encrypted layer; one that leads to itself is open as well. */
function openPaths(device: Device, devices: ReadonlyMap<string, Device>, known: Map<string, readonly string[]>): readonly string[] {
  if (isCrypt(device)) return []
  const before = known.get(device.name)
  if (before) return before
  known.set(device.name, [device.name])
  const parents = parentsOf(device, devices)
  if (parents.length === 0) return [device.name]
  // What is mapped from a LUKS container is encrypted, also where lsblk was not asked for the type.
  const open = [...new Set(parents.filter(parent => !isLuks(parent)).flatMap(parent => openPaths(parent, devices, known)))]
  known.set(device.name, open)
  return open
}

const isCrypt = (device: Device): boolean => /crypt/i.test(device.type)
const isLuks = (device: Device): boolean => device.fstype === 'crypto_LUKS'

function parentsOf(device: Device, devices: ReadonlyMap<string, Device>): Device[] {
  return [...device.parents].flatMap(name => devices.get(name) ?? [])
}

/** The devices themselves and all below them. */
function ancestry(members: readonly Device[], devices: ReadonlyMap<string, Device>): Device[] {
  const found = new Set<Device>()
  const pending = [...members]
  for (let device = pending.pop(); device; device = pending.pop()) {
    if (found.has(device)) continue
    found.add(device)
    pending.push(...parentsOf(device, devices))
  }
  return [...found]
}

/** Columns: device, mount point, type, options; blanks are written as octal escapes. See proc_pid_mounts(5). */
function mountsOf(captured: Captured | undefined): Mount[] {
  const rows = captured?.text.split('\n').map(line => line.split(' ')) ?? []
  return rows.filter(row => row.length >= 3).map(([source = '', at = '', type = '']) => ({ source, at: unescaped(at), type }))
}

const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/** Processors tell that they are a guest's; disks of paravirtual drivers tell it where no processor does. */
function isVirtual(cpuinfo: Captured | undefined, devices: ReadonlyMap<string, Device>): boolean {
  return /^flags\s*:.* hypervisor\b/m.test(cpuinfo?.text ?? '') || [...devices.keys()].some(name => /^x?vd[a-z]/.test(name))
}

function unseenRoot(root: Mount | undefined): Volume {
  const detail = root ? `${root.type} on ${root.source}`.slice(0, 200) : 'no block device'
  return {
    name: '/',
    role: 'system',
    state: 'unknown',
    method: root?.type === 'zfs' ? 'zfs' : null,
    progressRatio: null,
    detail: `lsblk shows no device under it (${detail})`,
  }
}

/** Beyond the most that a fact carries, one entry stands for the rest, which nobody vouches for. */
function bounded(volumes: readonly Volume[]): Volume[] {
  const rest = volumes.length - MOST_VOLUMES + 1
  if (rest <= 1) return [...volumes]
  const name = `${rest} more volumes`
  return [...volumes.slice(0, -rest), { name, role: 'data', state: 'unknown', method: null, progressRatio: null, detail: null }]
}

const roles: readonly Role[] = ['system', 'home', 'swap', 'data']

function byRole(a: Volume, b: Volume): number {
  return roles.indexOf(a.role) - roles.indexOf(b.role) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
}

function isRecord(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
