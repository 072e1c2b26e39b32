import type { Figure } from '../../bench/figure.ts'
import { progress } from '../../bench/progress.ts'
import { memoryOf, sameTruth } from '../costs.ts'
import type { Scenario } from '../scenario.ts'
import { Witness } from '../witness.ts'

const HOSTS = { quick: 500, whole: 10_000 }
const SETTLE_MS = 300_000

/** The collector is killed under all its agents: how long until it knows everything again, and whether it shows anyone down who is not. */
export const storm: Scenario = {
  name: 'storm',
  title: 'reconnect of every agent after a collector was killed',

  async run(world) {
    const { options } = world
    const [hosts = options.quick ? HOSTS.quick : HOSTS.whole] = options.hosts ?? []
    const redis = await world.redis()
    const first = await world.collector({ store: redis.url })
    const simulator = world.simulator()
    progress(`storm: ${hosts} connect`)
    await simulator.make(hosts)
    const way = await world.way([first])
    await simulator.connect(way, options.ramp)
    const before = await simulator.settle(SETTLE_MS)
    let differ = await sameTruth(first, simulator, SETTLE_MS)
    let urls = [first.url]
    const witness = new Witness(() => urls, world.ca, false)
    const shown = await witness.begin()
    await simulator.told()

    progress('storm: the collector is killed')
    urls = []
    const killedAt = performance.now()
    const second = await world.replace(first)
    const startedMs = performance.now() - killedAt
    urls = [second.url]
    const settled = await simulator.settle(SETTLE_MS)
    const connectedMs = performance.now() - killedAt
    differ += await sameTruth(second, simulator, SETTLE_MS)
    const truthMs = performance.now() - killedAt
    const told = await simulator.told()
    const seen = await witness.end()
    const withAll = await memoryOf(second)

    progress('storm: connections are measured')
    const idle = await connectionMemory()
    const group = `${hosts.toLocaleString('en')} agents reconnect, ${options.tls ? 'TLS' : 'plain'}`
    const figure = (what: string, value: number, unit: Figure['unit'], more: Partial<Figure> = {}): Figure => ({
      group,
      what,
      value,
      unit,
      ...more,
    })
    const most = (limit: number) => (hosts === HOSTS.whole ? { budget: { of: 'value', bound: 'most', limit } as const } : {})
    return {
      scenario: 'storm',
      figures: [
        figure('kill → the collector listens again', startedMs / 1000, 's'),
        figure('kill → every agent is connected and has told what differs', connectedMs / 1000, 's'),
        figure('kill → the collector holds what every agent holds', truthMs / 1000, 's', most(30)),
        figure('handshakes', told.welcomes, ''),
        figure('answers 503 with Retry-After', told.busy, ''),
        figure('hosts shown down or missing that were not', seen.falseDowns, '', { budget: { of: 'value', bound: 'most', limit: 0 } }),
        figure('scrapes meanwhile', seen.scrapes, ''),
        figure('a connection, heap and buffers', idle, 'KB', {
          note: 'what OpenSSL takes itself is not in it; the resident size of plain ones is in `npm run bench`',
        }),
        figure('collector, resident memory with all', withAll.resident / 2 ** 20, 'MB'),
      ],
      expectations: [
        {
          what: 'every agent is there before and after',
          met: before.open + settled.open === 0,
          seen: `${before.open} and ${settled.open} were not`,
        },
        { what: 'every agent was shown as up at first', met: shown === hosts, seen: `${shown} of ${hosts}` },
        { what: 'nothing is lost', met: differ === 0, seen: `${differ} hosts differ` },
        { what: 'scrapes were answered', met: seen.scrapes > 0, seen: `${seen.scrapes}` },
      ],
      // How late a simulator was counts for nothing here: agents back off by their own clocks.
      invalid: told.stalls > 0 ? [`the clock of a simulator stood still ${told.stalls} times`] : [],
      notes: seen.examples.map(example => `storm: ${example}`),
    }

    /** The same fleet on a collector that has loaded all hosts already: what grows is the connection. */
    async function connectionMemory(): Promise<number> {
      await simulator.leave()
      const third = await world.replace(second)
      const alone = await memoryOf(third)
      await simulator.again(await world.way([third]), options.ramp)
      await simulator.settle(SETTLE_MS)
      const all = await memoryOf(third)
      return (all.heap - alone.heap) / hosts / 1024
    }
  },
}
