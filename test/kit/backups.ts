import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, statSync, truncateSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Real restic and borg repositories in a folder of the test's own, and what can happen to them. */

/** What a tool printed, and how it ended. */
export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** A repository that a test may back up to, lock and damage. */
export type Repository = {
  readonly path: string
  readonly passwordFile: string
  /** A file that holds another password. */
  readonly wrongPasswordFile: string
  /** Cache folder of the tool, so that nothing of the machine is touched. */
  readonly cache: string
  /** Backs up; a path that does not exist is a missing source. `at`: the time that the restore point carries. */
  backUp(paths: readonly string[], options?: { readonly host?: string; readonly at?: Date; readonly name?: string }): Promise<Ran>
  /** The tool's own verification. */
  check(): Promise<Ran>
  /** Spoils the largest file of the repository's data. */
  damage(): void
  /** Holds the repository as a running backup does; what it gives back lets go. */
  lock(): Promise<() => Promise<void>>
}

/** A folder with a few files, for a source; their content does not compress, so that the largest pack of a repository holds data and no tree. */
export function makeSource(folder: string, name: string): string {
  const path = join(folder, name)
  mkdirSync(path, { recursive: true })
  for (const index of [1, 2, 3]) writeFileSync(join(path, `${index}.txt`), randomBytes(60_000 * index))
  return path
}

/** A log as a job writes it: both outputs, standard error first as restic's missing sources come first. */
export function writeLog(path: string, ran: Ran): string {
  writeFileSync(path, `${ran.stderr}${ran.stdout}`)
  return path
}

/** A new restic repository in `folder`. */
export async function resticRepository(folder: string, name = 'restic'): Promise<Repository> {
  const common = layout(folder, name)
  const env = { RESTIC_REPOSITORY: common.path, RESTIC_PASSWORD_FILE: common.passwordFile, RESTIC_CACHE_DIR: common.cache }
  const restic = (args: readonly string[]) => run('restic', args, env)
  mustEndWell(await restic(['init']))
  return {
    ...common,
    backUp: (paths, { host, at } = {}) =>
      restic(['backup', '--json', ...(host ? ['--host', host] : []), ...(at ? ['--time', resticTime(at)] : []), ...paths]),
    check: () => restic(['check']),
    damage: () => truncateSync(largestFile(join(common.path, 'data')), 100),
    async lock() {
      const locked = new Promise<void>(resolve => {
        const watcher = watch(join(common.path, 'locks'), () => {
          watcher.close()
          resolve()
        })
      })
      const holder = hold('restic', ['backup', '--stdin'], env)
      await locked
      return () => letGo(holder)
    },
  }
}

/** restic reads local times. */
function resticTime(at: Date): string {
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 19).replace('T', ' ')
}

/** A new borg repository in `folder`, encrypted. Its `cache` is borg's base folder. */
export async function borgRepository(folder: string, name = 'borg'): Promise<Repository> {
  const common = layout(folder, name)
  const env = { BORG_REPO: common.path, BORG_PASSCOMMAND: `cat ${common.passwordFile}`, BORG_BASE_DIR: common.cache, TZ: 'UTC' }
  const borg = (args: readonly string[]) => run('borg', args, env)
  mustEndWell(await borg(['init', '--encryption', 'repokey']))
  let made = 0
  return {
    ...common,
    backUp: (paths, options = {}) => {
      const time = options.at ? ['--timestamp', options.at.toISOString().slice(0, 19)] : []
      return borg(['create', '--json', '--log-json', ...time, `::${options.name ?? `archive-${++made}`}`, ...paths])
    },
    check: () => borg(['check', '--verbose', '--show-rc']),
    damage: () => truncateSync(largestFile(join(common.path, 'data')), 100),
    async lock() {
      const holder = hold('borg', ['with-lock', '::', 'sh', '-c', 'echo locked; cat'], env)
      await new Promise<void>((resolve, reject) => {
        holder.stdout?.once('data', () => resolve())
        holder.once('exit', code => reject(new Error(`borg with-lock ended with ${code}`)))
      })
      return () => letGo(holder)
    },
  }
}

function layout(folder: string, name: string) {
  const passwordFile = join(folder, `${name}.password`)
  const wrongPasswordFile = join(folder, `${name}.wrong`)
  writeFileSync(passwordFile, 'correct horse\n', { mode: 0o600 })
  writeFileSync(wrongPasswordFile, 'battery staple\n', { mode: 0o600 })
  return { path: join(folder, name), passwordFile, wrongPasswordFile, cache: join(folder, `${name}-cache`) }
}

type Env = Readonly<Record<string, string>>

function environment(extra: Env): Record<string, string> {
  return { PATH: '/usr/bin:/bin:/usr/local/bin', HOME: '/nonexistent', LC_ALL: 'C.UTF-8', ...extra }
}

/** Runs a tool to its end; a bad code is part of the answer. */
function run(tool: string, args: readonly string[], env: Env): Promise<Ran> {
  return new Promise((resolve, reject) => {
    execFile(tool, [...args], { env: environment(env), timeout: 60_000 }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error)
      else resolve({ code: error ? Number(error.code) : 0, stdout, stderr })
    })
  })
}

function mustEndWell(ran: Ran): void {
  if (ran.code !== 0) throw new Error(`Cannot make the repository: ${ran.stderr}`)
}

function hold(tool: string, args: readonly string[], env: Env): ChildProcess {
  return spawn(tool, [...args], { env: environment(env), stdio: ['pipe', 'pipe', 'ignore'] })
}

async function letGo(holder: ChildProcess): Promise<void> {
  if (holder.exitCode !== null) return
  const gone = new Promise(resolve => holder.once('exit', resolve))
  holder.stdout?.resume()
  holder.stdin?.end()
  await gone
}

function largestFile(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .sort((a, b) => statSync(b).size - statSync(a).size)
  const [largest] = files
  if (!largest) throw new Error(`Cannot damage ${folder}: it holds no file`)
  return largest
}
