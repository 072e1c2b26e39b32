import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Metric, metrics } from '@fettle/catalog'
import { systemClock } from '@fettle/kit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Agent, defaultConfig, localHost, openStateDir, startAgent } from '../../agent/src/index.ts'
import { startTestCollector, type TestCollector } from '../kit/collector.ts'
import { testLog } from '../kit/log.ts'
import { runScript, type TestProcess } from '../kit/process.ts'
import { type Prometheus, promtool, startAlertmanager, startPrometheus } from '../kit/prometheus.ts'
import { type RedisServer, startRedis } from '../kit/redis.ts'
import { until } from '../kit/until.ts'

let folder: string
let redis: RedisServer
let collector: TestCollector
let first: Agent
let second: TestProcess
let alertmanager: Awaited<ReturnType<typeof startAlertmanager>>
let prometheus: Prometheus

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-two-'))
  redis = await startRedis()
  collector = await startTestCollector({ FETTLE_STORE: redis.url, FETTLE_DETAIL: 'true' })
  const token = await collector.token({ uses: 2 })
  first = await startHere('alpha', token)
  second = await startProcess('beta', token)
  alertmanager = await startAlertmanager()
  prometheus = await startPrometheus({ collector: collector.url, patience: 'none', alertmanager: alertmanager.url })
  await Promise.all([first.refresh([]), until(() => reported('beta'), 'the first round of the second agent')])
})

afterAll(async () => {
  await prometheus?.stop()
  await alertmanager?.stop()
  await second?.kill('SIGTERM')
  await first?.stop()
  await collector?.stop()
  await redis?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** An agent in this process. */
async function startHere(instance: string, token: string): Promise<Agent> {
  const collectorAt = { url: collector.agentUrl, caFile: null, allowPlain: false, token }
  const config = defaultConfig({ collector: collectorAt, dataDir: join(folder, instance), instance, labels: { site: 'berlin' } })
  return startAgent({
    config,
    host: localHost(),
    clock: systemClock,
    log: testLog('agent'),
    state: await openStateDir(config.dataDir),
  })
}

/** An agent as a process of its own, with a configuration file. */
async function startProcess(instance: string, token: string): Promise<TestProcess> {
  const file = join(folder, 'agent.yaml')
  const lines = [`collector.url: ${collector.agentUrl}`, `dataDir: ${folder}/${instance}`, `instance: ${instance}`]
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 })
  return runScript('agent/src/main.ts', ['run'], { FETTLE_AGENT_CONFIG: file, FETTLE_TOKEN: token })
}

type Detail = { readonly hostId: string; readonly facts: readonly { readonly key: string }[] }

/** Every source of the host has told something. */
async function reported(instance: string): Promise<boolean> {
  const [known, wanted] = (await Promise.all([instance, 'alpha'].map(name => collector.json(`/api/v1/hosts/${name}`)))) as [Detail, Detail]
  return known.facts.length > 0 && known.facts.length === wanted.facts.length
}

describe('Prometheus with the shipped configuration', () => {
  test('finds the collector and every shard, each an instance of its own, and all are up', async () => {
    const targets = await until(async () => {
      const found = await prometheus.targets()
      return found.length === 5 && found.every(({ health }) => health === 'up') ? found : undefined
    }, 'finding the targets')

    expect(new Set(targets.map(({ instance }) => instance)).size).toBe(5)
    expect(targets.filter(({ job }) => job === 'fettle-hosts')).toHaveLength(4)
    expect(targets.filter(({ lastError }) => lastError !== '')).toEqual([])
  })

  test('knows both hosts as present', async () => {
    const up = await until(async () => {
      const found = await prometheus.query('fettle_agent_up == 1')
      return found.length === 2 ? found : undefined
    })

    expect(up.map(({ labels }) => labels.instance).sort()).toEqual(['alpha', 'beta'])
    expect(new Set(up.map(({ labels }) => labels.job))).toEqual(new Set(['fettle-hosts']))
    expect((await prometheus.query('fettle_host_group_info{instance="alpha"}'))[0]?.labels.site).toBe('berlin')
  })

  test('has every series as the catalog says, with its type and help, and no other', async () => {
    await until(async () => (await prometheus.query('count(fettle_agent_probe_success)')).length > 0)
    const series = await prometheus.series('{job="fettle-hosts",__name__=~"fettle_.+"}')
    const known = new Map<string, Metric>(metrics.map(metric => [metric.name, metric]))

    const strange = series.filter(({ __name__ = '', instance, job, ...labels }) => {
      const metric = known.get(__name__)
      return !metric || !instance || !job || Object.keys(labels).some(label => !metric.labels.includes(label))
    })

    expect(series.length).toBeGreaterThan(100)
    expect(strange).toEqual([])
    // Type and help are only kept of families that are there now.
    const wrong = await until(async () => {
      const [there, told] = await Promise.all([prometheus.query('{job="fettle-hosts",__name__=~"fettle_.+"}'), prometheus.metadata()])
      const found = [...new Set(there.map(({ labels }) => labels.__name__ ?? ''))].filter(name => {
        const [entry] = told[name] ?? []
        return entry?.type !== known.get(name)?.type || entry?.help !== known.get(name)?.help
      })
      return found.length === 0 ? found : undefined
    }, 'type and help of every family')
    expect(wrong).toEqual([])
  })

  test('refuses no sample: none comes twice, late or out of bounds', async () => {
    await until(async () => (await prometheus.query('min(count_over_time(up[1m])) >= 5')).length > 0, 'five scrapes of each target')
    const { url } = prometheus
    const own = await (await fetch(`${url}/metrics`)).text()

    const refused = [...own.matchAll(/^(prometheus_target_scrapes_(?:sample|exceeded)\w+) (\S+)$/gm)]

    expect(refused.length).toBeGreaterThanOrEqual(4)
    expect(refused.filter(([, , count]) => count !== '0').map(([line]) => line)).toEqual([])
  })

  test('evaluates every rule', async () => {
    const groups = await until(async () => {
      const answer = (await (await fetch(`${prometheus.url}/api/v1/rules`)).json()) as { data: { groups: { rules: Rule[] }[] } }
      const rules = answer.data.groups.flatMap(group => group.rules)
      return rules.every(({ health }) => health !== 'unknown') ? rules : undefined
    }, 'evaluating the rules')

    expect(groups.length).toBeGreaterThan(50)
    expect(groups.filter(({ health }) => health !== 'ok')).toEqual([])
  })

  test('reaches Alertmanager with the alert that always fires', async () => {
    const alerts = await until(async () => {
      const found = await alertmanager.alerts()
      return found.some(({ labels }) => labels.alertname === 'FettleWatchdog') ? found : undefined
    }, 'the watchdog in Alertmanager')

    expect(alerts.find(({ labels }) => labels.alertname === 'FettleWatchdog')?.labels.severity).toBe('none')
  })
})

type Rule = { readonly name: string; readonly health: string; readonly lastError?: string }

describe('promtool', () => {
  test.each(['/metrics', '/metrics/hosts', '/metrics/hosts/alpha', '/metrics/hosts?domain=updates,security'])(
    'has nothing to say against %s',
    async path => {
      const text = await collector.text(path)

      expect(text.length).toBeGreaterThan(0)
      expect(await promtool(['check', 'metrics'], text)).toBe('')
    },
  )
})

describe('a host that goes', () => {
  test('has no connection any more once its agent has stopped, and is still told of', async () => {
    await first.stop()

    const text = await until(async () => {
      const now = await collector.text('/metrics/hosts/alpha')
      return now.includes('fettle_agent_connection_start_timestamp_seconds{instance="alpha"} 0\n') ? now : undefined
    })

    expect(text).toContain('fettle_agent_up{instance="alpha"} 0\n')
  })

  test('ends in Prometheus with all its series once it is removed, and the other stays', async () => {
    const { hostId } = (await collector.json('/api/v1/hosts/beta')) as Detail
    expect((await prometheus.query('{instance="beta",__name__=~"fettle_.+"}')).length).toBeGreaterThan(10)
    expect(await redis.cli('KEYS', `*${hostId}*`)).toContain(hostId)

    await collector.admin('DELETE', '/api/v1/hosts/beta')

    await until(async () => (await prometheus.query('{instance="beta",__name__=~"fettle_.+"}')).length === 0, 'the end of its series')
    expect((await prometheus.query('{instance="alpha",__name__=~"fettle_.+"}')).length).toBeGreaterThan(10)
    expect((await fetch(`${collector.url}/metrics/hosts/beta`)).status).toBe(404)
    // All that is left is the word that it was removed, against a store that comes back from the past.
    expect((await redis.cli('KEYS', `*${hostId}*`)).trim()).toBe(`fettle:{fettle}:gone:${hostId}`)
  })
})
