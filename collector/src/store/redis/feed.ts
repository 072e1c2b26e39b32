import { Cluster, type Redis } from 'ioredis'
import { BUCKETS, type FeedEntry } from '../store.ts'
import { type Client, reviveUntil, within } from './connect.ts'
import type { Keys } from './keys.ts'
import { readFeedEntry } from './rows.ts'

/** How long a follower waits for news before it looks whether the data set is still the same, ms. */
const WAIT_MS = 1_000
/** On a Cluster one command cannot wait for streams of several hash tags: they are looked at this often, ms. */
const CLUSTER_POLL_MS = 200
/** Entries that come together are read together: after the first a follower waits this much for others, ms. */
const GATHER_MS = 50
/** Every feed is proved whole at least this often, ms; after a lost connection at once. */
const PROOF_MS = 5_000
/** Most entries taken of a bucket at once. */
const PAGE = 1_000
const RETRY_CAP_MS = 1_000
const EMPTY = '0-0'

type Row = [id: string, fields: string[]]

export type Following = {
  readonly client: Client
  readonly keys: Keys
  readonly timeoutMs: number
  epoch(): Promise<string>
  onEntry(entry: FeedEntry): void
  lost(why: string): void
}

/**
 * Follows the feeds of all buckets. A feed is read from its last known entry on, that entry included: where it is there, nothing was missed; where it
 * is not, the engine was wiped, went back in time, or cut the feed before it was read.
 */
export class FeedFollower {
  readonly #with: Following
  /** A connection of its own, as a waiting command holds up all others; none on a Cluster. */
  readonly #waiter: Redis | undefined
  readonly #stop = new AbortController()
  #positions: string[] = []
  #epoch = ''
  #proved = 0
  #running: Promise<void> = Promise.resolve()

  constructor(following: Following) {
    this.#with = following
    if (following.client instanceof Cluster) return
    this.#waiter = following.client.duplicate({ socketTimeout: WAIT_MS + following.timeoutMs })
    this.#waiter.on('error', () => {})
    reviveUntil(this.#stop.signal, this.#waiter)
  }

  /** Resolves when every entry from now on will be told. */
  async start(): Promise<void> {
    await this.#toEnds()
    this.#running = this.#run()
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#waiter?.disconnect()
    await this.#running
  }

  async #run(): Promise<void> {
    let failures = 0
    while (!this.#stop.signal.aborted) {
      try {
        await this.#once()
        failures = 0
      } catch {
        // The store's own calls tell why; here it only matters that the feeds are proved whole afterwards.
        this.#proved = 0
        await this.#pause(Math.min(RETRY_CAP_MS, 20 * 2 ** failures++))
      }
    }
  }

  async #once(): Promise<void> {
    const due = performance.now() - this.#proved > PROOF_MS
    const why = (await this.#otherEpoch()) ?? (await this.#read(due ? all : await this.#news()))
    if (this.#stop.signal.aborted) return
    if (why === undefined) {
      if (due) this.#proved = performance.now()
      return
    }
    await this.#toEnds()
    this.#with.lost(why)
  }

  async #otherEpoch(): Promise<string | undefined> {
    const { client, keys, timeoutMs } = this.#with
    const epoch = await within(timeoutMs, client.get(keys.epoch))
    if (epoch === this.#epoch) return undefined
    return epoch === null ? 'the Redis was wiped' : 'the Redis holds another data set'
  }

  /** Buckets that have something new. */
  async #news(): Promise<readonly number[]> {
    if (!this.#waiter) {
      await this.#pause(CLUSTER_POLL_MS)
      return all
    }
    const { keys, timeoutMs } = this.#with
    const feeds = all.map(keys.feed)
    const reply = this.#waiter.xread('COUNT', 1, 'BLOCK', WAIT_MS, 'STREAMS', ...feeds, ...this.#positions)
    const streams = (await within(WAIT_MS + timeoutMs, reply)) as [string, Row[]][] | null
    if (!streams) return []
    await this.#pause(GATHER_MS)
    // By now other buckets may have news as well: the next round finds them at once.
    return streams.map(([feed]) => feeds.indexOf(feed))
  }

  /** Tells what is new in the buckets. @returns why entries may have been missed */
  async #read(buckets: readonly number[]): Promise<string | undefined> {
    const whys = await Promise.all(buckets.map(bucket => this.#readBucket(bucket)))
    return whys.find(why => why !== undefined)
  }

  async #readBucket(bucket: number): Promise<string | undefined> {
    for (let full = true; full && !this.#stop.signal.aborted; ) {
      const position = this.#positions[bucket] ?? EMPTY
      const rows = await this.#range(bucket, position)
      if (position !== EMPTY && rows.shift()?.[0] !== position) return `the feed of bucket ${bucket} does not go on where it was read last`
      for (const [id, fields] of rows) this.#tell(bucket, id, fields)
      full = rows.length >= PAGE - 1
    }
    return undefined
  }

  #range(bucket: number, from: string): Promise<Row[]> {
    const { client, keys, timeoutMs } = this.#with
    return within(timeoutMs, client.xrange(keys.feed(bucket), from, '+', 'COUNT', PAGE))
  }

  #tell(bucket: number, id: string, fields: readonly string[]): void {
    if (this.#stop.signal.aborted) return
    this.#positions[bucket] = id
    const entry = readFeedEntry(fields[1] ?? '')
    if (entry) this.#with.onEntry(entry)
  }

  /** Takes the newest entry of each feed as its position, and the epoch as it is. */
  async #toEnds(): Promise<void> {
    const { client, keys, timeoutMs } = this.#with
    const epoch = await this.#with.epoch()
    const last = all.map(async bucket => (await client.xrevrange(keys.feed(bucket), '+', '-', 'COUNT', 1))[0]?.[0] ?? EMPTY)
    this.#positions = await within(timeoutMs, Promise.all(last))
    this.#epoch = epoch
    this.#proved = performance.now()
  }

  #pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const done = () => {
        clearTimeout(timer)
        this.#stop.signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#stop.signal.addEventListener('abort', done)
      if (this.#stop.signal.aborted) done()
    })
  }
}

const all: readonly number[] = Array.from({ length: BUCKETS }, (_, bucket) => bucket)
