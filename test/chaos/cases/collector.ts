import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { type Observer, openObserver } from '../../kit/observed.ts'
import { freePort, runScript } from '../../kit/process.ts'
import { startRedis } from '../../kit/redis.ts'
import { until } from '../../kit/until.ts'
import type { Case } from '../case.ts'
import { promised, sameOrder, seconds } from '../expect.ts'
import { startProxy } from '../proxy.ts'
import {
  type CollectorProcess,
  costOf,
  counting,
  detailOf,
  historyOf,
  openLine,
  openStage,
  startCollectorProcess,
  stateOf,
  tokenOf,
} from '../stage.ts'
import { Witness } from '../witness.ts'
import type { World } from '../world.ts'

/** How long a collector hangs, ms: longer than silence may last, and than a host counts as present after its last frame. */
const HUNG_MS = 110_000
/** An agent has found another collector by then, ms: silence of 70 s, and tries that meet the one that hangs. */
const MOVED_WITHIN_MS = 105_000
/** Machines in the rolling restart. */
const MACHINES = 30

/** Several collectors on one Redis behind one balancer that knows which of them takes connections. */
async function fleetOf(world: World, count: number) {
  const redis = await startRedis()
  world.defer(() => redis.stop())
  const ports = await Promise.all(Array.from({ length: count }, freePort))
  const collectors: CollectorProcess[] = []
  for (const port of ports) collectors.push(await startCollectorProcess(world, { store: redis.url, port }))
  const away = new Set<number>()
  let turn = 0
  const balancer = await startProxy(() => {
    const open = ports.filter(port => !away.has(port))
    return open[turn++ % open.length] ?? 0
  })
  world.defer(() => balancer.stop())
  const witnesses = ports.map(port => new Witness(`http://127.0.0.1:${port}`))
  for (const witness of witnesses) world.defer(() => witness.stop())
  const url = `ws://127.0.0.1:${balancer.port}/agent`
  const [first] = collectors
  return { redis, ports, collectors, away, balancer, witnesses, url, token: first ? await tokenOf(first) : '' }
}

async function machine(world: World, url: string, token: string, instance: string) {
  const observer = await openObserver({ folder: await world.folder(), url, token, instance })
  world.defer(() => observer.stop())
  return { instance, observer, ...counting(value => observer.observe(value)) }
}

const allConnected = (observers: readonly Observer[]) =>
  until(() => observers.every(({ connected }) => connected), 'every agent is connected')

/** The end of a collector process that cannot start: its exit code and what it said. */
async function failedStart(port: number, folder: string, store: string): Promise<string> {
  const env = { FETTLE_LISTEN: `127.0.0.1:${port}`, FETTLE_DATA: folder, FETTLE_STORE: store, FETTLE_NAME: 'collector.test' }
  const { child, lines } = runScript('collector/src/main.ts', ['run'], env)
  const [code] = (await once(child, 'close')) as [number]
  promised(code === 1, 'a collector without its store ends, so that its unit starts it again', lines)
  return lines.at(-1) ?? ''
}

/** Collectors that die, hang, restart. */
export const collectorCases: readonly Case[] = [
  {
    name: 'collector-killed',
    fault: 'the collector is killed with `kill -9` three times in the stream of reports',
    promise:
      'what it had acknowledged is in the store, what it had not is sent again; in order, nothing twice; no host is shown as gone after the start',
    quick: false,
    async run(world) {
      const stage = await openStage(world)
      let running = stage.collector
      let slowest = 0
      for (let round = 0; round < 3; round++) {
        await stage.observe(10)
        // Some are on their way.
        await Promise.all([stage.observe(10), delay(100).then(() => running.process.kill())])
        const started = performance.now()
        running = await startCollectorProcess(world, {
          store: `redis://127.0.0.1:${stage.toRedis.port}`,
          port: running.port,
          folder: running.folder,
        })
        await stage.arrived()
        slowest = Math.max(slowest, performance.now() - started)
      }
      sameOrder(await stage.history(), stage.observed)
      promised(stage.witness.down('observer').length === 0, 'no host is shown as gone')
      return `3 kills, all ${stage.observed.length} changes in order; at most ${seconds(slowest)} from the start of the collector to everything there`
    },
  },
  {
    name: 'collector-killed-sqlite',
    fault: 'a collector with the embedded store (SQLite) is killed with `kill -9` twice in the stream of reports',
    promise: 'what it had acknowledged is in the file, what it had not is sent again; in order, nothing twice',
    quick: false,
    async run(world) {
      const store = `sqlite:${await world.folder()}/fleet.db`
      const line = await openLine(world, store)
      let { collector } = line
      for (let round = 0; round < 2; round++) {
        await line.observe(10)
        await Promise.all([line.observe(10), delay(100).then(() => collector.process.kill())])
        collector = await startCollectorProcess(world, { store, port: collector.port, folder: collector.folder })
        await line.arrived()
      }
      sameOrder(await line.history(), line.observed)
      promised(line.witness.down('observer').length === 0, 'no host is shown as gone')
      return `2 kills, all ${line.observed.length} changes in order`
    },
  },
  {
    name: 'everything-killed',
    fault: 'a power cut: Redis, collector and agent are killed at once, and come back in the wrong order: agent, collector, Redis',
    promise:
      'what the agent had kept arrives, in order and once; a collector without its store says so, ends, and is started again by its unit',
    quick: false,
    async run(world) {
      const redis = await startRedis()
      world.defer(() => redis.stop())
      const first = await startCollectorProcess(world, { store: redis.url })
      const parts = { folder: await world.folder(), url: `ws://127.0.0.1:${first.port}/agent`, token: await tokenOf(first) }
      let observer = await openObserver(parts)
      world.defer(() => observer.stop())
      const { observed, observe } = counting(value => observer.observe(value))
      await observe(10)
      await until(async () => (await historyOf(first.port)).length === 10, 'it is there')
      const cut = Promise.all([redis.kill(), first.process.kill()])
      await observe(5)
      await Promise.all([cut, observer.crash()])

      observer = await openObserver(parts)
      await observe(5)
      const said = await failedStart(first.port, first.folder, redis.url)
      promised(/Cannot use the Redis now/.test(said), 'it says why', said)
      await redis.restart()
      const started = performance.now()
      await startCollectorProcess(world, { store: redis.url, port: first.port, folder: first.folder })
      await until(async () => (await historyOf(first.port)).at(-1) === observed.at(-1), 'everything arrives')
      sameOrder(await historyOf(first.port), observed)
      return `all ${observed.length} changes in order ${seconds(performance.now() - started)} after the collector was started with its store`
    },
  },
  {
    name: 'collector-hangs',
    fault: `one of two collectors on a Redis hangs (\`SIGSTOP\`) for ${HUNG_MS / 1000} s with an agent on it, and goes on`,
    promise:
      'the agent finds the other collector within 70 s of silence and its pauses; the others do not show it as gone longer than that; nothing is lost or doubled, and the one that hung shows the truth when it is back',
    quick: false,
    async run(world) {
      const fleet = await fleetOf(world, 2)
      const one = await machine(world, fleet.url, fleet.token, 'observer')
      await one.observe(10)
      await until(async () => (await historyOf(fleet.ports[1] ?? 0)).length === 10, 'both collectors know it')
      const details = await Promise.all(fleet.ports.map(port => detailOf(port)))
      const at = details.findIndex(detail => (detail as { connected?: boolean } | undefined)?.connected)
      const [hung, other] = [fleet.collectors[at], fleet.collectors[1 - at]]
      if (!hung || !other) throw new Error('Cannot see where the agent is connected')

      const broken = performance.now()
      hung.process.child.kill('SIGSTOP')
      await one.observe(20)
      await until(async () => (await stateOf(other.port)) === 30, 'the agent has moved', MOVED_WITHIN_MS)
      const movedMs = performance.now() - broken
      await delay(Math.max(0, HUNG_MS - movedMs))
      hung.process.child.kill('SIGCONT')
      const mended = performance.now()
      await one.observe(5)
      for (const { port } of [hung, other])
        await until(async () => (await historyOf(port)).length === 35 && (await stateOf(port)) === 35, 'both show everything')
      sameOrder(await historyOf(hung.port), one.observed)
      const down = fleet.witnesses.flatMap(witness => witness.down('observer', mended + 5_000))
      const downElsewhere = fleet.witnesses[1 - at]?.down('observer') ?? []
      promised(down.length === 0, 'no host is shown as gone once it is back', down.length)
      promised(downElsewhere.length === 0, 'the other collector never shows it as gone', downElsewhere.length)
      return `the agent reported to the other collector after ${seconds(movedMs)}; all ${one.observed.length} changes in order on both; never shown as gone by the other`
    },
  },
  {
    name: 'collectors-rolling',
    fault: `three collectors on a Redis behind a balancer are restarted one after the other (\`SIGTERM\`) under ${MACHINES} reporting agents`,
    promise: 'no host is shown as gone by any of them, nothing is lost, doubled or out of order; agents come back spread over seconds',
    quick: false,
    async run(world) {
      const fleet = await fleetOf(world, 3)
      const names = Array.from({ length: MACHINES }, (_, i) => `host-${i}`)
      const machines = await Promise.all(names.map(name => machine(world, fleet.url, fleet.token, name)))
      await allConnected(machines.map(({ observer }) => observer))
      const before = await costOf(process.pid)
      let running = true
      const reporting = machines.map(async ({ observe }) => {
        while (running) {
          await observe(1)
          await delay(400)
        }
      })
      const started = performance.now()
      for (const [i, port] of fleet.ports.entries()) {
        fleet.away.add(port)
        await fleet.collectors[i]?.process.kill('SIGTERM')
        await startCollectorProcess(world, { store: fleet.redis.url, port, folder: fleet.collectors[i]?.folder ?? '' })
        fleet.away.delete(port)
        await allConnected(machines.map(({ observer }) => observer))
      }
      running = false
      await Promise.all(reporting)
      const tookMs = performance.now() - started
      for (const { instance, observed } of machines)
        await until(async () => (await historyOf(fleet.ports[0] ?? 0, instance)).at(-1) === observed.at(-1), `${instance} is there`)
      for (const { instance, observed } of machines) sameOrder(await historyOf(fleet.ports[0] ?? 0, instance), observed.slice(-100))
      const down = fleet.witnesses.flatMap(witness => machines.flatMap(({ instance }) => witness.down(instance, started)))
      promised(down.length === 0, 'no host is shown as gone', down.length)
      const all = machines.reduce((sum, { observed }) => sum + observed.length, 0)
      const after = await costOf(process.pid)
      promised(after.descriptors - before.descriptors < MACHINES, 'descriptors stay bounded', [before, after])
      return `${seconds(tookMs)} for three restarts; all ${all} changes of ${MACHINES} machines in order; no host shown as gone in ${fleet.witnesses.reduce((sum, { samples }) => sum + samples.length, 0)} looks`
    },
  },
]
