import type { Clock } from '@fettle/kit'
import type { Events } from './events.ts'
import type { AuditEntry, Store } from './store/store.ts'

/** An entry as those who act write it; the time is given here. */
export type Act = Pick<AuditEntry, 'who' | 'what' | 'target'> & Partial<Pick<AuditEntry, 'detail' | 'address'>>

/** Longest detail that is kept, characters. */
const DETAIL_LENGTH = 500

/**
 * The audit log. An act is written down before it is done, so none is ever done without its entry; what then was refused or failed gets a second
 * entry that says so. Each entry is a log line too: the store keeps a bounded number of them.
 */
export class Audit {
  readonly #store: Store
  readonly #clock: Clock
  readonly #events: Events

  constructor(deps: { store: Store; clock: Clock; events: Events }) {
    this.#store = deps.store
    this.#clock = deps.clock
    this.#events = deps.events
  }

  /** Writes an act down that is about to be done. @throws StoreUnavailable: then it must not be done */
  async begin(act: Act): Promise<void> {
    await this.#add(act)
  }

  /** Writes down that an act was not done, and why. Where the store is away the log alone tells. */
  async refused(act: Act, why: string): Promise<void> {
    await this.#attempt({ ...act, detail: `not done: ${why}` })
  }

  /** Writes down what the collector does by itself. That is not held up by a store that is away. */
  async own(what: string, target: string, detail: string): Promise<void> {
    await this.#attempt({ who: 'collector', what, target, detail })
  }

  async #attempt(act: Act): Promise<void> {
    try {
      await this.#add(act)
    } catch (error) {
      this.#events.failed(`could not keep an entry of the audit log: ${act.what} ${act.target}`, error)
    }
  }

  async #add({ who, what, target, detail = '', address = '' }: Act): Promise<void> {
    const entry = { at: this.#clock.now(), who, what, target, detail: detail.slice(0, DETAIL_LENGTH), address }
    await this.#store.audit.add(entry)
    this.#events.audited(entry)
  }
}
