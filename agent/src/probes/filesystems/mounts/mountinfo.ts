/** One mount, as the kernel lists it. */
export type Mount = {
  /** `major:minor` of the file system; equal for bind mounts and for the subvolumes of a btrfs. */
  readonly device: string
  /** Which folder of the file system is mounted; `/` is the whole. */
  readonly root: string
  readonly mountpoint: string
  readonly fstype: string
  readonly source: string
  /** The file system itself is read-only; a bind mount that only looks read-only is not. */
  readonly readonly: boolean
}

/**
 * The mounts of /proc/PID/mountinfo by proc(5), or of /proc/mounts (fstab(5)), in the kernel's order.
 * @throws on a line it cannot read: a list with holes would look healthy
 */
export function readMounts(text: string): Mount[] {
  const lines = text.split('\n').filter(line => line.trim() !== '')
  if (lines.length === 0) throw new Error('Cannot tell the mounts: the list is empty')
  const hasDevices = / - \S+ /.test(lines[0] ?? '')
  return lines.map(line => (hasDevices ? fromMountinfo(line) : fromMounts(line)))
}

/** `36 35 98:0 /root /mountpoint options optional… - fstype source super-options` */
function fromMountinfo(line: string): Mount {
  const [own = '', tail = ''] = halves(line)
  const [, , device, root, mountpoint, options] = own.split(' ')
  const [fstype, source, superOptions] = tail.split(' ')
  if (
    !device ||
    !/^\d+:\d+$/.test(device) ||
    !root ||
    !mountpoint ||
    !options ||
    !fstype ||
    source === undefined ||
    superOptions === undefined
  ) {
    throw unreadable(line)
  }
  return {
    device,
    root: plain(root),
    mountpoint: plain(mountpoint),
    fstype: plain(fstype),
    source: plain(source),
    readonly: superOptions.split(',').includes('ro'),
  }
}

function halves(line: string): readonly string[] {
  const at = line.indexOf(' - ')
  return at < 0 ? [] : [line.slice(0, at), line.slice(at + 3)]
}

/** `source mountpoint fstype options 0 0`: there is no device number, so its name stands for it. */
function fromMounts(line: string): Mount {
  const [source, mountpoint, fstype, options] = line.trim().split(/[ \t]+/)
  if (!source || !mountpoint?.startsWith('/') || !fstype || !options) throw unreadable(line)
  return {
    device: plain(source),
    root: '/',
    mountpoint: plain(mountpoint),
    fstype: plain(fstype),
    source: plain(source),
    readonly: options.split(',').includes('ro'),
  }
}

function unreadable(line: string): Error {
  return new Error(`Cannot read the mount ${JSON.stringify(line.slice(0, 120))}`)
}

/** The kernel writes space, tab, line end, backslash and # as `\040`; bytes of UTF-8 stand as they are. */
function plain(text: string): string {
  return text.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** Whether fstab(5) wants a mount point read-only, by mount point. A line it cannot read says nothing. */
export function readFstab(text: string): ReadonlyMap<string, boolean> {
  const wanted = new Map<string, boolean>()
  for (const line of text.split('\n')) {
    const [source, mountpoint, , options] = line.trim().split(/[ \t]+/)
    if (!source || source.startsWith('#') || !mountpoint?.startsWith('/') || !options) continue
    const last = options
      .split(',')
      .filter(option => option === 'ro' || option === 'rw')
      .at(-1)
    wanted.set(withoutSlash(plain(mountpoint)), last === 'ro')
  }
  return wanted
}

function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/$/, '') : path
}
