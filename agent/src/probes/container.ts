import type { Host } from '../host.ts'
import { NotInstalled } from '../host.ts'
import type { Captured } from '../probe.ts'

/** Files that container managers put into their containers; systemd's holds the manager's name, see sd-booted(3) and systemd-detect-virt(1). */
export const CONTAINER_MARKERS = ['/run/systemd/container', '/run/.containerenv', '/.dockerenv'] as const

/** Where the pid and cgroup namespaces of this process are told; see namespaces(7). */
export const NAMESPACE_LINKS = ['readlink', '/proc/self/ns/pid', '/proc/self/ns/cgroup'] as const

/** Inode numbers of the first pid and cgroup namespace of a kernel; linux/proc_ns.h. */
const FIRST = { pid: 'pid:[4026531836]', cgroup: 'cgroup:[4026531835]' }

/** The namespaces as an input; undefined where they cannot be told. */
export async function readNamespaces(host: Host): Promise<Captured | undefined> {
  try {
    const links = await host.run(NAMESPACE_LINKS, { timeoutMs: 5_000 })
    return links.code === 0 ? links : undefined
  } catch (error) {
    if (error instanceof NotInstalled) return undefined
    throw error
  }
}

/**
 * Whether these are the first namespaces of the kernel: then this is no container, whatever marker lies about. Images of containers are also
 * booted as virtual machines with the marker still in them. Null: not told.
 */
export function isFirstNamespace(text: string | undefined): boolean | null {
  const [pid, cgroup] = (text ?? '').trim().split('\n')
  if (!pid?.startsWith('pid:')) return null
  return pid === FIRST.pid && (cgroup === undefined || cgroup === FIRST.cgroup)
}
