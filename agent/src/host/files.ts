import { open, readdir, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { ConfigFile } from '../config.ts'

const MAX_BYTES = 64 * 1024 * 1024

/** The configuration file with who may write it; undefined where there is none. @throws where it may not be read */
export async function readConfigFile(path: string): Promise<ConfigFile | undefined> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw new Error(`Cannot read the configuration ${path}: ${error.code}`)
  })
  if (!handle) return undefined
  try {
    const { mode, uid } = await handle.stat()
    return { text: await handle.readFile('utf8'), mode, uid }
  } finally {
    await handle.close()
  }
}

/** A file that a user named, with its modification time. @throws where it cannot be read or is over 64 MiB */
export async function readNamed(path: string): Promise<{ readonly text: string; readonly modifiedAt: number }> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`Cannot read ${path}: ${error.code}`)
  })
  try {
    const { size, mtimeMs } = await handle.stat()
    if (size > MAX_BYTES) throw new Error(`Cannot read ${path}: it is larger than ${MAX_BYTES} bytes`)
    return { text: decoded(await handle.readFile()), modifiedAt: Math.round(mtimeMs) }
  } finally {
    await handle.close()
  }
}

/** Text of a capture: tools of Windows write UTF-16 or UTF-8 with a byte order mark, all others UTF-8. */
function decoded(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2, bytes.length - (bytes.length % 2)).toString('utf16le')
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return bytes.subarray(3).toString('utf8')
  return bytes.toString('utf8')
}

/** The same, undefined where there is no such file. */
export async function readNamedIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}

/** Absolute path of what a user named, and whether a folder is empty or missing, so that nothing is written over. */
export async function isFree(path: string): Promise<boolean> {
  return readdir(resolve(path)).then(
    names => names.length === 0,
    error => (error as NodeJS.ErrnoException).code === 'ENOENT',
  )
}
