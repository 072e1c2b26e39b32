import { type Figure, numberText } from '../../bench/figure.ts'
import { cpuSecondsOf } from '../../bench/machine.ts'
import { pause, progress } from '../../bench/progress.ts'
import { hottest, memoryOf, sameTruth } from '../costs.ts'
import type { Scenario } from '../scenario.ts'
import { Histogram } from '../simulator/histogram.ts'
import { invalidIn } from '../verdict.ts'
import type { Running } from '../world.ts'

/** Hosts of one collector: below its limit of 15,000, so that another one can take a part of them. */
const HOSTS_A_COLLECTOR = 12_500
const HOSTS = { quick: 600, whole: 50_000 }
const SETTLE_MS = 900_000

/** A large fleet on several collectors with one Redis: each holds the whole of it. */
export const many: Scenario = {
  name: 'many',
  title: 'a large fleet on several collectors with one Redis',

  async run(world) {
    const { options } = world
    const [hosts = options.quick ? HOSTS.quick : HOSTS.whole] = options.hosts ?? []
    const redis = await world.redis()
    const count = Math.max(2, Math.ceil(hosts / HOSTS_A_COLLECTOR))
    const collectors: Running[] = []
    while (collectors.length < count) collectors.push(await world.collector({ store: redis.url }))
    const simulator = world.simulator()
    progress(`many: ${hosts} connect to ${count} collectors`)
    await simulator.make(hosts)
    const started = performance.now()
    await simulator.connect(await world.way(collectors), options.ramp)
    const settled = await simulator.settle(SETTLE_MS)
    const enrolled = (performance.now() - started) / 1000
    progress(`many: ${hosts} report`)
    await simulator.pace(options.rate * hosts)
    await pause(5)
    await simulator.told()
    const cpuOf = async () => (await Promise.all(collectors.map(one => one.worker.call('usage', {})))).map(usage => usage.cpuSeconds)
    const [before, redisBefore, from] = [await cpuOf(), cpuSecondsOf(redis.pid), performance.now()]
    if (options.profile) await collectors[0]?.worker.call('profile')
    await pause(options.seconds)
    const times = options.profile ? await collectors[0]?.worker.call('profiled', { file: world.file('many.cpuprofile') }) : undefined
    const took = (performance.now() - from) / 1000
    const cpu = (await cpuOf()).map((seconds, i) => (seconds - (before[i] ?? 0)) / took)
    const redisCpu = (cpuSecondsOf(redis.pid) - redisBefore) / took
    const told = await simulator.told()
    await simulator.pace(0)
    const differ = []
    for (const collector of collectors) differ.push(await sameTruth(collector, simulator, SETTLE_MS))
    const memory = await Promise.all(collectors.map(memoryOf))
    const latency = new Histogram()
    latency.add(told.latency)

    const group = `${hosts.toLocaleString('en')} agents on ${count} collectors with one Redis, ${options.tls ? 'TLS' : 'plain'}, ${numberText(options.rate * hosts)} reports/s wanted`
    const figure = (what: string, value: number, unit: Figure['unit']): Figure => ({ group, what, value, unit })
    return {
      scenario: 'many',
      figures: [
        figure('first connection → every host enrolled and told whole', enrolled, 's'),
        figure('reports/s: target', told.due / told.seconds, '1/s'),
        figure('reports/s: achieved', told.sent / told.seconds, '1/s'),
        figure('reports/s: acknowledged', told.acked / told.seconds, '1/s'),
        figure('report → ack, p50', latency.quantile(0.5), 'ms'),
        figure('report → ack, p99', latency.quantile(0.99), 'ms'),
        figure(
          'all collectors together, cores',
          cpu.reduce((sum, one) => sum + one, 0),
          '',
        ),
        figure('Redis, share of a core', 100 * redisCpu, '%'),
        figure('largest collector, resident memory', Math.max(...memory.map(one => one.resident)) / 2 ** 20, 'MB'),
        figure('the same a host of the fleet', Math.max(...memory.map(one => one.resident)) / hosts / 1024, 'KB'),
      ],
      expectations: [
        { what: 'every agent connects and all that it tells becomes durable', met: settled.open === 0, seen: `${settled.open} did not` },
        {
          what: 'each collector holds what every agent holds',
          met: differ.every(one => one === 0),
          seen: `${differ.join(', ')} hosts differ`,
        },
      ],
      invalid: invalidIn(told, `${hosts} agents`),
      notes: [
        `many: the load came from ${simulator.processes} processes, at most 5,000 hosts each`,
        ...(times ? [`many, one collector's own time: ${hottest(times)}`] : []),
      ],
    }
  },
}
