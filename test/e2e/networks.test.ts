import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type AgentProcess, startAgentProcess } from '../kit/agent-process.ts'
import { startTestCollector, type TestCollector } from '../kit/collector.ts'
import { startNamingProxy, startTinyproxy } from '../kit/forward-proxy.ts'
import { type FileAuthority, fileAuthority, type PemFiles } from '../kit/pem-files.ts'
import { freePort, runScript } from '../kit/process.ts'
import { until } from '../kit/until.ts'

/** The agent as a process of its own, in the networks that companies and hotels have. */

let folder: string
let authority: FileAuthority
let server: PemFiles
let collector: TestCollector
let port: number
const closers: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-net-'))
  authority = await fileAuthority(folder)
  server = await authority.issue('fettle', ['DNS:fettle.example.test', 'DNS:localhost', 'IP:127.0.0.1', 'IP:::1'])
  collector = await startTestCollector({ FETTLE_TLS_CERT: server.cert, FETTLE_TLS_KEY: server.key })
  port = Number(new URL(collector.url).port)
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
afterAll(async () => {
  await collector.stop()
  await rm(folder, { recursive: true, force: true })
})

let machines = 0
/** A machine that nobody knows yet. */
async function machine(own: object, env: Record<string, string> = {}): Promise<AgentProcess & { readonly instance: string }> {
  const instance = `machine-${++machines}`
  const agent = await startAgentProcess({ collector: own, token: await collector.token(), instance, env })
  closers.push(agent.remove)
  return { ...agent, instance }
}

const isUp = (instance: string) => collector.core.fleet.byInstance(instance)?.connectedSince != null
const connected = ({ instance }: { readonly instance: string }) => until(() => isUp(instance), `${instance} connects`)
const trouble = (agent: AgentProcess) => until(() => agent.troubles()[0], 'the agent tells its trouble')

/** Something that is no collector. */
async function stranger(answer: RequestListener, pair?: PemFiles): Promise<{ readonly port: number; readonly asked: () => number }> {
  let asked = 0
  const listener: RequestListener = (request, response) => {
    asked++
    answer(request, response)
  }
  const other = pair
    ? createSecureServer({ cert: await readFile(pair.cert), key: await readFile(pair.key) }, listener)
    : createServer(listener)
  other.on('connection', () => asked++)
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  closers.push(
    () =>
      new Promise(resolve => {
        other.close(resolve)
        other.closeAllConnections()
      }),
  )
  return { port: (other.address() as AddressInfo).port, asked: () => asked }
}

describe('through a proxy', () => {
  const tinyproxy = async (ports = [port]) => {
    const proxy = await startTinyproxy({ user: 'anna', password: 'open-sesame', ports })
    closers.push(proxy.stop)
    return proxy
  }

  test('that wants a password the agent connects, and its signature is bound to the collector behind it', async () => {
    const proxy = await tinyproxy()
    const passwordFile = join(folder, 'proxy.password')
    await writeFile(passwordFile, 'open-sesame\n')
    const agent = await machine({
      url: `wss://127.0.0.1:${port}`,
      caFile: authority.file,
      proxy: `http://anna@127.0.0.1:${proxy.port}`,
      proxyPasswordFile: passwordFile,
    })
    await connected(agent)
    expect(agent.lines.join('\n')).not.toContain('open-sesame')
    expect(await agent.status()).toBe('connected')
  })

  test.each([
    ['without a user', '', /wants a user and a password \(407\)/],
    ['with a wrong password', 'anna:guessed@', /does not take the user and the password \(40[17]\)/],
  ])('%s it is told, once a minute at most, and no password with it', async (_, user, told) => {
    const proxy = await tinyproxy()
    const agent = await machine({ url: `wss://127.0.0.1:${port}`, caFile: authority.file, proxy: `http://${user}127.0.0.1:${proxy.port}` })
    const { reason, retryMs } = await trouble(agent)
    expect(reason).toMatch(told)
    expect(retryMs).toBeGreaterThanOrEqual(60_000)
    expect(await agent.status()).toMatch(told)
    expect(agent.lines.join('\n')).not.toMatch(/guessed|anna/)
  })

  test('that does not let it out is told', async () => {
    const proxy = await tinyproxy([1])
    const agent = await machine({
      url: `wss://127.0.0.1:${port}`,
      caFile: authority.file,
      proxy: `http://anna:open-sesame@127.0.0.1:${proxy.port}`,
    })
    expect((await trouble(agent)).reason).toMatch(/does not let this machine connect to 127\.0\.0\.1:\d+ \(403\): allow it there/)
  })

  test('that is not there is told as the trouble of the proxy', async () => {
    const agent = await machine({ url: `wss://127.0.0.1:${port}`, proxy: `http://127.0.0.1:${await freePort()}` })
    expect((await trouble(agent)).reason).toMatch(/^the proxy http:\/\/127\.0\.0\.1:\d+ cannot be reached: .*nothing listens there/)
  })

  test('of the environment it goes by the name that only the proxy knows, by TLS to the proxy, and not to what NO_PROXY names', async () => {
    const proxy = await startNamingProxy(to => (to === 'fettle.example.test:7300' ? port : undefined), server)
    closers.push(proxy.stop)
    const env = { NODE_EXTRA_CA_CERTS: authority.file, HTTPS_PROXY: `https://anna:secret@localhost:${proxy.port}` }
    const through = await machine({ url: 'wss://fettle.example.test:7300' }, env)
    await connected(through)
    expect(proxy.asked).toEqual([{ to: 'fettle.example.test:7300', credentials: `Basic ${btoa('anna:secret')}` }])

    const past = await machine({ url: 'wss://fettle.example.test:7300' }, { ...env, NO_PROXY: '.example.test' })
    expect((await trouble(past)).reason).toMatch(/no address of the name fettle\.example\.test is known/)
    expect(proxy.asked).toHaveLength(1)
  })

  test('a machine is enrolled with one string, and the pin is checked through the tunnel', async () => {
    const own = await startTestCollector(
      { FETTLE_TLS_OWN: 'true' },
      'addresses: [wss://fettle.example.test:7300]\ntls.names: [fettle.example.test]',
    )
    const proxy = await startNamingProxy(to => (to === 'fettle.example.test:7300' ? Number(new URL(own.url).port) : undefined))
    closers.push(own.stop, proxy.stop)
    const { enrolment } = (await own.admin('POST', '/api/v1/tokens', {})) as { enrolment: string }
    const state = await mkdtemp(join(folder, 'state-'))
    const env = { FETTLE_DATA_DIR: state, FETTLE_PROXY: `http://127.0.0.1:${proxy.port}` }
    const enrolling = runScript('agent/src/main.ts', ['enroll', enrolment, '--instance', 'tunnelled'], env)
    await enrolling.line(/^Enrolled at wss:\/\/fettle\.example\.test:7300\/agent as tunnelled/)
    expect(own.core.fleet.byInstance('tunnelled')).toBeDefined()
    expect(proxy.asked).toHaveLength(2)
  })

  test('that takes the connection and says nothing is left in time, and nothing stays open', async () => {
    const proxy = await startNamingProxy(() => 'silent')
    closers.push(proxy.stop)
    const agent = await machine({ url: `wss://127.0.0.1:${port}`, caFile: authority.file, proxy: `http://127.0.0.1:${proxy.port}` })
    await until(() => agent.troubles().length > 0, 'the agent gives up', 20_000)
    expect(agent.troubles()[0]?.reason).toBe('no welcome in time')
    await until(() => proxy.connections() < proxy.asked.length, 'the agent closes its connection to the proxy')
  })
})

describe('whom the agent trusts', () => {
  test('an authority that the administrator gave the system is enough', async () => {
    const agent = await machine({ url: `wss://127.0.0.1:${port}` }, { SSL_CERT_FILE: authority.file, SSL_CERT_DIR: folder })
    await connected(agent)
  })

  test('a collector of an unknown authority is told as such', async () => {
    const agent = await machine({ url: `wss://127.0.0.1:${port}` })
    expect((await trouble(agent)).reason).toMatch(/is of an authority that is not trusted here.*collector\.caFile/)
  })
})

describe('of several addresses', () => {
  test('the first that works is kept to, over every family of addresses', async () => {
    const closed = await freePort()
    const portal = await stranger((_, response) => response.end('<html>'), await authority.issue('portal', ['DNS:login.hotel.example']))
    const agent = await machine({
      url: `wss://127.0.0.1:${closed}`,
      fallbacks: [`wss://127.0.0.1:${portal.port}`, `wss://localhost:${port}`],
      caFile: authority.file,
    })
    await connected(agent)
    expect(agent.troubles().map(({ reason }) => reason)).toEqual([
      expect.stringContaining('nothing listens there'),
      expect.stringContaining('the certificate of somebody else (DNS:login.hotel.example)'),
    ])
    expect(await agent.line(/connected to the collector"/)).toContain(`wss://localhost:${port}/agent`)
  })

  test('an address of IPv6 is as good as any', async () => {
    const six = await startTestCollector({ FETTLE_LISTEN: '[::1]:0', FETTLE_TLS_CERT: server.cert, FETTLE_TLS_KEY: server.key })
    closers.push(six.stop)
    const agent = await startAgentProcess({
      collector: { url: six.agentUrl, caFile: authority.file },
      token: await six.token(),
      instance: 'six',
    })
    closers.push(agent.remove)
    expect(six.agentUrl).toMatch(/^wss:\/\/\[::1\]:\d+$/)
    await until(() => six.core.fleet.byInstance('six')?.connectedSince != null, 'it connects')
  })
})

describe('where something else answers', () => {
  test.each<[string, RequestListener, RegExp]>([
    [
      'a web page',
      (_, response) => response.setHeader('Content-Type', 'text/html').end('<html>Welcome to our hotel'),
      /with a web page, not a collector/,
    ],
    [
      'a redirect',
      (_, response) => response.writeHead(302, { Location: 'http://login.hotel.example/' }).end(),
      /redirect to http:\/\/login\.hotel\.example/,
    ],
    ['a network that wants a sign-in', (_, response) => response.writeHead(511).end(), /sign in first \(511\)/],
    [
      'a filter',
      (_, response) => response.writeHead(403, { 'Content-Type': 'text/html' }).end('blocked'),
      /does not let a WebSocket through \(403, with a web page\)/,
    ],
  ])('%s is told as such, in the log once, and to who asks, and the agent tries gently on', async (_, answer, told) => {
    const portal = await stranger(answer, await authority.issue('portal', ['IP:127.0.0.1']))
    const agent = await machine({ url: `wss://127.0.0.1:${portal.port}`, caFile: authority.file })
    expect((await trouble(agent)).reason).toMatch(told)
    expect(await agent.status()).toMatch(told)
    expect(await agent.status()).toMatch(/^no connection to the collector since \d{4}-/)
    const warnings = agent.lines.filter(line => line.includes('"level":40') && line.includes('no connection to the collector'))
    expect(warnings).toHaveLength(1)
    expect(portal.asked()).toBeLessThanOrEqual(6)
  })

  test('fettle-agent check tells it too, for people and for programs', async () => {
    const agent = await machine({ url: `wss://127.0.0.1:${await freePort()}`, caFile: authority.file })
    await trouble(agent)
    const check = (...more: string[]) =>
      runScript('agent/src/main.ts', ['check', ...more], { FETTLE_AGENT_CONFIG: join(agent.folder, 'agent.yaml') })
    expect(await check().line(/^The agent that runs here/)).toMatch(/: no connection to the collector since .*nothing listens there/)
    expect(await check('--json').line(/"collector"/)).toMatch(/"collector": "no connection to the collector since .*nothing listens there/)
  })

  test('the way is free again without a word to the agent, and what it told of itself meanwhile is past', async () => {
    let portal = true
    const gate = await startNamingProxy(() => (portal ? undefined : port))
    closers.push(gate.stop)
    const agent = await machine({ url: `wss://127.0.0.1:${port}`, caFile: authority.file, proxy: `http://127.0.0.1:${gate.port}` })
    expect((await trouble(agent)).reason).toMatch(/cannot reach 127\.0\.0\.1:\d+ \(502\)/)
    portal = false
    await connected(agent)
    await until(() => {
      const self = collector.core.fleet.byInstance(agent.instance)?.held.get('agent/self')
      return self?.outcome === 'ok' && (self.data as { warnings: string[] }).warnings.length === 0
    }, 'the agent tells that nothing is wrong')
  })
})
