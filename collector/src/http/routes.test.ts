import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ProtocolClient } from '../../../test/kit/client.ts'
import { movingClock } from '../../../test/kit/clock.ts'
import { startTestCollector, type TestCollector } from '../../../test/kit/collector.ts'
import { testLog } from '../../../test/kit/log.ts'
import { type BuiltCollector, buildCollector, callInProcess } from '../collector.ts'
import { readCollectorConfig } from '../config.ts'
import type { ApiRole } from './auth.ts'

/** Who may come to what. A route that is new, gone, or let into by others is a change of this table. */
const wanted: Record<string, ApiRole | 'open'> = {
  'GET /healthz': 'open',
  'GET /readyz': 'open',
  'GET /sign-in': 'open',
  'GET /sign-in/start': 'open',
  'GET /sign-in/callback': 'open',
  'POST /sign-out': 'viewer',
  'GET /': 'viewer',
  'GET /hosts/:instance': 'viewer',
  'GET /metrics': 'viewer',
  'GET /metrics/hosts': 'viewer',
  'GET /metrics/hosts/:instance': 'viewer',
  'GET /sd/prometheus': 'viewer',
  'GET /api/v1/fleet': 'viewer',
  'GET /api/v1/findings': 'viewer',
  'GET /api/v1/hosts': 'viewer',
  'GET /api/v1/hosts/:instance': 'viewer',
  'GET /api/v1/openapi.json': 'viewer',
  'DELETE /api/v1/hosts/:instance': 'operator',
  'POST /api/v1/hosts/:instance/approve': 'operator',
  'POST /api/v1/hosts/:instance/deny': 'operator',
  'POST /api/v1/hosts/:instance/refresh': 'operator',
  'POST /api/v1/hosts/:instance/release': 'operator',
  'POST /api/v1/hosts/:instance/rename': 'operator',
  'POST /api/v1/hosts/:instance/revoke': 'operator',
  'POST /hosts/:instance/approve': 'operator',
  'POST /hosts/:instance/deny': 'operator',
  'POST /hosts/:instance/release': 'operator',
  'POST /hosts/:instance/revoke': 'operator',
  'GET /audit': 'admin',
  'GET /api/v1/audit': 'admin',
  'GET /api/v1/authorities': 'viewer',
  'GET /api/v1/sessions': 'admin',
  'DELETE /api/v1/sessions/:person': 'admin',
  'GET /api/v1/tokens': 'admin',
  'POST /api/v1/authorities': 'admin',
  'POST /api/v1/tokens': 'admin',
  'DELETE /api/v1/tokens/:id': 'admin',
  'POST /api/v1/store/freeze': 'admin',
  'POST /api/v1/store/moved': 'admin',
}

const rank = { open: 0, viewer: 1, operator: 2, admin: 3 }
const oidc = { issuer: 'http://127.0.0.1:9', clientId: 'fettle', roles: { admin: ['it'] } }
const time = movingClock()
let folder: string
let built: BuiltCollector
const tokens: Partial<Record<ApiRole, string>> = {}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-routes-'))
  const text = JSON.stringify({ publicUrl: 'http://127.0.0.1:7300', oidc })
  const config = readCollectorConfig({ path: 'test.yaml', text }, { FETTLE_DATA: folder, FETTLE_NAME: 'collector.test' })
  built = await buildCollector({ config, log: testLog('collector'), clock: time.clock })
  const call = callInProcess(built.app)
  for (const role of ['viewer', 'operator', 'admin'] as const) {
    tokens[role] = ((await call('POST', '/api/v1/tokens', { kind: 'api', role })) as { token: string }).token
  }
})
afterAll(async () => {
  await built?.close()
  await rm(folder, { recursive: true, force: true })
})

describe('every route', () => {
  test('says who may come, and it is those who are wanted', () => {
    const said = built.guarded.filter(({ method }) => method !== 'HEAD').map(({ method, url, role }) => [`${method} ${url}`, role])

    expect(Object.fromEntries(said)).toEqual(wanted)
  })

  test('and its HEAD lets in whom its GET does', () => {
    const heads = built.guarded.filter(({ method }) => method === 'HEAD').map(({ url, role }) => [`GET ${url}`, role])

    expect(heads.length).toBeGreaterThan(10)
    for (const [route, role] of heads) expect([route, wanted[route ?? '']]).toEqual([route, role])
  })

  test.each(Object.entries(wanted))('%s is for %s and above', async (route, needed) => {
    const [method = '', url = ''] = route.split(' ')
    // Acts beyond the role are bounded, and here are many of them.
    time.move(2 * 60_000)
    const path = url.replace(':instance', 'nobody').replace(':person', 'nobody').replace(':id', '0'.repeat(16))
    for (const role of [undefined, 'viewer', 'operator', 'admin'] as const) {
      const token = role && tokens[role]
      // No body: what may be done by the role is refused for what it says, and nothing is changed.
      const { statusCode } = await built.app.inject({
        method: method as 'GET',
        url: path,
        remoteAddress: '192.0.2.1',
        headers: token ? { authorization: `Bearer ${token}` } : {},
      })
      const isPage = !/^\/(api|metrics|sd|healthz|readyz)/.test(url)
      if (needed === 'open') expect([role, [401, 403].includes(statusCode)]).toEqual([role, false])
      else if (role === undefined) expect(statusCode).toBe(isPage ? 303 : 401)
      else if (rank[role] < rank[needed]) expect([role, statusCode]).toEqual([role, 403])
      // A form that no page made is refused, whoever sends it.
      else expect([role, statusCode === 401 || (statusCode === 403 && !(isPage && method === 'POST'))]).toEqual([role, false])
    }
  })

  test('that says nothing of who may come, or of what it does, keeps the collector from starting', () => {
    expect(() => built.app.get('/leak', async () => 'all')).toThrow()
  })
})

describe('every answer', () => {
  test.each([
    '/',
    '/sign-in',
    '/healthz',
    '/metrics',
    '/metrics/hosts',
    '/api/v1/fleet',
    '/nothing',
    '/api/v1/hosts?x=1',
    '/%zz',
    '/api/v1/tokens',
  ])('%s forbids scripts, frames, sniffing and keeping', async url => {
    const { headers } = await built.app.inject({ url, headers: { authorization: `Bearer ${tokens.viewer}` } })

    expect(headers).toMatchObject({
      'content-security-policy': "default-src 'none';style-src 'unsafe-inline';form-action 'self';frame-ancestors 'none';base-uri 'none'",
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    })
  })

  test('demands TLS for a year where people come by TLS', async () => {
    const secure = JSON.stringify({ publicUrl: 'https://fettle.example.com' })
    const collector = await startTestCollector({}, secure)
    try {
      const answer = await fetch(`${collector.url}/healthz`)
      expect(answer.headers.get('strict-transport-security')).toBe('max-age=31536000')
    } finally {
      await collector.stop()
    }
  })
})

describe('a page of another site', () => {
  let collector: TestCollector
  let basic: string
  let instance: string
  const client = new ProtocolClient()
  beforeAll(async () => {
    collector = await startTestCollector()
    const operator = await collector.token({ kind: 'api', role: 'operator' })
    basic = `Basic ${Buffer.from(`x:${operator}`).toString('base64')}`
    instance = (await client.join(collector.agentUrl, await collector.token())).instance
  })
  afterAll(async () => {
    client.cut()
    await collector.stop()
  })
  const revoke = (prefix: string, headers: Record<string, string>, body?: string) =>
    fetch(`${collector.url}${prefix}/hosts/${instance}/revoke`, {
      method: 'POST',
      headers: { authorization: basic, ...headers },
      ...(body === undefined ? {} : { body }),
    })
  const form = { 'content-type': 'application/x-www-form-urlencoded' }

  test.each<[string, Record<string, string>]>([
    ['tells where it is', { 'sec-fetch-site': 'cross-site' }],
    ['is of a sister domain', { 'sec-fetch-site': 'same-site' }],
    ['is of an older browser', { origin: 'https://evil.example' }],
    ['has no origin of its own', { origin: 'null' }],
    ['says both', { 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' }],
  ])('that %s does nothing with what the browser sends by itself', async (_, headers) => {
    const said = headers['sec-fetch-site'] === 'same-origin' ? [] : [(await revoke('/api/v1', headers)).status]

    expect([...said, (await revoke('', { ...headers, ...form }, 'token=')).status].every(status => status === 403)).toBe(true)
    expect(collector.core.fleet.byInstance(instance)?.meta.standing.state).toBe('active')
  })

  test('does nothing with a form for the API, nor with a form without the token of its page', async () => {
    expect((await revoke('/api/v1', form, 'why=x')).status).toBe(415)
    for (const body of ['', 'token=', 'token=x', 'token=a&token=b', `__proto__=x`])
      expect([body, (await revoke('', form, body)).status]).toEqual([body, 403])
  })

  test('with the token of the page itself the act is done', async () => {
    const page = await (await fetch(`${collector.url}/hosts/${instance}`, { headers: { authorization: basic } })).text()
    const token = /action="\/hosts\/[^"]+\/revoke"><input type="hidden" name="token" value="([^"]+)"/.exec(page)?.[1]

    const answer = await fetch(`${collector.url}/hosts/${instance}/revoke`, {
      method: 'POST',
      redirect: 'manual',
      headers: { authorization: basic, ...form, 'sec-fetch-site': 'same-origin', origin: collector.url },
      body: `token=${token}`,
    })

    expect([answer.status, answer.headers.get('location')]).toEqual([303, `/hosts/${instance}`])
    expect(collector.core.fleet.byInstance(instance)?.meta.standing.state).toBe('revoked')
  })
})
