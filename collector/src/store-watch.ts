import type { Clock } from '@fettle/kit'
import type { Events } from './events.ts'
import type { Store, StoreWarning } from './store/store.ts'

/** Every limit of looking after the store. */
export const watchLimits = {
  /** How often it is asked whether it is there, ms. */
  everyMs: 3_000,
  /** How long it may take to answer that, ms. */
  answerMs: 2_000,
  /** How often its settings are looked at, ms: a failover may have brought another engine with other ones. */
  settingsMs: 10 * 60_000,
} as const

/** Since when the store is away, epoch ms, and how that shows. */
export type Fault = { readonly since: number; readonly error: unknown }

type Deps = { readonly store: Store; readonly clock: Clock; readonly events: Events }

/**
 * Asks the store whether it is there and whether its settings keep what is acknowledged. A collector without agents has no report that would fail, and
 * still must not call its picture new.
 */
export class StoreWatch {
  readonly #deps: Deps
  #fault: Fault | undefined
  #answeredAt: number
  #settingsDueAt = 0
  #told: readonly StoreWarning[] = []
  #cancel = () => {}
  #stopped = false

  constructor(deps: Deps) {
    this.#deps = deps
    this.#answeredAt = deps.clock.now()
  }

  /** Undefined while the store answers. */
  get fault(): Fault | undefined {
    return this.#fault
  }

  /** What operators must know of its settings, as last looked at. */
  get warnings(): readonly StoreWarning[] {
    return this.#told
  }

  /** Looks at the settings, then goes on looking. @throws StoreUnavailable */
  async start(): Promise<void> {
    await this.#settings()
    this.#arm()
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  #arm(): void {
    if (!this.#stopped) this.#cancel = this.#deps.clock.after(watchLimits.everyMs, () => void this.#look().finally(() => this.#arm()))
  }

  async #look(): Promise<void> {
    const { store, clock, events } = this.#deps
    try {
      await store.ping(watchLimits.answerMs)
      this.#answeredAt = clock.now()
      this.#fault = undefined
      if (clock.monotonic() >= this.#settingsDueAt) await this.#settings()
    } catch (error) {
      if (!this.#fault) events.storeFailed('ping', error)
      this.#fault ??= { since: this.#answeredAt, error }
    }
  }

  async #settings(): Promise<void> {
    const { store, clock, events } = this.#deps
    const found = await store.warnings()
    this.#settingsDueAt = clock.monotonic() + watchLimits.settingsMs
    const known = new Set(this.#told.map(({ text }) => text))
    this.#told = found
    for (const warning of found) if (!known.has(warning.text)) events.storeWarning(warning)
  }
}
