import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fastClock } from '../../agent/src/fakes/clock.ts'
import { type AgentProcess, startAgentProcess } from '../kit/agent-process.ts'
import { ProtocolClient } from '../kit/client.ts'
import { startTestCollector, type TestCollector } from '../kit/collector.ts'
import { type FileAuthority, fileAuthority, type PemFiles } from '../kit/pem-files.ts'
import { freePort } from '../kit/process.ts'
import { type ReverseProxy, reverseProxies, startReverseProxy } from '../kit/reverse-proxy.ts'
import { until } from '../kit/until.ts'

/** A collector behind each proxy whose configuration is shipped, with a real agent over the TLS that the proxy ends. */

/** Times of the collector and the idle timeout of the proxy are both this much shorter than for real. */
const FASTER = 25
const IDLE_MS = 75_000
/** Enough that an answer does not fit into any buffer on its way. */
const MANY_HOSTS = 2_000

let folder: string
let authority: FileAuthority
let pem: PemFiles
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-behind-'))
  authority = await fileAuthority(folder)
  pem = await authority.issue('proxy', ['DNS:localhost'])
})
afterAll(() => rm(folder, { recursive: true, force: true }))

type Answer = { readonly status: number; readonly headers: Readonly<Record<string, string | string[] | undefined>>; readonly body: Buffer }

describe.each(reverseProxies)('behind %s', name => {
  let collector: TestCollector
  let proxy: ReverseProxy
  let agent: AgentProcess
  let admin: string
  const host = () => collector.core.fleet.byInstance('web1')
  const isUp = () => host()?.connectedSince != null
  const connected = () => until(isUp, 'the agent connects')

  /** Asks as people and Prometheus do: through the proxy, without unpacking. */
  async function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
    const ca = await readFile(authority.file)
    return new Promise((resolve, reject) => {
      const asking = request(`${proxy.url}${path}`, { ca, method, headers: { Authorization: `Bearer ${admin}`, ...headers } }, response => {
        const chunks: Buffer[] = []
        response.on('data', chunk => chunks.push(chunk))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }))
        response.on('error', reject)
      })
      asking.on('error', reject).end()
    })
  }

  beforeAll(async () => {
    const port = await freePort()
    const file = JSON.stringify({ publicUrl: `https://localhost:${port}/fettle`, trustedProxies: ['127.0.0.1', '::1'], hostTtl: '3650d' })
    collector = await startTestCollector({}, file, fastClock(FASTER))
    proxy = await startReverseProxy(name, { port, collector: Number(new URL(collector.url).port), pem, idleS: IDLE_MS / FASTER / 1000 })
    admin = await collector.token({ kind: 'api', role: 'admin' })
    agent = await startAgentProcess({
      collector: { url: `wss://localhost:${port}/fettle/agent`, caFile: authority.file },
      token: await collector.token(),
    })
    await connected()
  })
  afterAll(async () => {
    await agent?.remove()
    await proxy?.stop()
    await collector?.stop()
  })

  test('an agent reports over the TLS that the proxy ends, and stays connected though nothing is said for longer than the proxy waits', async () => {
    await until(() => host()?.held.get('agent/self'), 'its report')
    const since = host()?.connectedSince ?? 0
    await until(() => (host()?.lastSeenAt ?? 0) - since > 3 * IDLE_MS, 'three idle timeouts')
    expect(host()?.connectedSince).toBe(since)
    expect(agent.troubles()).toEqual([])
  })

  test('links, forms, redirects, targets and the description of the API have the prefix', async () => {
    const page = await ask('/fettle/', { Accept: 'text/html' })
    expect(page.status).toBe(200)
    const links = [...page.body.toString().matchAll(/ (?:href|action)="([^"]*)"/g)].map(([, link = '']) => link)
    expect(links).toContain('/fettle/hosts/web1')
    expect(links.filter(link => !link.startsWith('/fettle/'))).toEqual([])
    expect((await ask('/fettle/hosts/web1')).body.toString()).toContain('web1')

    const { servers } = JSON.parse((await ask('/fettle/api/v1/openapi.json')).body.toString()) as { servers: unknown }
    expect(servers).toEqual([{ url: '/fettle' }])
    expect((await ask('/')).status).toBe(404)
  })

  test('Prometheus is led back through the proxy, and reads there', async () => {
    const [first] = JSON.parse((await ask('/fettle/sd/prometheus')).body.toString()) as [
      { targets: string[]; labels: Record<string, string> },
    ]
    expect(first.targets).toEqual([new URL(proxy.url).host])
    expect(first.labels).toMatchObject({ __scheme__: 'https', __metrics_path__: '/fettle/metrics/hosts' })
    const scraped = await ask(`${first.labels.__metrics_path__}?shard=0&of=1`)
    expect(scraped.body.toString()).toContain('fettle_agent_up{')
  })

  test('a large answer comes whole, deflated once', async () => {
    const now = Date.now()
    for (let i = 0; i < MANY_HOSTS; i++) {
      const meta = { hostId: i.toString(16).padStart(32, '0'), instance: `many-${i}`, publicKey: '', labels: {}, enrolledAt: now }
      collector.core.fleet.enrol({ ...meta, standing: { state: 'active', since: now, why: '' } } as never)
    }
    const { headers, body } = await ask('/fettle/metrics/hosts', { 'Accept-Encoding': 'gzip' })
    expect(headers['content-encoding']).toBe('gzip')
    expect(headers['content-length']).toBeUndefined()
    const text = gunzipSync(body).toString()
    expect(text.match(/^fettle_agent_up\{/gm)?.length).toBeGreaterThanOrEqual(MANY_HOSTS)
    const plain = await ask('/fettle/metrics/hosts', { 'Accept-Encoding': 'identity' })
    expect(plain.headers['content-encoding']).toBeUndefined()
    expect(plain.body.toString().match(/^fettle_agent_up\{/gm)?.length).toBeGreaterThanOrEqual(MANY_HOSTS)
    for (let i = 0; i < MANY_HOSTS; i++) collector.core.fleet.remove(i.toString(16).padStart(32, '0'))
  })

  test('what a client says of where it comes from is not believed, what the proxy saw is', async () => {
    const lies = { 'X-Forwarded-For': '203.0.113.9', Forwarded: 'for=203.0.113.9', 'X-Forwarded-Host': 'evil.example' }
    const targets = await ask('/fettle/sd/prometheus', lies)
    expect(targets.body.toString()).not.toContain('evil.example')
    await ask('/fettle/api/v1/tokens/0123456789abcdef', lies, 'DELETE')
    const audit = await until(async () => {
      const { body } = await ask('/fettle/api/v1/audit')
      return body.toString().includes('0123456789abcdef') ? body.toString() : undefined
    }, 'the act is in the audit log')
    expect(audit).not.toContain('203.0.113.9')
    expect(audit).toMatch(/"address":"(127\.0\.0\.1|::1)"/)
  })

  test('a reload of the proxy leaves the agent connected, or it is back at once', async () => {
    await proxy.reload()
    await until(async () => (await ask('/fettle/healthz')).status === 200, 'the proxy answers after its reload')
    await connected()
    expect(host()?.dropped).toBe(0)
  })

  test('a restart of the proxy costs the agent seconds, and nothing is lost', async () => {
    const before = host()?.connectedSince
    await proxy.restart(() => until(() => !isUp(), 'the collector sees the connection end'))
    await until(() => isUp() && host()?.connectedSince !== before, 'the agent is back', 15_000)
    expect(host()?.dropped).toBe(0)
    expect(agent.lines.some(line => line.includes('"level":50'))).toBe(false)
  })
})

describe('the idle timeout of the proxy is in force in these tests', () => {
  test.each(['nginx', 'haproxy'] as const)('%s cuts a connection that is silent for longer', async name => {
    const collector = await startTestCollector({ FETTLE_PUBLIC_URL: 'https://localhost/fettle' }, 'trustedProxies: [127.0.0.1]')
    const proxy = await startReverseProxy(name, { collector: Number(new URL(collector.url).port), pem, idleS: 1 })
    const agent = await startAgentProcess({
      collector: { url: `wss://localhost:${proxy.port}/fettle/agent`, caFile: authority.file },
      token: await collector.token(),
    })
    try {
      await until(() => agent.troubles().length > 0, 'the agent is cut off')
      expect(collector.core.fleet.byInstance('web1')).toBeDefined()
    } finally {
      await agent.remove()
      await proxy.stop()
      await collector.stop()
    }
  })
})

describe('a collector that does not trust the proxy', () => {
  test('does not let an agent in whose TLS ends elsewhere', async () => {
    const collector = await startTestCollector({ FETTLE_PUBLIC_URL: 'https://localhost/fettle' })
    const proxy = await startReverseProxy('nginx', { collector: Number(new URL(collector.url).port), pem })
    const agent = await startAgentProcess({
      collector: { url: `wss://localhost:${proxy.port}/fettle/agent`, caFile: authority.file },
      token: await collector.token(),
    })
    try {
      await until(() => agent.troubles().some(({ reason }) => reason === 'refused'), 'the agent is refused')
      expect(collector.core.fleet.size).toBe(0)
    } finally {
      await agent.remove()
      await proxy.stop()
      await collector.stop()
    }
  })

  test('takes nobody who comes through one of this machine for somebody on this machine', async () => {
    const collector = await startTestCollector()
    try {
      expect((await fetch(`${collector.url}/api/v1/hosts`)).status).toBe(200)
      for (const header of ['X-Forwarded-For', 'Forwarded', 'Via', 'X-Real-IP'])
        expect((await fetch(`${collector.url}/api/v1/hosts`, { headers: { [header]: '127.0.0.1' } })).status, header).toBe(401)
    } finally {
      await collector.stop()
    }
  })

  test('lets in an agent that comes straight, with and without the prefix', async () => {
    const collector = await startTestCollector({ FETTLE_PUBLIC_URL: 'https://localhost/fettle' })
    try {
      for (const url of [collector.agentUrl, `${collector.agentUrl}/fettle`]) {
        const client = new ProtocolClient()
        expect((await client.join(url, await collector.token())).type).toBe('welcome')
        client.cut()
      }
    } finally {
      await collector.stop()
    }
  })
})
