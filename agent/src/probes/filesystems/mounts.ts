import type { FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, Failed, type Inputs, needed, type ParseContext, type Probe, sole } from '../../probe.ts'
import { cut, floorTo, present, readable } from '../gather.ts'
import { MountAsker } from './mounts/ask.ts'
import { kindOf, worthReporting } from './mounts/kinds.ts'
import { type Mount, readFstab, readMounts } from './mounts/mountinfo.ts'

/** Free space is told in this share of the size, so that a working machine does not make a new fact at every look. */
const STEPS = 200
const MOST_FILESYSTEMS = 256

/** Mounted file systems that hold data, by proc(5), fstab(5) and statfs(2). A dead network mount is asked by a child, and rarely again. */
export default mountsProbe()

export function mountsProbe(): Probe {
  const askers = new WeakMap<Host, MountAsker>()
  return defineProbe({
    subject: 'filesystems',
    source: 'mounts',
    platforms: ['linux'],
    every: '5m',
    // 256 mounts that all hang, eight at a time, three seconds and the grace of their kill each.
    timeout: '3m',
    blind: 'Quotas, and file systems that are not mounted.',
    inputs: {
      mountinfo: {
        from: '/proc/1/mountinfo, else /proc/self/mountinfo',
        recognise: text => /^\d+ \d+ \d+:\d+ \/|^\S+ \/\S* \S+ (rw|ro)[ ,]/m.test(text),
      },
      own: { from: '/proc/self/mountinfo' },
      fstab: { from: '/etc/fstab', recognise: text => /^(UUID=|LABEL=|\/dev\/)\S+\s+(\/|none|swap)/m.test(text) },
      space: { from: 'statfs(2) of each mount', recognise: text => /^\{"(space|hangs|failed)":/.test(text) },
    },
    parse: parseFilesystems,

    async read(host) {
      const own = await host.captured('/proc/self/mountinfo')
      // The sandbox of the agent's unit shows it another tree than everybody else's.
      const mountinfo = (await readable(host, '/proc/1/mountinfo')) ?? own
      const visible = ownView(own.text)
      const mounts = worthReporting(readMounts(mountinfo.text)).filter(visible)
      const asker = askers.get(host) ?? new MountAsker()
      askers.set(host, asker)
      const inputs = {
        mountinfo: [mountinfo],
        own: [own],
        fstab: present(await readable(host, '/etc/fstab')),
        space: await asker.ask(host, mounts.slice(0, MOST_FILESYSTEMS)),
      }
      return parseFilesystems(inputs, { now: host.now(), hostname: host.hostname, options: undefined })
    },
  })
}

/** @throws Absent where nothing that holds data is mounted, Error where a list cannot be read whole */
export function parseFilesystems(inputs: Inputs, _context: ParseContext): FactTypes['filesystems'] {
  const mounts = worthReporting(readMounts(needed(inputs, 'mountinfo').text))
  if (mounts.length === 0) throw new Absent('no file system that holds data is mounted')
  if (mounts.length > MOST_FILESYSTEMS) {
    throw new Failed(
      `${mounts.length} file systems are mounted, and more than ${MOST_FILESYSTEMS} cannot be told`,
      'Mount fewer on this machine; one ZFS dataset or export each is one file system.',
    )
  }
  const fstab = sole(inputs, 'fstab')
  const wanted = fstab ? readFstab(fstab.text) : new Map<string, boolean>()
  const own = sole(inputs, 'own')
  const visible = own ? ownView(own.text) : () => true
  const answers = new Map((inputs.space ?? []).map(capture => [capture.name, capture.text]))
  return {
    filesystems: mounts.map(mount => ({
      mountpoint: cut(mount.mountpoint, 512),
      device: cut(mount.source, 512),
      fstype: cut(mount.fstype, 64),
      kind: kindOf(mount),
      readonly: mount.readonly,
      readonlyWanted: wanted.get(mount.mountpoint) ?? null,
      ...standing(mount, visible(mount) ? answers.get(mount.mountpoint) : HIDDEN),
    })),
  }
}

/** Whether the agent itself sees the same file system at the same place. */
function ownView(own: string): (mount: Mount) => boolean {
  const seen = new Map(readMounts(own).map(mount => [mount.mountpoint, mount.device]))
  return mount => seen.get(mount.mountpoint) === mount.device
}

const HIDDEN = JSON.stringify({ hidden: 'hidden from the agent by its sandbox' })
const amount = v.pipe(v.number(), v.finite(), v.minValue(0))
const answer = v.union([
  v.object({ space: v.object({ sizeBytes: amount, availBytes: v.number(), inodes: amount, inodesFree: amount }) }),
  v.object({ hangs: v.string() }),
  v.object({ failed: v.string() }),
  v.object({ hidden: v.string() }),
])

type Standing = Pick<
  FactTypes['filesystems']['filesystems'][number],
  'standing' | 'reason' | 'sizeBytes' | 'availBytes' | 'inodes' | 'inodesFree'
>
const NO_NUMBERS = { sizeBytes: null, availBytes: null, inodes: null, inodesFree: null }

function standing(mount: Mount, text: string | undefined): Standing {
  if (text === undefined) return { standing: 'skipped', reason: 'not asked', ...NO_NUMBERS }
  const said = v.parse(answer, JSON.parse(text))
  if ('hangs' in said) return { standing: 'hangs', reason: cut(said.hangs, 512), ...NO_NUMBERS }
  if ('hidden' in said) return { standing: 'skipped', reason: said.hidden, ...NO_NUMBERS }
  // Whoever mounts a FUSE file system for himself shuts out even root, which is no fault of the file system.
  if ('failed' in said && mount.fstype.startsWith('fuse') && /Permission denied|EACCES/.test(said.failed)) {
    return { standing: 'skipped', reason: 'only the user who mounted it may look', ...NO_NUMBERS }
  }
  if ('failed' in said) return { standing: 'failed', reason: cut(said.failed, 512), ...NO_NUMBERS }
  const { sizeBytes, availBytes, inodes, inodesFree } = said.space
  // A size of 0 is how FUSE and some network file systems say that they do not know.
  if (sizeBytes === 0) return { standing: 'answers', reason: 'does not tell its size', ...NO_NUMBERS }
  const counted = inodes > 0 ? { inodes, inodesFree: inSteps(inodes, inodesFree) } : { inodes: null, inodesFree: null }
  // Space reserved for root may leave less than nothing for others.
  return { standing: 'answers', reason: null, sizeBytes, availBytes: inSteps(sizeBytes, Math.max(0, availBytes)), ...counted }
}

function inSteps(all: number, free: number): number {
  return free >= all ? all : Math.round(floorTo(all / STEPS, free))
}
