import type { Host } from '../../host.ts'
import { HostError } from '../../host.ts'
import type { Captured } from '../../probe.ts'
import { told } from '../gather.ts'

/** Prints only the lines of deleted files, so that the maps themselves, megabytes, never reach the agent. */
const search = [
  'find',
  '/proc',
  '-maxdepth',
  '2',
  '-path',
  '/proc/[0-9]*/maps',
  '-exec',
  'grep',
  '-H',
  '-m',
  '64',
  '-e',
  ' (deleted)$',
  '{}',
  '+',
]
const MOST_PROCESSES = 500

/** Code comes from these; what lies in /tmp, /dev/shm, memfd or SysV memory is deleted on purpose. */
const codeLine = /^\/proc\/(\d{1,10})\/maps:\S+ \S+ \S+ \S+ \d+ +(\/(?:usr|lib|lib32|lib64|bin|sbin|opt)\/.{1,300}) \(deleted\)$/

/**
 * Which units still run code that an upgrade has replaced: `UNIT PATH` a line. Undefined where not every process could be looked at: what
 * is not seen is not "none".
 */
export async function findReplaced(host: Host): Promise<Captured | undefined> {
  const found = await host.run(search, { timeoutMs: 45_000, maxBytes: 4 * 1024 * 1024 })
  const processes = replacedFiles(found)
  if (!processes || processes.size > MOST_PROCESSES) return undefined
  const lines = new Set<string>()
  for (const [pid, path] of processes) {
    const unit = unitOf(await groupOf(host, pid))
    if (unit) lines.add(`${unit} ${path}`)
  }
  return told('/proc/*/maps', [...lines].sort().join('\n'))
}

/** First replaced file of each process; undefined where a process may not be looked at. */
export function replacedFiles(found: Pick<Captured, 'text' | 'stderr'>): Map<string, string> | undefined {
  if (/Permission denied|Operation not permitted/.test(found.stderr)) return undefined
  const files = new Map<string, string>()
  for (const line of found.text.split('\n')) {
    const [, pid, path] = codeLine.exec(line) ?? []
    if (pid && path && !files.has(pid)) files.set(pid, path)
  }
  return files
}

async function groupOf(host: Host, pid: string): Promise<string> {
  try {
    return await host.text(`/proc/${pid}/cgroup`, { missing: '' })
  } catch (error) {
    // It ended between the two looks (ESRCH).
    if (error instanceof HostError) return ''
    throw error
  }
}

/** The service that a process belongs to, by its control group; see cgroups(7). */
export function unitOf(cgroup: string): string | undefined {
  return /([^/\n]{1,200}\.service)(?:\/|$)/m.exec(cgroup)?.[1]
}

/** Units of the lines of `findReplaced`, each once. */
export function servicesOf(text: string): string[] {
  return [
    ...new Set(
      text
        .split('\n')
        .map(line => (line.split(' ', 1)[0] ?? '').slice(0, 128))
        .filter(Boolean),
    ),
  ].sort()
}
