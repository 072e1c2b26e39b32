import { writeFile } from 'node:fs/promises'
import { type Figure, numberText } from '../../bench/figure.ts'
import { progress } from '../../bench/progress.ts'
import { keepFleet } from '../cache.ts'
import { type Costs, hottest, measure, memoryOf, sameTruth } from '../costs.ts'
import { svgOf } from '../plot.ts'
import type { Scenario } from '../scenario.ts'
import { BAD_DAY } from '../simulator/mischief.ts'
import { invalidIn, type Outcome } from '../verdict.ts'
import type { World } from '../world.ts'

const STEPS = { quick: [100, 300, 600], whole: [1_000, 2_500, 5_000, 10_000, 15_000] }
/** A fleet of one step is connected and has told everything within this, ms. */
const SETTLE_MS = 300_000
/** What stops a Redis for longer is told: mostly its disk, which is not the collector's to mend, ms. */
const SLOW_MS = 50
const MIB = 2 ** 20

/** More and more agents on one collector, and what each step costs. */
export const agents: Scenario = {
  name: 'agents',
  title: 'agents on one collector',

  async run(world) {
    const { options } = world
    const redis = await world.redis(['--latency-monitor-threshold', String(SLOW_MS)])
    const collector = await world.collector({ store: redis.url })
    const simulator = world.simulator()
    // One that begins with a fleet which is kept tells nothing of what a host weighs.
    const { resident } = await memoryOf(collector)
    const empty = (await collector.worker.call('usage', {})).hosts > 0 ? undefined : resident
    const steps: Costs[] = []
    const outcome = { invalid: [] as string[], notes: [] as string[], differ: 0, slow: 0 }
    for (const hosts of options.hosts ?? (options.quick ? STEPS.quick : STEPS.whole)) {
      progress(`agents: ${hosts} connect`)
      const known = await simulator.make(hosts)
      if (known > 0) progress(`agents: ${known} of them had enrolled in an earlier run`)
      await simulator.connect(await world.way([collector]), options.ramp)
      const settled = await simulator.settle(SETTLE_MS)
      outcome.slow += settled.open
      if (options.knobs === 'bad-day') await simulator.misbehave(BAD_DAY)
      progress(`agents: ${hosts} report, ${numberText(hosts * options.rate)} a second`)
      await redis.cli('LATENCY', 'RESET')
      const costs = await measure(world, collector, simulator, `agents-${hosts}`, redis.pid)
      await simulator.behave()
      outcome.notes.push(...slowness(hosts, await redis.cli('LATENCY', 'LATEST')))
      steps.push(costs)
      world.soFar.push(...figuresOf(world, costs, empty))
      outcome.invalid.push(...invalidIn(costs.told, `${hosts} agents`))
      if (options.profile) outcome.notes.push(`${hosts} agents, the collector's own time: ${hottest(costs.profile)}`)
      if (options.knobs === 'good') outcome.differ += await sameTruth(collector, simulator, SETTLE_MS)
    }
    outcome.notes.push(`the load came from ${simulator.processes} processes, at most 5,000 hosts each, a site of 200 behind one address`)
    if (options.cache !== undefined) {
      await simulator.leave()
      await keepFleet(options.cache, { seed: options.seed, base: world.base }, simulator, redis)
    }
    await plot(world, steps, empty)
    return told(world, steps, empty, outcome)
  },
}

/** What stopped Redis, by its own latency monitor: name, when, last and worst, four lines each. */
function slowness(hosts: number, latest: string): string[] {
  const lines = latest.trim().split('\n')
  const events = lines.flatMap((name, i) => (i % 4 === 0 && name ? [`${name} up to ${lines[i + 3]} ms`] : []))
  return events.length === 0 ? [] : [`${hosts} agents: Redis stood still itself: ${events.join(', ')}`]
}

function told(
  world: World,
  steps: readonly Costs[],
  empty: number | undefined,
  { invalid, notes, differ, slow }: { invalid: string[]; notes: string[]; differ: number; slow: number },
): Outcome {
  return {
    scenario: 'agents',
    figures: steps.flatMap(costs => figuresOf(world, costs, empty)),
    expectations: [
      { what: 'every agent connects and all that it tells becomes durable', met: slow === 0, seen: `${slow} did not` },
      { what: 'the collector holds what every agent holds', met: differ === 0, seen: `${differ} hosts differ` },
    ],
    invalid,
    notes,
  }
}

function figuresOf({ options }: World, costs: Costs, empty: number | undefined): Figure[] {
  const { hosts, told } = costs
  const group = `${hosts.toLocaleString('en')} agents on one collector, ${options.tls ? 'TLS' : 'plain'}, ${numberText(options.rate * hosts)} reports/s wanted`
  const figure = (what: string, value: number, unit: Figure['unit'], more: Partial<Figure> = {}): Figure => ({
    group,
    what,
    value,
    unit,
    ...more,
  })
  const most = (limit: number): Partial<Figure> => (hosts === 10_000 ? { budget: { of: 'value', bound: 'most', limit } } : {})
  return [
    figure('reports/s: target', told.due / told.seconds, '1/s'),
    figure('reports/s: achieved', told.sent / told.seconds, '1/s'),
    figure('reports/s: acknowledged', told.acked / told.seconds, '1/s'),
    figure('report → ack, p50', costs.p50, 'ms'),
    figure('report → ack, p99', costs.p99, 'ms', most(100)),
    figure('report → /metrics/hosts, p50', costs.shown50, 'ms'),
    figure('report → /metrics/hosts, p99', costs.shown99, 'ms', { budget: { of: 'value', bound: 'most', limit: 2_000 } }),
    figure('collector, share of a core', 100 * costs.cpu, '%'),
    figure('Redis, share of a core', 100 * costs.redisCpu, '%'),
    figure('collector, resident memory', costs.resident / MIB, 'MB'),
    ...(empty === undefined
      ? []
      : [figure('the same a host, connection and all that is known of it', (costs.resident - empty) / hosts / 1024, 'KB')]),
    figure('longest stop of the event loop', costs.stopMs, 'ms'),
    figure('busiest simulator, share of a core', 100 * told.cpu, '%'),
  ]
}

async function plot(world: World, steps: readonly Costs[], empty: number | undefined): Promise<void> {
  const line = (name: string, of: (costs: Costs) => number) => ({ name, points: steps.map(costs => [costs.hosts, of(costs)] as const) })
  const x = 'hosts'
  const charts = [
    {
      title: 'Resident memory of the collector',
      unit: 'MB',
      x,
      lines: [line('resident', costs => costs.resident / MIB), line('heap', costs => costs.heap / MIB)],
    },
    ...(empty === undefined
      ? []
      : [{ title: 'Memory a host', unit: 'KB', x, lines: [line('resident', costs => (costs.resident - empty) / costs.hosts / 1024)] }]),
    {
      title: 'CPU',
      unit: '% of a core',
      x,
      lines: [line('collector', costs => 100 * costs.cpu), line('Redis', costs => 100 * costs.redisCpu)],
    },
    {
      title: 'Report to acknowledgement',
      unit: 'ms',
      x,
      limit: 100,
      lines: [line('p50', costs => costs.p50), line('p99', costs => costs.p99)],
    },
    { title: 'Report to /metrics/hosts', unit: 'ms', x, lines: [line('p50', costs => costs.shown50), line('p99', costs => costs.shown99)] },
    { title: 'Longest stop of the event loop', unit: 'ms', x, lines: [line('longest', costs => costs.stopMs)] },
  ]
  const title = `One collector, ${numberText(world.options.rate)} reports/s a host, ${world.options.tls ? 'TLS' : 'plain'}`
  await writeFile(world.file(`agents${world.options.tls ? '-tls' : ''}.svg`), svgOf(title, charts))
}
