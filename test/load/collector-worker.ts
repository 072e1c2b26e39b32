import { mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { Session } from 'node:inspector/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createLog } from '@fettle/kit'
import { type RunningCollector, readCollectorConfig, startCollector } from '../../collector/src/index.ts'
import { serve } from '../bench/worker.ts'
import '../kit/readers.ts'
import { digestOf } from './simulator/memory.ts'

const RESOLUTION_MS = 1
/** What a profile looks at, µs apart. */
const SAMPLING_US = 1_000

/** How a collector of a run is started. */
export type CollectorWish = {
  readonly store: string
  readonly name?: string
  readonly listen?: string
  readonly data?: string
  /** Further settings, as its file has them. */
  readonly settings?: string
  readonly env?: Readonly<Record<string, string>>
}

/** A real collector in a process of its own, which tells of its costs. */
const calls = {
  async start({ store, name = 'collector.load', listen = '127.0.0.1:0', data, settings = '', env = {} }: CollectorWish) {
    const folder = data ?? (await mkdtemp(join(tmpdir(), 'collector-')))
    const given = { FETTLE_LISTEN: listen, FETTLE_DATA: folder, FETTLE_NAME: name, FETTLE_STORE: store, ...env }
    const config = readCollectorConfig({ path: 'load.yaml', text: settings }, given)
    const started = performance.now()
    running = await startCollector({ config, log: createLog('collector', 'error') })
    loop.enable()
    return { agentUrl: running.agentUrl, url: running.url, seconds: (performance.now() - started) / 1000 }
  },

  /** A token for any number of hosts. */
  async token() {
    return ((await here().admin('POST', '/api/v1/tokens', { uses: null })) as { token: string }).token
  },

  /** CPU since the start, s; memory now, bytes, `heap` with buffers; descriptors; and the longest stop of the event loop since the last call, ms. */
  async usage({ collect = false }: { collect?: boolean } = {}) {
    if (collect) globalThis.gc?.()
    const { user, system } = process.cpuUsage()
    const { rss, heapUsed, external } = process.memoryUsage()
    const told = {
      cpuSeconds: (user + system) / 1e6,
      resident: rss,
      heap: heapUsed + external,
      descriptors: (await readdir('/proc/self/fd')).length,
      stopMs: Math.max(0, loop.max / 1e6 - RESOLUTION_MS),
      stopP99Ms: Math.max(0, loop.percentile(99) / 1e6 - RESOLUTION_MS),
      connections: running?.core.gate.connections ?? 0,
      hosts: running?.core.fleet.size ?? 0,
    }
    loop.reset()
    return told
  },

  /** What this collector believes of every host, by hostId. */
  truth: () => Object.fromEntries([...here().core.fleet.hosts()].map(host => [host.meta.hostId, digestOf(host.hashes)])),

  /** Starts to look at what the CPU does. */
  async profile() {
    inspector = new Session()
    inspector.connect()
    await inspector.post('Profiler.enable')
    await inspector.post('Profiler.setSamplingInterval', { interval: SAMPLING_US })
    await inspector.post('Profiler.start')
  },

  /** Ends it. @returns time in each function itself, ms */
  async profiled({ file }: { file: string }) {
    if (!inspector) throw new Error('Cannot tell of a profile that was not begun')
    const { profile } = await inspector.post('Profiler.stop')
    inspector.disconnect()
    await writeFile(file, JSON.stringify(profile))
    return selfTimes(profile)
  },

  /** Keeps so many bytes more each second, to see that whoever watches sees it. */
  leak({ bytesPerSecond }: { bytesPerSecond: number }) {
    setInterval(() => leaked.push(Buffer.alloc(bytesPerSecond, leaked.length)), 1000).unref()
  },

  async stop() {
    await running?.stop()
    running = undefined
  },
}
export type CollectorCalls = typeof calls

const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
const leaked: Buffer[] = []
let running: RunningCollector | undefined
let inspector: Session | undefined

function here(): RunningCollector {
  if (!running) throw new Error('Cannot ask a collector that was not started')
  return running
}

type Profile = {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string } }[]
  readonly samples?: readonly number[] | undefined
  readonly timeDeltas?: readonly number[] | undefined
}

/** Time in each function itself, ms, by `function file`. */
function selfTimes({ nodes, samples = [], timeDeltas = [] }: Profile): Record<string, number> {
  const nameOf = new Map(
    nodes.map(({ id, callFrame }) => [id, `${callFrame.functionName || '(anonymous)'} ${shortUrl(callFrame.url)}`.trim()]),
  )
  const times: Record<string, number> = {}
  for (const [i, id] of samples.entries()) {
    const name = nameOf.get(id) ?? ''
    times[name] = (times[name] ?? 0) + (timeDeltas[i] ?? 0) / 1000
  }
  return times
}

const shortUrl = (url: string) => url.replace(/^.*\/node_modules\//, '').replace(/^file:.*\/(?=packages\/|collector\/|agent\/|test\/)/, '')

serve(calls)
