import { open, readFile, rename } from 'node:fs/promises'
import type { Clock } from '@fettle/kit'
import * as v from 'valibot'
import type { Events } from './events.ts'
import type { HostMeta, Store, Token } from './store/store.ts'

/** Every limit of what is kept beside the store. */
export const membersLimits = {
  /** Changes that come within this are written together, ms. */
  settleMs: 5_000,
  /** Writing takes at most this share of the time. */
  share: 0.05,
  /** The file is written again at least this often, ms: its age tells for how long this collector has not seen the fleet. */
  renewMs: 3_600_000,
  /** A file that is older is not believed, ms: hosts may have been removed since. As long as a store remembers what was removed. */
  believedMs: 30 * 24 * 3_600_000,
} as const

const standing = v.object({ state: v.picklist(['active', 'pending', 'quarantined', 'revoked']), since: v.number(), why: v.string() })
const host = v.object({
  hostId: v.string(),
  instance: v.string(),
  publicKey: v.string(),
  labels: v.record(v.string(), v.string()),
  enrolledAt: v.number(),
  standing,
})
const token = v.object({
  id: v.string(),
  kind: v.picklist(['enrol', 'api']),
  secretHash: v.string(),
  createdAt: v.number(),
  expiresAt: v.nullable(v.number()),
  usesLeft: v.nullable(v.number()),
  labels: v.record(v.string(), v.string()),
  role: v.nullable(v.picklist(['viewer', 'operator', 'admin'])),
  note: v.string(),
  approve: v.boolean(),
})
const schema = v.object({
  store: v.string(),
  epoch: v.string(),
  /** What the collectors of the store call themselves: agents sign for this name alone. */
  server: v.string(),
  at: v.number(),
  hosts: v.array(host),
  tokens: v.array(token),
})
type Kept = v.InferOutput<typeof schema>

type Deps = {
  readonly path: string
  /** The store that the fleet is in, without its password: members of one fleet are never brought into another. */
  readonly storeName: string
  readonly server: string
  readonly clock: Clock
  readonly events: Events
  epoch(): string
  hosts(): readonly HostMeta[]
  tokens(): readonly Token[]
}

/**
 * Who belongs to the fleet, kept in a file beside the store: an engine that is wiped while no collector runs has nobody's memory to be healed from, and
 * every machine would have to be enrolled again by hand.
 */
export class Members {
  readonly #deps: Deps
  #cancel: (() => void) | undefined
  #writing: Promise<void> = Promise.resolve()
  #tookMs = 0

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Gives back to a store that is another data set than the one of the file what it lacks. @returns whether there was reason to */
  async heal(store: Store): Promise<boolean> {
    const { clock, storeName, events } = this.#deps
    const kept = await this.#read()
    if (!kept || kept.store !== storeName || kept.epoch === this.#deps.epoch()) return false
    if (clock.now() - kept.at > membersLimits.believedMs) return false
    events.storeLost('it was wiped, or replaced, while this collector did not run')
    await store.restore(kept.hosts, kept.tokens)
    return true
  }

  /** Something of what is kept has changed. */
  changed(): void {
    if (this.#cancel) return
    this.#later(Math.max(membersLimits.settleMs, this.#tookMs / membersLimits.share))
  }

  /** Writes what waits. */
  async stop(): Promise<void> {
    this.#cancel?.()
    await this.#writing
    await this.#write()
  }

  /** Begins to renew the file. */
  start(): void {
    this.changed()
  }

  #later(ms: number): void {
    this.#cancel = this.#deps.clock.after(ms, () => {
      this.#cancel = undefined
      this.#writing = this.#write().finally(() => {
        if (!this.#cancel) this.#later(membersLimits.renewMs)
      })
    })
  }

  async #write(): Promise<void> {
    const { path, storeName, server, clock, events, epoch, hosts, tokens } = this.#deps
    const started = clock.monotonic()
    const kept: Kept = {
      store: storeName,
      epoch: epoch(),
      server,
      at: clock.now(),
      hosts: hosts().map(copyOf),
      tokens: [...tokens()].map(copyOf),
    }
    try {
      const file = await open(`${path}.part`, 'w', 0o600)
      try {
        await file.writeFile(JSON.stringify(kept))
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(`${path}.part`, path)
    } catch (error) {
      events.failed(`cannot keep who belongs to the fleet in ${path}`, error)
    }
    this.#tookMs = clock.monotonic() - started
  }

  async #read(): Promise<Kept | undefined> {
    try {
      return await readKept(this.#deps.path)
    } catch (error) {
      this.#deps.events.failed(`cannot read ${this.#deps.path}, and go on without it`, error)
      return undefined
    }
  }
}

function copyOf<T extends { readonly labels: Readonly<Record<string, string>> }>(of: T): T & { labels: Record<string, string> } {
  return { ...of, labels: { ...of.labels } }
}

async function readKept(path: string): Promise<Kept | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : v.parse(schema, JSON.parse(text))
}

/** What the collectors of this store called themselves when it was last seen; undefined where that is not known. */
export async function nameKept({ path, storeName }: Pick<Deps, 'path' | 'storeName'>): Promise<string | undefined> {
  const kept = await readKept(path).catch(() => undefined)
  return kept?.store === storeName ? kept.server : undefined
}
