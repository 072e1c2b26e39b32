import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut, floorTo } from '../gather.ts'
import { type Dict, dictsOf, isPlistWith, numberIn, parsePlistDict, textIn } from '../property-list.ts'

type Filesystem = FactTypes['filesystems']['filesystems'][number]

const MOST = 256
/** Roles of APFS volumes that macOS keeps for itself. */
const OWN_ROLES = /^(Preboot|Recovery|VM|Update|xART|Hardware|Prelogin|Installer)$/
const NETWORKED = /^(smbfs|nfs|afpfs|webdav|ftp|cifs)$/

/**
 * Mounted file systems. All volumes of an APFS container share its free space, so a container is told once, at its best-known mount point; see
 * diskutil(8), df(1) and mount(8). `df -l` leaves network mounts alone, which could hang.
 */
export default defineProbe({
  subject: 'filesystems',
  source: 'macos',
  platforms: ['darwin'],
  every: '15m',
  timeout: '60s',
  blind: 'Space that macOS would free by itself (purgeable: snapshots, caches). Quotas of APFS volumes. How full network shares are.',
  inputs: {
    df: { from: 'df -kl', recognise: text => /^Filesystem\s+(512|1024|1K|1M)?-?[bB]locks/m.test(text) || /^Filesystem\s+Size/m.test(text) },
    mount: { from: 'mount', recognise: text => /^\S.* on \/.* \([a-z]\w*[,)]/m.test(text) },
    apfs: {
      from: 'diskutil apfs list -plist',
      recognise: text => isPlistWith(text, 'Containers') || isPlistWith(text, 'APFSContainerFree', 'APFSContainerSize'),
    },
  },
  parse: parseMacFilesystems,

  async read(host: Host) {
    const run = (...argv: string[]) => host.run(argv, { timeoutMs: 20_000 })
    const apfs = await run('diskutil', 'apfs', 'list', '-plist')
    return parseMacFilesystems({ df: [await run('df', '-kl')], mount: [await run('mount')], apfs: apfs.code === 0 ? [apfs] : [] })
  },
})

type Row = {
  readonly device: string
  readonly size: number
  readonly avail: number
  readonly inodes: number | null
  readonly free: number | null
  readonly mountpoint: string
}
type Mount = { readonly device: string; readonly mountpoint: string; readonly fstype: string; readonly options: readonly string[] }
type Container = { readonly name: string; readonly size: number; readonly free: number; readonly volumes: readonly string[] }

/** @throws where no input tells of a file system */
export function parseMacFilesystems(inputs: Inputs): FactTypes['filesystems'] {
  const df = sole(inputs, 'df')
  const mount = sole(inputs, 'mount')
  const apfs = sole(inputs, 'apfs')
  if (!df && !mount && !apfs) throw new Error('Cannot tell of file systems without what df, mount or diskutil prints')
  const rows = df ? rowsOf(df.text) : []
  const mounts = mount ? mountsOf(mount.text) : []
  const containers = apfs ? containersOf(apfs.text) : []
  const found = [...containers.flatMap(container => ofContainer(container, rows, mounts)), ...others(containers, rows, mounts)]
  if (found.length === 0) throw new Error('Cannot find a file system that holds data in what was given')
  // What is mounted over another hides it.
  const visible = [...new Map(found.map(entry => [entry.mountpoint, entry])).values()]
  return { filesystems: visible.slice(0, MOST) }
}

const PREFIXES = ['', 'k', 'm', 'g', 't', 'p'] as const

/** `494G` of `df -H`, `465Gi` of `df -h`, or a number of blocks; what is left is taken for the least that is rounded to it. */
function bytesOf(text: string, block: number | null): { readonly about: number; readonly least: number } | undefined {
  const [, digits = '', letter, binary] = /^(-?\d{1,19}(?:[.,]\d)?)(?:([kmgtp])(i?)|b)?$/i.exec(text) ?? []
  if (digits === '' || (block !== null && letter !== undefined)) return undefined
  const number = Number(digits.replace(',', '.'))
  if (block !== null) return { about: number * block, least: number * block }
  const unit = (binary ? 1024 : 1000) ** Math.max(0, PREFIXES.indexOf((letter ?? '').toLowerCase() as (typeof PREFIXES)[number]))
  const half = unit === 1 ? 0 : /[.,]/.test(digits) ? 0.05 : 0.5
  return { about: number * unit, least: (number - half) * unit }
}

/** Rows of df(1), in blocks or rounded for people. @throws where its heading is not known, or a row of a disk is cut */
function rowsOf(text: string): Row[] {
  const [, unit] = /^Filesystem\s+(?:(512|1024|1K)-blocks|Size)\s/m.exec(text) ?? []
  const rounded = unit === undefined
  if (rounded && !/^Filesystem\s+Size\s/m.test(text)) throw new Error('Cannot read a table of df without the size of its blocks (`df -kl`)')
  const block = rounded ? null : unit === '512' ? 512 : 1024
  return text.split('\n', 5_000).flatMap(line => {
    const [, device, size = '', , avail = '', used, free, mountpoint] =
      /^(\S.{0,400}?)\s+(\d\S*)\s+(\d\S*)\s+(-?\d\S*)\s+\d+%\s+(?:(\d+)\s+(\d+)\s+[\d-]+%\s+)?(\/.*)$/.exec(line) ?? []
    const [whole, left] = [bytesOf(size, block), bytesOf(avail, block)]
    if (device === undefined || mountpoint === undefined || !whole || !left) {
      if (/^\/dev\/disk/.test(line)) throw new Error(`Cannot read the row of df: ${cut(line, 120)}`)
      return []
    }
    // APFS makes inodes as it goes and counts down from 2^63; where it counts up to 2^32, it is all the same.
    const counts = used !== undefined && free !== undefined && Number(free) < 2 ** 52
    return [
      {
        device,
        size: whole.about,
        avail: Math.max(0, left.least),
        inodes: counts ? Number(used) + Number(free) : null,
        free: counts ? Number(free) : null,
        mountpoint,
      },
    ]
  })
}

function mountsOf(text: string): Mount[] {
  return text.split('\n', 5_000).flatMap(line => {
    const [, device, mountpoint, list] = /^(\S.{0,400}?) on (\/.{0,1000}) \(([^()]{1,300})\)\s*$/.exec(line) ?? []
    if (device === undefined || mountpoint === undefined || list === undefined) return []
    const [fstype = '', ...options] = list.split(', ')
    return [{ device, mountpoint, fstype, options }]
  })
}

function containersOf(text: string): Container[] {
  const top = parsePlistDict(text)
  if (!('Containers' in top) && 'APFSContainerSize' in top) return [ownContainer(top)]
  const list = top.Containers
  if (!Array.isArray(list)) throw new Error('Cannot read what diskutil apfs list -plist printed: no Containers in it')
  return dictsOf(list).flatMap(container => {
    const [size, free, name] = [numberIn(container.CapacityCeiling), numberIn(container.CapacityFree), textIn(container.ContainerReference)]
    if (size === null || free === null || name === null) throw new Error('Cannot read an APFS container without size, free space and name')
    const volumes = dictsOf(container.Volumes).filter(volume => {
      const roles = Array.isArray(volume.Roles) ? volume.Roles.flatMap(role => textIn(role) ?? []) : []
      return !roles.some(role => OWN_ROLES.test(role))
    })
    const ids = volumes.flatMap(volume => textIn(volume.DeviceIdentifier) ?? [])
    return ids.length === 0 ? [] : [{ name, size, free, volumes: ids }]
  })
}

/** `diskutil info -plist` of a volume tells of its container too. */
function ownContainer(volume: Dict): Container {
  const [size, free] = [numberIn(volume.APFSContainerSize), numberIn(volume.APFSContainerFree)]
  const name = textIn(volume.APFSContainerReference)
  if (size === null || free === null || name === null) throw new Error('Cannot read an APFS container without size, free space and name')
  return { name, size, free, volumes: [textIn(volume.DeviceIdentifier) ?? name] }
}

/** The system's volume is read-only by design; that a container cannot be written shows at its other volumes. */
function ofContainer(container: Container, rows: readonly Row[], mounts: readonly Mount[]): Filesystem[] {
  const inside = (device: string) => new RegExp(`^/dev/${container.name}(s\\d+)*$`).test(device)
  const mounted = mounts.filter(({ device }) => inside(device))
  const points = [...mounted, ...rows.filter(({ device }) => inside(device))].map(({ mountpoint }) => mountpoint)
  if ((mounts.length > 0 || rows.length > 0) && points.length === 0) return []
  const writable = mounted.filter(({ options }) => !options.includes('sealed'))
  const isReadonly =
    writable.length > 0 &&
    writable
      .filter(({ mountpoint }) => !/^\/System\/Volumes\/(?!Data$)/.test(mountpoint))
      .some(({ options }) => options.includes('read-only'))
  // An image of an installer or simulator: full and read-only by its nature.
  if (isReadonly && !points.includes('/')) return []
  const mountpoint = points.includes('/') ? '/' : (points.toSorted((a, b) => a.length - b.length)[0] ?? `APFS container ${container.name}`)
  // Without the list of mounts nobody knows whether it can be written.
  return [
    filesystem(mountpoint, container.name, 'apfs', container.size, container.free, { readonly: mounted.length === 0 ? null : isReadonly }),
  ]
}

/** Everything outside of the containers that are known. Rows of one APFS container tell the same size and free space. */
function others(containers: readonly Container[], rows: readonly Row[], mounts: readonly Mount[]): Filesystem[] {
  const known = (device: string) => containers.some(({ name }) => new RegExp(`^/dev/${name}(s\\d+)*$`).test(device))
  const seen = new Set<string>()
  const local = rows.flatMap(row => {
    const disk = /^\/dev\/(disk\d+)(?:s\d+)*$/.exec(row.device)?.[1]
    if (disk === undefined || known(row.device)) return []
    const mounted = mounts.find(({ mountpoint }) => mountpoint === row.mountpoint)
    const isReadonly = mounted?.options.includes('read-only') ?? false
    if (isReadonly && row.mountpoint !== '/') return []
    const isApfs = mounted ? mounted.fstype === 'apfs' : row.inodes === null
    const pool = isApfs ? `${disk} ${row.size}` : row.device
    if (seen.has(pool)) return []
    seen.add(pool)
    const sealed = mounted?.options.includes('sealed') ?? false
    const more = { inodes: row.inodes, inodesFree: row.free, readonly: mounted ? isReadonly && !sealed : null }
    return [filesystem(row.mountpoint, row.device, mounted?.fstype ?? (isApfs ? 'apfs' : 'unknown'), row.size, row.avail, more)]
  })
  const unlisted = mounts.filter(
    ({ device, mountpoint }) =>
      /^\/dev\/disk/.test(device) && !known(device) && rows.length === 0 && !/^\/(System\/Volumes|private\/var\/vm)/.test(mountpoint),
  )
  const remote = mounts.filter(({ fstype }) => NETWORKED.test(fstype))
  return [
    ...local,
    ...unlisted.map(({ device, mountpoint, fstype, options }) => ({
      ...filesystem(mountpoint, device, fstype, null, null, { readonly: options.includes('read-only') && !options.includes('sealed') }),
      standing: 'skipped' as const,
      reason: 'no numbers were given',
    })),
    ...remote.map(({ device, mountpoint, fstype, options }) => ({
      ...filesystem(mountpoint, device.replace(/\/\/[^@/]{1,200}@/, '//'), fstype, null, null, { readonly: options.includes('read-only') }),
      kind: 'network' as const,
      standing: 'skipped' as const,
      reason: 'a network mount is not asked',
    })),
  ]
}

type More = { readonly readonly: boolean | null; readonly inodes?: number | null; readonly inodesFree?: number | null }

/** Free space in steps of half a percent of the size, downwards. */
function filesystem(mountpoint: string, device: string, fstype: string, size: number | null, avail: number | null, more: More): Filesystem {
  return {
    mountpoint: cut(mountpoint, 512),
    device: cut(device, 512),
    fstype: cut(fstype, 64),
    kind: 'local',
    sizeBytes: size,
    availBytes: avail === null || size === null ? null : Math.floor(floorTo(size / 200, Math.min(avail, size))),
    inodes: more.inodes ?? null,
    inodesFree:
      more.inodes && more.inodesFree !== undefined && more.inodesFree !== null
        ? Math.floor(floorTo(more.inodes / 200, more.inodesFree))
        : null,
    readonly: more.readonly,
    readonlyWanted: null,
    standing: 'answers',
    reason: null,
  }
}
