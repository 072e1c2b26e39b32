import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { serve } from '../../bench/worker.ts'
import { memberOf } from '../fleet/fleet.ts'
import { type Kept, SimulatedAgent, type Way } from './agent.ts'
import { GOOD, type Knobs, misbehave } from './mischief.ts'
import { Tally } from './tally.ts'

/** How often a paced run sends what is due, ms. */
const TICK_MS = 5
/** Most hosts that are looked at for one that may send: where nobody of so many may, everyone waits. */
const LOOKED_AT = 200
/** Between looks at whether all is told, ms. */
const LOOK_MS = 50
/** Hosts made between two turns of the event loop. */
const MADE_AT_ONCE = 100

/** One process of simulated agents: a part of the fleet, `first` and those after it. */
const calls = {
  /** Makes the agents, with what they kept in an earlier run where it is there. @param base moment of the first facts, epoch ms */
  async make(wish: { first: number; count: number; seed: number; base: number; cache?: string | undefined }) {
    const file = wish.cache && join(wish.cache, `agents-${wish.first}.json`)
    const kept = file ? await keptIn(file) : []
    for (let i = agents.length; i < wish.count; i++) {
      agents.push(new SimulatedAgent(memberOf(wish.first + i, wish.seed), wish.base, tally, kept[i]))
      if (i % MADE_AT_ONCE === 0) await turn()
    }
    return { known: Math.min(kept.length, wish.count) }
  },

  /** Opens connections, so many a second; those that are connected stay. */
  async connect({ way, ramp }: { way: Way; ramp: number }) {
    at = way
    const started = performance.now()
    let opened = 0
    const news = agents.slice(begun)
    begun = agents.length
    for (const agent of news) {
      agent.start(way)
      const early = (++opened / ramp) * 1000 - (performance.now() - started)
      if (early > TICK_MS) await pause(early)
    }
    return { seconds: (performance.now() - started) / 1000 }
  },

  /** Where agents that dial from now on go. */
  redirect({ way }: { way: Way }) {
    at = way
    for (const agent of agents) agent.redirect(way)
  },

  /** Waits until every agent is connected and everything that it told is durable. @returns how many are not, at last */
  async settle({ withinMs, polite = true }: { withinMs: number; polite?: boolean }) {
    const started = performance.now()
    const open = () => agents.filter(agent => !agent.settled && !(polite && agent.naughty)).length
    while (open() > 0 && performance.now() - started < withinMs) await pause(LOOK_MS)
    return { seconds: (performance.now() - started) / 1000, open: open() }
  },

  /** From now on so many reports a second are due over the hosts of this process, 0 for none. */
  pace({ rate, only }: { rate: number; only?: string | undefined }) {
    clearInterval(pacing)
    if (rate <= 0) return
    const started = performance.now()
    let due = 0
    pacing = setInterval(() => {
      const wanted = Math.floor(((performance.now() - started) / 1000) * rate)
      for (; due < wanted; due++) {
        tally.count('due')
        const agent = nextReady()
        if (agent) agent.report(only)
        else tally.count('heldBack')
      }
    }, TICK_MS)
  },

  misbehave({ knobs = GOOD }: { knobs?: Knobs }) {
    mischief?.stop()
    mischief = misbehave(agents, knobs, agent => at && agent.start(at))
    return { naughty: mischief.naughty }
  },

  behave() {
    mischief?.stop()
  },

  told: () => tally.take(),

  /** All cables at once. */
  cut() {
    for (const agent of agents) agent.cut()
  },

  instance: ({ nth }: { nth: number }) => agents[nth % agents.length]?.memory.member.instance ?? '',

  /** The file systems of a host hold more now. */
  change: ({ nth }: { nth: number }) => agents[nth % agents.length]?.report('filesystems'),

  state() {
    return {
      hosts: agents.length,
      connected: agents.filter(agent => agent.welcomed).length,
      waiting: agents.reduce((sum, agent) => sum + agent.memory.waiting.length, 0),
    }
  },

  /** What every host holds and has told, by hostId. */
  truth: () => Object.fromEntries(agents.map(agent => [agent.hostId, agent.memory.digest])),

  /** Those that left may connect again. */
  again() {
    begun = 0
  },

  async leave() {
    clearInterval(pacing)
    mischief?.stop()
    for (const agent of agents) agent.leave('stop')
  },

  /** Keeps keys, link tokens and numbers for another run. */
  async keep({ first, cache }: { first: number; cache: string }) {
    await mkdir(cache, { recursive: true, mode: 0o700 })
    await writeFile(join(cache, `agents-${first}.json`), JSON.stringify(agents.map(agent => agent.kept)), { mode: 0o600 })
  },
}
export type SimulatorCalls = typeof calls

const agents: SimulatedAgent[] = []
const tally = new Tally()
let begun = 0
let at: Way | undefined
let asked = 0
let pacing: NodeJS.Timeout | undefined
let mischief: ReturnType<typeof misbehave> | undefined

function nextReady(): SimulatedAgent | undefined {
  for (let looked = 0; looked < Math.min(LOOKED_AT, agents.length); looked++) {
    const agent = agents[asked++ % agents.length]
    if (agent?.ready) return agent
  }
  return undefined
}

async function keptIn(file: string): Promise<Kept[]> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Kept[]
  } catch {
    return []
  }
}

const pause = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))
const turn = () => new Promise<void>(resolve => setImmediate(resolve))

serve(calls)
