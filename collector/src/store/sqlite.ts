import { EventEmitter } from 'node:events'
import type { DatabaseSync } from 'node:sqlite'
import type { Finding } from '@fettle/catalog'
import type { Clock } from '@fettle/kit'
import { createApply } from './sqlite/apply.ts'
import { classify, GroupCommit, lockFile, openDatabase, openForReading } from './sqlite/database.ts'
import { createFill, dumpFleet, dumpHost } from './sqlite/dump.ts'
import { createFirstSeen } from './sqlite/first-seen.ts'
import { createMembers } from './sqlite/members.ts'
import { readHost, readToken, readTransition } from './sqlite/rows.ts'
import { createAudit, createLeases, createValues } from './sqlite/values.ts'
import {
  type Applied,
  type AuditLog,
  assertSmall,
  type Change,
  type DumpRecord,
  type FeedEntry,
  type HostMeta,
  type Leases,
  type LinkAnswer,
  notEmpty,
  type Standing,
  type Store,
  type StoredHost,
  type StoreWarning,
  type Token,
  type Transition,
  type Values,
} from './store.ts'

/** Hosts read in one turn of the event loop by `load`. */
const PAGE = 64

/** The fleet's memory in one file, for one collector. Writes of one turn of the event loop are one commit, on the disk when they resolve. */
export class SqliteStore implements Store {
  readonly #database: DatabaseSync
  readonly #lock: DatabaseSync | undefined
  readonly #clock: Pick<Clock, 'now'>
  readonly #group: GroupCommit
  readonly #feed = new EventEmitter<{ entry: [FeedEntry] }>().setMaxListeners(0)
  readonly #apply: ReturnType<typeof createApply>
  readonly #members: ReturnType<typeof createMembers>
  readonly #firstSeen: ReturnType<typeof createFirstSeen>
  readonly audit: AuditLog
  readonly values: Values
  readonly leases: Leases

  private constructor(database: DatabaseSync, lock: DatabaseSync | undefined, clock: Pick<Clock, 'now'>) {
    this.#database = database
    this.#lock = lock
    this.#clock = clock
    this.#group = new GroupCommit(database)
    this.#apply = createApply(database)
    this.#members = createMembers(database)
    this.#firstSeen = createFirstSeen(database)
    this.audit = this.#auditLog()
    this.values = this.#namedValues()
    this.leases = this.#heldLeases()
  }

  /** @param path file, made where it is missing; `:memory:` for one that nothing keeps. @throws when it cannot be opened or another collector has it open */
  static open(path: string, deps: { readonly clock: Pick<Clock, 'now'> }): SqliteStore {
    const lock = path === ':memory:' ? undefined : lockFile(path)
    try {
      return new SqliteStore(openDatabase(path), lock, deps.clock)
    } catch (error) {
      lock?.close()
      throw error
    }
  }

  /** Opens a file to read and dump it, beside a collector that may have it open. @throws where there is none or it has another schema */
  static openForReading(path: string, deps: { readonly clock: Pick<Clock, 'now'> }): SqliteStore {
    return new SqliteStore(openForReading(path), undefined, deps.clock)
  }

  epoch(): Promise<string> {
    return this.#read(() => String(this.#database.prepare("SELECT value FROM about WHERE name = 'epoch'").get()?.value))
  }

  apply(changes: readonly Change[]): Promise<Applied[]> {
    return this.#write(tell => changes.map(change => this.#apply(change, tell)))
  }

  async *load(): AsyncGenerator<StoredHost> {
    let last = ''
    for (;;) {
      const page = await this.#read(() => this.#page(last))
      yield* page
      if (page.length < PAGE) return
      last = page.at(-1)?.meta.hostId ?? last
      await new Promise(resolve => setImmediate(resolve))
    }
  }

  #page(after: string): StoredHost[] {
    const rows = this.#database.prepare('SELECT * FROM hosts WHERE host_id > ? ORDER BY host_id LIMIT ?').all(after, PAGE)
    const facts = this.#database.prepare('SELECT * FROM facts WHERE host_id = ? ORDER BY key')
    return rows.map(row => readHost(row, facts.all(String(row.host_id))))
  }

  host(hostId: string): Promise<StoredHost | undefined> {
    return this.#read(() => {
      const row = this.#database.prepare('SELECT * FROM hosts WHERE host_id = ?').get(hostId)
      return row && readHost(row, this.#database.prepare('SELECT * FROM facts WHERE host_id = ? ORDER BY key').all(hostId))
    })
  }

  transitions(hostId: string, most: number): Promise<Transition[]> {
    return this.#read(() =>
      this.#database
        .prepare('SELECT * FROM transitions WHERE host_id = ? ORDER BY seq DESC LIMIT ?')
        .all(hostId, Math.max(0, Math.floor(most)))
        .map(readTransition),
    )
  }

  async putFindings(hostId: string, findings: readonly Finding[]): Promise<void> {
    await this.#write(tell => {
      const { changes } = this.#database.prepare('UPDATE hosts SET findings = ? WHERE host_id = ?').run(JSON.stringify(findings), hostId)
      if (Number(changes) === 1) tell({ kind: 'findings', hostId })
    })
  }

  enrol(tokenId: string, host: Omit<HostMeta, 'enrolledAt'>, now: number): Promise<HostMeta | undefined> {
    return this.#write(tell => {
      const meta = this.#members.enrol(tokenId, host, now)
      if (meta) tell({ kind: 'host', hostId: meta.hostId })
      return meta
    })
  }

  setStanding(hostId: string, standing: Standing): Promise<HostMeta | undefined> {
    return this.#write(tell => {
      const meta = this.#members.setStanding(hostId, standing)
      if (meta) tell({ kind: 'host', hostId })
      return meta
    })
  }

  rename(hostId: string, instance: string): Promise<'renamed' | 'taken' | 'gone'> {
    return this.#write(tell => {
      const done = this.#members.rename(hostId, instance)
      if (done === 'renamed') tell({ kind: 'host', hostId })
      return done
    })
  }

  takeLink(hostId: string, shown: string | null, offered: string): Promise<LinkAnswer> {
    return this.#write(() => this.#members.takeLink(hostId, shown, offered))
  }

  keepLink(hostId: string, offered: string): Promise<void> {
    return this.#write(() => this.#members.keepLink(hostId, offered))
  }

  clearLink(hostId: string): Promise<void> {
    return this.#write(() => this.#members.clearLink(hostId))
  }

  remove(hostId: string): Promise<boolean> {
    return this.#write(tell => {
      const removed = this.#members.remove(hostId)
      if (removed) tell({ kind: 'removed', hostId })
      return removed
    })
  }

  /** The file is either there, and whole, or cannot be opened: nothing is lost under a running collector, so there is nothing to bring back. */
  async restore(): Promise<void> {}

  putToken(token: Token): Promise<void> {
    return this.#write(() => this.#members.putToken(token))
  }

  token(id: string): Promise<Token | undefined> {
    return this.#read(() => this.#members.token(id))
  }

  tokens(): Promise<Token[]> {
    return this.#read(() => this.#database.prepare('SELECT * FROM tokens ORDER BY created_at, id').all().map(readToken))
  }

  removeToken(id: string): Promise<boolean> {
    return this.#write(() => this.#members.removeToken(id))
  }

  firstSeen(updates: ReadonlyMap<string, number>): Promise<Map<string, number>> {
    return this.#write(() => this.#firstSeen(updates, this.#clock.now()))
  }

  #auditLog(): AuditLog {
    const log = createAudit(this.#database)
    return { add: entry => this.#write(() => log.add(entry)), list: (most, before) => this.#read(() => log.list(most, before)) }
  }

  #namedValues(): Values {
    const values = createValues(this.#database)
    const now = () => this.#clock.now()
    return {
      put: (name, text, ttlMs) => this.#write(() => values.put(name, assertSmall(name, text), ttlMs, now())),
      putFirst: (name, text, ttlMs) => this.#write(() => values.putFirst(name, assertSmall(name, text), ttlMs, now())),
      get: name => this.#read(() => values.get(name, now())),
      take: name => this.#write(() => values.take(name, now())),
      names: beginning => this.#read(() => values.names(beginning, now())),
    }
  }

  #heldLeases(): Leases {
    const leases = createLeases(this.#database)
    return {
      take: (name, holder, ttlMs) => this.#write(() => leases.take(name, holder, ttlMs, this.#clock.now())),
      release: (name, holder) => this.#write(() => leases.release(name, holder)),
    }
  }

  async *dump(): AsyncGenerator<DumpRecord> {
    yield* await this.#read(() => [...dumpFleet(this.#database)])
    for await (const { meta } of this.load()) {
      const record = await this.#read(() => dumpHost(this.#database, meta.hostId))
      if (record) yield record
    }
  }

  async fill(records: AsyncIterable<DumpRecord>): Promise<void> {
    const held = await this.#read(() =>
      this.#database.prepare('SELECT (SELECT count(*) FROM hosts) + (SELECT count(*) FROM tokens) AS n').get(),
    )
    if (Number(held?.n) > 0) throw notEmpty()
    const fill = createFill(this.#database)
    for await (const record of records) {
      await this.#write(() => {
        if (record.kind === 'host') fill.host(record)
        else if (record.kind === 'token') this.#members.putToken(record.token)
        else if (record.kind === 'audit') fill.audit(record.entry)
        else if (record.kind === 'value') fill.value(record)
        else this.#firstSeen(new Map(record.updates), this.#clock.now())
      })
    }
  }

  async follow(onEntry: (entry: FeedEntry) => void): Promise<() => Promise<void>> {
    this.#feed.on('entry', onEntry)
    return async () => {
      this.#feed.off('entry', onEntry)
    }
  }

  async ping(): Promise<void> {
    await this.epoch()
  }

  /** Nothing to tell: how the file is written is decided here, not by the operator. */
  async warnings(): Promise<StoreWarning[]> {
    return []
  }

  async close(): Promise<void> {
    if (!this.#database.isOpen) return
    this.#group.close()
    this.#database.close()
    this.#lock?.close()
  }

  async #read<T>(read: () => T): Promise<T> {
    try {
      return read()
    } catch (error) {
      throw classify(error)
    }
  }

  /** Writes in the next group; what it tells goes to the followers once it is on the disk. */
  async #write<T>(write: (tell: (entry: FeedEntry) => void) => T): Promise<T> {
    const entries: FeedEntry[] = []
    const result = await this.#group.add(() => write(entry => entries.push(entry)))
    for (const entry of entries) this.#feed.emit('entry', entry)
    return result
  }
}
