import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startTestCollector, type TestCollector } from '../../test/kit/collector.ts'
import { runScript } from '../../test/kit/process.ts'

/* Certificates are made with openssl(1), which every distribution has; node:crypto makes none. */

let folder: string
let collector: TestCollector | undefined
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-tls-'))
  for (const name of ['collector', 'other']) {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', join(folder, `${name}.key`)]
    const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
    await promisify(execFile)('openssl', ['req', '-x509', '-days', '2', ...key, ...names, '-out', join(folder, `${name}.crt`)])
  }
  await writeFile(join(folder, 'empty.crt'), '')
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
  const state = await mkdtemp(join(folder, 'agent-'))
  const argv = ['enroll', '--collector', running.agentUrl, '--token', await running.token(), '--instance', 'web', ...more]
  const agent = runScript('agent/src/main.ts', argv, { FETTLE_DATA_DIR: state })
  const code = await new Promise<number | null>(resolve => agent.child.once('close', resolve))
  return { code, said: agent.lines.join('\n') }
}

describe('a collector with a certificate', () => {
  test('lets in an agent that was told whom to trust, and only such a one', async () => {
    collector = await startTestCollector(tls())
    expect(collector.agentUrl).toMatch(/^wss:\/\/127\.0\.0\.1:\d+$/)

    const stranger = await enrol(collector)
    expect(stranger).toMatchObject({ code: expect.not.stringMatching(/^0$/), said: expect.stringMatching(/self.signed certificate/i) })
    expect((await enrol(collector, '--ca', at('other.crt'))).code).not.toBe(0)
    expect(collector.core.fleet.size).toBe(0)

    expect(await enrol(collector, '--ca', at('collector.crt'))).toMatchObject({
      code: 0,
      said: expect.stringContaining('Enrolled at wss://'),
    })
    expect(collector.core.fleet.byInstance('web')).toBeDefined()
  })

  test('speaks TLS 1.3 and nothing older, and tells Prometheus to use https', async () => {
    collector = await startTestCollector(tls())
    const { url } = collector
    const ask = (maxVersion: 'TLSv1.2' | 'TLSv1.3') =>
      new Promise<string>((resolve, reject) => {
        const outgoing = request(`${url}/sd/prometheus`, { rejectUnauthorized: false, maxVersion }, response => {
          let text = ''
          response.setEncoding('utf8').on('data', chunk => (text += chunk))
          response.on('end', () => resolve(text))
        })
        outgoing.on('error', reject).end()
      })
    expect(JSON.parse(await ask('TLSv1.3'))[0].labels.__scheme__).toBe('https')
    await expect(ask('TLSv1.2')).rejects.toThrow(/protocol version/i)
  })
})

describe('a collector does not start', () => {
  test.each<[string, Record<string, string>, RegExp]>([
    [
      'in plain text on an address of a network',
      { FETTLE_LISTEN: '0.0.0.0:0' },
      /Cannot listen on 0\.0\.0\.0:0 without TLS: set tls\.cert and tls\.key/,
    ],
    ['in plain text on every address', { FETTLE_LISTEN: '[::]:0' }, /without TLS/],
    ['in plain text on a name that is not this machine', { FETTLE_LISTEN: 'fettle.example.com:0' }, /without TLS/],
  ])('%s', async (_, env, told) => {
    await expect(startTestCollector(env)).rejects.toThrow(told)
  })

  test('with half of what TLS needs, or with what does not fit together', async () => {
    await expect(startTestCollector({ FETTLE_TLS_CERT: at('collector.crt') })).rejects.toThrow('set both tls.cert and tls.key')
    await expect(startTestCollector({ FETTLE_TLS_KEY: at('collector.key') })).rejects.toThrow('set both tls.cert and tls.key')
    await expect(startTestCollector(tls('collector.crt', 'other.key'))).rejects.toThrow(/Cannot serve TLS with .*mismatch/)
    await expect(startTestCollector(tls('empty.crt'))).rejects.toThrow(/Cannot serve TLS with/)
    await expect(startTestCollector(tls('none.crt'))).rejects.toThrow(/Cannot read tls\.cert .*none\.crt: ENOENT/)
  })
})

test('plain text elsewhere is served where it was said explicitly', async () => {
  collector = await startTestCollector({ FETTLE_LISTEN: '0.0.0.0:0', FETTLE_ALLOW_PLAIN: 'true' })
  expect(collector.agentUrl).toMatch(/^ws:/)
})
