import { type Host, HostError } from '../host.ts'

/** How the right is given; the one hint of all that lacks it. */
export const GIVE_FULL_DISK_ACCESS =
  'Give the agent Full Disk Access: System Settings, Privacy & Security; or by a PPPC profile of device management.'

/** Files that macOS shows to nobody without that right, root or not. The first is always there, the second once Time Machine was set up. */
const GUARDED = ['/Library/Application Support/com.apple.TCC/TCC.db', '/Library/Preferences/com.apple.TimeMachine.plist'] as const

/**
 * Whether macOS lets the agent read what it guards: `missing` where it refuses with EPERM what belongs to root, null where that cannot be told (not as root,
 * or neither file is there). One byte is read, and thrown away.
 */
export async function fullDiskAccess(host: Host): Promise<'given' | 'missing' | null> {
  if (host.platform !== 'darwin' || host.uid !== 0) return null
  for (const path of GUARDED) {
    try {
      await host.bytes(path, 1)
      return 'given'
    } catch (error) {
      if (!(error instanceof HostError)) throw error
      // EACCES is about owners and modes, which do not bind root; EPERM is how the privacy database refuses.
      if (error.code === 'EPERM') return 'missing'
    }
  }
  return null
}
