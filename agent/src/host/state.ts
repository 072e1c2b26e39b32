import { createHash } from 'node:crypto'
import { chmod, lstat, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keepToOwner } from './acl.ts'

/** Longest path of a Unix socket that every system takes, bytes; see unix(7), `sun_path`. */
const LONGEST_SOCKET_PATH = 100

/** The agent's own folder: the only place that it ever writes to. Names are plain file names, chosen by the agent itself. */
export type StateDir = {
  readonly path: string
  /** Path of the control socket; short enough for every system. */
  readonly socketPath: string
  /** The whole file; undefined where there is none. */
  read(name: string): Promise<Buffer | undefined>
  /** Replaces the file in one step that survives a power cut: the old or the new content is there, never a mixture. Mode 0600. */
  write(name: string, bytes: Uint8Array | string): Promise<void>
  /** Adds to the end and waits until it is on the disk. A torn end is possible after a power cut: the reader must notice it. */
  append(name: string, bytes: Uint8Array | string): Promise<void>
  /** Makes the control socket its owner's alone. */
  protectSocket(): Promise<void>
  /** Removes a control socket that nobody listens on any more. */
  clearSocket(): Promise<void>
}

/**
 * Opens the folder, making it with mode 0700 where it is missing.
 * @throws where it cannot be made, is no folder, or others than its owner may write to it
 */
export async function openStateDir(path: string): Promise<StateDir> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  await refuseForeign(path)
  if (process.platform === 'win32') await keepToOwner(path)
  const socketPath = shortSocketPath(path)
  return {
    path,
    socketPath,
    read: name => readOrNothing(join(path, name)),
    write: (name, bytes) => writeAtomically(path, name, bytes),
    append: (name, bytes) => appendSynced(join(path, name), bytes),
    protectSocket: () => chmod(socketPath, 0o600),
    clearSocket: () => unlinkIfThere(socketPath),
  }
}

/** Where the control socket of a state folder is: in it, or under a hash of it in the temporary folder where that is too long a path. */
export function shortSocketPath(path: string): string {
  const natural = join(path, 'agent.sock')
  if (Buffer.byteLength(natural) <= LONGEST_SOCKET_PATH) return natural
  return join(tmpdir(), `fettle-agent-${createHash('sha256').update(path).digest('hex').slice(0, 16)}.sock`)
}

async function refuseForeign(path: string): Promise<void> {
  const found = await stat(path)
  if (!found.isDirectory()) throw new Error(`Cannot keep state in ${path}: it is no folder`)
  const uid = process.getuid?.()
  if (uid === undefined) return
  if (found.uid !== uid) throw new Error(`Cannot keep state in ${path}: it belongs to user ${found.uid}, and the agent runs as ${uid}`)
  if ((found.mode & 0o022) !== 0) throw new Error(`Cannot keep state in ${path}: others may write to it; run chmod 700 ${path}`)
}

async function readOrNothing(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function writeAtomically(folder: string, name: string, bytes: Uint8Array | string): Promise<void> {
  const temporary = join(folder, `${name}.new`)
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, join(folder, name))
  await syncFolder(folder)
}

/** A rename is on the disk only once its folder is; see fsync(2). Windows flushes no folders, and its file system keeps a journal of names. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function appendSynced(path: string, bytes: Uint8Array | string): Promise<void> {
  const file = await open(path, 'a', 0o600)
  try {
    await file.writeFile(bytes)
    await file.datasync()
  } finally {
    await file.close()
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    if ((await lstat(path)).isSocket()) await unlink(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
