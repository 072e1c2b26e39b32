import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Figure } from '../../bench/figure.ts'
import { pause, progress } from '../../bench/progress.ts'
import { startServer } from '../../kit/server.ts'
import { until } from '../../kit/until.ts'
import type { Scenario } from '../scenario.ts'
import type { Running, World } from '../world.ts'
import { fill } from './cold.ts'

const HOSTS = { quick: 1_000, whole: 10_000 }
/** How often Prometheus scrapes, s, and how many times every shard is. */
const INTERVAL_S = { quick: 5, whole: 15 }
const ROUNDS = 4

/** A real Prometheus scrapes the whole fleet in shards, and tells how long each took. */
export const shards: Scenario = {
  name: 'shards',
  title: 'a real Prometheus scrapes the fleet in 16 and 64 shards',

  async run(world) {
    const { options } = world
    const [hosts = options.quick ? HOSTS.quick : HOSTS.whole] = options.hosts ?? []
    const redis = await world.redis()
    progress(`shards: ${hosts} hosts are written`)
    await fill(world, redis.url, hosts)
    const taken = []
    for (const count of [16, 64]) {
      progress(`shards: ${count} of them`)
      const collector = await world.collector({ store: redis.url, settings: `shards: ${count}\n` })
      taken.push({ of: count, ...(await scraped(world, collector, count)) })
      await collector.worker.stop()
    }
    const figures = taken.flatMap(({ of, median, slowest, sum, series, stopMs, cpu }): Figure[] => {
      const group = `Prometheus scrapes ${hosts.toLocaleString('en')} hosts in ${of} shards`
      const most = (limit: number) => (hosts === HOSTS.whole && of === 16 ? { budget: { of: 'value', bound: 'most', limit } as const } : {})
      return [
        { group, what: 'one shard by scrape_duration_seconds, median', value: median * 1000, unit: 'ms', ...most(60) },
        { group, what: 'the slowest', value: slowest * 1000, unit: 'ms' },
        { group, what: 'all shards of a round together', value: sum * 1000, unit: 'ms' },
        { group, what: 'series', value: series, unit: '' },
        { group, what: 'longest stop of the event loop', value: stopMs, unit: 'ms', ...most(50) },
        { group, what: 'collector, share of a core', value: cpu * 100, unit: '%' },
      ]
    })
    const seen = taken.map(({ of, up, series }) => ({ of, up, series }))
    return {
      scenario: 'shards',
      figures,
      expectations: [
        ...seen.map(({ of, up }) => ({ what: `Prometheus reads each of ${of} shards`, met: up === of, seen: `${up}` })),
        {
          what: 'as many series however the fleet is cut',
          met: new Set(seen.map(one => one.series)).size === 1,
          seen: seen.map(one => one.series).join(', '),
        },
      ],
      invalid: [],
      notes: [],
    }
  },
}

type Vector = { readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] } }

async function scraped({ options }: World, collector: Running, of: number) {
  const interval = options.quick ? INTERVAL_S.quick : INTERVAL_S.whole
  const folder = await mkdtemp(join(tmpdir(), 'prometheus-'))
  await writeFile(join(folder, 'prometheus.yml'), configOf(collector.url, interval))
  const argv = [
    'prometheus',
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    '--web.listen-address=127.0.0.1:0',
  ]
  const { server, match } = await startServer(argv, /Listening on" address=(\S+)[\s\S]*Server is ready/)
  const ask = async (query: string) => {
    const answer = await fetch(`http://${match[1]}/api/v1/query?${new URLSearchParams({ query })}`)
    return ((await answer.json()) as Vector).data.result.map(({ value }) => Number(value[1]))
  }
  try {
    await until(async () => (await ask('up == 1')).length === of, `${of} shards that are up`, 120_000)
    // The first round renders everything; what counts is how it goes on.
    await pause(interval)
    const before = await collector.worker.call('usage', {})
    await pause(interval * ROUNDS)
    const after = await collector.worker.call('usage', {})
    const span = `[${interval * ROUNDS}s]`
    const [median = Number.NaN] = await ask(`quantile(0.5, avg_over_time(scrape_duration_seconds${span}))`)
    const [slowest = Number.NaN] = await ask(`max(max_over_time(scrape_duration_seconds${span}))`)
    const [sum = Number.NaN] = await ask(`sum(avg_over_time(scrape_duration_seconds${span}))`)
    const [series = 0] = await ask('sum(scrape_samples_scraped)')
    const up = (await ask('up == 1')).length
    const cpu = (after.cpuSeconds - before.cpuSeconds) / (interval * ROUNDS)
    return { median, slowest, sum, series, up, stopMs: after.stopMs, cpu }
  } finally {
    await server.stop()
  }
}

const configOf = (url: string, interval: number) => `global:
  scrape_interval: ${interval}s
  scrape_timeout: ${interval}s
scrape_configs:
  - job_name: fettle-hosts
    honor_labels: true
    http_sd_configs:
      - url: ${url}/sd/prometheus
        refresh_interval: 5s
`
