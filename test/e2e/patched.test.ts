import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FactTypes } from '@fettle/catalog'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { linuxProbes } from '../../agent/src/probes/linux.ts'
import { type AptRepo, startAptRepo } from '../kit/apt-repo.ts'
import { startTestCollector, type TestCollector } from '../kit/collector.ts'
import { runScript, type TestProcess } from '../kit/process.ts'
import { type Prometheus, startPrometheus } from '../kit/prometheus.ts'
import { until } from '../kit/until.ts'

const CHECK = 'updates-security-late'
const ALERT = 'FettleUpdatesSecurityLate'
/** What is promised of a machine that was patched, ms. */
const MINUTE = 60_000
const agentMain = new URL('../../agent/src/main.ts', import.meta.url).pathname
const hook = new URL('../../deploy/linux/apt/80fettle', import.meta.url)

let folder: string
let repo: AptRepo
let collector: TestCollector
let prometheus: Prometheus
let agent: TestProcess

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-patched-'))
  repo = await startAptRepo()
  await repo.publish('main', { name: 'tool', version: '1.0-1' })
  await repo.publish('security', { name: 'other', version: '1' })
  await repo.update()
  await repo.install('tool')
  collector = await startTestCollector({}, stringify({ thresholds: [{ check: CHECK, warning: '1s', critical: 'off' }] }))
  prometheus = await startPrometheus({ collector: collector.url, patience: 'none' })
  agent = await startAgentProcess(await collector.token())
})

afterAll(async () => {
  await agent?.kill('SIGTERM')
  await prometheus?.stop()
  await collector?.stop()
  await repo?.remove()
  await rm(folder, { recursive: true, force: true })
})

/** An agent that looks at the private machine's updates only, and the shipped apt hook that asks it to look again. */
async function startAgentProcess(token: string): Promise<TestProcess> {
  const config = join(folder, 'agent.yaml')
  const others = linuxProbes.map(({ subject, source }) => `${subject}/${source}`).filter(key => key !== 'updates/apt')
  const settings = {
    'collector.url': collector.agentUrl,
    dataDir: join(folder, 'state'),
    instance: 'web1',
    probes: Object.fromEntries(others.map(key => [key, { enabled: false }])),
    'updates.apt': { configFile: repo.configFile },
  }
  await writeFile(config, stringify(settings), { mode: 0o600 })
  const command = join(folder, 'fettle-agent')
  await writeFile(command, `#!/bin/sh\nFETTLE_AGENT_CONFIG='${config}' exec '${process.execPath}' '${agentMain}' "$@"\n`)
  await chmod(command, 0o755)
  await repo.configure((await readFile(hook, 'utf8')).replaceAll('/usr/bin/fettle-agent', command))
  return runScript('agent/src/main.ts', ['run'], { FETTLE_AGENT_CONFIG: config, FETTLE_TOKEN: token })
}

type Detail = {
  readonly facts: readonly { readonly key: string; readonly data: unknown }[]
  readonly findings: readonly { readonly check: string; readonly status: string; readonly reason: string; readonly since: number }[]
  readonly transitions: readonly { readonly key: string; readonly data: unknown }[]
}
type Updates = FactTypes['updates']

const detail = async () => (await collector.json('/api/v1/hosts/web1')) as Detail
const finding = async () => (await detail()).findings.find(({ check }) => check === CHECK)
const series = async (name: string, labels: string) => {
  const text = await collector.text('/metrics/hosts/web1')
  const line = text.split('\n').find(one => one.startsWith(`${name}{instance="web1",${labels}}`))
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')))
}
const firing = async () => (await prometheus.alerts()).filter(({ name, state }) => name === ALERT && state === 'firing')

test('a machine falls behind, the alert fires; it is patched, and within a minute all is well', async () => {
  await until(async () => (await finding())?.status === 'ok', 'a machine that has all there is')
  expect(await series('fettle_updates_pending', 'source="apt",class="security"')).toBe(0)
  expect(await firing()).toEqual([])

  const published = Date.now()
  await repo.publish('security', { name: 'tool', version: '1.0-2' })
  await repo.update()

  const late = await until(async () => {
    const found = await finding()
    return found?.status === 'warning' ? found : undefined
  }, 'the finding that a security update waits')
  expect(late.reason).toContain('tool 1.0-2')
  expect((await detail()).facts.find(({ key }) => key === 'updates/apt')?.data).toMatchObject({
    pending: [{ name: 'tool', installed: '1.0-1', candidate: '1.0-2', class: 'security', published: null, withheld: null }],
  })
  expect(await series('fettle_updates_pending', 'source="apt",class="security"')).toBe(1)
  const since = (await series('fettle_updates_oldest_pending_timestamp_seconds', 'source="apt",class="security"')) ?? 0
  expect(since * 1000).toBeGreaterThanOrEqual(published)
  expect(since * 1000).toBeLessThanOrEqual(Date.now())
  const [alert] = await until(async () => ((await firing()).length > 0 ? firing() : undefined), 'the alert')
  expect(alert?.labels).toMatchObject({ instance: 'web1', severity: 'warning', domain: 'updates' })

  const patched = performance.now()
  await repo.upgrade()

  await until(async () => (await finding())?.status === 'ok', 'the finding that all is installed', MINUTE)
  await until(async () => (await series('fettle_updates_pending', 'source="apt",class="security"')) === 0, 'the series', MINUTE)
  await until(async () => (await firing()).length === 0, 'the end of the alert', MINUTE)
  expect(performance.now() - patched).toBeLessThan(MINUTE)
  expect(await series('fettle_updates_oldest_pending_timestamp_seconds', 'source="apt",class="security"')).toBeUndefined()

  const waited = (await detail()).transitions.filter(({ key }) => key === 'updates/apt').map(({ data }) => (data as Updates).pending.length)
  expect(waited).toEqual(expect.arrayContaining([0, 1]))
  expect(waited[0]).toBe(0)
}, 240_000)
