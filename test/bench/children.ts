import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'

/** How long a child may take to end by itself, ms. */
const GRACE_MS = 3_000

const living = new Set<ChildProcess>()
const folders = new Set<string>()

/** Starts a process that ends with this one, whatever ends it. Its words go nowhere unless `stdio` says so. */
export function start(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; stdio?: StdioOptions } = {},
): ChildProcess {
  const child = spawn(command, args, { stdio: 'ignore', ...options })
  living.add(child)
  child.once('exit', () => living.delete(child))
  child.once('error', () => living.delete(child))
  return child
}

/** SIGTERM unless said otherwise, then SIGKILL. */
export async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const ended = new Promise(resolve => child.once('exit', resolve))
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
  await ended
  clearTimeout(timer)
}

/** A folder that goes at the end of the run. */
export function ownFolder(path: string): string {
  folders.add(path)
  return path
}

/** Ends every child by its pid and removes what was written. */
export async function endAll(): Promise<void> {
  await Promise.all([...living].map(child => end(child)))
  for (const path of folders) rmSync(path, { recursive: true, force: true })
  folders.clear()
}

/** Ctrl-C and SIGTERM end the children first; a crash kills them. */
export function endWithProcess(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void endAll().then(() => process.exit(130)))
  killAtExit()
}

/** Whatever ends this process kills its children: for one that tells what it has before it ends. */
export function killAtExit(): void {
  process.once('exit', () => {
    for (const child of living) child.kill('SIGKILL')
    for (const path of folders) rmSync(path, { recursive: true, force: true })
  })
}
