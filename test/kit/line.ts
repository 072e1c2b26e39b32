import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HeldFact } from '@fettle/catalog'
import { systemClock } from '@fettle/kit'
import { type Host, loadConfig, localHost, openStateDir, startAgent } from '../../agent/src/index.ts'
import type { Probe } from '../../agent/src/probe.ts'
import { startTestCollector, type TestCollector } from './collector.ts'
import { testLog } from './log.ts'
import { secretMade } from './secrets.ts'
import { until } from './until.ts'

/** A finding as the API tells it. */
export type ToldFinding = { check: string; status: string; reason: string; hint: string | null; remedy: string | null; evidence: unknown }
/** What the API tells of a host. */
export type ToldHost = { instance: string; facts: (HeldFact & { data: unknown })[]; findings: ToldFinding[] }

export type Look = {
  readonly probes: readonly Probe[]
  /** The agent's configuration file: what an administrator would have written, as JSON, which is YAML too. */
  readonly config?: object
  /** The door to the machine; default: this one. */
  readonly host?: Host
}

/** The whole line in real parts: agents in this process, a WebSocket to a collector with the embedded store, its HTTP doors. */
export type Line = {
  readonly collector: TestCollector
  /**
   * A machine called `instance`: its agent is started, looks at all its probes, reports, and is stopped; a second look is the same machine's
   * agent after a restart. Gives what the collector then says, by API and by metrics.
   */
  look(instance: string, look: Look): Promise<Told>
  stop(): Promise<void>
}

/** What the collector says of a machine after a look. */
export type Told = {
  finding(check: string): ToldFinding
  /** `fettle_check_status` of the check; undefined where it has no series (not applicable). */
  status(check: string): number | undefined
  fact(key: string): HeldFact
}

/** Starts a collector of its own. */
export async function startLine(): Promise<Line> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-line-'))
  const collector = await startTestCollector()
  const log = testLog('agent')
  return {
    collector,
    async look(instance, { probes, config = {}, host = localHost() }) {
      const file = { text: JSON.stringify({ ...config, instance, collector: { url: collector.agentUrl } }), mode: 0o600, uid: host.uid }
      const env = { FETTLE_AGENT_CONFIG: 'agent.yaml', FETTLE_TOKEN: await collector.token() }
      const loaded = await loadConfig({ env, uid: host.uid, readFile: async () => file, probes })
      const state = await openStateDir(join(folder, instance))
      const before = Date.now()
      const agent = await startAgent({ config: loaded.config, host, clock: systemClock, log, state, probes })
      try {
        const keys = await agent.refresh([])
        return await told(collector, instance, keys, before)
      } finally {
        await agent.stop()
        secretMade(await readFile(join(folder, instance, 'key.pem'), 'utf8'))
      }
    },
    async stop() {
      await collector.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The clocks of agent and collector are one here; measuring their distance adds a few milliseconds. */
const CLOCK_NOISE_MS = 2_000

/** Waits until the collector holds what was looked at after `since`, and has judged it. */
async function told(collector: TestCollector, instance: string, keys: readonly string[], since: number): Promise<Told> {
  const ask = async () => (await collector.json(`/api/v1/hosts/${instance}`)) as ToldHost
  const isThere = async () => {
    const { facts } = await ask()
    return keys.every(key => facts.some(fact => fact.key === key && fact.at >= since - CLOCK_NOISE_MS))
  }
  await until(isThere, `${instance} tells ${keys.join(', ')}`)
  const known = [...collector.core.fleet.hosts()].find(one => one.meta.instance === instance)
  if (known) collector.core.judge.now(known)
  const host = await ask()
  const series = await collector.text(`/metrics/hosts/${instance}`)
  return {
    finding(check) {
      const found = host.findings.find(one => one.check === check)
      if (!found) throw new Error(`${instance} has no finding of ${check}`)
      return found
    },
    status(check) {
      const line = series.split('\n').find(one => one.startsWith('fettle_check_status{') && one.includes(`check="${check}"`))
      return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1))
    },
    fact(key) {
      const found = host.facts.find(one => one.key === key)
      if (!found) throw new Error(`${instance} has no fact ${key}`)
      return found
    },
  }
}
