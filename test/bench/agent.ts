import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundled } from './bundle.ts'
import { end, start } from './children.ts'
import type { CollectorCalls } from './collector-worker.ts'
import { type Cost, costFigures, costsOf, packagesChangedAt, refresh } from './costs.ts'
import type { Figure } from './figure.ts'
import { cpuSecondsOf, memoryOf } from './machine.ts'
import { idleNode, installedPeers, type Peer } from './peers.ts'
import { pause, progress } from './progress.ts'
import { median } from './statistics.ts'
import { startTap, type Tap, type Traffic, wireFigures } from './wire.ts'
import { startWorker } from './worker.ts'

const SOURCES = fileURLToPath(new URL('../../agent/src/main.ts', import.meta.url))
const BEAT_SECONDS = 120
/** Distance of two looks at the processes, s. */
const LOOK = 2
/** What the agent needs to start and connect, s; and the time after its last work before it counts as steady. */
const START = 3
const SETTLE = 3

const DISTURBED = 'packages were installed meanwhile, so that sources were looked at outside of their turn'

type Steady = { readonly resident: number; readonly private: number; readonly cpu: number }

/** What an agent costs the machine that it watches, and the wire, when nothing changes. */
export async function agent(quick: boolean): Promise<Figure[]> {
  const seconds = quick ? 30 : 600
  const collector = startWorker<CollectorCalls>('collector-worker.ts')
  const { agentUrl, token } = await collector.call('start', { beat: `${BEAT_SECONDS}s` })
  const tap = await startTap(Number(new URL(agentUrl).port))
  const idle = idleNode()
  const peers = [idle, ...(await installedPeers())]
  progress('agent: first looks')
  const main = await bundled(SOURCES)
  const env = { ...envOf(`ws://127.0.0.1:${tap.port}`, token, 'shipped'), ...unitEnvironment() }
  const child = start(process.execPath, [main, 'run'], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  const sources = start(process.execPath, [SOURCES, 'run'], {
    env: envOf(agentUrl, token, 'sources'),
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const children = [child, ...peers.map(peer => peer.child), sources]
  try {
    await pause(START)
    await refresh(main, env)
    const first = cpuSecondsOf(pidOf(child))
    progress('agent: one more look at each source')
    const costs = await costsOf(main, env, pidOf(child))
    await pause(SETTLE)
    const early = tap.take()
    progress(`agent: steady for ${seconds} s`)
    const packages = packagesChangedAt()
    const steady = await observe(children, peers, seconds)
    const disturbed = packagesChangedAt() !== packages
    return figuresOf({ seconds, first, costs, steady, peers, early, traffic: tap.take(), disturbed })
  } finally {
    await stop(children, tap)
    await collector.stop()
  }
}

function envOf(url: string, token: string, instance: string): NodeJS.ProcessEnv {
  const data = mkdtempSync(join(tmpdir(), 'agent-'))
  const told = { FETTLE_COLLECTOR: url, FETTLE_TOKEN: token, FETTLE_INSTANCE: instance, FETTLE_LOG_LEVEL: 'error' }
  return { ...process.env, ...told, FETTLE_DATA_DIR: data }
}

/** What the shipped unit gives the agent besides its folders: it is measured as it is run. */
function unitEnvironment(): NodeJS.ProcessEnv {
  const unit = readFileSync(new URL('../../deploy/linux/systemd/fettle-agent.service', import.meta.url), 'utf8')
  const told = [...unit.matchAll(/^Environment=(.*)$/gm)].flatMap(match => (match[1] ?? '').split(' '))
  return Object.fromEntries(
    told.filter(one => !one.startsWith('FETTLE_')).map(one => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]),
  )
}

type Observed = {
  readonly seconds: number
  readonly first: number
  readonly costs: readonly Cost[]
  readonly steady: readonly Steady[]
  readonly peers: readonly Peer[]
  /** Before the steady time: there was at least one beat. */
  readonly early: Traffic
  readonly traffic: Traffic
  /** Packages were installed or removed meanwhile. */
  readonly disturbed: boolean
}

function figuresOf({ seconds, first, costs, steady, peers, early, traffic, disturbed }: Observed): Figure[] {
  const group = `agent, steady, over ${seconds >= 600 ? `${seconds / 60} minutes` : `${seconds} s`}`
  const [own, ...others] = steady
  if (!own) throw new Error('Cannot tell of an agent that was not observed')
  const against = (what: string, unit: 'MB' | '%', of: (steady: Steady) => number, budget: NonNullable<Figure['budget']>): Figure[] =>
    peers.flatMap(({ name }, i) => {
      const other = others[i]
      if (!other) return []
      const told = { group, what, value: of(own), unit, baseline: { name, value: of(other) } }
      return [i === 0 ? { ...told, budget, ...(unit === '%' && disturbed ? { note: DISTURBED } : {}) } : told]
    })
  const fromSources = others.at(-1)
  if (!fromSources) throw new Error('Cannot tell of an agent that was not observed')
  const plain = (what: string, value: number, of: number): Figure => ({
    group,
    what,
    value,
    unit: 'MB',
    baseline: { name: 'idle Node', value: of },
  })
  return [
    ...against('resident memory', 'MB', one => one.resident / 1e6, { of: 'ratio', bound: 'most', limit: 1.5 }),
    ...against('private memory (RssAnon)', 'MB', one => one.private / 1e6, { of: 'value', bound: 'most', limit: 20 }),
    ...against('share of a core, children included', '%', one => one.cpu * 100, { of: 'value', bound: 'most', limit: 0.2 }),
    { group, what: 'CPU of start and first look at every source', value: first, unit: 's' },
    ...costFigures(costs, group),
    plain('resident memory, run from the sources', fromSources.resident / 1e6, (others[0]?.resident ?? 0) / 1e6),
    plain('private memory, run from the sources', fromSources.private / 1e6, (others[0]?.private ?? 0) / 1e6),
    ...wireFigures(traffic, early, { seconds, beatSeconds: BEAT_SECONDS, group }),
  ]
}

/** Memory, the middle of many looks, and CPU over the whole time. Peers are asked once a minute, as they would be. */
async function observe(children: readonly ChildProcess[], peers: readonly Peer[], seconds: number): Promise<Steady[]> {
  const before = children.map(child => cpuSecondsOf(pidOf(child)))
  const looks: { resident: number; private: number }[][] = children.map(() => [])
  const started = performance.now()
  let nextAsk = started
  for (let now = started; now - started < seconds * 1000; now = performance.now()) {
    if (now >= nextAsk) {
      for (const peer of peers) await peer.ask()
      nextAsk += 60_000
    }
    for (const [i, child] of children.entries()) looks[i]?.push(memoryOf(pidOf(child)))
    await pause(LOOK)
  }
  const took = (performance.now() - started) / 1000
  return children.map((child, i) => ({
    resident: median((looks[i] ?? []).map(look => look.resident)),
    private: median((looks[i] ?? []).map(look => look.private)),
    cpu: (cpuSecondsOf(pidOf(child)) - (before[i] ?? 0)) / took,
  }))
}

async function stop(children: readonly ChildProcess[], tap: Tap): Promise<void> {
  await Promise.all(children.map(child => end(child)))
  tap.stop()
}

function pidOf({ pid, exitCode, spawnfile }: ChildProcess): number {
  if (pid === undefined || exitCode !== null) throw new Error(`Cannot measure ${spawnfile}: it has ended with ${exitCode}`)
  return pid
}
