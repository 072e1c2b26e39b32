import { once } from 'node:events'
import { statSync } from 'node:fs'
import { readCadence } from '../../agent/src/cadence.ts'
import { keyOf } from '../../agent/src/probe.ts'
import { probes } from '../../agent/src/probes/index.ts'
import { start } from './children.ts'
import type { Figure } from './figure.ts'
import { cpuSecondsOf } from './machine.ts'

/** CPU seconds of one look at a source by the agent and its children, and how often it looks. */
export type Cost = { readonly key: string; readonly seconds: number; readonly everySeconds: number }

/** Package managers write it: then sources are looked at outside of their turn. */
const PACKAGES = '/var/lib/dpkg/status'

/** What one look at each source costs the agent that runs with this environment. */
export async function costsOf(main: string, env: NodeJS.ProcessEnv, pid: number): Promise<Cost[]> {
  const costs: Cost[] = []
  for (const probe of probes) {
    const before = cpuSecondsOf(pid)
    await refresh(main, env, keyOf(probe))
    const { everyMs } = await readCadence(probe.every)
    costs.push({ key: keyOf(probe), seconds: cpuSecondsOf(pid) - before, everySeconds: everyMs / 1000 })
  }
  return costs
}

/** The costs of a round of looks and of a day of them. */
export function costFigures(costs: readonly Cost[], group: string): Figure[] {
  const [first] = [...costs].sort((a, b) => b.seconds - a.seconds)
  const dearest = first ? `${first.seconds.toFixed(2)} s of it ${first.key}, every ${first.everySeconds / 60} minutes` : ''
  return [
    {
      ...{ group, what: 'CPU of one more look at each source', unit: 's', note: dearest },
      value: costs.reduce((sum, cost) => sum + cost.seconds, 0),
    },
    {
      ...{ group, what: 'share of a core over a day, by cost and interval of each source', unit: '%' },
      value: costs.reduce((sum, cost) => sum + (cost.seconds / cost.everySeconds) * 100, 0),
      budget: { of: 'value', bound: 'most', limit: 0.2 },
      note: 'ten minutes do not see sources that are looked at every few hours',
    },
  ]
}

/** Asks the agent, through its own command, to look again: at some sources, or at everything. */
export async function refresh(main: string, env: NodeJS.ProcessEnv, ...keys: string[]): Promise<void> {
  const asking = start(process.execPath, [main, 'refresh', ...keys], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = (await once(asking, 'exit')) as [number]
  if (code !== 0) throw new Error(`Cannot measure: fettle-agent refresh ended with ${code}`)
}

/** When packages were last installed or removed. */
export function packagesChangedAt(): number {
  return statSync(PACKAGES, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
