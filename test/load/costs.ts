import { cpuSecondsOf } from '../bench/machine.ts'
import { pause } from '../bench/progress.ts'
import { quantile } from '../bench/statistics.ts'
import { until } from '../kit/until.ts'
import { scrape } from './scrape.ts'
import { Histogram } from './simulator/histogram.ts'
import type { Told } from './simulator/tally.ts'
import type { Simulator } from './simulator.ts'
import type { Running, World } from './world.ts'

/** Facts whose way into the exposition is timed in one measurement. */
const SHOWN = 20
/** How often is looked for a fact that comes, ms. */
const LOOK_MS = 5
/** Memory settles for so long after a change of load, s. */
const SETTLE_S = 3

/** What a collector costs under a steady load. */
export type Costs = {
  readonly hosts: number
  /** Bytes. */
  readonly resident: number
  readonly heap: number
  /** Shares of a core. */
  readonly cpu: number
  readonly redisCpu: number
  /** Longest stop of the event loop, ms; and what 99 % of its turns stayed under. */
  readonly stopMs: number
  /** Report → ack, ms. */
  readonly p50: number
  readonly p99: number
  /** Report → /metrics/hosts, ms. */
  readonly shown50: number
  readonly shown99: number
  readonly told: Told
  /** Milliseconds by function; empty without `--profile`. */
  readonly profile: Readonly<Record<string, number>>
}

/** Resident memory and heap right after a collection, bytes. */
export async function memoryOf({ worker }: Running): Promise<{ readonly resident: number; readonly heap: number }> {
  await worker.call('usage', { collect: true })
  await pause(SETTLE_S)
  return await worker.call('usage', { collect: true })
}

/** Measures one collector while the fleet reports at a rate. @param name of the profile's file */
export async function measure(world: World, running: Running, simulator: Simulator, name: string, redisPid?: number): Promise<Costs> {
  const { rate, seconds, profile } = world.options
  const { resident, heap } = await memoryOf(running)
  await simulator.pace(rate * simulator.hosts)
  await pause(SETTLE_S)
  await simulator.told()
  if (profile) await running.worker.call('profile')
  const before = await running.worker.call('usage', {})
  const redisBefore = redisPid === undefined ? 0 : cpuSecondsOf(redisPid)
  const started = performance.now()
  const shown = await Promise.all([howSoonShown(world, running, simulator), pause(seconds)]).then(([times]) => times)
  const took = (performance.now() - started) / 1000
  const after = await running.worker.call('usage', {})
  const redisCpu = redisPid === undefined ? 0 : (cpuSecondsOf(redisPid) - redisBefore) / took
  const told = await simulator.told()
  const times = profile ? await running.worker.call('profiled', { file: world.file(`${name}.cpuprofile`) }) : {}
  await simulator.pace(0)
  const latency = new Histogram()
  latency.add(told.latency)
  return {
    ...{ hosts: simulator.hosts, resident, heap, redisCpu, told, profile: times },
    cpu: (after.cpuSeconds - before.cpuSeconds) / took,
    stopMs: after.stopMs,
    p50: latency.quantile(0.5),
    p99: latency.quantile(0.99),
    shown50: quantile(shown, 0.5),
    shown99: quantile(shown, 0.99),
  }
}

/** How long facts take from a host into the series, ms each. */
async function howSoonShown(world: World, { url }: Running, simulator: Simulator): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < SHOWN; i++) {
    const nth = Math.floor((i / SHOWN) * simulator.hosts) + i
    const instance = await simulator.instance(nth)
    const look = async () =>
      /^fettle_filesystem_avail_bytes\{.*$/m.exec((await scrape(`${url}/metrics/hosts/${instance}`, world.ca)).text)?.[0]
    const before = await look()
    const started = performance.now()
    await simulator.change(nth)
    for (let now = before; now === before && performance.now() - started < 30_000; now = await look()) await pause(LOOK_MS / 1000)
    times.push(performance.now() - started)
  }
  return times
}

/** Waits until the collector holds exactly what every host holds. @returns hosts that differ at last */
export async function sameTruth(collector: Running, simulator: Simulator, withinMs: number): Promise<number> {
  let differ = Number.POSITIVE_INFINITY
  const look = async () => {
    const [told, held] = await Promise.all([simulator.truth(), collector.worker.call('truth')])
    differ = [...told].filter(([hostId, digest]) => held[hostId] !== digest).length
    return differ === 0
  }
  await until(look, 'the same truth at both ends', withinMs).catch(() => {})
  return differ
}

/** The functions in which most time was spent, one line. */
export function hottest(profile: Readonly<Record<string, number>>, most = 8): string {
  const idle = new Set(['(idle)', '(program)', 'post node:inspector'])
  const total = Object.entries(profile).reduce((sum, [name, ms]) => sum + (idle.has(name) ? 0 : ms), 0)
  return Object.entries(profile)
    .filter(([name]) => !idle.has(name))
    .sort((a, b) => b[1] - a[1])
    .slice(0, most)
    .map(([name, ms]) => `${name} ${((100 * ms) / total).toFixed(1)} %`)
    .join(', ')
}
