import type { Events } from './events.ts'
import type { Fleet, FleetHost } from './fleet.ts'
import type { Gate } from './gate.ts'
import type { Judge } from './judge.ts'
import { restoreServerName } from './server-name.ts'
import type { Store, Token } from './store/store.ts'

type Deps = {
  readonly fleet: Fleet
  readonly store: Store
  readonly events: Events
  /** What this collector calls itself. */
  readonly server: string
  readonly gate: () => Gate
  readonly judge: () => Judge
  setEpoch(epoch: string): void
  /** A host that is no more. */
  removed(host: FleetHost): void
}

/**
 * Makes a store whole that was wiped or went back in time: enrolments from memory, then every connected agent is asked for what differs.
 * One healing at a time; what is noticed meanwhile starts another after it.
 */
export class Healer {
  readonly #deps: Deps
  #running: Promise<void> | undefined
  #again = false
  /** What a wiped store could not give back: the tokens, as last seen. */
  #tokens: readonly Token[] = []

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** The tokens, as last seen. */
  get tokens(): readonly Token[] {
    return this.#tokens
  }

  /** Remembers the tokens, so that they survive a wiped store. */
  remember(tokens: readonly Token[]): void {
    this.#tokens = tokens
  }

  /** Starts healing; returns at once. */
  start(why: string): void {
    if (this.#running) {
      this.#again = true
      return
    }
    this.#deps.events.storeLost(why)
    this.#running = this.#heal()
      .catch(error => {
        this.#deps.events.storeFailed('restore', error)
        this.#again = true
      })
      .finally(() => {
        this.#running = undefined
        if (!this.#again) return
        this.#again = false
        setTimeout(() => this.start(why), 500).unref()
      })
  }

  /** Resolves when no healing runs. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  async #heal(): Promise<void> {
    const { fleet, store, events, gate, judge } = this.#deps
    this.#deps.setEpoch(await store.epoch())
    await restoreServerName(store, this.#deps.server)
    await store.restore(fleet.metas(), this.#tokens)
    const stored = new Map<string, ReadonlyMap<string, string>>()
    for await (const host of store.load()) {
      stored.set(host.meta.hostId, new Map(host.facts.map(fact => [fact.key, fact.hash])))
    }
    let asked = 0
    for (const session of gate().sessions()) {
      const host = session.host
      host.hashes.clear()
      for (const [key, hash] of stored.get(host.meta.hostId) ?? []) host.hashes.set(key, hash)
      session.welcome()
      asked++
    }
    for (const host of [...fleet.hosts()]) {
      // Removed elsewhere while nothing was heard: restore does not bring it back, and neither does memory.
      if (stored.has(host.meta.hostId)) judge().save(host)
      else this.#deps.removed(host)
    }
    events.healed(fleet.size, asked)
  }
}
