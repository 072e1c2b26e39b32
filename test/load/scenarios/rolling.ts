import type { Figure } from '../../bench/figure.ts'
import { pause, progress } from '../../bench/progress.ts'
import { sameTruth } from '../costs.ts'
import type { Scenario } from '../scenario.ts'
import { Histogram } from '../simulator/histogram.ts'
import { Witness } from '../witness.ts'
import type { Running } from '../world.ts'

const HOSTS = { quick: 300, whole: 3_000 }
const SETTLE_MS = 180_000
/** Time between two restarts, s. */
const BETWEEN = { quick: 3, whole: 20 }

/** Three collectors are restarted one after the other under their agents, while everything goes on. */
export const rolling: Scenario = {
  name: 'rolling',
  title: 'rolling restart of three collectors',

  async run(world) {
    const { options } = world
    const [hosts = options.quick ? HOSTS.quick : HOSTS.whole] = options.hosts ?? []
    const redis = await world.redis()
    const collectors: Running[] = []
    for (let i = 0; i < 3; i++) collectors.push(await world.collector({ store: redis.url }))
    const simulator = world.simulator()
    await simulator.make(hosts)
    await simulator.connect(await world.way(collectors), options.ramp)
    const before = await simulator.settle(SETTLE_MS)
    for (const collector of collectors) await sameTruth(collector, simulator, SETTLE_MS)
    // Findings settle: what is bad only after a while is bad by then.
    await pause(2)
    const away = new Set<string>()
    const witness = new Witness(() => collectors.map(one => one.url).filter(url => !away.has(url)), world.ca, true)
    const shown = await witness.begin()
    await simulator.pace(options.rate * hosts, 'usage')
    await simulator.told()
    for (const [i, collector] of collectors.entries()) {
      progress(`rolling: collector ${i + 1} of 3 restarts`)
      away.add(collector.url)
      collectors[i] = await world.restart(collector)
      away.delete(collector.url)
      await pause(options.quick ? BETWEEN.quick : BETWEEN.whole)
    }
    await simulator.pace(0)
    const settled = await simulator.settle(SETTLE_MS)
    const told = await simulator.told()
    let differ = 0
    for (const collector of collectors) differ += await sameTruth(collector, simulator, SETTLE_MS)
    const seen = await witness.end()
    progress('rolling: a fourth collector reads what is stored')
    const fourth = await world.collector({ store: redis.url })
    const stored = await sameTruth(fourth, simulator, SETTLE_MS)
    const latency = new Histogram()
    latency.add(told.latency)

    const group = `rolling restart of three collectors, ${hosts.toLocaleString('en')} agents, ${options.tls ? 'TLS' : 'plain'}`
    const figure = (what: string, value: number, unit: Figure['unit'], more: Partial<Figure> = {}): Figure => ({
      group,
      what,
      value,
      unit,
      ...more,
    })
    const none = { budget: { of: 'value', bound: 'most', limit: 0 } } as const
    return {
      scenario: 'rolling',
      figures: [
        figure('hosts shown down or missing that were not', seen.falseDowns, '', none),
        figure('findings that changed although nothing had', seen.flapped, '', none),
        figure('scrapes all along, of every collector that was to answer', seen.scrapes, ''),
        figure('hosts whose stored facts differ from what they hold', stored, '', none),
        figure('reports acknowledged meanwhile', told.acked, ''),
        figure('report → ack, p99, restarts included', latency.quantile(0.99), 'ms'),
      ],
      expectations: [
        {
          what: 'every agent is there before and after',
          met: before.open + settled.open === 0,
          seen: `${before.open} and ${settled.open} were not`,
        },
        { what: 'every agent was shown as up at first', met: shown === hosts, seen: `${shown} of ${hosts}` },
        { what: 'each collector holds what every agent holds', met: differ === 0, seen: `${differ} hosts differ` },
        { what: 'each collector that was to answer did', met: seen.failed === 0, seen: `${seen.failed} scrapes failed` },
      ],
      invalid: told.stalls > 0 ? [`the clock of a simulator stood still ${told.stalls} times`] : [],
      notes: seen.examples.map(example => `rolling: ${example}`),
    }
  },
}
