import { execFile } from 'node:child_process'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect, type SecureVersion } from 'node:tls'
import { promisify } from 'node:util'
import { pinOf, readEnrolment } from '@fettle/protocol'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type TestAuthority, testAuthority } from '../../test/kit/certificates.ts'
import { startTestCollector, type TestCollector } from '../../test/kit/collector.ts'
import { freePort, runScript } from '../../test/kit/process.ts'
import { until } from '../../test/kit/until.ts'

const DAY = 24 * 3_600_000
let folder: string
let collector: TestCollector | undefined
let authority: TestAuthority
let other: TestAuthority
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-tls-'))
  // Made by openssl(1), as an administrator would.
  for (const name of ['collector', 'other']) {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', join(folder, `${name}.key`)]
    const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
    await promisify(execFile)('openssl', ['req', '-x509', '-days', '2', ...key, ...names, '-out', join(folder, `${name}.crt`)])
  }
  await writeFile(join(folder, 'empty.crt'), '')
  authority = await testAuthority('Of the company')
  other = await testAuthority('Of another company')
  await writeFile(join(folder, 'ca.crt'), authority.certificate)
})
afterEach(async () => {
  await collector?.stop()
  collector = undefined
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const at = (name: string) => join(folder, name)
const tls = (cert = 'collector.crt', key = 'collector.key') => ({ FETTLE_TLS_CERT: at(cert), FETTLE_TLS_KEY: at(key) })

/** What `fettle-agent enroll` says to a collector, and how it ends. */
async function enrol(running: TestCollector, ...more: string[]): Promise<{ code: number | null; said: string }> {
  const way = more[0]?.startsWith('fettle1.') ? [] : ['--collector', running.agentUrl, '--token', await running.token()]
  const state = await mkdtemp(join(folder, 'agent-'))
  const agent = runScript('agent/src/main.ts', ['enroll', ...more, ...way, '--instance', 'web'], { FETTLE_DATA_DIR: state })
  const code = await new Promise<number | null>(resolve => agent.child.once('close', resolve))
  return { code, said: agent.lines.join('\n') }
}

/** The certificate that a new connection is shown, PEM. @throws where there is none with this version of TLS */
function shown(url: string, maxVersion: SecureVersion = 'TLSv1.3'): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), rejectUnauthorized: false, maxVersion }, () => {
      resolve(socket.getPeerX509Certificate()?.toString() ?? '')
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

/** The body of an answer; whoever answers is believed. */
function get(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request(url, { rejectUnauthorized: false }, response => resolve(text(response)))
      .on('error', reject)
      .end()
  })
}

/** The collector's own series of a metric. */
async function series(name: string): Promise<string[]> {
  return (await get(`${collector?.url}/metrics`)).split('\n').filter(line => line.startsWith(name))
}

describe('a collector with a certificate', () => {
  test('lets in an agent that was told whom to trust, and only such a one', async () => {
    collector = await startTestCollector(tls())
    expect(collector.agentUrl).toMatch(/^wss:\/\/127\.0\.0\.1:\d+$/)

    expect((await enrol(collector)).code).not.toBe(0)
    expect((await enrol(collector, '--ca', at('other.crt'))).code).not.toBe(0)
    expect(collector.core.fleet.size).toBe(0)

    expect(await enrol(collector, '--ca', at('collector.crt'))).toMatchObject({
      code: 0,
      said: expect.stringContaining('Enrolled at wss://'),
    })
    expect(collector.core.fleet.byInstance('web')).toBeDefined()
  })

  test('speaks TLS 1.3 and nothing older, unless it is told to', async () => {
    collector = await startTestCollector(tls())
    expect(await shown(collector.url)).toContain('BEGIN CERTIFICATE')
    await expect(shown(collector.url, 'TLSv1.2')).rejects.toThrow(/protocol version/i)
    await collector.stop()

    collector = await startTestCollector({ ...tls(), FETTLE_TLS_MIN_VERSION: '1.2' })
    expect(await shown(collector.url, 'TLSv1.2')).toContain('BEGIN CERTIFICATE')
    await expect(shown(collector.url, 'TLSv1.1')).rejects.toThrow()
    await collector.reload()
    expect(await shown(collector.url, 'TLSv1.2')).toContain('BEGIN CERTIFICATE')
  })

  test('tells Prometheus to use https', async () => {
    collector = await startTestCollector(tls())
    expect(JSON.parse(await get(`${collector.url}/sd/prometheus`))[0].labels.__scheme__).toBe('https')
  })

  test('of a private authority puts its pin into enrolment strings, and shows it to who comes with one', async () => {
    const { certificate, key } = await authority.sign()
    // The chain without its authority: what many are given.
    await writeFile(at('leaf.crt'), certificate.split(/(?<=-----END CERTIFICATE-----\n)/)[0] ?? '')
    await writeFile(at('leaf.key'), key)
    collector = await startTestCollector({ ...tls('leaf.crt', 'leaf.key'), FETTLE_TLS_CA: at('ca.crt') })
    const { enrolment } = (await collector.admin('POST', '/api/v1/tokens', {})) as { enrolment: string }
    expect(readEnrolment(enrolment).pin).toBe(pinOf(authority.certificate))
    expect(await enrol(collector, enrolment)).toMatchObject({ code: 0 })
  })
})

describe('files that are renewed', () => {
  async function give(pair: { certificate: string; key: string }, name = 'live'): Promise<void> {
    for (const [end, text] of [
      ['crt', pair.certificate],
      ['key', pair.key],
    ] as const) {
      await writeFile(at(`${name}.${end}.new`), text)
      await rename(at(`${name}.${end}.new`), at(`${name}.${end}`))
    }
  }
  const leafOf = ({ certificate }: { certificate: string }) => certificate.split(/(?<=-----END CERTIFICATE-----\n)/)[0]

  test('are served without a restart; what does not fit is told, and the certificate from before stays', async () => {
    const first = await authority.sign()
    const second = await authority.sign()
    await give(first)
    collector = await startTestCollector(tls('live.crt', 'live.key'))
    const { url } = collector
    const usable = () => series('fettle_collector_certificate_usable{')
    expect(await usable()).toEqual(['fettle_collector_certificate_usable{certificate="server"} 1'])

    for (const broken of [
      { certificate: second.certificate, key: first.key },
      { certificate: '', key: second.key },
      { certificate: second.certificate.slice(0, 300), key: second.key },
      await authority.sign(undefined, { from: Date.now() - 3 * DAY, until: Date.now() - DAY }),
    ]) {
      await give(broken)
      await collector.reload()
      expect(await shown(url)).toBe(leafOf(first))
      expect(await usable()).toEqual(['fettle_collector_certificate_usable{certificate="server"} 0'])
    }
    await rm(at('live.key'))
    await collector.reload()
    expect(await shown(url)).toBe(leafOf(first))

    await give(second)
    await collector.reload()
    expect(await shown(url)).toBe(leafOf(second))
    expect(await usable()).toEqual(['fettle_collector_certificate_usable{certificate="server"} 1'])
    const [expiry = ''] = await series('fettle_collector_certificate_expiry_timestamp_seconds{')
    expect(Number(expiry.split(' ')[1]) * 1000).toBeCloseTo(Date.now() + 365 * DAY, -7)
  })

  test('are not served where the authority that agents know did not sign them', async () => {
    const first = await authority.sign()
    await give(first)
    collector = await startTestCollector({ ...tls('live.crt', 'live.key'), FETTLE_TLS_CA: at('ca.crt') })
    await give(await other.sign())
    await collector.reload()
    expect(await shown(collector.url)).toBe(leafOf(first))
  })

  test('are read at once at SIGHUP, and by themselves within seconds', async () => {
    const pairs = [await authority.sign(), await authority.sign(), await authority.sign()] as const
    await give(pairs[0])
    const port = await freePort()
    const env = { ...tls('live.crt', 'live.key'), FETTLE_LISTEN: `127.0.0.1:${port}`, FETTLE_DATA: at('data') }
    const running = runScript('collector/src/main.ts', ['run'], env)
    try {
      const url = `https://127.0.0.1:${port}`
      await running.line(/collector listens/)
      await give(pairs[1])
      running.child.kill('SIGHUP')
      await until(async () => (await shown(url)) === leafOf(pairs[1]), 'SIGHUP is heard', 5_000)
      await give(pairs[2])
      await until(async () => (await shown(url)) === leafOf(pairs[2]), 'the files are read again', 20_000)
    } finally {
      await running.kill('SIGTERM')
    }
  })
})

describe('a collector does not start', () => {
  test.each<[string, Record<string, string>, RegExp]>([
    [
      'in plain text on an address of a network',
      { FETTLE_LISTEN: '0.0.0.0:0' },
      /Cannot listen on 0\.0\.0\.0:0 without TLS: set tls\.cert and tls\.key, or tls\.own/,
    ],
    ['in plain text on every address', { FETTLE_LISTEN: '[::]:0' }, /without TLS/],
    ['in plain text on a name that is not this machine', { FETTLE_LISTEN: 'fettle.example.com:0' }, /without TLS/],
    ['with an address that is none', { FETTLE_TLS_OWN: 'true', FETTLE_ADDRESSES: 'wss://[' }, /Cannot use the address "wss:\/\/\["/],
    ['with a version of TLS that is none', { FETTLE_TLS_MIN_VERSION: '1.1' }, /wanted 1\.3 or 1\.2/],
  ])('%s', async (_, env, told) => {
    await expect(startTestCollector(env)).rejects.toThrow(told)
  })

  test('with half of what TLS needs, or with what does not fit together', async () => {
    await expect(startTestCollector({ FETTLE_TLS_CERT: at('collector.crt') })).rejects.toThrow('set both tls.cert and tls.key')
    await expect(startTestCollector({ FETTLE_TLS_KEY: at('collector.key') })).rejects.toThrow('set both tls.cert and tls.key')
    await expect(startTestCollector(tls('collector.crt', 'other.key'))).rejects.toThrow(/Cannot serve TLS with .*mismatch/)
    await expect(startTestCollector(tls('empty.crt'))).rejects.toThrow(/Cannot serve TLS with/)
    await expect(startTestCollector(tls('none.crt'))).rejects.toThrow(/Cannot read tls\.cert .*none\.crt: ENOENT/)
    await expect(startTestCollector({ ...tls(), FETTLE_TLS_CA: at('ca.crt') })).rejects.toThrow(/no certificate in tls\.ca vouches for it/)
    await expect(startTestCollector({ ...tls(), FETTLE_TLS_OWN: 'true' })).rejects.toThrow('with both tls.own and tls.cert')
  })
})

test('plain text elsewhere is served where it was said explicitly', async () => {
  collector = await startTestCollector({ FETTLE_LISTEN: '0.0.0.0:0', FETTLE_ALLOW_PLAIN: 'true' })
  expect(collector.agentUrl).toMatch(/^ws:/)
})

test('an own authority makes TLS on every address, for the names that are dialled', async () => {
  collector = await startTestCollector({
    FETTLE_LISTEN: '0.0.0.0:0',
    FETTLE_TLS_OWN: 'true',
    FETTLE_TLS_NAMES: 'fettle.example.com, 192.0.2.7',
  })
  const { enrolment } = (await collector.admin('POST', '/api/v1/tokens', {})) as { enrolment: string }
  expect(readEnrolment(enrolment).urls).toEqual([collector.agentUrl.replace('0.0.0.0', 'fettle.example.com')])
})
