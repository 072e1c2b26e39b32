import { Backoff, type Clock } from '@fettle/kit'
import type { Events } from './events.ts'
import { type Applied, type Change, type Store, StoreUnavailable } from './store/store.ts'

/** Most changes that go to the store as one group. */
const BATCH = 512
const RETRY_BASE_MS = 100
const RETRY_CAP_MS = 2_000

type Waiting = {
  readonly change: Change
  readonly bytes: number
  wanted(): boolean
  readonly queuedAt: number
  resolve(applied: Applied): void
}

/**
 * The way of reports to the store: groups of changes, one group at a time, in order. While the store is away they wait here, unacknowledged, in
 * bounded memory; past the bound new ones are turned away and the agent keeps them.
 */
export class Ingest {
  readonly #store: Store
  readonly #clock: Clock
  readonly #events: Events
  readonly #maxBytes: number
  readonly #backoff = new Backoff(RETRY_BASE_MS, RETRY_CAP_MS)
  #queue: Waiting[] = []
  #bytes = 0
  #draining: Promise<void> | undefined
  #down: { since: number; error: unknown } | undefined
  #stopped = false
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
   * Resolves when the change is durable (or was before, or its host is gone); undefined where there is no room: tell the agent to come back.
   * @param wanted asked right before it goes to the store: what must not overtake a change that failed answers `false`, and is `gone` as well
   */
  offer(change: Change, bytes: number, wanted: () => boolean = () => true): Promise<Applied> | undefined {
    if (this.#stopped || this.#bytes + bytes > this.#maxBytes) return undefined
    this.#bytes += bytes
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
      const taken = this.#queue.slice(0, BATCH)
      const group = taken.filter(waiting => waiting.wanted())
      const results = await this.#tryApply(group)
      if (!results) {
        await this.#pause()
        continue
      }
      this.#queue = this.#queue.slice(taken.length)
      const answers = new Map(group.map((waiting, i) => [waiting, results[i] ?? 'gone']))
      for (const waiting of taken) this.#settle(waiting, answers.get(waiting) ?? 'gone')
      this.#events.queue(this.#queue.length)
    }
    this.#draining = undefined
  }

  #settle(waiting: Waiting, applied: Applied): void {
    this.#bytes -= waiting.bytes
    this.#events.processed((this.#clock.monotonic() - waiting.queuedAt) / 1000)
    waiting.resolve(applied)
  }

  async #tryApply(group: readonly Waiting[]): Promise<Applied[] | undefined> {
    if (group.length === 0) return []
    const started = this.#clock.monotonic()
    try {
      const results = await this.#store.apply(group.map(waiting => waiting.change))
      this.#events.storeCommand('apply', (this.#clock.monotonic() - started) / 1000)
      if (this.#down) this.#events.storeBack()
      this.#down = undefined
      this.#backoff.reset()
      return results
    } catch (error) {
      this.#events.storeFailed('apply', error)
      if (!this.#down) this.#events.storeDown(error)
      this.#down ??= { since: this.#clock.now(), error }
      if (!(error instanceof StoreUnavailable)) this.#events.failed('the store refused a group of reports', error)
      return undefined
    }
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
