import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer, type TlsOptions } from 'node:tls'
import { systemClock } from '@fettle/kit'
import { closeCodes, pinOf, readEnrolment, writeEnrolment } from '@fettle/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Agent, cli, loadConfig, localHost, openStateDir, startAgent } from '../../agent/src/index.ts'
import { openStore } from '../../collector/src/store/open.ts'
import { Authority } from '../../collector/src/tls/authority.ts'
import { startListener, testAuthority } from '../kit/certificates.ts'
import { ProtocolClient } from '../kit/client.ts'
import { startTestCollector, type TestCollector } from '../kit/collector.ts'
import { testLog } from '../kit/log.ts'
import { type RedisServer, startRedis } from '../kit/redis.ts'
import { until } from '../kit/until.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const YEAR = 365 * DAY

let folder: string
const closers: (() => Promise<unknown>)[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-enrolment-'))
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  await rm(folder, { recursive: true })
})

/** A clock that runs as the system's does, so many milliseconds beside it. */
function movedClock(beside: number) {
  let offset = beside
  return {
    ...systemClock,
    now: () => Date.now() + offset,
    move(ms: number) {
      offset = ms
    },
  }
}

async function collectorWithOwnAuthority(clock?: ReturnType<typeof movedClock>, env: Record<string, string> = {}): Promise<TestCollector> {
  const data = join(folder, 'collector')
  const collector = await startTestCollector({ FETTLE_DATA: data, FETTLE_TLS_OWN: 'true', ...env }, '', clock)
  closers.push(collector.stop)
  return collector
}

async function stringOf(collector: TestCollector, wish = {}): Promise<string> {
  return ((await collector.admin('POST', '/api/v1/tokens', wish)) as { enrolment: string }).enrolment
}

/** `fettle-agent`, its state in a folder of the test's. */
async function run(argv: readonly string[], env: Record<string, string> = {}, stdin = '') {
  let said = ''
  const write = (text: string) => {
    said += text
  }
  const code = await cli({
    argv,
    env: { FETTLE_DATA_DIR: join(folder, 'agent'), HOME: folder, ...env },
    stdout: { write },
    stderr: { write },
    readStdin: async () => stdin,
  })
  return { code, said }
}

async function agentOf(env: Record<string, string> = {}): Promise<Agent> {
  const state = await openStateDir(join(folder, 'agent'))
  const host = localHost()
  const { config } = await loadConfig({ env, uid: host.uid, readFile: async () => undefined, probes: [] })
  const agent = await startAgent({ config, host, clock: systemClock, log: testLog('agent'), state, probes: [] })
  closers.push(agent.stop)
  return agent
}

const membership = async () =>
  JSON.parse(await readFile(join(folder, 'agent', 'collector.json'), 'utf8')) as { authorities: string[]; urls: string[] }

describe('an enrolment string', () => {
  test('is all that a machine needs: it knows the collector by its own authority, and nobody else', async () => {
    const collector = await collectorWithOwnAuthority()
    const text = await stringOf(collector, { labels: { site: 'lyon' } })
    expect(readEnrolment(text)).toMatchObject({ urls: [collector.agentUrl], server: 'collector.test', pin: expect.any(String) })

    const { code, said } = await run(['enroll', text, '--instance', 'web1'])
    expect([code, said]).toEqual([0, expect.stringContaining(`Enrolled at ${collector.agentUrl}/agent as web1`)])
    expect((await membership()).authorities.map(pinOf)).toEqual([readEnrolment(text).pin])
    expect(JSON.stringify(await membership())).not.toContain(readEnrolment(text).token)

    const agent = await agentOf()
    await until(agent.connected, 'the agent is connected')
    expect(collector.core.fleet.byInstance('web1')?.meta.labels).toEqual({ site: 'lyon' })
  })

  test.each([
    ['standard input', ['enroll', '-'], 'stdin'],
    ['the environment', ['enroll'], 'environment'],
  ] as const)('comes from %s as well, where no other user sees it', async (_, argv, from) => {
    const collector = await collectorWithOwnAuthority()
    const text = await stringOf(collector)
    const { code } = await run(argv, from === 'environment' ? { FETTLE_ENROLMENT: text } : {}, from === 'stdin' ? `${text}\n` : '')
    expect([code, collector.core.fleet.size]).toEqual([0, 1])
  })

  test('in the configuration makes a machine enrol itself at its first start, and is nothing later', async () => {
    const collector = await collectorWithOwnAuthority()
    const text = await stringOf(collector)
    const env = { FETTLE_ENROLMENT: text, FETTLE_INSTANCE: 'image-1' }
    const agent = await agentOf(env)
    await until(() => collector.core.fleet.byInstance('image-1') !== undefined && agent.connected(), 'it enrols itself')
    await agent.stop()
    await until(async () => (await membership()).authorities.length > 0, 'the authority is kept')
    await collector.admin('DELETE', `/api/v1/tokens/${readEnrolment(text).token.split('.')[0]}`)

    const again = await agentOf(env)
    await until(again.connected, 'the key is enough')
  })

  test.each([
    ['damaged', (text: string) => text.slice(0, -9), /copy it whole/],
    ['beside --token', (text: string) => text, /both an enrolment string and/],
    ['a bare token', () => '6f1d.Zk3', /a bare token goes with --collector/],
  ])('%s is refused in words, without its token', async (what, change, told) => {
    const text = writeEnrolment({ urls: ['wss://127.0.0.1:1'], token: `${'0a'.repeat(8)}.${'S3cret_-'.repeat(4)}`, server: 'x', pin: null })
    const { code, said } = await run(['enroll', change(text), ...(what === 'beside --token' ? ['--token', 'x.y'] : [])])
    expect([code, said]).toEqual([what === 'damaged' ? 1 : 64, expect.stringMatching(told)])
    expect(said).not.toContain('S3cret')
  })
})

describe('before anything is sent', () => {
  const token = `${'0a'.repeat(8)}.${'S3cret_-'.repeat(4)}`
  /** What a machine does that is told to enrol at a listener, with the pin of an authority. */
  async function enrolAt(options: Parameters<typeof startListener>[0], pin: string, name = '127.0.0.1') {
    const listener = await startListener(options)
    closers.push(listener.stop)
    const urls = [listener.url.replace('127.0.0.1', name)]
    const ended = await run(['enroll', writeEnrolment({ urls, token, server: 'collector.test', pin })])
    expect(listener.calls()).toBeGreaterThan(0)
    return { ...ended, heard: listener.heard() }
  }

  test('a listener with another authority is told apart by the pin', async () => {
    const right = await testAuthority('The right one')
    const wrong = await (await testAuthority('Another')).sign()
    const { code, said, heard } = await enrolAt({ cert: wrong.certificate, key: wrong.key }, pinOf(right.certificate))
    expect([code, heard]).toEqual([1, ''])
    expect(said).toMatch(/is not the collector of this enrolment string, or somebody stands between.*Nothing was sent/)
    expect(await readdir(join(folder, 'agent'))).toEqual([])
  })

  test('one that shows the right authority beside a certificate that it did not sign is not believed', async () => {
    const right = await testAuthority('The right one')
    const wrong = await (await testAuthority('The right one')).sign()
    const cert = `${wrong.certificate.split(/(?<=-----END CERTIFICATE-----\n)/)[0]}${right.certificate}`
    const { code, heard } = await enrolAt({ cert, key: wrong.key }, pinOf(right.certificate))
    expect([code, heard]).toEqual([1, ''])
  })

  test.each([
    ['for another name', ['fettle.example.com'], {}, /shows the certificate of somebody else \(DNS:fettle.example.com\)/],
    ['that has ended', ['127.0.0.1'], { from: Date.now() - 3 * DAY, until: Date.now() - HOUR }, /expired/i],
    ['that begins tomorrow', ['127.0.0.1'], { from: Date.now() + DAY, until: Date.now() + 3 * DAY }, /is not valid yet, or the clock/],
  ] as const)('a certificate of the right authority %s is refused', async (_, names, validity, told) => {
    const right = await testAuthority()
    const { certificate, key } = await right.sign([names[0]], 'from' in validity ? validity : undefined)
    const { code, said, heard } = await enrolAt({ cert: certificate, key }, pinOf(right.certificate))
    expect([code, heard]).toEqual([1, ''])
    expect(said).toMatch(told)
  })

  test('an impostor among several addresses gets nothing, and the machine is enrolled at the next', async () => {
    const wrong = await (await testAuthority('Another')).sign()
    const impostor = await startListener({ cert: wrong.certificate, key: wrong.key })
    closers.push(impostor.stop)
    const collector = await collectorWithOwnAuthority()
    const told = readEnrolment(await stringOf(collector))
    const { code } = await run(['enroll', writeEnrolment({ ...told, urls: [impostor.url, collector.agentUrl] })])
    expect([code, impostor.heard()]).toEqual([0, ''])
    expect((await membership()).urls).toEqual([`${collector.agentUrl}/agent`, `${impostor.url}/agent`])
  })

  test('a collector that calls itself another name is not signed for', async () => {
    const collector = await collectorWithOwnAuthority()
    const told = readEnrolment(await stringOf(collector))
    const { code, said } = await run(['enroll', writeEnrolment({ ...told, server: 'elsewhere' })])
    expect([code, said]).toEqual([1, expect.stringMatching(/calls itself "collector.test"/)])
    expect(collector.core.fleet.size).toBe(0)
  })
})

describe('behind a proxy that does TLS by a private authority', () => {
  /** A collector that speaks plain text to its proxy, and the string with which a machine comes to the proxy. */
  async function behindProxy(options: TlsOptions = {}): Promise<string> {
    const authority = await testAuthority('Of the company')
    const { certificate, key } = await authority.sign()
    await writeFile(join(folder, 'ca.pem'), authority.certificate)
    const collector = await startTestCollector({ FETTLE_TLS_CA: join(folder, 'ca.pem') }, 'trustedProxies: [127.0.0.1]')
    closers.push(collector.stop)
    const proxy = createServer({ cert: certificate, key, ...options }, near => {
      const far = connectPlain(Number(new URL(collector.url).port), '127.0.0.1')
      near.pipe(far).pipe(near)
      for (const socket of [near, far]) socket.on('error', () => near.destroy()).on('close', () => near.destroy())
    })
    proxy.on('tlsClientError', () => {})
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    closers.push(async () => void proxy.close())
    const told = readEnrolment(await stringOf(collector))
    expect(told.pin).toBe(pinOf(authority.certificate))
    return writeEnrolment({ ...told, urls: [`wss://127.0.0.1:${(proxy.address() as AddressInfo).port}`] })
  }

  test('the machine knows the proxy by its pin', async () => {
    const text = await behindProxy()
    expect((await run(['enroll', text])).code).toBe(0)
    const agent = await agentOf()
    await until(agent.connected, 'it is connected through the proxy')
    expect((await membership()).authorities.map(pinOf)).toEqual([readEnrolment(text).pin])
  })

  test('one that knows no TLS 1.3 is spoken with only where the machine was told to', async () => {
    const text = await behindProxy({ maxVersion: 'TLSv1.2' })
    const { code, said } = await run(['enroll', text])
    expect([code, said]).toEqual([1, expect.stringContaining('collector.minVersion')])
    expect(await run(['enroll', text], { FETTLE_COLLECTOR_MIN_VERSION: '1.2' })).toMatchObject({ code: 0 })
  })
})

describe('several collectors of one Redis', () => {
  let redis: RedisServer
  const start = async (name: string, port = 0) => {
    const env = { FETTLE_DATA: join(folder, name), FETTLE_STORE: redis.url, FETTLE_TLS_OWN: 'true', FETTLE_LISTEN: `127.0.0.1:${port}` }
    const collector = await startTestCollector(env)
    closers.push(collector.stop)
    return collector
  }
  beforeEach(async () => {
    redis = await startRedis()
    closers.push(redis.stop)
  })

  test('are one to a machine: enrolled at the first, it goes to the second when that one is gone', async () => {
    const [first, second] = [await start('one'), await start('two')]
    const told = readEnrolment(await stringOf(first))
    expect(readEnrolment(await stringOf(second)).pin).toBe(told.pin)
    const text = writeEnrolment({ ...told, urls: [first.agentUrl, second.agentUrl] })
    expect((await run(['enroll', text, '--instance', 'web1'])).code).toBe(0)
    await first.stop()

    const agent = await agentOf()
    await until(agent.connected, 'it is connected to the second')
    expect(second.core.fleet.byInstance('web1')?.connectedSince).not.toBeNull()
  })

  test('keep their authority when the Redis is wiped while none of them runs', async () => {
    const first = await start('one')
    expect((await run(['enroll', await stringOf(first)])).code).toBe(0)
    await first.stop()
    await redis.cli('FLUSHALL')

    await start('one', Number(new URL(first.url).port))
    const agent = await agentOf()
    await until(agent.connected, 'the machine knows the collector as before')
  })
})

describe('a machine that is a copy of another', () => {
  test('gets a key of its own, the old one is set aside, and both go on apart', async () => {
    const collector = await collectorWithOwnAuthority()
    expect((await run(['enroll', await stringOf(collector), '--instance', 'one'])).code).toBe(0)
    const state = join(folder, 'agent')
    const old = await readFile(join(state, 'key.pem'), 'utf8')

    const { code } = await run(['enroll', await stringOf(collector), '--instance', 'two', '--new-identity'])
    expect(code).toBe(0)
    expect(await readFile(join(state, 'key.replaced.pem'), 'utf8')).toBe(old)
    expect(await readFile(join(state, 'key.pem'), 'utf8')).not.toBe(old)
    expect(collector.core.fleet.size).toBe(2)
    const agent = await agentOf()
    await until(agent.connected, 'the copy is connected by its new key')
    expect(collector.core.fleet.byInstance('two')?.meta.hostId).toBe(agent.hostId)
  })

  test('keeps its key where the collector refuses, and while an agent runs with it', async () => {
    const collector = await collectorWithOwnAuthority()
    const text = await stringOf(collector)
    expect((await run(['enroll', text])).code).toBe(0)
    const key = await readFile(join(folder, 'agent', 'key.pem'), 'utf8')
    expect((await run(['enroll', text, '--new-identity'])).code).toBe(1)
    await agentOf()
    const running = await run(['enroll', await stringOf(collector), '--new-identity'])
    expect([running.code, running.said]).toEqual([1, expect.stringContaining('systemctl stop fettle-agent')])
    expect(await readFile(join(folder, 'agent', 'key.pem'), 'utf8')).toBe(key)
  })
})

test('a machine that waits for approval is enrolled already, and connects once it is approved', async () => {
  const collector = await collectorWithOwnAuthority()
  const { code, said } = await run(['enroll', await stringOf(collector, { approve: true }), '--instance', 'web1'])
  expect([code, said]).toEqual([0, expect.stringContaining('fettle-collector host approve web1')])
  const hostId = collector.core.fleet.byInstance('web1')?.meta.hostId ?? ''
  await collector.core.setStanding(hostId, { state: 'active', since: Date.now(), why: '' })
  const agent = await agentOf()
  await until(agent.connected, 'it is let in')
})

describe('certificates that are renewed', () => {
  /** The certificate that a new connection is shown. */
  async function shownTo(url: string): Promise<string> {
    return await new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), rejectUnauthorized: false }, () => {
        resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '')
        socket.destroy()
      })
      socket.on('error', reject)
    })
  }

  test('are served to whoever connects next, while connections that stand stay', async () => {
    const clock = movedClock(-70 * DAY)
    const collector = await collectorWithOwnAuthority(clock)
    await run(['enroll', await stringOf(collector), '--instance', 'web1'])
    const agent = await agentOf()
    await until(agent.connected, 'the agent is connected')
    const connectedAt = collector.core.fleet.byInstance('web1')?.connectedSince
    const before = await shownTo(collector.url)
    await collector.reload()
    expect(await shownTo(collector.url)).toBe(before)

    clock.move(0)
    await collector.reload()
    expect(await shownTo(collector.url)).not.toBe(before)
    expect([agent.connected(), collector.core.fleet.byInstance('web1')?.connectedSince]).toEqual([true, connectedAt])
    await agent.stop()
    const again = await agentOf()
    await until(again.connected, 'the agent connects to the new certificate')
  })

  test('by the next authority are followed by machines that were told of it, without another enrolment', async () => {
    // The first authority is nine years old, the next one two: it is used from now on.
    await mkdir(join(folder, 'collector'), { mode: 0o700 })
    const store = await openStore(`sqlite:${join(folder, 'collector', 'fleet.db')}`, { clock: systemClock })
    const events = { authority: () => {}, failed: () => {} }
    for (const age of [9 * YEAR, 2 * YEAR])
      await Authority.open({
        values: store.values,
        clock: movedClock(-age),
        events,
        server: 'x',
        names: ['x'],
        passphrase: null,
        file: undefined,
      })
    await store.close()
    const clock = movedClock(-12 * HOUR)
    const collector = await collectorWithOwnAuthority(clock, { FETTLE_STORE: `sqlite:${join(folder, 'collector', 'fleet.db')}` })
    const text = await stringOf(collector)
    await run(['enroll', text])
    const { authorities } = await membership()
    expect(authorities).toHaveLength(2)
    expect(pinOf(authorities[0] ?? '')).toBe(readEnrolment(text).pin)

    clock.move(12 * HOUR)
    await collector.reload()
    expect(readEnrolment(await stringOf(collector)).pin).toBe(pinOf(authorities[1] ?? ''))
    const agent = await agentOf()
    await until(agent.connected, 'the agent knows the next authority')
    await until(async () => (await membership()).authorities[0] === authorities[1], 'the agent was told the new order')
  })
})

test('an authority that is replaced is told to machines that are connected, which trust it alone once it is used', async () => {
  const clock = movedClock(-12 * HOUR)
  const collector = await collectorWithOwnAuthority(clock)
  await run(['enroll', await stringOf(collector)])
  const agent = await agentOf()
  await until(agent.connected, 'the agent is connected')
  const [old = ''] = (await membership()).authorities
  await collector.admin('POST', '/api/v1/authorities', { usedInMs: 6 * HOUR })
  // Everybody is welcomed again within a minute.
  collector.core.gate.session(agent.hostId)?.welcome()
  const next = await until(async () => (await membership()).authorities[1], 'the agent has heard of it')
  expect((await membership()).authorities).toEqual([old, next])

  clock.move(0)
  await collector.reload()
  await agent.stop()
  const again = await agentOf()
  await until(again.connected, 'the agent knows the new authority')
  await until(async () => (await membership()).authorities[0] === next, 'the agent forgets the old one')
  expect((await membership()).authorities).toEqual([next])
})

describe.each(['SQLite', 'Redis'])('a token for three machines, on %s', engine => {
  test('lets exactly three of twenty in that come at once', async () => {
    let redis: RedisServer | undefined
    if (engine === 'Redis') {
      redis = await startRedis()
      closers.push(redis.stop)
    }
    const collector = await startTestCollector(redis ? { FETTLE_STORE: redis.url } : {})
    closers.push(collector.stop)
    const token = await collector.token({ uses: 3 })
    const clients = Array.from({ length: 20 }, () => new ProtocolClient())
    const come = async (client: ProtocolClient, i: number) => {
      const challenge = await client.open(collector.agentUrl)
      client.hello(challenge, { enrol: { token, publicKey: client.publicKey, instance: `m${i}`, labels: {} } })
      return Promise.race([client.next('welcome').then(() => 'in'), client.closed()])
    }
    const outcome = await Promise.all(clients.map(come))
    expect(outcome.filter(how => how === 'in')).toHaveLength(3)
    expect(outcome.filter(how => how === closeCodes.refused)).toHaveLength(17)
    expect(collector.core.fleet.size).toBe(3)
    for (const client of clients) client.cut()
  })
})
