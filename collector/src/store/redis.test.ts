import { systemClock } from '@fettle/kit'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type RedisCluster, type RedisServer, startRedis, startRedisCluster, startRedisWithSentinel } from '../../../test/kit/redis.ts'
import { beat, enrolled, eventually, fact, newHost, newHostId, newToken, report } from './contract.ts'
import { openStore } from './open.ts'
import { readRedisAddress } from './redis/address.ts'
import { connect, untilReady } from './redis/connect.ts'
import { bucketOf, type FeedEntry, FIRST_SEEN_DAYS, type Store, StoreUnavailable } from './store.ts'

const TIMEOUT_MS = 500
const DAY = 24 * 3600 * 1000
const opened: Store[] = []

async function open(url: string): Promise<Store> {
  const store = await openStore(url, { clock: systemClock, timeoutMs: TIMEOUT_MS })
  opened.push(store)
  return store
}

/** A follower that remembers what it was told. */
async function following(store: Store) {
  const told: { entries: FeedEntry[]; lost: string[] } = { entries: [], lost: [] }
  await store.follow(
    entry => told.entries.push(entry),
    why => told.lost.push(why),
  )
  return told
}

const works = (store: Store) =>
  eventually(
    () =>
      store.ping(TIMEOUT_MS).then(
        () => true,
        () => false,
      ),
    'the store works again',
  )
const keyOf = (hostId: string, kind: string) => `fettle:{f${bucketOf(hostId)}}:${kind}`

afterEach(async () => {
  await Promise.all(opened.splice(0).map(store => store.close()))
})

describe('several collectors on one data set', () => {
  let redis: RedisServer
  let cluster: RedisCluster
  beforeAll(async () => {
    redis = await startRedis()
    cluster = await startRedisCluster()
  })
  afterAll(() => Promise.all([redis.stop(), cluster.stop()]))

  it.each(['Redis', 'Redis Cluster'])('see each others changes, enrolments and removals (%s)', async engine => {
    const { url } = engine === 'Redis' ? redis : cluster
    const [one, two] = [await open(url), await open(url)]
    const told = await following(two)

    const metas = await Promise.all(Array.from({ length: 20 }, () => enrolled(one)))
    for (const { hostId } of metas) await one.apply([report(hostId, 1, fact('a/b', 'x', 1)), beat(hostId, 2, {})])
    await Promise.all(metas.map(({ hostId }) => one.remove(hostId)))
    await eventually(() => told.entries.length === 80, 'all entries were told')

    for (const { hostId } of metas)
      expect(told.entries.filter(entry => entry.hostId === hostId).map(({ kind }) => kind)).toEqual(['host', 'fact', 'beat', 'removed'])
    expect(told.lost).toEqual([])
  })

  it.each(['Redis', 'Redis Cluster'])('notice that it was wiped, and restore enrolments and tokens side by side (%s)', async engine => {
    const { url } = engine === 'Redis' ? redis : cluster
    const [one, two] = [await open(url), await open(url)]
    const hosts = await Promise.all(Array.from({ length: 130 }, () => enrolled(one)))
    const token = newToken({ usesLeft: 4 })
    await one.putToken(token)
    const epoch = await one.epoch()
    const [first] = hosts
    await one.apply(hosts.map(({ hostId }) => report(hostId, 5, fact('a/b', 'x', 1))))
    const told = [await following(one), await following(two)]

    await (engine === 'Redis' ? redis.cli('FLUSHALL') : cluster.flush())
    await eventually(() => told.every(({ lost }) => lost.length > 0), 'both noticed')
    expect(await one.apply([report(first?.hostId ?? '', 6, fact('a/b', 'y', 2))])).toEqual(['gone'])
    expect(await one.epoch()).not.toBe(epoch)
    await Promise.all([one.restore(hosts, [token]), two.restore(hosts.toReversed(), [token])])

    for (const meta of hosts) expect(await two.host(meta.hostId)).toMatchObject({ meta, seq: 0, facts: [] })
    expect(await two.tokens()).toEqual([token])
    expect(await one.apply([report(first?.hostId ?? '', 6, fact('a/b', 'y', 2))])).toEqual(['applied'])
    expect((await enrolled(one, { instance: first?.instance ?? '' })).instance).toMatch(/~/)
    expect(told.map(({ lost }) => lost.length)).toEqual([1, 1])
  })

  it('notice that one node of a Cluster lost its part', async () => {
    const store = await open(cluster.url)
    const hosts = await Promise.all(Array.from({ length: 200 }, () => enrolled(store)))
    const told = await following(store)

    await cluster.nodes[1]?.cli('FLUSHALL')
    await eventually(() => told.lost.length > 0, 'the loss was noticed')
    await store.restore(hosts, [])

    for (const meta of hosts) expect((await store.host(meta.hostId))?.meta).toEqual(meta)
  })

  it('notice entries that were cut from a feed before they were read', async () => {
    const store = await open(redis.url)
    const { hostId } = await enrolled(store)
    const told = await following(store)

    const cut = "for i = 1, 3 do redis.call('XADD', KEYS[1], '*', 'e', 'b') end return redis.call('XTRIM', KEYS[1], 'MAXLEN', 1)"
    await redis.cli('EVAL', cut, '1', keyOf(hostId, 'feed'))

    await eventually(() => told.lost.length > 0, 'the gap was noticed')
    await store.apply([report(hostId, 1, fact('a/b', 'x', 1))])
    await eventually(() => told.entries.length > 0, 'later entries are told')
    expect(told.entries).toEqual([{ kind: 'fact', hostId, key: 'a/b' }])
    expect(told.lost).toHaveLength(1)
  })

  it('complete an enrolment that was torn between its steps, even when the token is spent', async () => {
    const store = await open(redis.url)
    const token = newToken({ usesLeft: 1 })
    await store.putToken(token)
    const host = newHost()
    await store.enrol(token.id, host, 5)
    await redis.cli('DEL', keyOf(host.hostId, `h:${host.hostId}`), keyOf(host.hostId, 'hosts'))

    const again = await store.enrol(token.id, host, 6)

    expect(again).toEqual({ ...host, enrolledAt: 6 })
    expect((await store.host(host.hostId))?.meta).toEqual(again)
  })

  it('forget an update that no host confirmed for two periods of 400 days, and keep a confirmed one', async () => {
    let now = 10_000 * FIRST_SEEN_DAYS * DAY
    const store = await openStore(redis.url, { clock: { now: () => now } })
    const [kept, forgotten] = [newHostId(), newHostId()]
    await store.firstSeen(new Map([kept, forgotten].map(update => [update, 5])))

    now += FIRST_SEEN_DAYS * DAY
    await store.firstSeen(new Map([[kept, 9]]))
    now += FIRST_SEEN_DAYS * DAY

    expect(await store.firstSeen(new Map([kept, forgotten].map(update => [update, 9])))).toEqual(
      new Map(Object.entries({ [kept]: 5, [forgotten]: 9 })),
    )
    const lifetimes = await redis.cli(
      'EVAL',
      "local ttls = {} for _, k in ipairs(redis.call('KEYS', '*:seen:*')) do ttls[#ttls + 1] = redis.call('TTL', k) end return ttls",
      '0',
    )
    expect(lifetimes).not.toContain('-1')
    await store.close()
  })

  it('keep data sets of different prefixes apart', async () => {
    const [one, two] = [await open(`${redis.url}?prefix=one:`), await open(`${redis.url}?prefix=two:`)]
    const { hostId } = await enrolled(one)
    expect(await two.host(hostId)).toBeUndefined()
    expect(await two.epoch()).not.toBe(await one.epoch())
  })
})

describe('a Redis in trouble', () => {
  let redis: RedisServer
  let store: Store
  let hostId: string
  let seq = 0
  const next = () => store.apply([report(hostId, ++seq, fact('a/b', `s${seq}`, seq))])

  async function begin(options: string[] = []) {
    redis = await startRedis(options)
    store = await open(redis.url)
    hostId = (await enrolled(store)).hostId
    seq = 0
    await next()
  }
  afterEach(() => redis.stop())

  it('makes calls fail at once while it is killed, and work again when it is back, nothing lost', async () => {
    await begin()
    const told = await following(store)
    await redis.kill()

    const started = performance.now()
    await expect(next()).rejects.toThrow(StoreUnavailable)
    await expect(next()).rejects.toThrow(/ECONNREFUSED|closed|writeable/)
    expect(performance.now() - started).toBeLessThan(TIMEOUT_MS * 2)
    await redis.restart()
    await works(store)
    seq = 1

    expect(await next()).toEqual(['applied'])
    expect((await store.transitions(hostId, 9)).map(transition => transition.seq)).toEqual([2, 1])
    await eventually(() => told.entries.length > 0, 'the follower is back')
    expect(told).toEqual({ entries: [{ kind: 'fact', hostId, key: 'a/b' }], lost: [] })
  })

  it('makes calls fail within the timeout while it hangs, and applies once what they left behind', async () => {
    await begin()
    const told = await following(store)
    redis.pause()

    const started = performance.now()
    await expect(next()).rejects.toThrow(StoreUnavailable)
    await expect(store.ping(100)).rejects.toThrow('no answer within 100 ms')
    expect(performance.now() - started).toBeLessThan(TIMEOUT_MS * 2)
    redis.resume()
    await works(store)
    seq = 1
    await next()

    expect((await store.transitions(hostId, 9)).map(transition => transition.seq)).toEqual([2, 1])
    expect(told.lost).toEqual([])
  })

  it('makes calls that waited behind a failed one fail as well: a later seq must not overtake', async () => {
    await begin()
    redis.pause()

    const first = next()
    first.catch(() => redis.resume())
    const calls = await Promise.allSettled([first, next(), next()])

    expect(calls.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    await works(store)
    seq = 1
    expect((await Promise.all([next(), next(), next()])).flat()).not.toContain('gone')
    expect((await store.transitions(hostId, 9)).map(transition => transition.seq)).toEqual([4, 3, 2, 1])
  })

  it.each([
    ['is out of memory', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']],
    ['became a replica', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
    ['wants more replicas', ['CONFIG', 'SET', 'min-replicas-to-write', '1'], ['CONFIG', 'SET', 'min-replicas-to-write', '0']],
  ])('that %s is unavailable for writing and changes nothing by halves', async (_, breakIt, mendIt) => {
    await begin()
    const before = await store.host(hostId)
    await redis.cli(...breakIt)

    await expect(next()).rejects.toThrow(StoreUnavailable)
    await redis.cli(...mendIt)
    await works(store)

    expect(await store.host(hostId)).toEqual(before)
    seq = 1
    expect(await next()).toEqual(['applied'])
  })

  it('that went back in time is noticed, and what was enrolled since is restored', async () => {
    await begin(['--appendonly', 'no'])
    await redis.cli('SAVE')
    const later = await enrolled(store)
    await next()
    const told = await following(store)

    await redis.restart()
    await eventually(() => told.lost.length > 0, 'it was noticed')
    await store.restore([later], [])

    expect((await store.host(later.hostId))?.meta).toEqual(later)
    expect((await store.host(hostId))?.seq).toBe(1)
  })

  it('need not be there when the store is opened', async () => {
    await begin()
    await redis.kill()
    const early = await open(redis.url)
    await expect(early.epoch()).rejects.toThrow(StoreUnavailable)

    await redis.restart()
    await works(early)

    expect((await early.host(hostId))?.seq).toBe(1)
  })

  it('that forgot the scripts gets them again', async () => {
    await begin()
    await redis.cli('SCRIPT', 'FLUSH')
    expect(await next()).toEqual(['applied'])
  })

  it('tells what its settings make of an acknowledgement', async () => {
    await begin()
    const warned = async (...settings: [string, string][]) => {
      for (const [name, value] of settings) await redis.cli('CONFIG', 'SET', name, value)
      return (await store.warnings()).map(({ level, text }) => `${level}: ${text}`)
    }

    expect(await warned()).toEqual([])
    expect(await warned(['appendfsync', 'everysec'])).toEqual([expect.stringMatching(/^warn: .*up to 2 s/)])
    expect(await warned(['appendonly', 'no'])).toEqual([expect.stringMatching(/^error: .*nothing is kept on disk/)])
    expect(await warned(['save', '3600 1'])).toEqual([expect.stringContaining('only snapshots are kept')])
    expect(await warned(['maxmemory-policy', 'allkeys-lru'])).toContainEqual(expect.stringMatching(/^error: .*set noeviction/))
    await redis.cli('REPLICAOF', '127.0.0.1', '1')
    expect(await warned()).toContainEqual(expect.stringMatching(/^error: .*takes no writes/))
  })
})

describe('a Redis Cluster in trouble', () => {
  it('is unavailable while a node is away or hangs, and works again when it is back', async () => {
    const cluster = await startRedisCluster()
    const store = await open(cluster.url)
    const hosts = await Promise.all(Array.from({ length: 60 }, () => enrolled(store)))
    const told = await following(store)
    const changes = (seq: number) => hosts.map(({ hostId }) => report(hostId, seq, fact('a/b', `s${seq}`, seq)))
    const again = () =>
      eventually(
        () =>
          store.apply(changes(1)).then(
            () => true,
            () => false,
          ),
        'all nodes take writes again',
      )
    const node = cluster.nodes[2]

    await node?.kill()
    await expect(store.apply(changes(1))).rejects.toThrow(StoreUnavailable)
    await node?.restart()
    await again()
    node?.pause()
    await expect(store.apply(changes(2))).rejects.toThrow(StoreUnavailable)
    node?.resume()
    await again()
    await store.apply(changes(2))

    for (const { hostId } of hosts) expect((await store.transitions(hostId, 9)).map(({ seq }) => seq)).toEqual([2, 1])
    expect(told.lost).toEqual([])
    await store.close()
    await cluster.stop()
  })
})

it('a store behind Sentinels follows the master to its replica, and loses nothing that the replica has', async () => {
  const watched = await startRedisWithSentinel()
  const store = await open(watched.url)
  const { hostId } = await enrolled(store)
  const told = await following(store)
  await store.apply([report(hostId, 1, fact('a/b', 'x', 1))])
  await watched.master.cli('WAIT', '1', '5000')

  await watched.master.kill()
  await expect(store.apply([report(hostId, 2, fact('a/b', 'y', 2))])).rejects.toThrow(StoreUnavailable)
  const again = () => store.apply([report(hostId, 2, fact('a/b', 'y', 2))])
  await eventually(
    () =>
      again().then(
        () => true,
        () => false,
      ),
    'the replica takes writes',
  )

  expect((await store.transitions(hostId, 9)).map(({ seq }) => seq)).toEqual([2, 1])
  await eventually(() => told.entries.length === 2, 'both reports were told')
  expect(told.lost).toEqual([])
  await store.close()
  await watched.stop()
})

it('a client that gave up is brought back, until it is closed', async () => {
  const redis = await startRedis()
  const closed = new AbortController()
  const client = connect(readRedisAddress(redis.url), () => {}, closed.signal)
  await untilReady(client, 5000)

  client.disconnect()
  await eventually(() => client.status === 'end', 'it gave up')
  await untilReady(client, 5000)
  expect(await client.get('x')).toBeNull()

  closed.abort()
  client.disconnect()
  await redis.stop()
})

it('a store that is closed answers that it is unavailable', async () => {
  const redis = await startRedis()
  const store = await open(redis.url)
  await store.close()
  await expect(store.host(newHostId())).rejects.toThrow(StoreUnavailable)
  await redis.stop()
})
