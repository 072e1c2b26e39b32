import { Backoff, type Clock } from '@fettle/kit'
import type { Events } from './events.ts'
import { type Applied, type Change, type Store, StoreUnavailable } from './store/store.ts'

/** Most changes that go to the store as one group. */
const BATCH = 512
/** What one host may have waiting, as a share of all that may wait: one host cannot take the queue of others. */
const HOST_SHARE = 1 / 16
const RETRY_BASE_MS = 100
const RETRY_CAP_MS = 2_000

/** What became of a change; `refused`: the store cannot take this one whatever the time, and it is not stored. */
export type Settled = Applied | 'refused'

type Waiting = {
  readonly change: Change
  readonly bytes: number
  wanted(): boolean
  readonly queuedAt: number
  resolve(settled: Settled): void
}

/**
 * The way of reports to the store: groups of changes, one group at a time, in order. While the store is away they wait here, unacknowledged, in
 * bounded memory; past the bound new ones are turned away and the agent keeps them. A group that the store refuses for itself is tried again change by
 * change, so that one it cannot take holds up nobody but its own host.
 */
export class Ingest {
  readonly #store: Store
  readonly #clock: Clock
  readonly #events: Events
  readonly #maxBytes: number
  readonly #backoff = new Backoff(RETRY_BASE_MS, RETRY_CAP_MS)
  #queue: Waiting[] = []
  #bytes = 0
  /** Of those that have something waiting. */
  readonly #bytesOf = new Map<string, number>()
  #draining: Promise<void> | undefined
  #down: { since: number; error: unknown } | undefined
  #stopped = false
  /** How many changes at the head of the queue go one by one: their group was refused. */
  #alone = 0
  #wake: (() => void) | undefined

  constructor(deps: { store: Store; clock: Clock; events: Events; maxBytes: number }) {
    this.#store = deps.store
    this.#clock = deps.clock
    this.#events = deps.events
    this.#maxBytes = deps.maxBytes
  }

  /** Why the store cannot be reached, or undefined while it can. */
  get fault(): { readonly since: number; readonly error: unknown } | undefined {
    return this.#down
  }

  get waiting(): number {
    return this.#queue.length
  }

  /**
   * Resolves when the change is durable (or was before, or its host is gone, or it is refused); undefined where there is no room: tell the agent to come back.
   * @param bytes in memory; one that is larger than the bound goes where nothing else waits
   * @param wanted asked right before it goes to the store: what must not overtake a change that failed answers `false`, and is `gone` as well
   */
  offer(change: Change, bytes: number, wanted: () => boolean = () => true): Promise<Settled> | undefined {
    const own = this.#bytesOf.get(change.hostId) ?? 0
    if (this.#stopped || beyond(this.#bytes, bytes, this.#maxBytes)) return undefined
    if (beyond(own, bytes, this.#maxBytes * HOST_SHARE)) {
      this.#events.overShare(change.hostId, 'queue')
      return undefined
    }
    this.#bytes += bytes
    this.#bytesOf.set(change.hostId, own + bytes)
    return new Promise(resolve => {
      this.#queue.push({ change, bytes, wanted, queuedAt: this.#clock.monotonic(), resolve })
      this.#draining ??= this.#drain()
    })
  }

  /** Ends without acknowledging what has not been stored: the agents still hold it. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#wake?.()
    await this.#draining
  }

  async #drain(): Promise<void> {
    // Whatever else comes in this turn of the event loop joins the first group.
    await new Promise<void>(resolve => setImmediate(resolve))
    while (this.#queue.length > 0 && !this.#stopped) {
      const taken = this.#queue.slice(0, this.#alone > 0 ? 1 : BATCH)
      const group = taken.filter(waiting => waiting.wanted())
      const results = await this.#tryApply(group)
      if (!results) {
        await this.#pause()
        continue
      }
      if (results === 'refused' && group.length > 1) {
        this.#alone = taken.length
        continue
      }
      this.#alone = Math.max(0, this.#alone - 1)
      this.#queue = this.#queue.slice(taken.length)
      const answers = new Map(group.map((waiting, i) => [waiting, results === 'refused' ? results : (results[i] ?? 'gone')]))
      for (const waiting of taken) this.#settle(waiting, answers.get(waiting) ?? 'gone')
      this.#events.queue(this.#queue.length)
      // Whoever hears of a change that was not stored says first that what follows it is not wanted.
      await Promise.resolve()
    }
    this.#draining = undefined
  }

  #settle(waiting: Waiting, settled: Settled): void {
    const { hostId } = waiting.change
    const own = (this.#bytesOf.get(hostId) ?? 0) - waiting.bytes
    if (own > 0) this.#bytesOf.set(hostId, own)
    else this.#bytesOf.delete(hostId)
    this.#bytes -= waiting.bytes
    this.#events.processed((this.#clock.monotonic() - waiting.queuedAt) / 1000)
    waiting.resolve(settled)
  }

  /** What the store said; undefined where it is away. */
  async #tryApply(group: readonly Waiting[]): Promise<Applied[] | 'refused' | undefined> {
    if (group.length === 0) return []
    const started = this.#clock.monotonic()
    try {
      const results = await this.#store.apply(group.map(waiting => waiting.change))
      this.#events.storeCommand('apply', (this.#clock.monotonic() - started) / 1000)
      this.#up()
      return results
    } catch (error) {
      this.#events.storeFailed('apply', error)
      if (!(error instanceof StoreUnavailable)) {
        this.#up()
        if (group.length === 1) this.#events.failed('the store refused a report', error)
        return 'refused'
      }
      if (!this.#down) this.#events.storeDown(error)
      this.#down ??= { since: this.#clock.now(), error }
      return undefined
    }
  }

  #up(): void {
    if (this.#down) this.#events.storeBack()
    this.#down = undefined
    this.#backoff.reset()
  }

  #pause(): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.#clock.after(this.#backoff.next(), resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }
}

/** What is larger than the bound itself goes where nothing else waits. */
function beyond(held: number, more: number, most: number): boolean {
  return held > 0 && held + more > most
}
