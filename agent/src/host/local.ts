import { constants } from 'node:fs'
import { lstat, open, readdir, realpath, statfs } from 'node:fs/promises'
import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type Host, HostError, type Platform, type Stat, type StatFs, TimedOut } from '../host.ts'
import type { Captured } from '../probe.ts'
import { PowerShell } from './powershell.ts'
import { runCommand } from './run.ts'
import { trustedPath } from './trusted.ts'

const MAX_FILE_BYTES = 8 * 1024 * 1024
const MAX_ENTRIES = 10_000
const STATFS_TIMEOUT_MS = 5_000

/** The program that takes stock: beside the sources, or beside the bundle that they were made into. */
const INVENTORY = fileURLToPath(new URL(import.meta.url.endsWith('/host/local.ts') ? './inventory.ts' : './inventory.js', import.meta.url))

/** The machine that this process runs on. */
export function localHost(): Host {
  const powershell = new PowerShell((argv, options, heard) => runCommand(argv, options, heard))
  return {
    platform: process.platform as Platform,
    hostname: hostname(),
    uid: process.getuid?.() ?? 0,
    now: () => Date.now(),
    text: (path: string, options?: { readonly missing: unknown }) => orMissing(() => readText(path), options),
    captured: (path: string, options?: { readonly missing: unknown }) => orMissing(() => readCaptured(path), options),
    bytes: (path, length) => readBytes(path, length),
    list: (path: string, options?: { readonly missing: unknown }) => orMissing(() => readList(path), options),
    stat: (path: string, options?: { readonly missing: unknown }) => orMissing(() => readStat(path), options),
    realpath: (path: string, options?: { readonly missing: unknown }) => orMissing(() => guarded(path, () => realpath(path)), options),
    trusted: (path: string, options?: { readonly missing: unknown }) =>
      orMissing(() => trustedPath(path, process.getuid?.() ?? 0), options),
    statfs: (path, options) => (options?.local ? statfsHere(path, options.timeoutMs) : statfsInChild(path, options?.timeoutMs)),
    run: (argv, options) => runCommand(argv, options),
    powershell: (script, options) => powershell.ask(script, options),
    inventory: options => runCommand([process.execPath, INVENTORY], options).then(captured => ({ ...captured, name: 'inventory' })),
  } as Host
}

/** `missing` is thrown or given back in place of ENOENT and ENOTDIR; every other failure stays a failure. */
export async function orMissing<T>(read: () => Promise<T>, options: { readonly missing: unknown } | undefined): Promise<unknown> {
  try {
    return await read()
  } catch (error) {
    const gone = error instanceof HostError && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
    if (!options || !gone) throw error
    if (options.missing instanceof Error) throw options.missing
    return options.missing
  }
}

async function guarded<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw code ? new HostError(code, path) : error
  }
}

async function readText(path: string): Promise<string> {
  return Buffer.from(await readBytes(path, MAX_FILE_BYTES, true)).toString('utf8')
}

async function readCaptured(path: string): Promise<Captured> {
  const text = await readText(path)
  const { modifiedAt } = await readStat(path)
  return { text, stderr: '', code: null, name: path, modifiedAt }
}

/** Reads until the end or `length`: /proc and /sys files have no size. Never waits on a FIFO. */
async function readBytes(path: string, length: number, whole = false): Promise<Uint8Array> {
  return guarded(path, async () => {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const chunks: Buffer[] = []
      let total = 0
      while (total < length) {
        const chunk = Buffer.allocUnsafe(Math.min(64 * 1024, length - total))
        const { bytesRead } = await file.read(chunk, 0, chunk.length, null)
        if (bytesRead === 0) return Buffer.concat(chunks)
        chunks.push(chunk.subarray(0, bytesRead))
        total += bytesRead
      }
      if (whole) throw new Error(`Cannot read ${path}: it is larger than ${length} bytes`)
      return Buffer.concat(chunks)
    } finally {
      await file.close()
    }
  })
}

async function readList(path: string): Promise<string[]> {
  const names = await guarded(path, () => readdir(path))
  if (names.length > MAX_ENTRIES) throw new Error(`Cannot list ${path}: it has more than ${MAX_ENTRIES} entries`)
  return names.sort()
}

async function readStat(path: string): Promise<Stat> {
  const found = await guarded(path, () => lstat(path))
  const kind = found.isFile() ? 'file' : found.isDirectory() ? 'directory' : found.isSymbolicLink() ? 'link' : 'other'
  return {
    kind,
    size: found.size,
    modifiedAt: Math.round(found.mtimeMs),
    mode: found.mode & 0o7777,
    uid: found.uid,
    gid: found.gid,
    device: found.dev,
    inode: found.ino,
  }
}

/** For local file systems, which answer or fail; the deadline only covers a dying disk. */
async function statfsHere(path: string, timeoutMs = STATFS_TIMEOUT_MS): Promise<StatFs> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimedOut(`${path} did not answer within ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    const found = await Promise.race([guarded(path, () => statfs(path)), late])
    return { sizeBytes: found.blocks * found.bsize, availBytes: found.bavail * found.bsize, inodes: found.files, inodesFree: found.ffree }
  } finally {
    clearTimeout(timer)
  }
}

/** stat(1) -f: fundamental block size, blocks, available blocks, inodes, free inodes. */
async function statfsInChild(path: string, timeoutMs = STATFS_TIMEOUT_MS): Promise<StatFs> {
  const printed = await runCommand(['stat', '-f', '-c', '%S %b %a %c %d', '--', path], { timeoutMs })
  if (printed.code !== 0) throw new Error(printed.stderr.trim().split('\n')[0] ?? `stat ended with ${printed.code}`)
  const [block = Number.NaN, blocks = Number.NaN, avail = Number.NaN, inodes = Number.NaN, inodesFree = Number.NaN] = printed.text
    .trim()
    .split(' ')
    .map(Number)
  if (![block, blocks, avail, inodes, inodesFree].every(Number.isFinite)) throw new Error(`Cannot read what stat says of ${path}`)
  return { sizeBytes: blocks * block, availBytes: avail * block, inodes, inodesFree }
}
