import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { movingClock } from '../../../test/kit/clock.ts'
import { testLog } from '../../../test/kit/log.ts'
import { type BuiltCollector, buildCollector, callInProcess } from '../collector.ts'
import { readCollectorConfig } from '../config.ts'
import { apiLimits } from './auth.ts'
import { origin } from './credentials.ts'

const time = movingClock()
let folder: string
let built: BuiltCollector

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-limits-'))
  const oidc = { issuer: 'http://127.0.0.1:9', clientId: 'fettle', roles: { admin: ['it'] } }
  const text = JSON.stringify({ publicUrl: 'http://127.0.0.1:7300', oidc })
  const config = readCollectorConfig({ path: 'test.yaml', text }, { FETTLE_DATA: folder, FETTLE_NAME: 'collector.test' })
  built = await buildCollector({ config, log: testLog('collector'), clock: time.clock })
})
afterEach(async () => {
  await built.close()
  await rm(folder, { recursive: true, force: true })
})

const newToken = async (role: string) =>
  ((await callInProcess(built.app)('POST', '/api/v1/tokens', { kind: 'api', role })) as { token: string }).token
type Ask = { from?: string; method?: 'GET' | 'POST' | 'DELETE'; path?: string; cookie?: string }
async function ask(token: string, { from = '192.0.2.1', method = 'GET', path = '/api/v1/fleet', cookie }: Ask = {}) {
  const headers = cookie ? { cookie } : { authorization: `Bearer ${token}` }
  const answer = await built.app.inject({ method, url: path, remoteAddress: from, headers })
  return { status: answer.statusCode, retryAfter: answer.headers['retry-after'] }
}
/** How many of so many requests are let through, and what the last one says. */
async function many(times: number, token: string, more: Ask = {}) {
  let through = 0
  let last: Awaited<ReturnType<typeof ask>> | undefined
  for (let i = 0; i < times; i++) {
    last = await ask(token, more)
    if (last.status !== 429) through++
  }
  return { through, last }
}

describe('wrong tokens', () => {
  test('are bounded by where they come from, and tell when to come back', async () => {
    const { through, last } = await many(50, 'x'.repeat(49))

    expect(through).toBe(apiLimits.wrong.burst)
    expect(last).toEqual({ status: 429, retryAfter: '2' })
    time.move(2_000)
    expect((await ask('x'.repeat(49))).status).toBe(401)
  })

  test('are bounded by whose id they name, from wherever they come', async () => {
    const [id] = (await newToken('viewer')).split('.')

    let refused = 0
    for (let i = 0; i < 50; i++) if ((await ask(`${id}.${'x'.repeat(32)}`, { from: `192.0.2.${i + 1}` })).status === 429) refused++

    expect(refused).toBe(50 - apiLimits.wrong.burst)
  })

  test('keep nobody out who shows a right one, neither from there nor by that id', async () => {
    const token = await newToken('viewer')
    await many(50, 'x'.repeat(49))
    await many(50, `${token.split('.')[0]}.${'x'.repeat(32)}`)

    expect((await ask(token)).status).toBe(200)
  })

  test('from all addresses of one IPv6 network are from one place', async () => {
    let refused = 0
    for (let i = 0; i < 50; i++) if ((await ask('wrong.one', { from: `2001:db8:1:2::${(i + 1).toString(16)}` })).status === 429) refused++

    expect(refused).toBeGreaterThan(0)
    expect((await ask('other.two', { from: '2001:db8:1:3::1' })).status).toBe(401)
  })

  test('cookies that were made up are bounded like them', async () => {
    const { through } = await many(50, '', { cookie: 'fettle=made-up' })

    expect(through).toBe(apiLimits.wrong.burst)
  })
})

describe('one token', () => {
  test('may ask so often, and takes nothing from another', async () => {
    const [one, other] = [await newToken('viewer'), await newToken('viewer')]

    const { through, last } = await many(apiLimits.calls.burst + 50, one, { path: '/api/v1/hosts' })

    expect(through).toBeGreaterThanOrEqual(apiLimits.calls.burst)
    expect(through).toBeLessThan(apiLimits.calls.burst + 50)
    expect(last?.retryAfter).toBe('1')
    expect((await ask(other)).status).toBe(200)
    expect((await ask(one, { from: '198.51.100.7' })).status, 'from elsewhere it is the same token').toBe(429)
  })

  test('is scraped with as often as Prometheus wants', async () => {
    const token = await newToken('viewer')

    expect((await many(apiLimits.calls.burst + 50, token, { path: '/metrics/hosts/nobody' })).through).toBe(apiLimits.calls.burst + 50)
  })

  test('may change something more seldom', async () => {
    const token = await newToken('operator')

    const { through } = await many(apiLimits.acts.burst + 20, token, { method: 'DELETE', path: '/api/v1/hosts/nobody' })

    expect(through).toBeGreaterThanOrEqual(apiLimits.acts.burst)
    expect(through).toBeLessThan(apiLimits.acts.burst + 20)
    expect((await ask(token)).status, 'and still read').toBe(200)
  })
})

test('sign-ins are bounded by where they are begun', async () => {
  const { through } = await many(40, '', { path: '/sign-in/start', cookie: 'x=y' })

  expect(through).toBe(apiLimits.signIns.burst)
})

test('the administrator of the machine is never kept out', async () => {
  const call = callInProcess(built.app)
  for (let i = 0; i < apiLimits.acts.burst + 20; i++) await call('POST', '/api/v1/tokens', {})
})

test.each([
  ['192.0.2.1', 'from:192.0.2.1'],
  ['::ffff:192.0.2.1', 'from:192.0.2.1'],
  ['2001:db8:0:2::7', 'from:2001:db8:0:2'],
  ['2001:DB8::7', 'from:2001:db8:0:0'],
  ['::1', 'from:0:0:0:0'],
  ['fe80::1%eth0', 'from:fe80:0:0:0'],
  ['2001:db8:1:2:3:4:5:6', 'from:2001:db8:1:2'],
])('%s counts as %s', (address, place) => {
  expect(origin(address)).toBe(place)
})
