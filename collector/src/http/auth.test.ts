import { request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { ProtocolClient } from '../../../test/kit/client.ts'
import { startTestCollector, type TestCollector } from '../../../test/kit/collector.ts'
import { VERSION } from '../version.ts'

let collector: TestCollector
afterEach(() => collector?.stop())

type Ask = { readonly token?: string; readonly authorization?: string; readonly method?: string; readonly host?: string }

/** An answer; with node:http, which lets a test say any Host. */
async function ask(path: string, { token, authorization, method = 'GET', host }: Ask = {}) {
  const told = authorization ?? (token === undefined ? undefined : `Bearer ${token}`)
  const headers = { ...(told === undefined ? {} : { authorization: told }), ...(host === undefined ? {} : { host }) }
  return new Promise<{ status: number; text: string; challenge: string | undefined }>((resolve, reject) => {
    const outgoing = request(`${collector.url}${path}`, { method, headers }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', chunk => (text += chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, challenge: response.headers['www-authenticate'] }))
    })
    outgoing.on('error', reject).end()
  })
}
const apiToken = (role: string, more = {}) => collector.token({ kind: 'api', role, ...more })
const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

const readable = [
  '/',
  '/metrics',
  '/metrics/hosts',
  '/sd/prometheus',
  '/api/v1/fleet',
  '/api/v1/hosts',
  '/api/v1/findings',
  '/api/v1/openapi.json',
]

describe('without any API token', () => {
  test('whoever is on this machine may read, and no more', async () => {
    collector = await startTestCollector()
    for (const path of readable) expect([path, (await ask(path)).status]).toEqual([path, 200])
    expect((await ask('/api/v1/tokens')).status).toBe(403)
    expect((await ask('/api/v1/hosts/x', { method: 'DELETE' })).status).toBe(403)
  })

  test.each(['evil.example', 'evil.example:80', '127.0.0.1.evil.example', '192.0.2.1', '[::ffff:192.0.2.1]'])(
    'a page of a foreign name that points here (Host %j) reads nothing',
    async host => {
      collector = await startTestCollector()
      for (const path of readable) expect([path, (await ask(path, { host })).status]).toEqual([path, 401])
    },
  )

  test.each(['localhost', 'localhost:7300', '127.0.0.1:7300', '[::1]:7300', '127.1.2.3'])('Host %s names this machine', async host => {
    collector = await startTestCollector()
    expect((await ask('/api/v1/fleet', { host })).status).toBe(200)
  })

  test('an address that is not loopback is read by nobody, from wherever', async () => {
    collector = await startTestCollector({ FETTLE_LISTEN: '0.0.0.0:0', FETTLE_ALLOW_PLAIN: 'true' })
    const here = collector.url.replace('0.0.0.0', '127.0.0.1')
    expect((await fetch(`${here}/api/v1/fleet`)).status).toBe(401)
    expect((await fetch(`${here}/healthz`)).status).toBe(200)
  })
})

describe('once there is an API token', () => {
  test('everything but health needs one', async () => {
    collector = await startTestCollector()
    const token = await apiToken('viewer')
    for (const path of readable) {
      const refused = await ask(path)
      expect([path, refused.status, refused.challenge]).toEqual([path, 401, 'Basic realm="fettle", charset="UTF-8"'])
      expect(refused.text).not.toContain(VERSION)
      expect([path, (await ask(path, { token })).status]).toEqual([path, 200])
    }
    for (const path of ['/healthz', '/readyz']) expect([path, (await ask(path)).status]).toEqual([path, 200])
  })

  test('an enrolment token opens nothing, and closes nothing', async () => {
    collector = await startTestCollector()
    const token = await collector.token()
    expect((await ask('/api/v1/fleet', { token })).status).toBe(401)
    expect((await ask('/api/v1/fleet')).status).toBe(200)
  })

  test('each role does what it may, and no more', async () => {
    collector = await startTestCollector()
    const tokens = { viewer: await apiToken('viewer'), operator: await apiToken('operator'), admin: await apiToken('admin') }
    const status = (role: keyof typeof tokens, path: string, method = 'GET') =>
      ask(path, { token: tokens[role], method }).then(one => one.status)
    const remove = async (role: keyof typeof tokens) => {
      const client = new ProtocolClient()
      const { instance } = await client.join(collector.agentUrl, await collector.token())
      client.cut()
      return status(role, `/api/v1/hosts/${instance}`, 'DELETE')
    }
    expect([await status('viewer', '/api/v1/hosts'), await remove('viewer'), await status('viewer', '/api/v1/tokens')]).toEqual([
      200, 403, 403,
    ])
    expect([await status('operator', '/api/v1/hosts'), await remove('operator'), await status('operator', '/api/v1/tokens')]).toEqual([
      200, 200, 403,
    ])
    expect([await status('admin', '/api/v1/hosts'), await remove('admin'), await status('admin', '/api/v1/tokens')]).toEqual([
      200, 200, 200,
    ])
  })

  test('a wrong, an expired, a revoked, an unknown and a missing token get one answer', async () => {
    collector = await startTestCollector()
    const good = await apiToken('admin')
    const revoked = await apiToken('admin')
    await collector.admin('DELETE', `/api/v1/tokens/${revoked.split('.')[0]}`)
    const expired = await apiToken('admin', { expiresInMs: 1 })
    await delay(2)
    const wrong = [
      undefined,
      `${good}x`,
      good.slice(0, -1),
      good.split('.')[0],
      `${good.split('.')[0]}.`,
      `.${good.split('.')[1]}`,
      revoked,
      expired,
    ]
    const others = [...wrong, '', '.', '0000000000000000.x', await collector.token(), '__proto__.x', 'é'.repeat(3)]
    const answers = await Promise.all(
      others.map(token => ask('/api/v1/fleet', token === undefined ? {} : { token: encodeURIComponent(token) })),
    )
    expect(new Set(answers.map(answer => JSON.stringify(answer))).size).toBe(1)
    expect(answers[0]).toMatchObject({ status: 401, text: '{"error":"a valid API token is needed"}' })
    expect((await ask('/api/v1/fleet', { token: good })).status).toBe(200)
  })

  test('a browser gives it as the password, whatever the user', async () => {
    collector = await startTestCollector()
    const token = await apiToken('viewer')
    for (const authorization of [basic('', token), basic('anyone', token), `basic ${basic('x', token).split(' ')[1]}`, `BEARER ${token}`])
      expect((await ask('/', { authorization })).status).toBe(200)
    for (const authorization of [basic(token, ''), basic('x', `${token}x`), `Digest ${token}`, token, 'Basic', 'Bearer'])
      expect([authorization, (await ask('/', { authorization })).status]).toEqual([authorization, 401])
  })

  test('revoking the last one opens loopback again', async () => {
    collector = await startTestCollector()
    const token = await apiToken('viewer')
    expect((await ask('/metrics')).status).toBe(401)
    await collector.admin('DELETE', `/api/v1/tokens/${token.split('.')[0]}`)
    expect((await ask('/metrics')).status).toBe(200)
  })
})
