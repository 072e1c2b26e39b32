import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { StoreUnavailable } from '../store.ts'
import { steps } from './schema.ts'

/** Primary result codes that pass by themselves or with the operator's help: BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN; sqlite.org/rescode.html */
const UNAVAILABLE: ReadonlySet<number> = new Set([5, 6, 7, 8, 10, 13, 14])

/** What an error of SQLite means: `StoreUnavailable` where it may be tried again, else as it is. */
export function classify(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error))
  return UNAVAILABLE.has(codeOf(error)) ? new StoreUnavailable(`Cannot use the SQLite file now: ${error.message}`, { cause: error }) : error
}

function codeOf(error: unknown): number {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined
  return typeof code === 'number' ? code & 0xff : 0
}

/**
 * Holds the file for one collector: an exclusive lock of SQLite's own on a file beside it, which ends with the process, however that ends. The database
 * itself stays readable for backups and curious people. @throws when another holds it
 */
export function lockFile(path: string): DatabaseSync {
  const lock = open(`${path}.lock`)
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    if (codeOf(error) !== 5) throw error
    throw new Error(`Cannot open the store ${path}: another collector has it open; stop that one, or give both a Redis`, { cause: error })
  }
}

/**
 * Opens the database and brings its schema up to date. WAL with `synchronous = FULL`: a commit is on the disk when it returns
 * (sqlite.org/pragma.html#pragma_synchronous). @throws when it is newer than this program
 */
export function openDatabase(path: string): DatabaseSync {
  const database = open(path)
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16000; PRAGMA busy_timeout = 2000')
    migrate(database, path)
    database.prepare("INSERT OR IGNORE INTO about (name, value) VALUES ('epoch', ?)").run(randomBytes(8).toString('hex'))
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** Opens the database to read it, whether or not a collector has it open. @throws where there is none, or it has another schema than this program */
export function openForReading(path: string): DatabaseSync {
  const database = open(path, { readOnly: true })
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version)
  if (version === steps.length) return database
  database.close()
  throw new Error(
    `Cannot read the store ${path}: its schema is ${version}, wanted ${steps.length}; run the collector of this version on it once`,
  )
}

function open(path: string, options: { readonly readOnly?: true } = {}): DatabaseSync {
  try {
    return new DatabaseSync(path, options)
  } catch (error) {
    const told = error instanceof Error ? error.message : String(error)
    throw new Error(`Cannot open the store ${path}: ${told}; the folder must exist and be writable`, { cause: error })
  }
}

function migrate(database: DatabaseSync, path: string): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version)
  if (version > steps.length)
    throw new Error(
      `Cannot open the store ${path}: its schema ${version} is newer than this collector's ${steps.length}; update the collector`,
    )
  for (let next = version; next < steps.length; next++)
    database.exec(`BEGIN IMMEDIATE; ${steps[next]}; PRAGMA user_version = ${next + 1}; COMMIT`)
}

type Write = { run(): unknown; resolve(result: unknown): void; reject(error: unknown): void; result?: unknown; error?: unknown }

/** Writes that are asked for in one turn of the event loop become one transaction: one flush of the disk serves them all. */
export class GroupCommit {
  readonly #database: DatabaseSync
  #waiting: Write[] = []
  #closed = false

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** Runs in the next group; what it wrote is undone where it throws. Resolves when the group is on the disk. */
  add<T>(run: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreUnavailable('Cannot use the SQLite file now: the store is closed'))
    return new Promise<T>((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#commit())
      this.#waiting.push({ run, resolve: resolve as (result: unknown) => void, reject })
    })
  }

  /** What waits is still written. */
  close(): void {
    this.#commit()
    this.#closed = true
  }

  #commit(): void {
    const group = this.#waiting
    this.#waiting = []
    if (group.length === 0) return
    try {
      this.#database.exec('BEGIN IMMEDIATE')
      for (const write of group) this.#runOne(write)
      this.#database.exec('COMMIT')
    } catch (error) {
      this.#rollBack()
      for (const write of group) write.reject(classify(error))
      return
    }
    for (const write of group) {
      if (write.error === undefined) write.resolve(write.result)
      else write.reject(write.error)
    }
  }

  #runOne(write: Write): void {
    this.#database.exec('SAVEPOINT one')
    try {
      write.result = write.run()
    } catch (error) {
      if (classify(error) instanceof StoreUnavailable) throw error
      write.error = error
      this.#database.exec('ROLLBACK TO one')
    }
    this.#database.exec('RELEASE one')
  }

  #rollBack(): void {
    // SQLite has rolled back by itself after some errors, a full disk among them; then there is no transaction to end.
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
  }
}
