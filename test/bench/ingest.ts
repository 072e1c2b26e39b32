import { startRedis } from '../kit/redis.ts'
import type { CollectorCalls } from './collector-worker.ts'
import type { EchoCalls } from './echo-worker.ts'
import type { Figure } from './figure.ts'
import { cpuSecondsOf } from './machine.ts'
import type { PipelineCalls } from './pipeline-worker.ts'
import { pause, progress } from './progress.ts'
import type { SpeakerCalls } from './speaker-worker.ts'
import { median } from './statistics.ts'
import { startWorker, type Worker } from './worker.ts'

/** Unanswered reports that a connection may have. */
const WINDOW = 16
/** Parts of a flood that are measured each for itself; the middle one counts. */
const PARTS = 3

type Size = { readonly connections: number; readonly seconds: number; readonly rate: number }
type Rates = { readonly perSecond: number; readonly perCore: number }
type Paced = { readonly samples: number; readonly p50: number; readonly p99: number }

/** How many reports a second become durable and acknowledged, and how long one takes. */
export async function ingest(quick: boolean): Promise<Figure[]> {
  const size = quick ? { connections: 100, seconds: 2, rate: 500 } : { connections: 1000, seconds: 15, rate: 2000 }
  const echo = await echoed(size)
  const sqlite = await collected(size, undefined)
  const redis = await startRedis(['--appendfsync', 'everysec'])
  try {
    progress('ingest: bare pipelined Redis')
    const worker = startWorker<PipelineCalls>('pipeline-worker.ts')
    const bare = await worker.call('run', { port: redis.port, bytes: echo.frameBytes, seconds: size.seconds, hosts: size.connections })
    await worker.stop()
    await redis.cli('FLUSHALL')
    const kept = await collected(size, redis.url, redis.pid)
    return figuresOf(size, echo, sqlite, kept, bare)
  } finally {
    await redis.stop()
  }
}

function figuresOf(size: Size, echo: Echoed, sqlite: Collected, redis: Collected, bare: Rates): Figure[] {
  const group = `ingest, ${size.connections} connections, reports of ${echo.frameBytes} bytes, ${WINDOW} unanswered each`
  const paced = `at ${size.rate} reports/s`
  const wsEcho = { name: 'bare ws echo', value: echo.rates.perSecond }
  const line = (what: string, value: number, more: Partial<Figure> = {}): Figure => ({ group, what, value, unit: '1/s', ...more })
  const ms = (what: string, value: number, base: number, more: Partial<Figure> = {}) =>
    line(what, value, { unit: 'ms', baseline: { name: 'bare ws echo', value: base }, ...more })
  const per = { name: 'bare ws echo', value: echo.rates.perCore }
  return [
    line('Redis: durable reports/s', redis.rates.perSecond, {
      baseline: { name: 'bare pipelined Redis', value: bare.perSecond },
      note: `appendonly yes, appendfsync everysec; the speakers and Redis share the machine with the collector; Redis itself took ${(redis.storeCpu * 100).toFixed(0)} % of a core`,
    }),
    line('Redis: reports/s per core of the collector', redis.rates.perCore, {
      baseline: per,
      budget: { of: 'value', bound: 'least', limit: 20_000 },
    }),
    line('Redis: the same against the pipelining client', redis.rates.perCore, {
      baseline: { name: 'bare pipelining client', value: bare.perCore },
    }),
    line('SQLite: durable reports/s', sqlite.rates.perSecond, {
      baseline: wsEcho,
      note: 'WAL, synchronous FULL: on the disk at each commit',
    }),
    line('SQLite: reports/s per core of the collector', sqlite.rates.perCore, { baseline: per }),
    ms(`Redis: report → ack, p50 ${paced}`, redis.paced.p50, echo.paced.p50),
    ms(`Redis: report → ack, p99 ${paced}`, redis.paced.p99, echo.paced.p99, { budget: { of: 'value', bound: 'most', limit: 100 } }),
    ms(`SQLite: report → ack, p50 ${paced}`, sqlite.paced.p50, echo.paced.p50),
    ms(`SQLite: report → ack, p99 ${paced}`, sqlite.paced.p99, echo.paced.p99),
  ]
}

type Echoed = { readonly rates: Rates; readonly paced: Paced; readonly frameBytes: number }

async function echoed(size: Size): Promise<Echoed> {
  progress('ingest: bare ws echo')
  const server = startWorker<EchoCalls>('echo-worker.ts')
  const speaker = startWorker<SpeakerCalls>('speaker-worker.ts')
  const { url } = await server.call('start')
  await speaker.call('open', { url, connections: size.connections })
  const frameBytes = await speaker.call('frameBytes')
  const { rates } = await flood(speaker, server.pid, size)
  const paced = await speaker.call('pace', { rate: size.rate, seconds: size.seconds })
  await Promise.all([server.stop(), speaker.stop()])
  return { rates, paced, frameBytes }
}

type Collected = { readonly rates: Rates; readonly paced: Paced; readonly storeCpu: number }

async function collected(size: Size, store: string | undefined, storePid?: number): Promise<Collected> {
  progress(`ingest: collector on ${store ? 'Redis' : 'SQLite'}`)
  const collector = startWorker<CollectorCalls>('collector-worker.ts')
  const speaker = startWorker<SpeakerCalls>('speaker-worker.ts')
  const { agentUrl, token } = await collector.call('start', store ? { store } : {})
  await speaker.call('join', { agentUrl, token, hosts: size.connections, facts: true })
  const { rates, storeCpu } = await flood(speaker, collector.pid, size, storePid)
  const paced = await speaker.call('pace', { rate: size.rate, seconds: size.seconds })
  progress(
    `ingest: ${Math.round(rates.perSecond)}/s, ${Math.round(rates.perCore)}/s a core, p50 ${paced.p50.toFixed(1)} ms, p99 ${paced.p99.toFixed(1)} ms`,
  )
  await speaker.stop()
  await collector.stop()
  return { rates, paced, storeCpu }
}

/** The middle of several parts, each with the reports answered and the CPU that the server took for them. */
async function flood(speaker: Worker<SpeakerCalls>, serverPid: number, { seconds }: Size, storePid?: number) {
  await speaker.call('flood', { window: WINDOW })
  await pause(seconds / PARTS)
  const look = async () => ({
    ...(await speaker.call('answered')),
    cpu: cpuSecondsOf(serverPid),
    store: storePid ? cpuSecondsOf(storePid) : 0,
  })
  const parts: { perSecond: number; perCore: number; storeCpu: number }[] = []
  for (let before = await look(); parts.length < PARTS; ) {
    await pause(seconds / PARTS)
    const after = await look()
    const took = (after.at - before.at) / 1000
    const count = after.count - before.count
    parts.push({ perSecond: count / took, perCore: count / (after.cpu - before.cpu), storeCpu: (after.store - before.store) / took })
    before = after
  }
  await speaker.call('halt')
  const middle = (of: (part: (typeof parts)[number]) => number) => median(parts.map(of))
  return {
    rates: { perSecond: middle(part => part.perSecond), perCore: middle(part => part.perCore) },
    storeCpu: middle(part => part.storeCpu),
  }
}
