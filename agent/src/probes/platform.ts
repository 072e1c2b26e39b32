import type { Platform } from '../host.ts'
import type { Probe } from '../probe.ts'

/** The sources of one system; those of others are not even loaded, since a daemon pays for them all day. */
export async function probesOf(platform: Platform): Promise<readonly Probe[]> {
  if (platform === 'win32') return (await import('./windows.ts')).windowsProbes
  if (platform === 'darwin') return (await import('./macos.ts')).macosProbes
  return (await import('./linux.ts')).linuxProbes
}
