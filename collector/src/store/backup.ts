import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import type { DumpRecord, Store } from './store.ts'

/** Version of the file's form; a newer one is refused. */
const VERSION = 1

type Head = { readonly fettle: 'backup'; readonly version: number; readonly at: number; readonly epoch: string }
type End = { readonly end: true; readonly records: number; readonly sha256: string }

/** What a backup holds. */
export type BackupTold = { readonly at: number; readonly hosts: number; readonly records: number; readonly bytes: number }

/**
 * Writes everything that a store holds to a file: gzip (RFC 1952) of JSON lines, a head, records, an end with their count and hash. Only its owner may
 * read it, since keys and hashes of tokens are in it; it appears under its name only once it is whole.
 * @throws where the file is there already, or cannot be written
 */
export async function writeBackup(store: Store, path: string, now: number, progress: (hosts: number) => void): Promise<BackupTold> {
  if (await stat(path).catch(() => undefined))
    throw new Error(`Cannot write the backup ${path}: there is such a file already; name another`)
  const part = `${path}.part`
  const counted = { hosts: 0, records: 0 }
  const head: Head = { fettle: 'backup', version: VERSION, at: now, epoch: await store.epoch() }
  try {
    const lines = Readable.from(linesOf(store, head, counted, progress))
    await pipeline(lines, createGzip(), createWriteStream(part, { mode: 0o600, flags: 'wx', flush: true }))
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
  return { at: now, ...counted, bytes: (await stat(path)).size }
}

async function* linesOf(store: Store, head: Head, counted: { hosts: number; records: number }, progress: (hosts: number) => void) {
  const hash = createHash('sha256')
  const line = (value: unknown): string => {
    const text = `${JSON.stringify(value)}\n`
    hash.update(text)
    return text
  }
  yield line(head)
  for await (const record of store.dump()) {
    counted.records++
    if (record.kind === 'host' && ++counted.hosts % 1000 === 0) progress(counted.hosts)
    yield line(record)
  }
  const end: End = { end: true, records: counted.records, sha256: hash.digest('hex') }
  yield `${JSON.stringify(end)}\n`
}

/** Reads a backup through and proves that it is whole. @throws where it is not */
export async function verifyBackup(path: string): Promise<BackupTold> {
  const hash = createHash('sha256')
  let hosts = 0
  let records = 0
  let head: Head | undefined
  let end: End | undefined
  for await (const line of linesIn(path)) {
    if (end) throw damaged(path, 'something follows its end')
    const value = readLine(path, line)
    if (!head) {
      head = headOf(path, value)
    } else if (isEnd(value)) {
      end = value
      continue
    } else {
      records++
      if ((value as DumpRecord).kind === 'host') hosts++
    }
    hash.update(`${line}\n`)
  }
  if (!head || !end) throw damaged(path, 'its end is missing')
  if (end.records !== records || end.sha256 !== hash.digest('hex')) throw damaged(path, 'its content is not what was written')
  return { at: head.at, hosts, records, bytes: (await stat(path)).size }
}

/** Fills an empty store with a backup, which is proved whole first. @throws where it is not, or the store is not empty */
export async function readBackup(path: string, store: Store): Promise<BackupTold> {
  const told = await verifyBackup(path)
  await store.fill(recordsIn(path))
  return told
}

async function* recordsIn(path: string): AsyncGenerator<DumpRecord> {
  for await (const line of linesIn(path)) {
    const value = readLine(path, line)
    if (!isEnd(value) && (value as { kind?: unknown }).kind !== undefined) yield value as DumpRecord
  }
}

async function* linesIn(path: string): AsyncGenerator<string> {
  const file = createReadStream(path)
  const text = file.pipe(createGunzip())
  // An error of the file does not end the stream behind it.
  file.on('error', error => text.destroy(error))
  try {
    for await (const line of createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY })) yield line
    // readline ends quietly where its input failed.
    if (text.errored) throw text.errored
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw code === 'ENOENT' ? new Error(`Cannot read the backup ${path}: there is no such file`) : damaged(path, (error as Error).message)
  } finally {
    file.destroy()
  }
}

function readLine(path: string, line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw damaged(path, 'a line is no JSON')
  }
}

function headOf(path: string, value: unknown): Head {
  const head = value as Partial<Head> | null
  if (head?.fettle !== 'backup') throw damaged(path, 'it does not begin as a backup of Fettle')
  if (head.version !== VERSION)
    throw new Error(`Cannot read the backup ${path}: it is of form ${head.version}, wanted ${VERSION}; update the collector`)
  return head as Head
}

function isEnd(value: unknown): value is End {
  return typeof value === 'object' && value !== null && 'end' in value
}

function damaged(path: string, why: string): Error {
  return new Error(`Cannot read the backup ${path}: ${why}; it is damaged or no backup`)
}
