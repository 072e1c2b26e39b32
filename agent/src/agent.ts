import type { HeldFact } from '@fettle/catalog'
import { type Clock, Closers, type Log } from '@fettle/kit'
import { belong } from './belong.ts'
import { readCadence } from './cadence.ts'
import type { AgentConfig } from './config.ts'
import { type Answer, listen, type Request } from './control.ts'
import { networkNow } from './host/network.ts'
import { readOwn } from './host/self.ts'
import type { StateDir } from './host/state.ts'
import { type Watch, watchPaths } from './host/watch.ts'
import type { Host } from './host.ts'
import { openIdentity } from './identity.ts'
import type { Link } from './link.ts'
import { lookAt, probesFor } from './look.ts'
import { Outbox } from './outbox.ts'
import { keyOf, type Probe } from './probe.ts'
import selfProbe, { type Live } from './probes/agent/self.ts'
import { probesOf } from './probes/platform.ts'
import { Schedule, type Task } from './schedule.ts'
import { version } from './version.ts'
import { watchWaking } from './waking.ts'

/** How long a refresh that was asked for waits for the collector's acknowledgement, ms. */
const ACK_WAIT_MS = 20_000
/** After a sleep beyond this, or where the clock was set by as much, everything is looked at again, ms. */
const OLD_MS = 60_000

/** How often a source that is not there is told to be still missing, ms. */
const ABSENT_TOLD_MS = 3 * 3_600_000

/** What an agent is made of; tests pass their own. */
export type AgentParts = {
  readonly config: AgentConfig
  readonly host: Host
  readonly clock: Clock
  readonly log: Log
  readonly state: StateDir
  readonly probes?: readonly Probe[]
  readonly watch?: Watch
  /** A text that changes with the network. */
  readonly network?: () => string
}

/** A running agent. */
export type Agent = {
  readonly hostId: string
  /** Whether the collector has welcomed it on the connection that stands. */
  readonly connected: () => boolean
  /** Looks again at keys or subjects (all where none is named); resolves with the keys, once looked at and acknowledged or late. */
  refresh(keys: readonly string[]): Promise<string[]>
  stop(): Promise<void>
}

/** Starts looking, keeping and reporting. @throws where the key cannot be used or another agent runs on the same state */
export async function startAgent(parts: AgentParts): Promise<Agent> {
  const closers = new Closers()
  try {
    return await start(parts, closers)
  } catch (error) {
    await closers.close().catch(() => {})
    throw error
  }
}

async function start(parts: AgentParts, closers: Closers): Promise<Agent> {
  const { config, host, clock, log, state } = parts
  const identity = await openIdentity(state)
  let link: Link | undefined
  closers.add(await listen(state, log, request => answer(request)))
  const outbox = await Outbox.open({ state, clock, log, fresh: identity.fresh })
  closers.add(() => outbox.close())

  const looked = new Map<string, HeldFact>()
  const probes = probesFor(parts.probes ?? (await probesOf(host.platform)), host.platform, config)
  const options = { ...config.options, [keyOf(selfProbe)]: { live: liveOf(parts, outbox, looked, () => link?.fault) } }
  const tasks = await Promise.all(probes.map(probe => taskOf(probe, { ...parts, config: { ...config, options } }, outbox, looked)))
  outbox.keepOnly(new Set(tasks.map(task => task.key)))
  const schedule = new Schedule(tasks, clock, identity.hostId)

  const refresh = async (keys: readonly string[]) => {
    const done = await schedule.refresh(keys)
    await outbox.flush()
    if (link) await Promise.race([link.settled(), late(clock, ACK_WAIT_MS)])
    return done
  }
  const answer = async ({ ask, keys = [], wait }: Request): Promise<Answer> => {
    if (ask === 'reconnect') {
      await connect()
      return { ok: true, message: link ? 'connecting' : 'no collector is known' }
    }
    if (ask === 'status') return { ok: true, message: reachOf(link) }
    const looking = refresh(keys)
    if (!wait) return { ok: true, message: 'looking' }
    const done = await looking
    return { ok: true, keys: done, message: `looked at ${done.length}; ${standing(link, outbox)}` }
  }
  const connect = async () => {
    await link?.stop()
    link = await belong({
      ...parts,
      identity,
      outbox,
      onRefresh: keys => schedule.hasten(keys),
      // What it last told of itself is that it could not be heard.
      onRestored: () => void schedule.refresh([keyOf(selfProbe)]),
    })
    link?.start()
  }
  closers.add(async () => link?.stop())
  await connect()
  closers.add(() => schedule.stop())
  schedule.start()
  for (const probe of probes) {
    if (probe.watch) closers.add((parts.watch ?? watchPaths)(probe.watch, () => void schedule.refresh([keyOf(probe)])))
  }
  closers.add(
    watchWaking(clock, parts.network ?? networkNow, ({ sleptMs }) => {
      link?.wake()
      if (sleptMs > OLD_MS) void schedule.refresh([])
    }),
  )
  log.info({ hostId: identity.hostId, probes: tasks.length, version }, 'the agent runs')
  return { hostId: identity.hostId, connected: () => link?.connected ?? false, refresh, stop: () => closers.close() }
}

async function taskOf(probe: Probe, { host, config, log }: AgentParts, outbox: Outbox, looked: Map<string, HeldFact>): Promise<Task> {
  const cadence = await readCadence(probe.every)
  const key = keyOf(probe)
  const look = async () => {
    const seen = await lookAt(probe, host, config, cadence.everyMs)
    // What is not there is looked for as often, but told to be still missing only now and then: most machines lack most sources.
    const fact = seen.outcome === 'absent' ? { ...seen, everyMs: Math.max(seen.everyMs, ABSENT_TOLD_MS) } : seen
    if (looked.get(key)?.outcome !== fact.outcome) log.info({ key, outcome: fact.outcome, reason: fact.reason }, 'looked')
    looked.set(key, { ...fact, data: undefined })
    await outbox.observe(fact)
  }
  return { key, heavy: probe.heavy === true, shares: probe.shares, cadence, look }
}

/** The live numbers for the agent's report on itself. */
function liveOf(parts: AgentParts, outbox: Outbox, looked: ReadonlyMap<string, HeldFact>, fault: () => Link['fault']): () => Live {
  const startedAt = parts.clock.now()
  let before: { readonly at: number; readonly cpuSeconds: number } | undefined
  return () => {
    const own = readOwn()
    const now = { at: parts.clock.monotonic(), cpuSeconds: own.cpuSeconds }
    const cpuRatio = before && now.at > before.at ? ((now.cpuSeconds - before.cpuSeconds) * 1000) / (now.at - before.at) : null
    before = now
    return {
      ...own,
      version,
      startedAt,
      privileged: parts.host.uid === 0,
      cpuRatio,
      outbox: { waiting: outbox.waiting, dropped: outbox.dropped, fault: outbox.fault },
      probes: [...looked.values()].map(({ key, outcome, tookMs }) => ({ key, outcome, tookMs })),
      warnings: [...parts.config.warnings, ...unreached(fault())],
    }
  }
}

function standing(link: Link | undefined, outbox: Outbox): string {
  if (!link?.connected) return 'not connected to a collector, so kept for later'
  return outbox.waiting === 0 ? 'the collector has it' : 'the collector has not acknowledged it yet'
}

function late(clock: Clock, ms: number): Promise<void> {
  return new Promise(resolve => {
    clock.after(ms, resolve)
  })
}

function unreached(fault: Link['fault']): string[] {
  return fault ? [`no connection to the collector since ${new Date(fault.since).toISOString()}: ${fault.reason}`] : []
}

/** For `fettle-agent check`. */
function reachOf(link: Link | undefined): string {
  if (!link) return 'no collector is known'
  if (link.connected) return 'connected'
  return unreached(link.fault)[0] ?? 'connecting'
}
