import { type Host, HostError } from '../host.ts'
import type { Captured } from '../probe.ts'

/** A file that may be missing or unreadable: then the fact has a `null` where it would have spoken. */
export async function readable(host: Host, path: string): Promise<Captured | undefined> {
  return untilHostError(host.captured(path, { missing: undefined }))
}

/** What was asked of the machine, or undefined where the file system would not tell. Other errors stay errors. */
export async function untilHostError<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof HostError) return undefined
    throw error
  }
}

/** The captures that were had, as one input. */
export function present(...captures: readonly (Captured | undefined)[]): Captured[] {
  return captures.filter(captured => captured !== undefined)
}

/** Text of a probe's own making as a capture: a directory listing, where a link ends, what a call answered. */
export function told(name: string, text: string): Captured {
  return { text, stderr: '', code: null, name, modifiedAt: null }
}

/** Text without control characters, cut to `longest` with a count of what is missing. */
export function cut(text: string, longest: number): string {
  const clean = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim()
  if (clean.length <= longest) return clean
  const tail = `… (${clean.length} characters)`
  return clean.slice(0, Math.max(0, longest - tail.length)) + tail
}

/** The largest multiple of `step` that is not over `value`: small changes do not make a new fact, and nothing looks better than it is. */
export function floorTo(step: number, value: number): number {
  return step > 0 ? Math.floor(value / step) * step : value
}
