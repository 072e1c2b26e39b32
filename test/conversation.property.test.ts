import { setImmediate as turn } from 'node:timers/promises'
import type { HeldFact } from '@fettle/catalog'
import { createLog } from '@fettle/kit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Conversation } from '../agent/src/conversation.ts'
import type { StateDir } from '../agent/src/host/state.ts'
import { openIdentity } from '../agent/src/identity.ts'
import { Outbox } from '../agent/src/outbox.ts'
import { Core } from '../collector/src/core.ts'
import { createEvents } from '../collector/src/events.ts'
import { createCollectorMetrics } from '../collector/src/exposition/self.ts'
import { openStore } from '../collector/src/store/open.ts'
import { type Change, type Store, StoreUnavailable } from '../collector/src/store/store.ts'
import { newToken } from '../collector/src/tokens.ts'
import { type Fate, socketPair } from './kit/sockets.ts'

/*
 * Conversation, outbox, session, ingest and store as they are, over a network, a disk and a clock that the test decides over. Whatever the
 * interleaving: the store ends in the last state, transitions are there once and in order, and nothing is acknowledged that is not stored.
 */

const log = createLog('property', 'silent')
const keys = ['clock/chrony', 'clock/timedatectl', 'raid/md'] as const

type Step =
  | { readonly do: 'observe'; readonly key: (typeof keys)[number]; readonly value: number }
  | { readonly do: 'connect' | 'cut' | 'restart collector' | 'kill agent' | 'store back' }
  | { readonly do: 'store fails'; readonly after: 'before' | 'after' }
  | { readonly do: 'network'; readonly fates: readonly Fate[] }
  | { readonly do: 'time'; readonly ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('observe' as const), key: fc.constantFrom(...keys), value: fc.integer({ min: 1, max: 12 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('connect' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('cut' as const, 'restart collector' as const, 'kill agent' as const, 'store back' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('store fails' as const), after: fc.constantFrom('before' as const, 'after' as const) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('network' as const),
      fates: fc.array(fc.constantFrom<Fate>('deliver', 'drop', 'duplicate', 'swap'), { maxLength: 6 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('time' as const), ms: fc.constantFrom(300, 5_000, 60_000) }) },
)

test('any interleaving of drop, duplicate, reorder, restart ends in the last state, and never acknowledges what is not stored', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async steps => {
      const world = await World.begin()
      try {
        for (const each of steps) await world.take(each)
        await world.settleWithoutFaults()
        await world.check()
      } finally {
        await world.end()
      }
    }),
    { numRuns: 150 },
  )
}, 240_000)

/** A clock that only the test moves. */
class Clock {
  #now = 1_800_000_000_000
  readonly #timers = new Set<{ at: number; callback: () => void }>()
  now = () => this.#now
  monotonic = () => this.#now
  after = (ms: number, callback: () => void) => {
    const timer = { at: this.#now + Math.max(0, ms), callback }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      const next = [...this.#timers].filter(timer => timer.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.callback()
      await quiet()
    }
    this.#now = end
    await quiet()
  }
}

/** Lets everything that is under way come to rest: nothing in this world waits for anything but turns of the event loop. */
async function quiet(): Promise<void> {
  for (let i = 0; i < 25; i++) await turn()
}

/** A disk that loses nothing that was synced. */
function memoryDisk(): StateDir {
  const files = new Map<string, Buffer>()
  const bytesOf = (bytes: Uint8Array | string) => Buffer.from(bytes as string)
  return {
    path: '/state',
    socketPath: '/state/agent.sock',
    read: async name => files.get(name),
    write: async (name, bytes) => void files.set(name, bytesOf(bytes)),
    append: async (name, bytes) => void files.set(name, Buffer.concat([files.get(name) ?? Buffer.alloc(0), bytesOf(bytes)])),
    protectSocket: async () => {},
    clearSocket: async () => {},
  }
}

type Observed = { readonly key: string; readonly stratum: number }

class World {
  readonly clock = new Clock()
  readonly disk = memoryDisk()
  readonly store: Store
  /** What the agent made sure of on its disk, in order. */
  readonly observed: Observed[] = []
  readonly stored = new Set<number>()
  readonly given = new Set<number>()
  readonly broken: string[] = []
  failing: 'before' | 'after' | undefined
  fates: Fate[] = []
  token = ''
  #core: Core | undefined
  #outbox: Outbox | undefined
  #cut: (() => void) | undefined
  #enrolled = false
  #linkToken: string | undefined
  hostId = ''

  private constructor(store: Store) {
    this.store = this.#spied(store)
  }

  static async begin(): Promise<World> {
    const clock = { now: () => 1_800_000_000_000 }
    const world = new World(await openStore('sqlite::memory:', { clock }))
    const { token, shown } = newToken({ kind: 'enrol', expiresAt: null, usesLeft: 1, labels: {}, role: null, note: '' }, clock.now())
    await world.store.putToken(token)
    world.token = shown
    await world.#startCollector()
    await world.#startAgent()
    await world.take({ do: 'connect' })
    return world
  }

  async take(each: Step): Promise<void> {
    switch (each.do) {
      case 'observe':
        return this.#observe(each.key, each.value)
      case 'connect':
        await this.#connect()
        break
      case 'cut':
        this.#cut?.()
        break
      case 'restart collector':
        // As kill -9: what was in memory is gone, and nobody says goodbye.
        this.#cut?.()
        await this.#startCollector()
        break
      case 'kill agent':
        this.#cut?.()
        await this.#startAgent()
        break
      case 'store fails':
        this.failing = each.after
        break
      case 'store back':
        this.failing = undefined
        break
      case 'network':
        this.fates = [...each.fates]
        break
      case 'time':
        await this.clock.pass(each.ms)
    }
    await quiet()
  }

  /** Everything works again, for long enough. */
  async settleWithoutFaults(): Promise<void> {
    this.failing = undefined
    this.fates = []
    for (let round = 0; round < 4; round++) {
      await this.clock.pass(90_000)
      await this.#connect()
      await this.clock.pass(30_000)
    }
  }

  async check(): Promise<void> {
    expect(this.broken).toEqual([])
    const transitions = (await this.store.transitions(this.hostId, 500)).reverse()
    for (const key of keys) {
      const lived = this.observed.filter(one => one.key === key).map(one => one.stratum)
      const told = transitions.filter(one => one.key === key).map(one => stratumOf({ data: JSON.parse(one.data ?? 'null') as unknown }))
      expect(told, `each change of ${key} once, in order`).toEqual(lived.filter((value, i) => value !== lived[i - 1]))
    }
    expect(
      transitions.map(one => one.seq),
      'in order',
    ).toEqual(transitions.map(one => one.seq).sort((a, b) => a - b))
    const host = this.#core?.fleet.byId(this.hostId)
    const last = new Map(this.observed.map(({ key, stratum }) => [key, stratum]))
    for (const [key, stratum] of last) expect([key, stratumOf(host?.held.get(key))], 'the last state').toEqual([key, stratum])
    expect(this.#outbox?.waiting, 'nothing waits').toBe(0)
  }

  async end(): Promise<void> {
    this.#cut?.()
    await quiet()
    await this.store.close()
  }

  async #observe(key: string, stratum: number): Promise<void> {
    const now = this.clock.now()
    const fact: HeldFact = {
      key,
      at: now,
      everyMs: 300_000,
      tookMs: 1,
      outcome: 'ok',
      data: key === 'raid/md' ? raid(stratum) : clockFact(stratum),
    }
    let kept = false
    const observing = this.#outbox?.observe(fact).then(() => {
      kept = true
    })
    await quiet()
    await this.clock.pass(300)
    await observing
    if (kept) this.observed.push({ key, stratum })
  }

  async #connect(): Promise<void> {
    if (!this.#core || !this.#outbox) return
    this.#cut?.()
    await quiet()
    const pair = socketPair(() => this.fates.shift() ?? 'deliver')
    this.#cut = pair.cut
    const identity = await openIdentity(this.disk)
    this.hostId = identity.hostId
    const enrol = { token: this.token, publicKey: identity.publicKey, instance: 'host', labels: {} }
    const outbox = this.#witnessed(this.#outbox)
    new Conversation(pair.agent, {
      identity,
      outbox,
      clock: this.clock,
      log,
      version: '1',
      introduction: () => ({
        ...(this.#enrolled ? {} : { enrol }),
        ...(this.#linkToken === undefined ? {} : { linkToken: this.#linkToken }),
      }),
      server: null,
      onWelcome: async ({ linkToken }) => {
        this.#enrolled = true
        this.#linkToken = linkToken ?? this.#linkToken
        return true
      },
      onRefresh: () => {},
      onAck: seq => this.#acked(seq),
    })
    this.#core.gate.greet(pair.collector)
    await quiet()
  }

  /** The promise itself: what is acknowledged was stored, with everything before it. */
  #acked(seq: number): void {
    for (const given of this.given)
      if (given <= seq && !this.stored.has(given)) this.broken.push(`${given} was acknowledged by ${seq} and never stored`)
  }

  async #startCollector(): Promise<void> {
    const events = createEvents(log, createCollectorMetrics('test'))
    this.#core = new Core({
      store: this.store,
      clock: this.clock,
      events,
      supportTable: { date: '2026-01-01', source: 'none', products: [] },
      overrides: [],
      server: 'collector.test',
      beatMs: 60_000,
      maxBytes: 2_000,
      maxConnections: 10,
      detail: false,
      isProxy: () => false,
    })
    await this.#core.start()
    await quiet()
  }

  async #startAgent(): Promise<void> {
    const identity = await openIdentity(this.disk)
    this.#outbox = await Outbox.open({ state: this.disk, clock: this.clock, log, fresh: identity.fresh })
  }

  /** The real outbox, with a witness of what it gave to be sent. */
  #witnessed(outbox: Outbox): Outbox {
    const after = (seq: number) => {
      const waiting = outbox.after(seq)
      if (waiting) this.given.add(waiting.seq)
      return waiting
    }
    return new Proxy(outbox, {
      get: (target, name) => {
        if (name === 'after') return after
        const value = Reflect.get(target, name, target) as unknown
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  /** The real store, with a line to it that fails before or after it did its work, and a witness of what it stored. */
  #spied(store: Store): Store {
    const apply = async (changes: readonly Change[]) => {
      if (this.failing === 'before') throw new StoreUnavailable('the line is down')
      const applied = await store.apply(changes)
      for (const [i, change] of changes.entries()) if (applied[i] === 'applied') this.stored.add(change.seq)
      if (this.failing === 'after') throw new StoreUnavailable('the answer was lost')
      return applied
    }
    return new Proxy(store, {
      get: (target, name) => {
        if (name === 'apply') return apply
        const value = Reflect.get(target, name, target) as unknown
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
}

function clockFact(stratum: number) {
  return { synchronized: true, service: 'chronyd', enabled: true, reference: null, stratum, offsetSeconds: 0, lastSyncAt: null }
}

function raid(count: number) {
  const disks = { required: count, active: count, failed: 0, spare: 0, missing: 0 }
  return {
    arrays: [
      {
        name: 'md0',
        implementation: 'md',
        level: 'raid1',
        state: 'ok',
        disks,
        sync: null,
        errors: null,
        lastScrubAt: null,
        members: [],
        detail: null,
      },
    ],
  }
}

function stratumOf(fact: Pick<HeldFact, 'data'> | undefined): number | null {
  const data = fact?.data as { stratum?: number; arrays?: { disks: { required: number } }[] } | undefined
  return data?.stratum ?? data?.arrays?.[0]?.disks.required ?? null
}
