import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Finding } from '@fettle/catalog'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { standingContract } from './contract-standing.ts'
import {
  ACTIVE,
  type Change,
  type FeedEntry,
  type HostMeta,
  type Store,
  type StoredFact,
  type StoredHost,
  type Token,
  TRANSITION_BYTES_KEPT,
  TRANSITIONS_KEPT,
} from './store.ts'

/** One engine under test. */
export type Engine = {
  /** A store on the same data set; earlier ones stay open where the engine allows several. */
  open(): Promise<Store>
  /** A store of the same engine on a data set that holds nothing. */
  openEmpty(): Promise<Store>
  stop(): Promise<void>
}

let made = 0

/** A hostId that no other case of this run uses, spread over the buckets. */
export function newHostId(): string {
  return createHash('sha256').update(`host ${made++} ${process.pid}`).digest('hex').slice(0, 32)
}

export function newToken(more: Partial<Token> = {}): Token {
  const id = newHostId().slice(0, 16)
  const kind = more.kind ?? 'enrol'
  return {
    id,
    kind,
    secretHash: 'ab',
    createdAt: 1000,
    expiresAt: null,
    usesLeft: null,
    labels: { site: 'north' },
    role: null,
    note: 'it"s\n',
    approve: false,
    ...more,
  }
}

export function newHost(more: Partial<HostMeta> = {}): Omit<HostMeta, 'enrolledAt'> {
  const hostId = more.hostId ?? newHostId()
  return {
    hostId,
    instance: `pc-${hostId.slice(0, 12)}`,
    publicKey: `key of ${hostId}`,
    labels: { team: 'ops' },
    standing: ACTIVE,
    ...more,
  }
}

/** A host enrolled by a token of its own. */
export async function enrolled(store: Store, more: Partial<HostMeta> = {}): Promise<HostMeta> {
  const token = newToken()
  await store.putToken(token)
  const meta = await store.enrol(token.id, newHost(more), 5000)
  if (!meta) throw new Error('the enrolment was refused')
  return meta
}

export function fact(key: string, state: string, at: number, more: Partial<StoredFact> = {}): StoredFact {
  const hash = createHash('sha256').update(`${key} ${state}`).digest('hex').slice(0, 32)
  return { key, outcome: 'ok', at, freshAt: at, everyMs: 60_000, tookMs: 1.5, hash, data: JSON.stringify({ state }), ...more }
}

export function report(hostId: string, seq: number, of: StoredFact, more: Partial<Change> = {}): Change {
  return { hostId, seq, receivedAt: 10_000 + seq, clockOffsetMs: 20, dropped: 0, ...more, kind: 'report', fact: of, superseded: false }
}

function superseded(hostId: string, seq: number, of: StoredFact): Change {
  return { hostId, seq, receivedAt: 10_000 + seq, clockOffsetMs: 20, dropped: 0, kind: 'report', fact: of, superseded: true }
}

export function beat(hostId: string, seq: number, fresh: Record<string, number>): Change {
  return { hostId, seq, receivedAt: 10_000 + seq, clockOffsetMs: 20, dropped: 0, kind: 'beat', fresh }
}

/** Resolves when the condition holds: what another store instance did arrives when it arrives. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const deadline = performance.now() + 20_000; performance.now() < deadline; await delay(10)) if (await condition()) return
  throw new Error(`Waited in vain until ${what}`)
}

async function collect(store: Store): Promise<Map<string, StoredHost>> {
  const hosts = new Map<string, StoredHost>()
  for await (const host of store.load()) hosts.set(host.meta.hostId, host)
  return hosts
}

/** What every store must do, whatever the engine. */
export function storeContract(name: string, start: () => Promise<Engine>): void {
  describe(name, () => {
    let engine: Engine
    let store: Store

    beforeAll(async () => {
      engine = await start()
      store = await engine.open()
    })
    afterAll(async () => {
      await store.close()
      await engine.stop()
    })
    const reopen = async () => {
      await store.close()
      store = await engine.open()
    }

    describe('applying', () => {
      it('keeps a fact with everything that is known of it, also after a restart', async () => {
        const { hostId, ...meta } = await enrolled(store)
        const ok = fact('updates/apt', 'behind', 1500.25, { freshAt: 1600, reason: undefined })
        const denied: StoredFact = {
          ...fact('disks/smartctl', '', 1700),
          outcome: 'denied',
          reason: 'needs "root"\n',
          hint: 'ünlock',
          data: undefined,
        }

        const applied = await store.apply([
          report(hostId, 7, ok, { agentVersion: '1.2.3' }),
          report(hostId, 9, denied, { dropped: 3, clockOffsetMs: null }),
        ])
        await reopen()

        expect(applied).toEqual(['applied', 'applied'])
        const more = { seq: 9, lastSeenAt: 10_009, agentVersion: '1.2.3', clockOffsetMs: null, dropped: 3, findings: [] }
        expect(await store.host(hostId)).toEqual({ meta: { hostId, ...meta }, ...more, facts: [denied, ok] })
      })

      it('answers a seq that is not higher as old and changes nothing by it', async () => {
        const { hostId } = await enrolled(store)
        await store.apply([report(hostId, 5, fact('a/b', 'new', 2000)), report(hostId, 6, fact('c/d', 'x', 2000))])
        const before = [await store.host(hostId), await store.transitions(hostId, 10)]

        const late = [
          report(hostId, 5, fact('a/b', 'other', 9000)),
          beat(hostId, 6, { 'a/b': 9000 }),
          superseded(hostId, 4, fact('a/b', 'older', 1000)),
        ]
        const applied = await store.apply(late.map(change => ({ ...change, receivedAt: 99_999, agentVersion: 'x' })))

        expect(applied).toEqual(['old', 'old', 'old'])
        expect([await store.host(hostId), await store.transitions(hostId, 10)]).toEqual(before)
      })

      it('answers gone for a host that is not enrolled, and keeps nothing of it', async () => {
        const hostId = newHostId()

        const applied = await store.apply([
          report(hostId, 1, fact('a/b', 'x', 1)),
          beat(hostId, 2, { 'a/b': 5 }),
          superseded(hostId, 3, fact('a/b', 'y', 1)),
        ])

        expect(applied).toEqual(['gone', 'gone', 'gone'])
        expect(await store.host(hostId)).toBeUndefined()
        expect(await store.transitions(hostId, 10)).toEqual([])
      })

      it('answers a mixed group each for itself, in the order of the group', async () => {
        const [one, two] = [await enrolled(store), await enrolled(store)]
        await store.apply([report(one.hostId, 3, fact('a/b', 'x', 1))])

        const applied = await store.apply([
          report(two.hostId, 1, fact('a/b', 'x', 1)),
          report(newHostId(), 1, fact('a/b', 'x', 1)),
          report(one.hostId, 3, fact('a/b', 'x', 1)),
          report(two.hostId, 2, fact('a/b', 'y', 2)),
          report(one.hostId, 4, fact('a/b', 'y', 2)),
        ])

        expect(applied).toEqual(['applied', 'gone', 'old', 'applied', 'applied'])
        expect(await store.apply([])).toEqual([])
      })

      it('applies calls that are not waited for in their order', async () => {
        const { hostId } = await enrolled(store)

        const all = await Promise.all(
          Array.from({ length: 30 }, (_, i) => store.apply([report(hostId, i + 1, fact('a/b', `state ${i}`, i))])),
        )

        expect(all.flat()).toEqual(Array(30).fill('applied'))
        expect((await store.host(hostId))?.facts).toEqual([fact('a/b', 'state 29', 29)])
      })

      it('takes groups larger than one step of the engine, and large facts, whole', async () => {
        const { hostId } = await enrolled(store)
        const large = fact('software/apt', 'large', 1, { data: JSON.stringify('ä€x'.repeat(250_000)) })

        const many = Array.from({ length: 700 }, (_, i) => report(hostId, i + 1, fact(`a/k${i % 200}`, `s${i}`, i)))
        const applied = await store.apply([...many, report(hostId, 701, large), report(hostId, 702, fact('z/z', 'after', 1))])

        expect(new Set(applied)).toEqual(new Set(['applied']))
        const facts = (await store.host(hostId))?.facts ?? []
        expect(facts).toHaveLength(202)
        expect(facts.find(held => held.key === 'software/apt')).toEqual(large)
      })

      it('renews by a beat what is there, never backwards, and makes nothing', async () => {
        const { hostId } = await enrolled(store)
        const held = fact('a/b', 'x', 1000, { freshAt: 2000 })
        await store.apply([report(hostId, 1, held), superseded(hostId, 2, fact('only/past', 'x', 500))])

        await store.apply([beat(hostId, 3, { 'a/b': 5000, 'no/such': 5000, 'only/past': 5000 })])
        await store.apply([beat(hostId, 4, { 'a/b': 4000 }), beat(hostId, 5, {})])

        expect(await store.host(hostId)).toMatchObject({ seq: 5, lastSeenAt: 10_005, facts: [{ ...held, freshAt: 5000 }] })
      })

      it('never moves the last sight of a host backwards', async () => {
        const { hostId } = await enrolled(store)
        await store.apply([
          { ...beat(hostId, 1, {}), receivedAt: 5000 },
          { ...beat(hostId, 2, {}), receivedAt: 4000 },
        ])
        expect((await store.host(hostId))?.lastSeenAt).toBe(5000)
      })

      it('believes no time that was told by a clock which is behind that time now: a host would seem present, or fresh, for ever', async () => {
        const { hostId } = await enrolled(store)
        const year = 365 * 24 * 3_600_000
        const ahead = { ...report(hostId, 1, fact('a/b', 'x', year, { freshAt: year })), receivedAt: year }
        await store.apply([ahead, report(hostId, 2, fact('c/d', 'x', 1000, { freshAt: 9_000 }))])
        await store.apply([beat(hostId, 3, { 'a/b': 9_500, 'c/d': 8_000 })])

        const host = await store.host(hostId)
        expect(host?.lastSeenAt).toBe(10_003)
        expect(Object.fromEntries(host?.facts.map(({ key, freshAt }) => [key, freshAt]) ?? [])).toEqual({ 'a/b': 9_500, 'c/d': 9_000 })
      })
    })

    describe('transitions', () => {
      it('are kept newest first, one for each change, none where nothing changed', async () => {
        const { hostId } = await enrolled(store)

        await store.apply([
          report(hostId, 1, fact('a/b', 'one', 10)),
          report(hostId, 2, fact('c/d', 'one', 20)),
          report(hostId, 3, fact('a/b', 'one', 30)),
          report(hostId, 4, { ...fact('a/b', 'two', 40), outcome: 'failed', reason: 'broken', data: undefined }),
        ])

        const kept = await store.transitions(hostId, 10)
        const { hash } = fact('a/b', 'two', 40)
        expect(kept.map(({ seq, key }) => [seq, key])).toEqual([
          [4, 'a/b'],
          [2, 'c/d'],
          [1, 'a/b'],
        ])
        expect(kept[0]).toEqual({ seq: 4, key: 'a/b', at: 40, outcome: 'failed', reason: 'broken', hash })
        expect(kept[2]).toMatchObject({ at: 10, outcome: 'ok', data: '{"state":"one"}' })
        expect(await store.transitions(hostId, 1)).toHaveLength(1)
        expect(await store.transitions(hostId, 0)).toEqual([])
      })

      it('tell of a superseded state, and of the way back from it, while the fact stays the newest', async () => {
        const { hostId } = await enrolled(store)
        const good = fact('raid/md', 'good', 10)
        await store.apply([report(hostId, 1, good)])

        await store.apply([superseded(hostId, 2, fact('raid/md', 'degraded', 20))])
        expect((await store.host(hostId))?.facts).toEqual([good])
        await store.apply([report(hostId, 3, { ...good, at: 30, freshAt: 30 })])

        expect((await store.transitions(hostId, 10)).map(({ seq, data }) => [seq, data])).toEqual([
          [3, '{"state":"good"}'],
          [2, '{"state":"degraded"}'],
          [1, '{"state":"good"}'],
        ])
        expect((await store.host(hostId))?.facts).toEqual([{ ...good, at: 30, freshAt: 30 }])
      })

      it(`end beyond ${TRANSITIONS_KEPT}, oldest first`, async () => {
        const { hostId } = await enrolled(store)
        const last = TRANSITIONS_KEPT + 20

        await store.apply(Array.from({ length: last }, (_, i) => report(hostId, i + 1, fact('a/b', `s${i}`, i))))

        const seqs = (await store.transitions(hostId, last)).map(({ seq }) => seq)
        expect(seqs).toEqual(Array.from({ length: TRANSITIONS_KEPT }, (_, i) => last - i))
      })

      it('end beyond their bytes, the newest stays', async () => {
        const { hostId } = await enrolled(store)
        const large = (state: string, bytes: number) => fact('a/b', state, 1, { data: JSON.stringify(state.repeat(bytes)) })

        await store.apply([1, 2, 3, 4, 5].map(seq => report(hostId, seq, large(String(seq), 0.3 * TRANSITION_BYTES_KEPT))))
        expect((await store.transitions(hostId, 9)).map(({ seq }) => seq)).toEqual([5, 4, 3])
        await store.apply([report(hostId, 6, large('6', TRANSITION_BYTES_KEPT + 1))])

        expect((await store.transitions(hostId, 9)).map(({ seq }) => seq)).toEqual([6])
      })
    })

    describe('hosts', () => {
      it('are all loaded, each once, with their facts and findings', async () => {
        const hosts = await Promise.all(Array.from({ length: 300 }, () => enrolled(store)))
        const finding: Finding = { check: 'raid-degraded', status: 'critical', reason: 'md0 [U_]', evidence: [{ a: 1 }], since: 5 }
        await store.apply(hosts.map(({ hostId }) => report(hostId, 1, fact('a/b', hostId, 5))))
        await Promise.all(hosts.slice(0, 3).map(({ hostId }) => store.putFindings(hostId, [finding])))

        const ids: string[] = []
        for await (const host of store.load()) ids.push(host.meta.hostId)
        const loaded = await collect(store)

        expect(new Set(ids).size).toBe(ids.length)
        for (const [i, meta] of hosts.entries()) {
          expect(loaded.get(meta.hostId)).toMatchObject({ meta, facts: [fact('a/b', meta.hostId, 5)], findings: i < 3 ? [finding] : [] })
        }
      })

      it('keep no findings once they are gone', async () => {
        const hostId = newHostId()
        await store.putFindings(hostId, [{ check: 'x', status: 'ok', reason: '', since: 1 }])
        expect(await store.host(hostId)).toBeUndefined()
      })

      it('are removed with everything of them, and their name is free again', async () => {
        const meta = await enrolled(store)
        await store.apply([report(meta.hostId, 1, fact('a/b', 'x', 1))])

        expect(await store.remove(meta.hostId)).toBe(true)

        expect(await store.host(meta.hostId)).toBeUndefined()
        expect(await store.transitions(meta.hostId, 10)).toEqual([])
        expect((await collect(store)).has(meta.hostId)).toBe(false)
        expect(await store.apply([report(meta.hostId, 2, fact('a/b', 'y', 2))])).toEqual(['gone'])
        expect(await store.remove(meta.hostId)).toBe(false)
        expect((await enrolled(store, { instance: meta.instance })).instance).toBe(meta.instance)
      })

      it('start afresh when they enrol again after having been removed', async () => {
        const meta = await enrolled(store)
        await store.apply([report(meta.hostId, 8, fact('a/b', 'x', 1))])
        await store.remove(meta.hostId)

        await enrolled(store, { hostId: meta.hostId })

        expect(await store.apply([report(meta.hostId, 1, fact('a/b', 'x', 1))])).toEqual(['applied'])
        expect(await store.transitions(meta.hostId, 10)).toHaveLength(1)
      })
    })

    describe('enrolling', () => {
      it('lets exactly one of many in by a token with one use', async () => {
        const token = newToken({ usesLeft: 1 })
        await store.putToken(token)

        const answers = await Promise.all(Array.from({ length: 8 }, () => store.enrol(token.id, newHost(), 5)))

        expect(answers.filter(answer => answer !== undefined)).toHaveLength(1)
        expect(await store.token(token.id)).toEqual({ ...token, usesLeft: 0 })
      })

      it('refuses tokens that are unknown, expired, spent, or meant for the API', async () => {
        const bad = [
          newToken({ expiresAt: 4999 }),
          newToken({ expiresAt: 5000 }),
          newToken({ usesLeft: 0 }),
          newToken({ kind: 'api', role: 'admin' }),
        ]
        await Promise.all(bad.map(token => store.putToken(token)))

        for (const { id } of [...bad, newToken()]) expect(await store.enrol(id, newHost(), 5000)).toBeUndefined()
        const good = newToken({ expiresAt: 5001, usesLeft: 1 })
        await store.putToken(good)
        expect(await store.enrol(good.id, newHost(), 5000)).toBeDefined()
      })

      it('gives a host whose name another has `~` and six digits of its hostId, also in a race', async () => {
        const instance = `twin-${newHostId()}`

        const twins = await Promise.all([1, 2, 3].map(() => enrolled(store, { instance })))

        const names = twins.map(({ hostId, instance: name }) =>
          name === instance ? 'plain' : name === `${instance}~${hostId.slice(0, 6)}` ? 'marked' : name,
        )
        expect(names.sort()).toEqual(['marked', 'marked', 'plain'])
      })

      it('keeps a marked name within 253 characters', async () => {
        const instance = newHostId().padEnd(253, 'x')
        await enrolled(store, { instance })
        const second = await enrolled(store, { instance })
        expect(second.instance).toBe(`${instance.slice(0, 246)}~${second.hostId.slice(0, 6)}`)
      })

      it('gives the same host its old name, renews its labels, and keeps its facts', async () => {
        const instance = `twin-${newHostId()}`
        await enrolled(store, { instance })
        const first = await enrolled(store, { instance })
        await store.apply([report(first.hostId, 1, fact('a/b', 'x', 1))])

        const token = newToken({ usesLeft: 5 })
        await store.putToken(token)
        const again = await store.enrol(token.id, { ...first, instance: 'renamed', labels: { team: 'new' } }, 9999)

        expect(again).toEqual({ ...first, labels: { team: 'new' } })
        expect(await store.host(first.hostId)).toMatchObject({ meta: { ...again }, seq: 1, facts: [{ key: 'a/b' }] })
        expect((await store.token(token.id))?.usesLeft).toBe(4)
      })

      it('can be tried again with the same token, spent or not, until the host is removed', async () => {
        const token = newToken({ usesLeft: 1 })
        await store.putToken(token)
        const host = newHost()
        const first = await store.enrol(token.id, host, 5)

        expect(await store.enrol(token.id, host, 6)).toEqual(first)
        await store.remove(host.hostId)

        expect(await store.enrol(token.id, host, 7)).toBeUndefined()
      })
    })

    describe('tokens', () => {
      it('are written, read, listed by age and removed', async () => {
        const older = newToken({ createdAt: 10, usesLeft: 3, expiresAt: 99 })
        const newer = newToken({ createdAt: 20, kind: 'api', role: 'viewer', labels: {} })
        await store.putToken(newer)
        await store.putToken(older)
        await reopen()

        expect(await store.token(older.id)).toEqual(older)
        expect((await store.tokens()).filter(({ id }) => id === older.id || id === newer.id)).toEqual([older, newer])
        expect(await store.removeToken(older.id)).toBe(true)
        expect(await store.removeToken(older.id)).toBe(false)
        expect(await store.token(older.id)).toBeUndefined()
        await store.putToken({ ...newer, usesLeft: 2 })
        await store.putToken(newer)
        expect(await store.token(newer.id)).toEqual(newer)
      })
    })

    describe('first sight of updates', () => {
      it('is the earliest time that anybody gave', async () => {
        const name = newHostId()
        const long = name.repeat(30)

        const held = await store.firstSeen(
          new Map([
            [name, 500],
            [long, 700],
          ]),
        )
        const later = await store.firstSeen(
          new Map([
            [name, 900],
            [long, 600],
          ]),
        )
        await reopen()

        expect(held).toEqual(
          new Map([
            [name, 500],
            [long, 700],
          ]),
        )
        expect(later).toEqual(
          new Map([
            [name, 500],
            [long, 600],
          ]),
        )
        expect(await store.firstSeen(new Map([[long, 9999]]))).toEqual(new Map([[long, 600]]))
        expect(await store.firstSeen(new Map())).toEqual(new Map())
      })

      it('is answered for thousands at once', async () => {
        const prefix = newHostId()
        const updates = new Map(Array.from({ length: 5000 }, (_, i) => [`${prefix} ${i}`, i + 1]))
        expect(await store.firstSeen(updates)).toEqual(updates)
      })
    })

    describe('following', () => {
      it('tells every kind of change from then on, a host in its order', async () => {
        const entries: FeedEntry[] = []
        const { hostId: early } = await enrolled(store)
        const end = await store.follow(entry => entries.push(entry), fail)

        const { hostId } = await enrolled(store)
        await store.apply([report(hostId, 1, fact('a/b', 'x', 1)), beat(hostId, 2, {}), report(hostId, 2, fact('a/b', 'y', 1))])
        await store.putFindings(hostId, [])
        await store.remove(hostId)
        await eventually(() => entries.some(({ kind }) => kind === 'removed'), 'the removal was told')
        await end()
        await store.apply([report(early, 1, fact('a/b', 'x', 1))])

        const kinds = ['host', 'fact', 'beat', 'findings', 'removed'] as const
        expect(entries).toEqual(kinds.map(kind => ({ hostId, kind, ...(kind === 'fact' ? { key: 'a/b' } : {}) })))
      })
    })

    describe('the data set', () => {
      it('keeps its epoch over a restart', async () => {
        const epoch = await store.epoch()
        await reopen()
        expect(await store.epoch()).toBe(epoch)
        expect(epoch).toMatch(/^[0-9a-f]{16}$/)
      })

      it('is not changed by a restore while it is whole', async () => {
        const kept = await enrolled(store)
        const removed = await enrolled(store)
        const token = newToken({ usesLeft: 1 })
        const revoked = newToken()
        await Promise.all([store.putToken({ ...token, usesLeft: 0 }), store.putToken(revoked)])
        await store.apply([report(kept.hostId, 3, fact('a/b', 'x', 1))])
        const before = await store.host(kept.hostId)
        await Promise.all([store.remove(removed.hostId), store.removeToken(revoked.id)])

        await store.restore([{ ...kept, labels: {}, enrolledAt: 1 }, removed], [token, revoked])

        expect(await store.host(kept.hostId)).toEqual(before)
        expect(await store.host(removed.hostId)).toBeUndefined()
        expect((await store.token(token.id))?.usesLeft).toBe(0)
        expect(await store.token(revoked.id)).toBeUndefined()
      })

      it('answers a ping', async () => {
        await store.ping(5000)
      })
    })

    standingContract(
      () => store,
      () => engine.openEmpty(),
    )

    it('ends in the last state, each transition once, whatever is repeated, late, or cut by a restart', async () => {
      const states = fc.array(
        fc.record({ key: fc.constantFrom('a/b', 'c/d'), state: fc.nat(2), kind: fc.constantFrom('report', 'superseded', 'beat') }),
        { maxLength: 12 },
      )
      const deliveries = fc.array(fc.record({ back: fc.nat(4), take: fc.integer({ min: 1, max: 6 }), restart: fc.nat(9) }), {
        maxLength: 6,
      })
      await fc.assert(
        fc.asyncProperty(states, deliveries, async (lived, order) => {
          const { hostId } = await enrolled(store)
          const changes = lived.map(({ key, state, kind }, i) => changeOf(hostId, i + 1, kind, fact(key, `s${state}`, i + 1)))

          let next = 0
          for (const { back, take, restart } of [...order, { back: 3, take: changes.length + 3, restart: 1 }]) {
            // What was acknowledged may come again, and what comes is never ahead of what is not acknowledged: that is the conversation's promise.
            const from = Math.max(0, next - back)
            const sent = changes.slice(from, from + take)
            const repeated = [...sent, ...sent.slice(0, 2), ...sent.toReversed()]
            expect(new Set(await store.apply(repeated))).not.toContain('gone')
            next = Math.max(next, from + sent.length)
            if (restart === 0) await reopen()
          }

          const { facts, transitions } = modelOf(changes)
          const host = await store.host(hostId)
          expect(host?.facts).toEqual(facts)
          expect(host?.seq).toBe(changes.length)
          expect((await store.transitions(hostId, 100)).map(({ seq, hash }) => ({ seq, hash })).reverse()).toEqual(transitions)
        }),
        { numRuns: 40 },
      )
    })
  })
}

function changeOf(hostId: string, seq: number, kind: string, of: StoredFact): Change {
  if (kind === 'beat') return beat(hostId, seq, { [of.key]: of.at })
  return kind === 'report' ? report(hostId, seq, of) : superseded(hostId, seq, of)
}

/** What must be held once all changes have come, in the plainest words. */
function modelOf(changes: readonly Change[]) {
  const facts = new Map<string, StoredFact>()
  const last = new Map<string, string>()
  const transitions: { seq: number; hash: string }[] = []
  for (const change of changes) {
    if (change.kind === 'beat') {
      for (const [key, at] of Object.entries(change.fresh)) {
        const held = facts.get(key)
        if (held) facts.set(key, { ...held, freshAt: at })
      }
      continue
    }
    const { key, hash } = change.fact
    if (last.get(key) !== hash) transitions.push({ seq: change.seq, hash })
    last.set(key, hash)
    if (!change.superseded) facts.set(key, change.fact)
  }
  return { facts: [...facts.values()].sort((a, b) => (a.key < b.key ? -1 : 1)), transitions }
}

function fail(why: string): never {
  throw new Error(`Nothing was lost, but the follower says: ${why}`)
}
