import { type HeldFact, type Role, SWITCHED_OFF } from '@fettle/catalog'
import type { Host } from './host.ts'
import { Absent, keyOf, type Probe } from './probe.ts'
import { runProbe } from './runner.ts'

/** What the configuration says about looking. */
export type LookConfig = {
  readonly role: Role | null
  readonly probes: { readonly [key: string]: { readonly enabled?: boolean | undefined; readonly every?: string | undefined } }
  /** The probes' own settings, by key. */
  readonly options: { readonly [key: string]: unknown }
}

/** How often a source that is switched off says so. */
const EVERY_OFF = '1d'

/** The probes of a platform. One that is switched off stays, and says so: silence would look like a fault. */
export function probesFor(probes: readonly Probe[], platform: string, config: LookConfig): Probe[] {
  return probes.filter(probe => probe.platforms.some(name => name === platform)).map(probe => switched(probe, config))
}

function switched(probe: Probe, config: LookConfig): Probe {
  const said = config.probes[keyOf(probe)]
  if (said?.enabled !== false) return said?.every ? { ...probe, every: said.every } : probe
  const off = () => Promise.reject(new Absent(SWITCHED_OFF))
  return { ...probe, every: EVERY_OFF, read: off }
}

/** One look at a source, with the role that the configuration says. Never throws. */
export async function lookAt(probe: Probe, host: Host, config: LookConfig, everyMs: number): Promise<HeldFact> {
  const fact = await runProbe(probe, host, config.options[keyOf(probe)], everyMs)
  return probe.subject === 'system' && config.role && fact.outcome === 'ok' ? withRole(fact, config.role) : fact
}

/** The administrator knows better than the chassis. */
function withRole(fact: HeldFact, role: Role): HeldFact {
  return { ...fact, data: { ...(fact.data as object), role } }
}
