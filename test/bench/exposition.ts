import { writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { CollectorCalls } from './collector-worker.ts'
import type { Figure } from './figure.ts'
import { progress } from './progress.ts'
import type { PromCalls } from './prom-worker.ts'
import { median } from './statistics.ts'
import { startWorker } from './worker.ts'

const SHARDS = 16
/** Scrapes of a kind; the middle one counts, the longest stop of the event loop does. */
const RUNS = { quick: 3, whole: 5 } as const

type Scrape = { readonly seconds: number; readonly bytes: number; readonly stoppedMs: number; readonly body: Buffer }
type Watched = { call(name: 'watch'): Promise<void>; call(name: 'watchedMs'): Promise<number> }

/** What a scrape of the fleet costs, against prom-client with the same series. */
export async function exposition(quick: boolean): Promise<Figure[]> {
  const figures: Figure[] = []
  const runs = quick ? RUNS.quick : RUNS.whole
  for (const hosts of quick ? [1000] : [1000, 10_000]) figures.push(...(await ofFleet(hosts, runs)))
  return figures
}

async function ofFleet(hosts: number, runs: number): Promise<Figure[]> {
  const worker = startWorker<CollectorCalls>('collector-worker.ts', ['--expose-gc'])
  const { url } = await worker.call('start', { beat: '1h' })
  progress(`exposition: ${hosts} hosts are made up`)
  await worker.call('fill', { hosts })
  const all = `${url}/metrics/hosts`
  const shard = `${all}?shard=3&of=${SHARDS}`
  progress(`exposition: ${hosts} hosts are scraped`)
  const cold = await scrape(worker, all, 'identity')
  const file = join(tmpdir(), `series-${hosts}.txt`)
  await writeFile(file, cold.body)
  const taken = {
    all: await several(() => scrape(worker, all, 'identity'), runs),
    allGzip: await several(() => scrape(worker, all, 'gzip'), runs),
    shardGzip: await several(() => scrape(worker, shard, 'gzip'), runs),
    shardsChanged: await several(async () => {
      await worker.call('changeAll')
      return await scrape(worker, shard, 'gzip')
    }, runs),
    changed: await several(async () => {
      await worker.call('changeAll')
      return await scrape(worker, all, 'gzip')
    }, runs),
  }
  await worker.stop()
  const series = cold.body.toString('latin1').match(/^[^#\n]/gm)?.length ?? 0
  const prom = await promClient(file, hosts > 1000 ? 2 : runs, hosts)
  return figuresOf(hosts, series, taken, prom)
}

type Taken = { readonly [name in 'all' | 'allGzip' | 'shardGzip' | 'shardsChanged' | 'changed']: Scrape }

function figuresOf(hosts: number, series: number, taken: Taken, prom: { plain: Scrape; gzip: Scrape; series: number }): Figure[] {
  const group = `exposition, ${hosts.toLocaleString('en')} hosts, ${series.toLocaleString('en')} series`
  // The budgets are those of 10,000 hosts; smaller fleets are only told.
  const most = (limit: number) => (hosts === 10_000 ? { budget: { of: 'value', bound: 'most', limit } as const } : {})
  const client = (value: number) => ({ baseline: { name: 'prom-client', value } })
  const time = (what: string, { seconds }: Scrape, more: Partial<Figure>): Figure => ({
    group,
    what,
    value: seconds * 1000,
    unit: 'ms',
    ...more,
  })
  const plain = client(prom.plain.seconds * 1000)
  const gzip = client(prom.gzip.seconds * 1000)
  const stop = (what: string, ...scrapes: Scrape[]): Figure => {
    const value = Math.max(...scrapes.map(scrape => scrape.stoppedMs))
    return { group, what, value, unit: 'ms', ...client(Math.max(prom.plain.stoppedMs, prom.gzip.stoppedMs)), ...most(50) }
  }
  return [
    time('all, warm', taken.all, { ...plain, ...most(500) }),
    time('all, warm, gzip', taken.allGzip, { ...gzip, ...most(500) }),
    time('all, gzip, every fact of every host changed', taken.changed, gzip),
    time(`one of ${SHARDS} shards, warm, gzip`, taken.shardGzip, { ...gzip, ...most(60) }),
    time(`one of ${SHARDS} shards, gzip, every fact changed`, taken.shardsChanged, gzip),
    stop('event loop stopped at most, warm', taken.all, taken.allGzip, taken.shardGzip),
    stop('event loop stopped at most, every fact changed', taken.changed, taken.shardsChanged),
    { group, what: 'bytes of all, gzip', value: taken.allGzip.bytes / 1024, unit: 'KB', ...client(prom.gzip.bytes / 1024) },
    { group, what: 'bytes of all', value: taken.all.bytes / 1024, unit: 'KB', ...client(prom.plain.bytes / 1024) },
  ]
}

async function promClient(file: string, runs: number, hosts: number): Promise<{ plain: Scrape; gzip: Scrape; series: number }> {
  progress(`exposition: prom-client with the series of ${hosts} hosts`)
  const worker = startWorker<PromCalls>('prom-worker.ts', ['--max-old-space-size=8192'])
  const { series } = await worker.call('load', { file })
  const { url } = await worker.call('listen')
  const plain = await several(() => scrape(worker, url, 'identity'), runs)
  const gzip = await several(() => scrape(worker, url, 'gzip'), runs)
  await worker.stop()
  return { plain, gzip, series }
}

/** The middle time, with the longest stop of all. */
async function several(take: () => Promise<Scrape>, runs: number): Promise<Scrape> {
  const scrapes: Scrape[] = []
  while (scrapes.length < runs) scrapes.push(await take())
  const [last] = scrapes.slice(-1)
  if (!last) throw new Error('Cannot tell of no scrape')
  return {
    ...last,
    seconds: median(scrapes.map(scrape => scrape.seconds)),
    stoppedMs: Math.max(...scrapes.map(scrape => scrape.stoppedMs)),
  }
}

async function scrape(worker: Watched, url: string, encoding: 'identity' | 'gzip'): Promise<Scrape> {
  await worker.call('watch')
  const started = performance.now()
  const chunks = await new Promise<Buffer[]>((resolve, reject) => {
    get(url, { headers: { 'Accept-Encoding': encoding } }, response => {
      const got: Buffer[] = []
      response.on('data', (chunk: Buffer) => got.push(chunk))
      response.once('end', () => (response.statusCode === 200 ? resolve(got) : reject(new Error(`${url} answered ${response.statusCode}`))))
      response.once('error', reject)
    }).once('error', reject)
  })
  const seconds = (performance.now() - started) / 1000
  const stoppedMs = await worker.call('watchedMs')
  const body = Buffer.concat(chunks)
  // Read once, so that a broken stream cannot pass for a fast one.
  if (encoding === 'gzip') gunzipSync(body)
  return { seconds, bytes: body.length, stoppedMs, body }
}
