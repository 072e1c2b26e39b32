import { setTimeout as delay } from 'node:timers/promises'
import { bucketOf } from '../../../collector/src/store/store.ts'
import { type RedisCluster, type RedisServer, type RedisWithSentinel, startRedisCluster, startRedisWithSentinel } from '../../kit/redis.ts'
import { until } from '../../kit/until.ts'
import type { Case } from '../case.ts'
import { promised, sameOrder, seconds } from '../expect.ts'
import { type Line, openLine } from '../stage.ts'
import type { World } from '../world.ts'

/** How long a slot is on its way from node to node, ms. */
const MOVING_MS = 3_000

async function withSentinel(world: World): Promise<{ line: Line; watched: RedisWithSentinel }> {
  const watched = await startRedisWithSentinel()
  world.defer(() => watched.stop())
  return { watched, line: await openLine(world, watched.url) }
}

/** A master that goes away while reports stream. @param then what happens to it once another is master */
const failover =
  (breakIt: (master: RedisServer) => unknown, then: (watched: RedisWithSentinel) => unknown): Case['run'] =>
  async world => {
    const { line, watched } = await withSentinel(world)
    await watched.master.cli('WAIT', '1', '5000')
    const broken = performance.now()
    await breakIt(watched.master)
    await line.observe(25)
    await line.arrived()
    const arrivedMs = performance.now() - broken
    await then(watched)
    await line.observe(10)
    await line.arrived()
    sameOrder(await line.history(), line.observed)
    promised(line.witness.down('observer').length === 0, 'no host is shown as gone')
    promised(line.witness.after(broken, 'not ready') !== undefined, 'the collector says that it is not ready meanwhile')
    return `writing again, all in order, ${seconds(arrivedMs)} after the master went; all ${line.observed.length} changes there, 10 of them after the old master was back`
  }

/** The old master comes back, and is told to be a replica. */
async function demoted({ master }: RedisWithSentinel): Promise<void> {
  await until(async () => (await master.cli('ROLE')).startsWith('slave'), 'the old master has become a replica')
}

async function withCluster(world: World): Promise<{ line: Line; cluster: RedisCluster }> {
  const cluster = await startRedisCluster()
  world.defer(() => cluster.stop())
  return { cluster, line: await openLine(world, cluster.url) }
}

/** Where the keys of a host are. */
async function placeOf(cluster: RedisCluster, hostId: string): Promise<{ slot: string; owner: RedisServer; other: RedisServer }> {
  const [first] = cluster.nodes
  const slot = ((await first?.cli('CLUSTER', 'KEYSLOT', `fettle:{f${bucketOf(hostId)}}:hosts`)) ?? '').trim()
  const counts = await Promise.all(cluster.nodes.map(async node => Number(await node.cli('CLUSTER', 'COUNTKEYSINSLOT', slot))))
  const at = counts.findIndex(count => count > 0)
  const [owner, other] = [cluster.nodes[at], cluster.nodes[(at + 1) % cluster.nodes.length]]
  if (!owner || !other) throw new Error(`Cannot find who has the slot ${slot}`)
  return { slot, owner, other }
}

const idOf = async (node: RedisServer) => (await node.cli('CLUSTER', 'MYID')).trim()

/** Moves a slot with its keys as `redis-cli --cluster reshard` does, slowly. */
async function moveSlot(cluster: RedisCluster, slot: string, from: RedisServer, to: RedisServer): Promise<void> {
  const [source, target] = [await idOf(from), await idOf(to)]
  await to.cli('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source)
  await from.cli('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target)
  await delay(MOVING_MS / 3)
  const keys = (await from.cli('CLUSTER', 'GETKEYSINSLOT', slot, '100')).trim().split('\n')
  for (const key of keys) {
    await from.cli('MIGRATE', '127.0.0.1', String(to.port), key, '0', '5000')
    await delay(MOVING_MS / 3 / keys.length)
  }
  await delay(MOVING_MS / 3)
  for (const node of [to, from, ...cluster.nodes]) await node.cli('CLUSTER', 'SETSLOT', slot, 'NODE', target)
}

const FAILED_OVER =
  'reports wait until another master takes writes; what the replica had received is there; in order, nothing twice; `/readyz` says why meanwhile'

/** Sentinels and Clusters. */
export const failoverCases: readonly Case[] = [
  {
    name: 'sentinel-master-killed',
    fault: 'the master behind a Sentinel is killed in the stream of reports; its replica takes over; it comes back',
    promise: FAILED_OVER,
    quick: false,
    run: failover(
      master => master.kill(),
      async watched => {
        await watched.master.restart()
        await demoted(watched)
      },
    ),
  },
  {
    name: 'sentinel-master-hangs',
    fault: 'the master behind a Sentinel hangs (`SIGSTOP`); its replica takes over; it goes on and believes to be master still',
    promise: `${FAILED_OVER}; nothing is written to the old master`,
    quick: false,
    run: failover(
      master => master.pause(),
      async watched => {
        watched.master.resume()
        await demoted(watched)
      },
    ),
  },
  {
    name: 'cluster-resharded',
    fault: `the slot of a host moves to another node of the Cluster, key by key over ${MOVING_MS / 1000} s, while the host reports`,
    promise: 'reports wait while their slot moves; nothing is lost, doubled, or written beside what moves; no host is taken for a stranger',
    quick: true,
    async run(world) {
      const { line, cluster } = await withCluster(world)
      const { slot, owner, other } = await placeOf(cluster, line.observer.hostId)
      const broken = performance.now()
      const moving = moveSlot(cluster, slot, owner, other)
      let moved = false
      const done = moving.finally(() => {
        moved = true
      })
      while (!moved) await line.observe(1)
      await done
      const mended = performance.now()
      await line.observe(5)
      await line.arrived()
      sameOrder(await line.history(), line.observed)
      promised(line.witness.down('observer').length === 0, 'no host is shown as gone')
      promised(!line.collector.process.lines.some(text => /lost data or entries/.test(text)), 'the move is not taken for a loss')
      return `${line.observed.length} changes, ${seconds(mended - broken)} of moving among them; all in order ${seconds(performance.now() - mended)} after the move`
    },
  },
  {
    name: 'cluster-node-killed',
    fault: 'the node of a Cluster that has the slot of a host is killed with `kill -9`, and started again',
    promise: 'reports of its hosts wait; nothing is lost, doubled or out of order',
    quick: false,
    async run(world) {
      const { line, cluster } = await withCluster(world)
      const { owner } = await placeOf(cluster, line.observer.hostId)
      const broken = performance.now()
      await owner.kill()
      await line.observe(20)
      await until(() => line.witness.after(broken, 'not ready') !== undefined, 'the collector says that it is not ready')
      const told = line.witness.after(broken, 'not ready') ?? 0
      await owner.restart()
      const late = await line.arrived()
      sameOrder(await line.history(), line.observed)
      promised(line.witness.down('observer').length === 0, 'no host is shown as gone')
      return `not ready told after ${seconds(told)}; all ${line.observed.length} changes in order ${seconds(late)} after the node was back`
    },
  },
]
