import { seeded } from '../../bench/statistics.ts'
import type { SimulatedAgent } from './agent.ts'

/** Shares of hosts that misbehave, each 0 to 1. */
export type Knobs = {
  /** Sends what is no frame, now and then. */
  readonly rubbish: number
  /** Reads nothing for a while, now and then. */
  readonly stall: number
  /** Its cable is pulled, now and then. */
  readonly cut: number
  /** Connects and says goodbye, over and over. */
  readonly flap: number
  /** Of the laptops: is closed and opened again, now and then. */
  readonly sleep: number
}

export const GOOD: Knobs = { rubbish: 0, stall: 0, cut: 0, flap: 0, sleep: 0 }
/** What a bad day looks like. */
export const BAD_DAY: Knobs = { rubbish: 0.01, stall: 0.01, cut: 0.02, flap: 0.01, sleep: 0.3 }

/** How often each of them does it, s, and for how long it is away. */
const EVERY_S = { rubbish: 20, stall: 30, cut: 20, flap: 6, sleep: 60 } as const
const AWAY_S = { stall: 10, flap: 3, sleep: 20 } as const
const TICK_MS = 1_000

type Bad = { readonly agent: SimulatedAgent; readonly does: keyof Knobs; readonly phase: number }

/** Makes some of the agents misbehave. @param again lets one come back. @returns how many do, and what ends it */
export function misbehave(
  agents: readonly SimulatedAgent[],
  knobs: Knobs,
  again: (agent: SimulatedAgent) => void,
): { readonly naughty: number; stop(): void } {
  const bad = agents.flatMap(agent => chosen(agent, knobs))
  let second = 0
  const timer = setInterval(() => {
    second++
    for (const { agent, does, phase } of bad) if ((second + phase) % EVERY_S[does] === 0) act(agent, does, again)
  }, TICK_MS)
  return { naughty: bad.length, stop: () => clearInterval(timer) }
}

function chosen(agent: SimulatedAgent, knobs: Knobs): Bad[] {
  const { index, comesAndGoes, seed } = agent.memory.member
  const random = seeded(seed + index)
  const phase = Math.floor(random() * 60)
  let share = random()
  for (const does of ['rubbish', 'stall', 'cut', 'flap'] as const) {
    share -= knobs[does]
    if (share >= 0) continue
    agent.naughty = true
    return [{ agent, does, phase }]
  }
  if (!comesAndGoes || random() >= knobs.sleep) return []
  return [{ agent, does: 'sleep', phase }]
}

function act(agent: SimulatedAgent, does: keyof Knobs, again: (agent: SimulatedAgent) => void): void {
  if (does === 'rubbish') return agent.babble()
  if (does === 'cut') return agent.cut()
  if (does === 'stall') return agent.stall(AWAY_S.stall * 1000)
  agent.leave(does === 'sleep' ? 'suspend' : 'stop')
  setTimeout(() => again(agent), AWAY_S[does] * 1000).unref()
}
