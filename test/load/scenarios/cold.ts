import { type Figure, numberText } from '../../bench/figure.ts'
import { progress } from '../../bench/progress.ts'
import { startWorker } from '../../bench/worker.ts'
import { memoryOf } from '../costs.ts'
import type { FillCalls } from '../fill-worker.ts'
import type { Scenario } from '../scenario.ts'
import { scrape, seriesOf } from '../scrape.ts'
import type { World } from '../world.ts'

const HOSTS = { quick: 1_000, whole: 50_000 }

/** A collector starts on a Redis that knows a fleet. */
export const cold: Scenario = {
  name: 'cold',
  title: 'cold start from Redis, and what a host weighs there',

  async run(world) {
    const { options } = world
    const [hosts = options.quick ? HOSTS.quick : HOSTS.whole] = options.hosts ?? []
    const redis = await world.redis()
    const used = async () => Number(/^used_memory:(\d+)/m.exec(await redis.cli('INFO', 'memory'))?.[1])
    const before = await used()
    progress(`cold: ${hosts} hosts are written`)
    const filled = await fill(world, redis.url, hosts)
    const after = await used()
    progress('cold: a collector starts')
    const collector = await world.collector({ store: redis.url })
    const { text, seconds } = await scrape(`${collector.url}/metrics/hosts?shard=0&of=16`, world.ca)
    const memory = await memoryOf(collector)
    const usage = await collector.worker.call('usage', {})
    const shown = seriesOf(text, 'fettle_agent_up').size

    const group = `cold start, ${hosts.toLocaleString('en')} hosts in Redis`
    const figure = (what: string, value: number, unit: Figure['unit'], more: Partial<Figure> = {}): Figure => ({
      group,
      what,
      value,
      unit,
      ...more,
    })
    return {
      scenario: 'cold',
      figures: [
        figure('start → the collector listens, every host loaded and judged', collector.seconds, 's'),
        figure('first scrape of one of 16 shards after it', seconds * 1000, 'ms'),
        figure('collector, resident memory', memory.resident / 2 ** 20, 'MB'),
        figure('the same a host', memory.resident / hosts / 1024, 'KB'),
        figure('Redis, memory a host, one transition of each fact', (after - before) / hosts / 1024, 'KB'),
      ],
      expectations: [
        { what: 'every host is loaded', met: usage.hosts === hosts, seen: `${usage.hosts} of ${hosts}` },
        { what: 'one shard shows about its part', met: shown > hosts / 32 && shown < hosts / 8, seen: `${shown}` },
      ],
      invalid: [],
      notes: [`cold: the store was filled in ${numberText(filled)} s`],
    }
  },
}

/** Writes a fleet into a store. @returns s it took */
export async function fill({ options }: World, store: string, hosts: number): Promise<number> {
  const worker = startWorker<FillCalls>('../load/fill-worker.ts')
  const { seconds } = await worker.call('fill', { store, hosts, seed: options.seed, base: Date.now() })
  await worker.stop()
  return seconds
}
