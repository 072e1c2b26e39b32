import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { constants as osConstants, setPriority } from 'node:os'
import { NotInstalled, type RunOptions, TimedOut } from '../host.ts'
import { type Captured, Denied } from '../probe.ts'
import { readEnvironmentFile } from './environment-file.ts'
import { killTreeOnWindows, lookUpOnWindows, windowsEnvironment } from './windows.ts'

/** The only folders that executables are taken from, in this order; a vendor's absolute path is taken as it is. */
const ALLOWED_FOLDERS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin']
const DEFAULT_TIMEOUT_MS = 60_000
const isWindows = process.platform === 'win32'
const MAX_STDOUT_BYTES = 8 * 1024 * 1024
const MAX_STDERR_BYTES = 64 * 1024
/** How long a killed process may take to end before it counts as stuck (D state), ms. */
const KILL_GRACE_MS = 2_000

/** Processes that outlived their SIGKILL: in an uninterruptible call, never waited for again. */
let stuckCount = 0
export const stuckProcesses = (): number => stuckCount

/** Where an executable is, or undefined. An absolute path must exist and be executable; any other path is no command. */
export function lookUp(command: string): string | undefined {
  if (isWindows) return lookUpOnWindows(command, process.env)
  if (command === '' || (command.includes('/') && !command.startsWith('/'))) return undefined
  const candidates = command.startsWith('/') ? [command] : ALLOWED_FOLDERS.map(folder => `${folder}/${command}`)
  return candidates.find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The environment of every command: nothing of the agent's own, so that no secret and no locale leaks into a probe. */
function environment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  if (isWindows) return { ...windowsEnvironment(process.env), ...extra }
  return { PATH: ALLOWED_FOLDERS.join(':'), LC_ALL: 'C', LANG: 'C', LANGUAGE: 'C', HOME: '/nonexistent', TERM: 'dumb', ...extra }
}

/** `signal` ends the command before its deadline; it fails with the signal's reason. */
type Options = RunOptions & { readonly signal?: AbortSignal }

/** See `Host.run`. */
export function runCommand(argv: readonly string[], options: Options = {}, heard?: (text: string) => void): Promise<Captured> {
  const [command = '', ...args] = argv
  const executable = lookUp(command)
  if (!executable) return Promise.reject(new NotInstalled(command))
  return new Promise(resolve => resolve(start(executable, args, argv.join(' '), options, heard)))
}

function start(
  executable: string,
  args: readonly string[],
  name: string,
  options: Options,
  heard?: (text: string) => void,
): Promise<Captured> {
  const idle = ioniced(executable, args)
  const account = options.user === undefined ? undefined : accountOf(options.user)
  const fileEnv = options.envFile === undefined ? {} : readEnvironmentFile(options.envFile)
  const child = spawn(idle.file, idle.args, {
    cwd: options.cwd ?? (isWindows ? (process.env.SystemRoot ?? 'C:\\Windows') : '/'),
    env: environment({ ...(account ? { HOME: account.home } : {}), ...options.env, ...fileEnv }),
    // On Windows a detached process would get a console of its own.
    detached: !isWindows,
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    windowsHide: true,
    ...(account ? { uid: account.uid, gid: account.gid } : {}),
  })
  lowerPriority(child)
  child.stdin?.on('error', () => {})
  child.stdin?.end(options.input)
  if (heard) child.stdout?.on('data', hearing(heard))
  return collect(child, name, options)
}

/** Whole characters of what a command prints, as it comes. */
function hearing(heard: (text: string) => void): (chunk: Buffer) => void {
  const decoder = new TextDecoder()
  return chunk => heard(decoder.decode(chunk, { stream: true }))
}

type Account = { readonly uid: number; readonly gid: number; readonly home: string }

/** Who to run as, by passwd(5); supplementary groups are dropped. @throws Denied where the agent may not change users, Error where there is no such user */
function accountOf(user: string): Account {
  const fields = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map(line => line.split(':'))
    .find(([name]) => name === user)
  const uid = Number(fields?.[2])
  const gid = Number(fields?.[3])
  if (!fields?.[2] || !fields[3] || !Number.isInteger(uid) || !Number.isInteger(gid))
    throw new Error(`Cannot run as ${user}: no such user in /etc/passwd`)
  const own = process.getuid?.()
  if (own !== 0 && own !== uid) throw new Denied(`only root may run a command as ${user}`, `Run the agent as root, or as ${user}.`)
  return { uid, gid, home: fields[5] || '/' }
}

/** Idle I/O class where ionice(1) is there (-t: not all containers allow it); the CPU priority is lowered by the caller. */
function ioniced(executable: string, args: readonly string[]): { file: string; args: string[] } {
  const ionice = '/usr/bin/ionice'
  return existsSync(ionice) ? { file: ionice, args: ['-t', '-c', '3', executable, ...args] } : { file: executable, args: [...args] }
}

function lowerPriority(child: ChildProcess): void {
  try {
    if (child.pid) setPriority(child.pid, isWindows ? osConstants.priority.PRIORITY_BELOW_NORMAL : osConstants.priority.PRIORITY_LOW)
  } catch {
    // It has ended already, which is no reason to fail.
  }
}

function collect(child: ChildProcess, name: string, options: Options): Promise<Captured> {
  const maxBytes = options.maxBytes ?? MAX_STDOUT_BYTES
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
  return new Promise((resolve, reject) => {
    const out: Buffer[] = []
    const err: Buffer[] = []
    let outBytes = 0
    let errBytes = 0
    let failure: Error | undefined
    let grace: NodeJS.Timeout | undefined
    const abort = (error: Error) => {
      if (failure) return
      failure = error
      killGroup(child)
      grace = setTimeout(() => {
        if (child.exitCode === null && child.signalCode === null) stuckCount++
        giveUpOutput()
        child.unref()
        reject(error)
      }, KILL_GRACE_MS)
    }
    const giveUpOutput = () => {
      child.stdout?.destroy()
      child.stderr?.destroy()
    }
    const deadline = setTimeout(() => abort(new TimedOut(`${name} did not end within ${timeoutMs} ms`)), timeoutMs)
    options.signal?.addEventListener('abort', () => abort(options.signal?.reason), { once: true })
    child.stdout?.on('data', (chunk: Buffer) => {
      outBytes += chunk.length
      if (outBytes > maxBytes) abort(new Error(`${name} printed more than ${maxBytes} bytes`))
      else out.push(chunk)
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      if (errBytes < MAX_STDERR_BYTES) err.push(chunk.subarray(0, MAX_STDERR_BYTES - errBytes))
      errBytes += chunk.length
    })
    const settle = (act: () => void) => {
      clearTimeout(deadline)
      clearTimeout(grace)
      act()
    }
    child.on('error', error => settle(() => reject(failure ?? error)))
    child.on('exit', () => {
      // Grandchildren may outlive the command and hold its output open; one that left the group too is not waited for.
      killGroup(child)
      clearTimeout(deadline)
      grace ??= setTimeout(giveUpOutput, KILL_GRACE_MS)
    })
    child.on('close', (code, signal) =>
      settle(() => {
        if (failure) return reject(failure)
        if (signal) return reject(new Error(`${name} was ended by ${signal}`))
        resolve({ text: Buffer.concat(out).toString('utf8'), stderr: Buffer.concat(err).toString('utf8'), code, name, modifiedAt: null })
      }),
    )
  })
}

function killGroup(child: ChildProcess): void {
  if (isWindows) {
    if (child.pid && child.exitCode === null && child.signalCode === null) killTreeOnWindows(child.pid, process.env)
    return
  }
  try {
    if (child.pid) process.kill(-child.pid, 'SIGKILL')
  } catch {
    // The group has ended: what was wanted.
  }
}
