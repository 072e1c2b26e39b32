import { cp, rm } from 'node:fs/promises'
import { until } from '../../kit/until.ts'
import type { Case } from '../case.ts'
import { partOf, promised, sameOrder, seconds } from '../expect.ts'
import { costOf, openStage, type Stage, startCollectorProcess, stateOf } from '../stage.ts'
import { Witness } from '../witness.ts'

/** A collector says that it is not ready within this of the first sign of it, ms. */
const TOLD_WITHIN_MS = 6_000
/** A store that is back is found within this, ms: the longest pauses of connecting and of trying again, and one time-out. */
const BACK_WITHIN_MS = 10_000
/** What a collector may hold more in an outage of seconds. */
const MORE_MIB = 60
const MORE_DESCRIPTORS = 20

const WAITING =
  'reports wait and are not acknowledged; connections stay; the last known state is served and its age told; `/readyz` says why; nothing is lost, doubled or out of order'

type Outage = {
  readonly breakIt: (stage: Stage) => unknown
  readonly mendIt: (stage: Stage) => unknown
  readonly redis?: readonly string[]
}

/** Breaks the Redis while an observer goes on, and mends it. */
const outage =
  ({ breakIt, mendIt, redis = [] }: Outage): Case['run'] =>
  async world => {
    const stage = await openStage(world, redis)
    const pid = stage.collector.process.child.pid ?? 0
    const before = await costOf(pid)

    const broken = performance.now()
    await breakIt(stage)
    await stage.observe(25)
    await until(() => stage.witness.after(broken, 'not ready') !== undefined, 'the collector says that it is not ready')
    const told = stage.witness.after(broken, 'not ready') ?? 0
    await stage.observe(15)
    await until(() => (stage.witness.samples.at(-1)?.pictureAgeMs ?? 0) > 1_000, 'the picture is told to be old')
    const during = stage.witness.since(broken + told)
    const cost = await costOf(pid)

    const mended = performance.now()
    await mendIt(stage)
    const arrivedMs = await stage.arrived()
    await until(() => stage.witness.after(mended, 'ready') !== undefined, 'the collector is ready again')
    const backMs = stage.witness.after(mended, 'ready') ?? 0

    sameOrder(await stage.history(), stage.observed)
    promised((await stateOf(stage.collector.port)) === stage.observed.at(-1), 'the last state is shown')
    promised(stage.witness.down('observer').length === 0, 'no host is shown as gone')
    promised(
      during.some(sample => sample.storeUp === 0),
      'the metrics say that the store is away',
    )
    promised(
      during.every(sample => sample.up.get('observer') === 1),
      'the last known state is served meanwhile',
    )
    promised(told < TOLD_WITHIN_MS, 'it is told soon', told)
    promised(backMs < BACK_WITHIN_MS, 'it is back soon', backMs)
    promised(cost.residentMiB - before.residentMiB < MORE_MIB, 'memory stays bounded', [before, cost])
    promised(cost.descriptors - before.descriptors < MORE_DESCRIPTORS, 'descriptors stay bounded', [before, cost])
    return `not ready told after ${seconds(told)}, ready again ${seconds(backMs)} after the end, all ${stage.observed.length} changes in order ${seconds(arrivedMs)} after it; host shown as present throughout`
  }

/** A Redis that goes away, fills, slows, forgets. */
export const redisCases: readonly Case[] = [
  {
    name: 'redis-killed',
    fault: 'Redis is killed with `kill -9` in the stream of reports, and started again',
    promise: WAITING,
    quick: true,
    run: outage({ breakIt: ({ redis }) => redis.kill(), mendIt: ({ redis }) => redis.restart() }),
  },
  {
    name: 'redis-hangs',
    fault: 'Redis is stopped (`SIGSTOP`): it accepts connections and never answers',
    promise: `${WAITING}; no call waits longer than 3 s`,
    quick: true,
    run: outage({ breakIt: ({ redis }) => redis.pause(), mendIt: ({ redis }) => redis.resume() }),
  },
  {
    name: 'redis-unreachable',
    fault: 'the network between collector and Redis swallows everything, without a reset',
    promise: WAITING,
    quick: false,
    run: outage({ breakIt: ({ toRedis }) => toRedis.set({ pass: 'hold' }), mendIt: ({ toRedis }) => toRedis.set({ pass: 'all' }) }),
  },
  {
    name: 'redis-half-open',
    fault: 'a firewall between collector and Redis forgets every connection: they stand, and nothing comes through',
    promise: `${WAITING}; dead connections are given up within 8 s`,
    quick: false,
    async run(world) {
      const stage = await openStage(world)
      stage.toRedis.forget()
      const broken = performance.now()
      await stage.observe(20)
      await stage.arrived()
      const arrivedMs = performance.now() - broken
      sameOrder(await stage.history(), stage.observed)
      promised(arrivedMs < 30_000, 'new connections are made', arrivedMs)
      promised(stage.witness.down('observer').length === 0, 'no host is shown as gone')
      return `all ${stage.observed.length} changes in order ${seconds(arrivedMs)} after the fault, without anybody mending it`
    },
  },
  {
    name: 'redis-out-of-memory',
    fault: 'Redis is full (`maxmemory` reached, `noeviction`), and gets memory',
    promise: WAITING,
    quick: true,
    run: outage({
      breakIt: ({ redis }) => redis.cli('CONFIG', 'SET', 'maxmemory', '1'),
      mendIt: ({ redis }) => redis.cli('CONFIG', 'SET', 'maxmemory', '0'),
    }),
  },
  {
    name: 'redis-read-only',
    fault: 'Redis becomes a replica that takes no writes, and a master again',
    promise: WAITING,
    quick: false,
    run: outage({
      breakIt: ({ redis }) => redis.cli('REPLICAOF', '127.0.0.1', '1'),
      mendIt: ({ redis }) => redis.cli('REPLICAOF', 'NO', 'ONE'),
    }),
  },
  {
    name: 'redis-away-while-idle',
    fault: 'Redis is killed under a collector that no agent is connected to, for 15 s',
    promise:
      'it does not call its picture new: `fettle_collector_store_up` and the age of the picture tell the truth within 5 s, `/readyz` at once',
    quick: false,
    async run(world) {
      const stage = await openStage(world)
      const idle = await startCollectorProcess(world, { store: stage.redis.url })
      const witness = new Witness(`http://127.0.0.1:${idle.port}`)
      world.defer(() => witness.stop())
      await until(() => witness.samples.at(-1)?.up.get('observer') === 1, 'it knows the fleet')
      const broken = performance.now()
      await stage.redis.kill()
      const down = await until(() => witness.since(broken).find(({ storeUp }) => storeUp === 0), 'the metrics tell it')
      promised(down.at - broken < 5_000, 'they tell it soon', down.at - broken)
      await until(() => (witness.samples.at(-1)?.pictureAgeMs ?? 0) > 15_000, 'the picture grows old')
      const mended = performance.now()
      await stage.redis.restart()
      const back = await until(() => witness.since(mended).find(({ storeUp, ready }) => storeUp === 1 && ready === 200), 'it is back')
      promised(witness.down('observer').length === 0, 'no host is shown as gone')
      return `the metrics tell it after ${seconds(down.at - broken)}, and the age of the picture up to its end; back ${seconds(back.at - mended)} after Redis`
    },
  },
  {
    name: 'redis-away-agents-reconnect',
    fault: 'Redis is killed, and the connections of the agents are reset meanwhile',
    promise: `agents that the collector knows are let in without its store; ${WAITING}`,
    quick: false,
    run: outage({
      breakIt: async ({ redis, toCollector, observer }) => {
        await redis.kill()
        toCollector.reset()
        await until(() => observer.connected, 'the agent is connected again')
      },
      mendIt: ({ redis }) => redis.restart(),
    }),
  },
  {
    name: 'redis-slow',
    fault: 'every answer of Redis takes 400 ms longer, through 32 KiB/s in pieces of 100 bytes, for a hundred changes',
    promise: 'reports are acknowledged later, none is lost, doubled or out of order; the collector stays ready',
    quick: false,
    async run(world) {
      const stage = await openStage(world)
      const broken = performance.now()
      stage.toRedis.set({ delayMs: 200, bytesPerSecond: 32 * 1024, pieceBytes: 100 })
      for (let i = 0; i < 9; i++) await stage.observe(10)
      const late = await stage.arrived()
      sameOrder(await stage.history(), stage.observed)
      promised(stage.witness.down('observer').length === 0, 'no host is shown as gone')
      const answers = stage.witness.since(broken).filter(sample => sample.ready !== 0)
      promised(
        answers.every(sample => sample.ready === 200),
        'the collector stays ready',
        answers.find(sample => sample.ready !== 200),
      )
      return `all ${stage.observed.length} changes in order, the last ${seconds(late)} after it was observed; ready throughout`
    },
  },
  {
    name: 'redis-flushed',
    fault: '`FLUSHALL` under a running collector',
    promise:
      'enrolments and tokens come back from the memory of the collectors, the present state from the agents; the history before it is gone, and what comes after is in order',
    quick: true,
    async run(world) {
      const stage = await openStage(world)
      const broken = performance.now()
      await stage.redis.cli('FLUSHALL')
      await until(async () => (await stage.history()).at(-1) === stage.observed.at(-1), 'the present state is in the store again')
      const healedMs = performance.now() - broken
      const first = stage.observed.length
      await stage.observe(10)
      await stage.arrived()
      sameOrder(await stage.history(), stage.observed.slice(first - 1))
      promised(stage.witness.down('observer').length === 0, 'no host is shown as gone')
      promised((await tokenCount(stage)) === 1, 'the tokens are back')
      return `the store is whole again after ${seconds(healedMs)}, the present state kept, 10 later changes in order`
    },
  },
  {
    name: 'redis-back-in-time',
    fault: 'Redis comes back with an older append-only file, as from a backup: what was acknowledged since is gone',
    promise:
      'it is noticed; enrolments come back, the present state comes from the agents; of the history only what the older file lacks is gone, the rest is in order, nothing twice',
    quick: true,
    async run(world) {
      const stage = await openStage(world)
      const [, folder = ''] = (await stage.redis.cli('CONFIG', 'GET', 'dir')).trim().split('\n')
      const older = await world.folder()
      await stage.redis.kill()
      await cp(folder, older, { recursive: true })
      await stage.redis.restart()
      await stage.observe(10)
      await stage.arrived()
      await stage.redis.kill()
      await rm(`${folder}/appendonlydir`, { recursive: true })
      await cp(older, folder, { recursive: true })
      const broken = performance.now()
      await stage.redis.restart()
      await until(async () => (await stage.history()).at(-1) === stage.observed.at(-1), 'the present state is in the store again')
      const healedMs = performance.now() - broken
      await stage.observe(10)
      await stage.arrived()
      const history = await stage.history()
      partOf(history, stage.observed)
      const lost = stage.observed.length - history.length
      promised(lost <= 9, 'no more is gone than the older file lacks', history)
      promised(stage.witness.down('observer').length === 0, 'no host is shown as gone')
      return `noticed and whole after ${seconds(healedMs)}; of ${stage.observed.length} changes the ${lost} that the older file lacked are gone from the history, the present state is not`
    },
  },
]

async function tokenCount({ redis }: Stage): Promise<number> {
  return Number((await redis.cli('HLEN', 'fettle:{fettle}:tokens')).trim())
}
