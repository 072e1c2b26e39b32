import type { Clock } from '@fettle/kit'
import type { Events } from './events.ts'
import type { Fleet, FleetHost } from './fleet.ts'
import type { FeedEntry, Store } from './store/store.ts'

/** Changes of one host that come together are read once, this much later, ms. */
const SETTLE_MS = 50
const RETRY_MS = 2_000
/** Hosts that are asked of the store at once: one answer takes its way while the others are read. */
const READ_TOGETHER = 32

type Deps = {
  readonly store: Store
  readonly fleet: Fleet
  readonly clock: Clock
  readonly events: Events
  /** Whether this collector itself applies the host's changes, and so has them already. */
  isConnectedHere(hostId: string): boolean
  changed(host: FleetHost): void
  removed(host: FleetHost): void
  lost(why: string): void
  /** A host came, went, or is called or thought of otherwise. */
  membersChanged(): void
}

/** Keeps the fleet in memory as the store has it, whichever collector wrote it. */
export class Follower {
  readonly #deps: Deps
  readonly #pending = new Set<string>()
  #close: (() => Promise<void>) | undefined
  #reading = false

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Loads everything, then follows. Following starts first, so that no change falls between. */
  async start(): Promise<void> {
    const { store } = this.#deps
    this.#close = await store.follow(
      entry => this.#take(entry),
      why => this.#deps.lost(why),
    )
    for await (const stored of store.load()) this.#deps.changed(this.#deps.fleet.load(stored))
  }

  async stop(): Promise<void> {
    await this.#close?.()
    this.#close = undefined
  }

  #take(entry: FeedEntry): void {
    const { fleet, clock } = this.#deps
    if (entry.kind === 'host' || entry.kind === 'removed') this.#deps.membersChanged()
    if (entry.kind === 'removed') {
      this.#pending.delete(entry.hostId)
      const host = fleet.remove(entry.hostId)
      if (host) this.#deps.removed(host)
      return
    }
    // What a connected host is called and whether it may talk is decided elsewhere too; all else of it is known here first.
    if (entry.kind !== 'host' && this.#deps.isConnectedHere(entry.hostId)) return
    // Each collector judges each host itself: what another found of one that is known here says nothing new.
    if (entry.kind === 'findings' && fleet.byId(entry.hostId)) return
    this.#pending.add(entry.hostId)
    if (!this.#reading) {
      this.#reading = true
      clock.after(SETTLE_MS, () => void this.#read())
    }
  }

  async #read(): Promise<void> {
    const { store, fleet, clock, events } = this.#deps
    const hostIds = [...this.#pending]
    this.#pending.clear()
    try {
      for (let at = 0; at < hostIds.length; at += READ_TOGETHER) {
        const together = await Promise.all(hostIds.slice(at, at + READ_TOGETHER).map(hostId => store.host(hostId)))
        for (const stored of together) {
          if (!stored) continue
          this.#deps.changed(this.#deps.isConnectedHere(stored.meta.hostId) ? fleet.enrol(stored.meta) : fleet.load(stored))
        }
      }
      this.#reading = this.#pending.size > 0
      if (this.#reading) clock.after(SETTLE_MS, () => void this.#read())
    } catch (error) {
      events.storeFailed('host', error)
      for (const hostId of hostIds) this.#pending.add(hostId)
      clock.after(RETRY_MS, () => void this.#read())
    }
  }
}
