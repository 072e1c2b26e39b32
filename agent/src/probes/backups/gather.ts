import { type Host, HostError, NotInstalled, type RunOptions } from '../../host.ts'
import type { Captured } from '../../probe.ts'

/** At most so many repositories are asked at a time. */
const AT_A_TIME = 3

/** All jobs, a few at a time, in their order. */
export async function forEachJob<J, T>(jobs: readonly J[], act: (job: J) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (let start = 0; start < jobs.length; start += AT_A_TIME) {
    results.push(...(await Promise.all(jobs.slice(start, start + AT_A_TIME).map(act))))
  }
  return results
}

/** What one command of a job may take so that all jobs end within `wholeMs`, ms. */
export function fairShare(jobCount: number, commands: number, wholeMs: number): number {
  return Math.max(3_000, Math.floor(wholeMs / Math.ceil(jobCount / AT_A_TIME) / commands))
}

/** Code of a capture that never ran: no tool ends with it. */
export const DID_NOT_RUN = -1

/** A command's output named after its job. What keeps it from running is told by its own capture, so that other jobs stay known. */
export async function runFor(host: Host, job: string, argv: readonly string[], options: RunOptions): Promise<Captured> {
  try {
    return { ...(await host.run(argv, options)), name: job }
  } catch (error) {
    const reason =
      error instanceof NotInstalled ? `${error.command} is not installed` : error instanceof Error ? error.message : String(error)
    return { text: '', stderr: reason, code: DID_NOT_RUN, name: job, modifiedAt: null }
  }
}

/** A file named after its job. Missing: no capture; unreadable: a capture that says why, in `stderr`. */
export async function fileFor(host: Host, job: string, path: string | undefined): Promise<Captured[]> {
  if (path === undefined) return []
  try {
    const captured = await host.captured(path, { missing: null })
    return captured === null ? [{ text: '', stderr: '', code: DID_NOT_RUN, name: job, modifiedAt: null }] : [{ ...captured, name: job }]
  } catch (error) {
    const reason =
      error instanceof HostError ? `${path} may not be read (${error.code})` : error instanceof Error ? error.message : String(error)
    return [{ text: '', stderr: reason, code: DID_NOT_RUN, name: job, modifiedAt: null }]
  }
}

/** Free space where a local path is, as `{"size","free"}`; nothing where it cannot be told. */
export async function freeFor(host: Host, job: string, path: string | undefined): Promise<Captured[]> {
  if (path === undefined || !path.startsWith('/')) return []
  try {
    const space = await host.statfs(path)
    return [
      { text: JSON.stringify({ size: space.sizeBytes, free: space.availBytes }), stderr: '', code: null, name: job, modifiedAt: null },
    ]
  } catch {
    // How much is free is an extra: what is wrong with the path shows in the job itself.
    return []
  }
}

/** The share that is free, to whole percents; null where it is not told. */
export function freeRatio(captured: Captured | undefined): number | null {
  if (!captured) return null
  const { size, free } = JSON.parse(captured.text) as { size?: unknown; free?: unknown }
  if (typeof size !== 'number' || typeof free !== 'number' || !(size > 0) || !(free >= 0)) return null
  return Math.round((Math.min(free, size) / size) * 100) / 100
}
