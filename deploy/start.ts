import { createLog, type Log, systemClock, untilSignal } from '@fettle/kit'
import { type Agent, defaultConfig, localHost, openStateDir, startAgent, surveyText } from '../agent/src/index.ts'
import { type RunningCollector, readCollectorConfig, startCollector } from '../collector/src/index.ts'

/** `npm start`: a collector on the embedded store and an agent that reports this very machine, in one process, for a first look. */
const { env, stdout } = process
const data = env.FETTLE_DATA ?? '.fettle'
const log = createLog('fettle', (env.FETTLE_LOG as 'warn' | undefined) ?? 'error')

const collector = await startCollector({ config: readCollectorConfig(undefined, { ...env, FETTLE_DATA: `${data}/collector` }), log })
const agent = await startOwnAgent(collector, log)
stdout.write(`Fettle looks at this machine; the first round takes up to a minute …\n\n`)
await agent.refresh([])
await printPosture(collector, agent)
await printDoors(collector)
const alive = setInterval(() => {}, 2 ** 30)
process.exitCode = await untilSignal(process, log, async () => {
  clearInterval(alive)
  await agent.stop()
  await collector.stop()
})

/** The agent enrols itself by a token of its own at its first start; later its key is enough. */
async function startOwnAgent(collector: RunningCollector, log: Log): Promise<Agent> {
  const made = (await collector.admin('POST', '/api/v1/tokens', { uses: 1, expiresInMs: 600_000, note: 'npm start' })) as {
    token: string
    enrolment: string
  }
  const config = defaultConfig({
    collector: {
      url: reachable(collector.agentUrl),
      caFile: env.FETTLE_TLS_OWN ? null : (env.FETTLE_TLS_CERT ?? null),
      allowPlain: false,
      token: made.token,
      enrolment: made.enrolment,
    },
    dataDir: `${data}/agent`,
  })
  return startAgent({ config, host: localHost(), clock: systemClock, log, state: await openStateDir(config.dataDir) })
}

/** A collector that listens on every address is reached on loopback from its own machine. */
function reachable(agentUrl: string): string {
  return agentUrl.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:')
}

/** What the collector thinks of this machine, as `fettle-agent check` would print it. */
async function printPosture({ core }: RunningCollector, { hostId }: Agent): Promise<void> {
  const host = core.fleet.byId(hostId)
  if (!host) throw new Error('Cannot show this machine: it did not enrol; run with FETTLE_LOG=info to see why')
  core.judge.now(host)
  const now = Date.now()
  const survey = {
    host: { hostname: host.meta.instance, role: host.role, uid: process.getuid?.() ?? 0 },
    now,
    facts: [...host.held.values()],
    findings: [...host.findings.values()],
  }
  stdout.write(surveyText(survey, { colour: stdout.isTTY && !env.NO_COLOR ? 'on' : 'off', columns: stdout.columns ?? 120, detail: 'bad' }))
}

async function printDoors({ url, admin }: RunningCollector): Promise<void> {
  const next = (await admin('POST', '/api/v1/tokens', { uses: 1, note: 'npm start: the next machine' })) as { enrolment: string }
  stdout.write(`
Page        ${url}/
Metrics     ${url}/metrics/hosts   (and ${url}/metrics of the collector itself)
Prometheus  prometheus --config.file=deploy/prometheus/prometheus.yml
API         ${url}/api/v1/openapi.json

The next machine (this enrols one, within a day):
  fettle-agent enroll ${next.enrolment}

Ctrl-C stops.
`)
}
