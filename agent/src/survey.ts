import { type FactTypes, type Finding, type HeldFact, judge, type Role, shippedSupportTable, supportEnd } from '@fettle/catalog'
import { readCadence } from './cadence.ts'
import type { Host } from './host.ts'
import { type LookConfig, lookAt, probesFor } from './look.ts'
import { keyOf, type Probe } from './probe.ts'
import { version } from './version.ts'

/** Most light probes that run at the same time, those that share a process counted as one; heavy ones run one at a time beside them. */
const PARALLEL = 4

/** All that one look at a machine gave. */
export type Survey = {
  readonly host: { readonly hostname: string; readonly role: Role; readonly uid: number }
  /** The machine's clock, epoch ms. */
  readonly now: number
  readonly facts: readonly HeldFact[]
  readonly findings: readonly Finding[]
}

type Progress = { begun(key: string): void; ended(fact: HeldFact): void }

/** Runs every probe of the machine's platform once. Never throws for a probe. */
export async function lookAtAll(host: Host, probes: readonly Probe[], config: LookConfig, progress: Progress): Promise<HeldFact[]> {
  const here = probesFor(probes, host.platform, config)
  const facts = new Map<string, HeldFact>()
  const look = async (probe: Probe) => {
    progress.begun(keyOf(probe))
    const { everyMs } = await readCadence(probe.every)
    const fact = await lookAt(probe, host, config, everyMs)
    facts.set(fact.key, fact)
    progress.ended(fact)
  }
  const work = async (queue: Probe[][]) => {
    for (let together = queue.shift(); together; together = queue.shift()) await Promise.all(together.map(look))
  }
  const light = togetherOf(here.filter(probe => !probe.heavy))
  await Promise.all([work(togetherOf(here.filter(probe => probe.heavy))), ...Array.from({ length: PARALLEL }, () => work(light))])
  return here.flatMap(probe => facts.get(keyOf(probe)) ?? [])
}

/** Those that share a process in one group, each other probe in its own. */
function togetherOf(probes: readonly Probe[]): Probe[][] {
  return Object.values(Object.groupBy(probes, probe => probe.shares ?? keyOf(probe))).map(group => group ?? [])
}

/** Judges facts with the catalog's default thresholds, as the collector would for a host that has just reported. */
export function judgeAlone(facts: readonly HeldFact[], host: Host, role: Role | null): Survey {
  const now = host.now()
  const held = new Map(facts.map(fact => [fact.key, fact]))
  const systems = facts
    .filter(fact => fact.key.startsWith('system/') && fact.outcome === 'ok')
    .map(fact => fact.data as FactTypes['system'])
  const [system] = systems
  const context = {
    role: role ?? system?.role ?? ('server' as const),
    supportEnd: system ? supportEnd(system, shippedSupportTable()) : null,
    firstSeen: () => null,
    instance: host.hostname,
    presence: { up: true, lastSeenAt: now, connectedSince: now, clockOffsetMs: null, agentVersion: version, protocol: 'none', dropped: 0 },
  }
  const findings = judge({ held, context }, now)
  return { host: { hostname: host.hostname, role: context.role, uid: host.uid }, now, facts, findings }
}
