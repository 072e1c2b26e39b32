import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createLog, loadYaml } from '@fettle/kit'
import { hostIdOf, newPrivateKey, publicKeyOf } from '@fettle/protocol'
import { type RunningCollector, readCollectorConfig, startCollector } from '../../collector/src/index.ts'
import { ACTIVE } from '../../collector/src/store/store.ts'
import { factsOf, instanceOf } from './simulated.ts'
import { serve } from './worker.ts'

/** A real collector in a process of its own, which tells of its costs. */
const calls = {
  /** @returns where agents connect, the HTTP address, and a token for any number of hosts */
  async start({ store, beat = '120s' }: { store?: string; beat?: string }) {
    const env = {
      FETTLE_LISTEN: '127.0.0.1:0',
      FETTLE_DATA: await mkdtemp(join(tmpdir(), 'collector-')),
      FETTLE_NAME: 'collector.bench',
      ...(store ? { FETTLE_STORE: store } : {}),
    }
    await loadYaml()
    const config = readCollectorConfig({ path: 'bench.yaml', text: `beat: ${beat}\n` }, env)
    running = await startCollector({ config, log: createLog('collector', 'error') })
    const { token } = (await running.admin('POST', '/api/v1/tokens', { uses: null })) as { token: string }
    return { agentUrl: running.agentUrl, url: running.url, token }
  },

  /** CPU of this process since it started, seconds, and memory now, bytes. */
  usage() {
    globalThis.gc?.()
    const { user, system } = process.cpuUsage()
    return { cpuSeconds: (user + system) / 1e6, resident: process.memoryUsage.rss() }
  },

  /** Fills the fleet in memory: nothing of this is about the store. @returns series of the fleet */
  async fill({ hosts }: { hosts: number }) {
    const { fleet, judge } = started().core
    const now = Date.now()
    for (let i = fleet.size; i < hosts; i++) {
      const publicKey = publicKeyOf(newPrivateKey())
      fleet.enrol({ hostId: hostIdOf(publicKey), instance: instanceOf(i), publicKey, labels: {}, enrolledAt: now, standing: ACTIVE })
      if (i % 100 === 0) await turn()
    }
    await change(0)
    // Findings are judged here and now, as `changed` would have them judged; the store does not know these hosts.
    judge.save = () => {}
    for (const host of fleet.hosts()) {
      judge.now(host)
      if (++judged % 100 === 0) await turn()
    }
    return { hosts: fleet.size }
  },

  /** Every fact of every host is another one now. */
  async changeAll() {
    await change(++round)
    globalThis.gc?.()
  },

  /** From now on the event loop is watched. */
  watch() {
    watched?.disable()
    watched = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
    watched.enable()
  },

  /** Longest time, ms, that the event loop did not turn since `watch`. */
  watchedMs() {
    return Math.max(0, (watched?.max ?? 0) / 1e6 - RESOLUTION_MS)
  },

  async stop() {
    await running?.stop()
  },
}
export type CollectorCalls = typeof calls

const RESOLUTION_MS = 1
let running: RunningCollector | undefined
let watched: ReturnType<typeof monitorEventLoopDelay> | undefined
let round = 0
let judged = 0

function started(): RunningCollector {
  if (!running) throw new Error('Cannot measure a collector that was not started')
  return running
}

async function change(to: number): Promise<void> {
  const { fleet } = started().core
  const now = Date.now()
  let index = 0
  for (const host of fleet.hosts()) {
    fleet.seen(host, now)
    for (const { key, everyMs, hash, data } of factsOf(index++, to, now))
      host.put({ key, outcome: 'ok', at: now, freshAt: now, everyMs, tookMs: 5, hash, data: JSON.stringify(data) })
    host.changed('findings')
    if (index % 50 === 0) await turn()
  }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

serve(calls)
