import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type MovingClock, movingClock } from '../../../test/kit/clock.ts'
import { type RedisServer, startRedis } from '../../../test/kit/redis.ts'
import { openStore } from '../store/open.ts'
import { type Store, StoreUnavailable } from '../store/store.ts'
import { Sessions } from './sessions.ts'

const HOUR = 3_600_000
const ada = { subject: 'ada', name: 'ada@example.com', role: 'admin' } as const
let time: MovingClock
let redis: RedisServer
const stores: Store[] = []

/** Sessions as one collector of several has them. */
async function sessions(): Promise<Sessions> {
  const store = await openStore(redis.url, { clock: time.clock })
  stores.push(store)
  return new Sessions({ values: store.values, clock: time.clock, ttlMs: 12 * HOUR, idleMs: 2 * HOUR })
}
beforeEach(async () => {
  time = movingClock()
  redis = await startRedis()
})
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close()
  await redis.stop()
})

describe('a session', () => {
  test('that was begun at one collector is known to the other, and over there within seconds of its end', async () => {
    const [one, other] = [await sessions(), await sessions()]
    const shown = await one.begin(ada)
    expect(await other.find(shown)).toMatchObject(ada)

    await one.end(shown)

    expect(await one.find(shown)).toBeUndefined()
    time.move(5_001)
    expect(await other.find(shown)).toBeUndefined()
  })

  test('that ended stays ended, though another collector had just renewed it', async () => {
    const [one, other] = [await sessions(), await sessions()]
    const shown = await one.begin(ada)
    await other.find(shown)
    await one.end(shown)
    time.move(4_000)
    await other.find(shown)
    time.move(5_001)

    expect([await one.find(shown), await other.find(shown)]).toEqual([undefined, undefined])
  })

  test('goes on while the store is away, for who was in; nobody else gets in; it ends in its time all the same', async () => {
    const one = await sessions()
    const [shown, unseen] = [await one.begin(ada), await one.begin(ada)]
    expect(await one.find(shown)).toMatchObject(ada)
    await redis.kill()

    for (let hour = 1; hour < 12; hour++) {
      time.move(HOUR)
      expect([hour, (await one.find(shown))?.name]).toEqual([hour, ada.name])
    }
    await expect(one.find(unseen)).rejects.toThrow(StoreUnavailable)
    await expect(one.find('made-up')).rejects.toThrow(StoreUnavailable)
    time.move(HOUR)
    // Over by its own time; the store cannot bring it back.
    await expect(one.find(shown).then(found => found ?? Promise.reject(new Error('over')))).rejects.toThrow('over')
  })

  test('is kept as a hash, until it ends', async () => {
    const one = await sessions()
    const shown = await one.begin(ada)

    const dump = await redis.cli('--no-raw', 'KEYS', '*')
    expect(dump).toContain('session:')
    expect(dump).not.toContain(shown)
    expect(shown).toMatch(/^[\w-]{32}$/)
  })
})
