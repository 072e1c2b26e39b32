import type { Mount } from './mountinfo.ts'

/** File systems of this machine's own devices, whose driver is in the kernel: they answer or fail, and may be asked in this process. */
const LOCAL = new Set(
  'ext2 ext3 ext4 xfs btrfs vfat msdos exfat f2fs jfs reiserfs zfs ntfs ntfs3 bcachefs nilfs2 hfs hfsplus ufs minix ubifs jffs2'.split(' '),
)
/** Somebody else has to answer for these, over a network or out of the hypervisor: whoever asks may hang. */
const NETWORK = new Set(
  'nfs nfs4 cifs smb3 smbfs 9p virtiofs afs ceph glusterfs lustre beegfs gpfs gfs2 ocfs2 orangefs coda ncpfs pvfs2 vboxsf davfs acfs'.split(
    ' ',
  ),
)
/** Images that are full by nature, and windows into what is counted elsewhere. */
const SKIPPED = new Set(
  'squashfs erofs iso9660 udf cramfs romfs overlay aufs tmpfs ramfs rootfs devtmpfs autofs fuse.lxcfs fuse.snapfuse fuse.squashfuse fuse.gvfsd-fuse fuse.portal fuse.vmware-vmblock fuse.fuse-overlayfs fuse.archivemount fuse.doc-portal'.split(
    ' ',
  ),
)
/** FUSE file systems on this machine's own disks. */
const LOCAL_FUSE = new Set([
  'fuseblk',
  'fuse.mergerfs',
  'fuse.ntfs-3g',
  'fuse.exfat',
  'fuse.gocryptfs',
  'fuse.encfs',
  'fuse.bindfs',
  'fuse.snapraid',
])

/** Whether a mount holds data to watch. Any type that is not known counts where a device file stands behind it; pseudo file systems have none. */
function holdsData(mount: Mount): boolean {
  // The root of a container or live system is an overlay, and the only file system that can fill up there.
  if (mount.mountpoint === '/' && mount.fstype === 'overlay') return true
  if (SKIPPED.has(mount.fstype)) return false
  return LOCAL.has(mount.fstype) || NETWORK.has(mount.fstype) || mount.fstype.startsWith('fuse') || mount.source.startsWith('/')
}

export function kindOf(mount: Mount): 'local' | 'network' {
  return NETWORK.has(mount.fstype) || (mount.fstype.startsWith('fuse') && !LOCAL_FUSE.has(mount.fstype)) ? 'network' : 'local'
}

/** Whether asking it cannot hang this process. */
export function answersHere(mount: Mount): boolean {
  return LOCAL.has(mount.fstype) || mount.fstype === 'overlay'
}

/**
 * The mounts to report, one a file system: the last one where several are stacked on a mount point, and of several views of a device the one
 * that shows most of it, the shortest path first.
 */
export function worthReporting(mounts: readonly Mount[]): Mount[] {
  const uppermost = [...new Map(mounts.map(mount => [mount.mountpoint, mount])).values()]
  const byDevice = new Map<string, Mount>()
  for (const mount of uppermost.filter(holdsData)) {
    const held = byDevice.get(mount.device)
    if (!held || showsMore(mount, held)) byDevice.set(mount.device, mount)
  }
  return [...byDevice.values()].sort((a, b) => (a.mountpoint < b.mountpoint ? -1 : 1))
}

function showsMore(one: Mount, other: Mount): boolean {
  if ((one.root === '/') !== (other.root === '/')) return one.root === '/'
  return one.mountpoint.length < other.mountpoint.length
}
