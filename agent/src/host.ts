import type { Captured } from './probe.ts'

export type Platform = 'linux' | 'win32' | 'darwin'

/** What `stat` tells, as far as probes use it. */
export type Stat = {
  readonly kind: 'file' | 'directory' | 'link' | 'other'
  readonly size: number
  readonly modifiedAt: number
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly device: number
  readonly inode: number
}

export type StatFs = { readonly sizeBytes: number; readonly availBytes: number; readonly inodes: number; readonly inodesFree: number }

export type RunOptions = {
  /** Deadline of this command, ms; the probe's own deadline holds besides. */
  readonly timeoutMs?: number
  /** Added to the fixed environment. Values are never recorded by `capture`. */
  readonly env?: Readonly<Record<string, string>>
  /** File of `NAME=value` lines added to the environment over `env`; read by the host alone, so that its secrets reach no probe and no capture. */
  readonly envFile?: string
  /** Standard input; closed and empty by default. */
  readonly input?: string
  /** Largest standard output, bytes; beyond it the command failed. */
  readonly maxBytes?: number
  /** User to run as (name), where the agent may change users. */
  readonly user?: string
  /** Working directory; default: an empty private one. */
  readonly cwd?: string
}

export type PowerShellOptions = {
  /** Deadline of this script alone, ms: what it waits for the process and for other scripts before it does not count. Default: the probe's own. */
  readonly timeoutMs?: number
  /** In a process of its own, so that it delays nobody else. */
  readonly alone?: true
}

/** The command's executable is on none of the allowed paths. */
export class NotInstalled extends Error {
  override name = 'NotInstalled'
  readonly command: string
  constructor(command: string) {
    super(`${command} is not installed`)
    this.command = command
  }
}

/** A command or call did not end by its deadline. */
export class TimedOut extends Error {
  override name = 'TimedOut'
}

/** A file or directory operation that failed: `code` is the errno name (`ENOENT`, `EACCES`, `EIO` …). */
export class HostError extends Error {
  override name = 'HostError'
  readonly code: string
  readonly path: string
  constructor(code: string, path: string) {
    super(`Cannot read ${path}: ${code}`)
    this.code = code
    this.path = path
  }
}

/**
 * The only door to the machine: everything a probe learns comes through here, so it can be recorded as a fake machine and replayed.
 * Every method throws `HostError` with the errno's name; a probe that expects a file to be missing says so with `missing`.
 */
export type Host = {
  readonly platform: Platform
  /** Name of the machine. */
  readonly hostname: string
  /** Epoch ms; a replayed machine has the clock of its capture. */
  now(): number
  /** User id the agent runs with; 0 on Windows for an elevated process. */
  readonly uid: number
  /** UTF-8 text of a file of at most 8 MiB. `missing`: thrown, or given back when it is no error, where there is no such file. */
  text(path: string): Promise<string>
  text<M>(path: string, options: { readonly missing: M }): Promise<M extends Error ? string : string | M>
  /** The file as an input of a parser, with its modification time. */
  captured(path: string): Promise<Captured>
  captured<M>(path: string, options: { readonly missing: M }): Promise<M extends Error ? Captured : Captured | M>
  /** First `length` bytes of a file as they are. */
  bytes(path: string, length: number): Promise<Uint8Array>
  /** Sorted names in a directory, at most 10,000. */
  list(path: string): Promise<string[]>
  list<M>(path: string, options: { readonly missing: M }): Promise<M extends Error ? string[] : string[] | M>
  stat(path: string): Promise<Stat>
  stat<M>(path: string, options: { readonly missing: M }): Promise<M extends Error ? Stat : Stat | M>
  /** Where a symbolic link ends, all links resolved. */
  realpath(path: string): Promise<string>
  realpath<M>(path: string, options: { readonly missing: M }): Promise<M extends Error ? string : string | M>
  /**
   * Real path of a file or folder that only root, or the user that the agent runs as, can change: it, all above it, and each link on the way.
   * @throws Denied with what is to be mended
   */
  trusted(path: string): Promise<string>
  trusted<M>(path: string, options: { readonly missing: M }): Promise<M extends Error ? string : string | M>
  /** Space of a file system. `local` asks in this process; else a child with a deadline asks, since a dead network mount hangs whoever asks. @throws TimedOut */
  statfs(path: string, options?: { readonly timeoutMs?: number; readonly local?: true }): Promise<StatFs>
  /**
   * Runs `argv` without a shell: executable looked up on fixed paths only, fixed environment (LC_ALL=C), own process group killed at the
   * deadline, outputs capped, lowered CPU and I/O priority. A bad exit code is no error here: the parser judges it.
   * @throws NotInstalled, TimedOut, or Error where the output is over its cap or a signal ended it
   */
  run(argv: readonly string[], options?: RunOptions): Promise<Captured>
  /**
   * What the PowerShell script of a probe (`subject/source`, a `.ps1` beside it) answers, as JSON text; empty where PowerShell printed nothing.
   * Scripts that are asked for together share one process. @throws NotInstalled, TimedOut, or Error where the process failed
   */
  powershell(script: string, options?: PowerShellOptions): Promise<Captured>
  /**
   * What this machine is made of, as the library systeminformation tells it (agent/src/host/inventory.ts), as JSON text: run in a child by the Node
   * that runs this agent, since the library would weigh on it. @throws TimedOut, or Error where a signal ended it
   */
  inventory(options?: Pick<RunOptions, 'timeoutMs'>): Promise<Captured>
}
