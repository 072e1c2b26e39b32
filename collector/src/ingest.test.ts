import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FakeClock, fakeClock } from '../../agent/src/fakes/clock.ts'
import { testLog } from '../../test/kit/log.ts'
import { createEvents } from './events.ts'
import { createCollectorMetrics } from './exposition/self.ts'
import { Ingest } from './ingest.ts'
import { openStore } from './store/open.ts'
import { ACTIVE, type Change, type Store, StoreUnavailable } from './store/store.ts'

const A = 'a'.repeat(32)
const B = 'b'.repeat(32)
const hour = 3_600_000

let clock: FakeClock
let real: Store
/** Seqs of each group that reached the store. */
let groups: number[][]
/** What the store does before, and after, it takes a group. */
let fails: (changes: readonly Change[]) => Error | undefined
let failsAfter: () => Error | undefined
let metrics: ReturnType<typeof createCollectorMetrics>

beforeEach(async () => {
  clock = fakeClock()
  real = await openStore('sqlite::memory:', { clock })
  const token = { id: '0'.repeat(16), kind: 'enrol', secretHash: '', createdAt: 0, expiresAt: null, usesLeft: null } as const
  await real.putToken({ ...token, labels: {}, role: null, note: '', approve: false })
  for (const hostId of [A, B])
    await real.enrol(token.id, { hostId, instance: hostId, publicKey: '', labels: {}, standing: ACTIVE }, clock.now())
  groups = []
  fails = () => undefined
  failsAfter = () => undefined
  metrics = createCollectorMetrics('test')
})
afterEach(() => real.close())

function ingestOf(maxBytes = 1_000_000): Ingest {
  const store = new Proxy(real, {
    get(target, name) {
      if (name !== 'apply') return Reflect.get(target, name, target) as unknown
      return async (changes: readonly Change[]) => {
        groups.push(changes.map(change => change.seq))
        const before = fails(changes)
        if (before) throw before
        const results = await real.apply(changes)
        const after = failsAfter()
        if (after) throw after
        return results
      }
    },
  })
  return new Ingest({ store, clock, events: createEvents(testLog('test'), metrics), maxBytes })
}

function change(seq: number, hostId = A): Change {
  const at = clock.now()
  const fact = {
    key: 'clock/chrony',
    outcome: 'failed',
    at,
    freshAt: at,
    everyMs: hour,
    tookMs: 1,
    hash: String(seq),
    reason: 'x',
  } as const
  return { kind: 'report', hostId, seq, receivedAt: at, clockOffsetMs: 0, dropped: 0, fact, superseded: false }
}
/** Time for some tries, each with what it set off let through. */
async function pass(): Promise<void> {
  for (let i = 0; i < 20; i++) await clock.advance(500)
}
const away = () => new StoreUnavailable('away')
const count = async (name: string) => (await metrics.registry.getSingleMetric(name)?.get())?.values.reduce((sum, one) => sum + one.value, 0)

describe('reports on their way to the store', () => {
  test('what comes together goes as one group, in its order', async () => {
    const ingest = ingestOf()
    const answers = [1, 2, 3].map(seq => ingest.offer(change(seq), 10))
    expect(await Promise.all(answers)).toEqual(['applied', 'applied', 'applied'])
    expect(groups).toEqual([[1, 2, 3]])
    expect((await real.transitions(A, 10)).map(one => one.seq)).toEqual([3, 2, 1])
  })

  test('while the store is away one host takes no more than its share of the room, and others have theirs', async () => {
    const ingest = ingestOf(1_600)
    fails = away
    const first = ingest.offer(change(1), 60)
    expect(first).toBeDefined()
    expect(ingest.offer(change(2), 60)).toBeUndefined()
    const other = ingest.offer(change(1, B), 90)
    expect(other).toBeDefined()
    expect(await count('fettle_collector_share_exceeded_total')).toBe(1)

    fails = () => undefined
    await pass()

    expect(await Promise.all([first, other])).toEqual(['applied', 'applied'])
    expect(await ingest.offer(change(2), 5_000)).toBe('applied')
  })

  test('a group has an end, and the order holds over it', async () => {
    const ingest = ingestOf()
    await Promise.all(Array.from({ length: 1_100 }, (_, i) => ingest.offer(change(i + 1), 1)))
    expect(groups.map(group => group.length)).toEqual([512, 512, 76])
    expect(groups.flat()).toEqual(Array.from({ length: 1_100 }, (_, i) => i + 1))
  })

  test('memory is bounded: what is beyond the bound is turned away, and there is room again once something is stored', async () => {
    const ingest = ingestOf(100)
    const first = ingest.offer(change(1), 60)
    expect(ingest.offer(change(2), 41)).toBeUndefined()
    const second = ingest.offer(change(3), 40)
    expect(ingest.offer(change(4), 1)).toBeUndefined()
    await Promise.all([first, second])
    expect(await ingest.offer(change(5), 100)).toBe('applied')
  })

  test('one that is larger than the bound goes alone: it must not be turned away for ever', async () => {
    const ingest = ingestOf(100)
    const large = ingest.offer(change(1), 5_000)
    expect(ingest.offer(change(2), 1)).toBeUndefined()
    expect(await large).toBe('applied')
  })

  test('while the store is away nothing is answered; when it is back everything is, once and in order', async () => {
    const ingest = ingestOf()
    fails = away
    const settled: number[] = []
    for (const seq of [1, 2, 3]) ingest.offer(change(seq), 1)?.then(() => settled.push(seq))
    await clock.advance(60_000)
    expect(groups.length).toBeGreaterThan(20)
    expect(groups.length).toBeLessThan(1_000)
    expect([settled, ingest.waiting]).toEqual([[], 3])
    expect(ingest.fault?.error).toBeInstanceOf(StoreUnavailable)

    fails = () => undefined
    await pass()

    expect([settled, ingest.waiting, ingest.fault]).toEqual([[1, 2, 3], 0, undefined])
  })

  test('what was stored although the answer got lost is told as old, and is there once', async () => {
    const ingest = ingestOf()
    const lost = [away()]
    failsAfter = () => lost.pop()
    const answer = ingest.offer(change(1), 1)
    await pass()
    expect(await answer).toBe('old')
    expect(await real.transitions(A, 10)).toHaveLength(1)
  })

  test('stopping answers nothing that is not stored, and takes nothing more', async () => {
    const ingest = ingestOf()
    fails = away
    const answers: string[] = []
    ingest.offer(change(1), 1)?.then(answer => answers.push(answer))
    await clock.advance(10)
    await ingest.stop()
    expect(answers).toEqual([])
    expect(ingest.offer(change(2), 1)).toBeUndefined()
  })
})

describe('a report that the store cannot take', () => {
  const poison = (changes: readonly Change[]) =>
    changes.some(({ hostId, seq }) => hostId === A && seq === 2) ? new Error('too big') : undefined

  test('is refused alone: whatever else was in its group is stored, and the queue goes on', async () => {
    const ingest = ingestOf()
    fails = poison
    const answers = [change(1), change(1, B), change(2), change(2, B)].map(one => ingest.offer(one, 10))

    expect(await Promise.all(answers)).toEqual(['applied', 'applied', 'refused', 'applied'])
    expect(groups).toEqual([[1, 1, 2, 2], [1], [1], [2], [2]])
    expect(ingest.fault).toBeUndefined()
    expect(await count('fettle_collector_store_errors_total')).toBe(2)
    groups.length = 0
    await Promise.all([ingest.offer(change(3, B), 1), ingest.offer(change(4, B), 1)])
    expect(groups).toEqual([[3, 4]])
  })

  test('is not overtaken: whoever hears of it in time keeps what follows of its host back', async () => {
    const ingest = ingestOf()
    fails = poison
    let wanted = true
    const refused = ingest
      .offer(change(2), 1, () => wanted)
      ?.then(answer => {
        wanted = answer !== 'refused'
        return answer
      })
    const behind = ingest.offer(change(3), 1, () => wanted)
    expect(await Promise.all([refused, behind])).toEqual(['refused', 'gone'])
    expect((await real.host(A))?.seq).toBe(0)
  })

  test('waits like any other while the store is away', async () => {
    const ingest = ingestOf()
    const errors = [new Error('too big'), away(), new Error('too big')]
    fails = () => errors.shift()
    const answers = [ingest.offer(change(1), 1), ingest.offer(change(1, B), 1)]
    await pass()
    expect(await Promise.all(answers)).toEqual(['refused', 'applied'])
  })
})
