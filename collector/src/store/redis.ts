import { randomBytes } from 'node:crypto'
import type { Finding } from '@fettle/catalog'
import type { Clock } from '@fettle/kit'
import { type ChainableCommander, Cluster } from 'ioredis'
import type { RedisAddress } from './redis/address.ts'
import { type Call, readAnswers, roundsOf } from './redis/apply.ts'
import { type Client, classify, connect, runScript, scriptArguments, untilReady, within } from './redis/connect.ts'
import { dump, fill } from './redis/dump.ts'
import { FeedFollower } from './redis/feed.ts'
import { firstSeen } from './redis/first-seen.ts'
import { type Keys, keysOf } from './redis/keys.ts'
import { Members, type Run } from './redis/members.ts'
import { readHost, readTransition } from './redis/rows.ts'
import type { scripts } from './redis/scripts.ts'
import { createAudit, createLeases, createValues } from './redis/values.ts'
import { warningsOf } from './redis/warnings.ts'
import {
  type Applied,
  type AuditLog,
  BUCKETS,
  type Change,
  type DumpRecord,
  FEED_KEPT,
  type FeedEntry,
  type HostMeta,
  type Leases,
  type LinkAnswer,
  type Standing,
  type Store,
  type StoredHost,
  StoreUnavailable,
  type StoreWarning,
  type Token,
  type Transition,
  type Values,
} from './store.ts'

/** Hosts read at once by `load`. */
const PAGE = 64

export type RedisDeps = {
  readonly clock: Pick<Clock, 'now'>
  /** What every key begins with; the URL's `prefix` wins. Default `fettle:`. */
  readonly prefix?: string | undefined
  /** An engine that does not answer for this long is away, ms. */
  readonly timeoutMs: number
}

/** The fleet's memory in a Redis 6.2 or newer: standalone, behind Sentinels, or a Cluster. Keys and scripts are told in README.md. */
export class RedisStore implements Store {
  readonly #client: Client
  readonly #keys: Keys
  readonly #prefix: string
  readonly #deps: RedisDeps
  readonly #members: Members
  readonly #followers = new Set<FeedFollower>()
  readonly #closed = new AbortController()
  readonly audit: AuditLog
  readonly values: Values
  readonly leases: Leases
  #lastError: string | undefined
  /** Calls of `apply` in their order; replaced by a new one when a call fails, so that those behind it fail too. */
  #queue: { failed: boolean; last: Promise<unknown> } = { failed: false, last: Promise.resolve() }

  private constructor(address: RedisAddress, deps: RedisDeps) {
    this.#deps = deps
    this.#prefix = address.prefix ?? deps.prefix ?? 'fettle:'
    this.#keys = keysOf(this.#prefix)
    const onError = (error: Error) => {
      this.#lastError = error.message
    }
    this.#client = connect(address, onError, this.#closed.signal)
    this.#client.on('ready', () => {
      this.#lastError = undefined
    })
    const run: Run = (script, base, args) => this.#script(script, base, args)
    this.#members = new Members(run, this.#keys)
    this.audit = createAudit(run, this.#keys.fleet)
    this.values = createValues(run, this.#keys.fleet)
    this.leases = createLeases(run, this.#keys.fleet)
  }

  /** Connects; a Redis that is away is waited for only for the timeout, its calls fail until it is there. */
  static async open(address: RedisAddress, deps: RedisDeps): Promise<RedisStore> {
    const store = new RedisStore(address, deps)
    await untilReady(store.#client, deps.timeoutMs)
    return store
  }

  async epoch(): Promise<string> {
    return await this.#ask(async client => {
      const held = await client.get(this.#keys.epoch)
      if (held !== null) return held
      await client.setnx(this.#keys.epoch, randomBytes(8).toString('hex'))
      const made = await client.get(this.#keys.epoch)
      if (made === null) throw new StoreUnavailable('Cannot use the Redis now: it is being wiped')
      return made
    })
  }

  apply(changes: readonly Change[]): Promise<Applied[]> {
    const queue = this.#queue
    const applying = queue.last.then(() => this.#applyNext(changes, queue))
    queue.last = applying.catch(() => {})
    return applying
  }

  async #applyNext(changes: readonly Change[], queue: { failed: boolean }): Promise<Applied[]> {
    if (queue.failed)
      throw new StoreUnavailable('Cannot apply these reports: those before them could not be applied and are to be tried again first')
    const applied: Applied[] = new Array(changes.length)
    try {
      for (const calls of roundsOf(changes)) {
        const replies = await this.#ask(client => this.#runCalls(client, calls))
        for (const [i, call] of calls.entries()) readAnswers(call, replies[i], applied)
      }
    } catch (error) {
      queue.failed = true
      this.#queue = { failed: false, last: Promise.resolve() }
      throw error
    }
    return applied
  }

  async #runCalls(client: Client, calls: readonly Call[]): Promise<unknown[]> {
    if (client instanceof Cluster)
      return await Promise.all(calls.map(call => runScript(client, 'apply', this.#keys.bucket(call.bucket), call.args)))
    const pipeline = client.pipeline()
    for (const call of calls)
      (Reflect.get(pipeline, 'apply') as (...all: unknown[]) => unknown).call(
        pipeline,
        ...scriptArguments(this.#keys.bucket(call.bucket), call.args),
      )
    return await results(pipeline)
  }

  async *load(): AsyncGenerator<StoredHost> {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const ids = await this.#ask(client => client.smembers(this.#keys.hosts(bucket)))
      for (let start = 0; start < ids.length; start += PAGE) yield* await this.#page(ids.slice(start, start + PAGE))
    }
  }

  async #page(hostIds: readonly string[]): Promise<StoredHost[]> {
    const replies = await this.#ask(client => {
      const pipeline = client.pipeline()
      for (const hostId of hostIds) pipeline.hgetall(this.#keys.host(hostId))
      return results(pipeline)
    })
    return hostIds.flatMap((hostId, i) => readHost(hostId, replies[i] as Record<string, string>) ?? [])
  }

  async host(hostId: string): Promise<StoredHost | undefined> {
    return readHost(hostId, await this.#ask(client => client.hgetall(this.#keys.host(hostId))))
  }

  async transitions(hostId: string, most: number): Promise<Transition[]> {
    if (most < 1) return []
    const elements = await this.#ask(client => client.lrange(this.#keys.transitions(hostId), -Math.floor(most), -1))
    return elements.map(readTransition).reverse()
  }

  async putFindings(hostId: string, findings: readonly Finding[]): Promise<void> {
    await this.#script('putFindings', this.#keys.bucketOf(hostId), [hostId, JSON.stringify(findings), FEED_KEPT])
  }

  enrol(tokenId: string, host: Omit<HostMeta, 'enrolledAt'>, now: number): Promise<HostMeta | undefined> {
    return this.#members.enrol(tokenId, host, now)
  }

  setStanding(hostId: string, standing: Standing): Promise<HostMeta | undefined> {
    return this.#members.setStanding(hostId, standing)
  }

  rename(hostId: string, instance: string): Promise<'renamed' | 'taken' | 'gone'> {
    return this.#members.rename(hostId, instance, async () => (await this.host(hostId))?.meta)
  }

  takeLink(hostId: string, shown: string | null, offered: string): Promise<LinkAnswer> {
    return this.#members.takeLink(hostId, shown, offered)
  }

  keepLink(hostId: string, offered: string): Promise<void> {
    return this.#members.keepLink(hostId, offered)
  }

  clearLink(hostId: string): Promise<void> {
    return this.#members.clearLink(hostId)
  }

  remove(hostId: string): Promise<boolean> {
    return this.#members.remove(hostId)
  }

  restore(hosts: readonly HostMeta[], tokens: readonly Token[]): Promise<void> {
    return this.#members.restore(hosts, tokens)
  }

  putToken(token: Token): Promise<void> {
    return this.#members.putToken(token)
  }

  async token(id: string): Promise<Token | undefined> {
    return (await this.#members.tokens([id]))[0]
  }

  tokens(): Promise<Token[]> {
    return this.#members.tokens([])
  }

  removeToken(id: string): Promise<boolean> {
    return this.#members.removeToken(id)
  }

  firstSeen(updates: ReadonlyMap<string, number>): Promise<Map<string, number>> {
    return firstSeen((script, base, args) => this.#script(script, base, args), this.#prefix, updates, this.#deps.clock.now())
  }

  dump(): AsyncGenerator<DumpRecord> {
    return dump(this.#dumping())
  }

  fill(records: AsyncIterable<DumpRecord>): Promise<void> {
    return fill(this.#dumping(), records, updates => this.firstSeen(updates))
  }

  #dumping() {
    const run: Run = (script, base, args) => this.#script(script, base, args)
    const ask = <T>(question: (client: Client) => Promise<T>) => this.#ask(question)
    return { keys: this.#keys, prefix: this.#prefix, members: this.#members, run, now: () => this.#deps.clock.now(), ask }
  }

  async follow(onEntry: (entry: FeedEntry) => void, lost: (why: string) => void): Promise<() => Promise<void>> {
    const timeoutMs = this.#deps.timeoutMs
    const follower = new FeedFollower({ client: this.#client, keys: this.#keys, timeoutMs, epoch: () => this.epoch(), onEntry, lost })
    this.#followers.add(follower)
    const end = async () => {
      this.#followers.delete(follower)
      await follower.close()
    }
    try {
      await follower.start()
    } catch (error) {
      await end()
      throw classify(error, this.#lastError)
    }
    return end
  }

  async ping(timeoutMs: number): Promise<void> {
    await this.#ask(client => client.get(this.#keys.epoch), timeoutMs)
  }

  async warnings(): Promise<StoreWarning[]> {
    return await this.#ask(warningsOf)
  }

  async close(): Promise<void> {
    this.#closed.abort()
    await Promise.all([...this.#followers].map(follower => follower.close()))
    this.#client.disconnect()
  }

  #script(name: keyof typeof scripts, base: string, args: readonly (string | number)[]): Promise<unknown> {
    return this.#ask(client => runScript(client, name, base, args))
  }

  async #ask<T>(question: (client: Client) => Promise<T>, timeoutMs = this.#deps.timeoutMs): Promise<T> {
    try {
      return await within(timeoutMs, question(this.#client))
    } catch (error) {
      throw classify(error, this.#lastError)
    }
  }
}

/** The replies of a pipeline; the first that failed is thrown, once all have come. */
async function results(pipeline: ChainableCommander): Promise<unknown[]> {
  const replies = (await pipeline.exec()) ?? []
  return replies.map(([error, reply]) => {
    if (error) throw error
    return reply
  })
}
