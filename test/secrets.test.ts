import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog, systemClock } from '@fettle/kit'
import { newPrivateKey } from '@fettle/protocol'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig, localHost, openStateDir, startAgent } from '../agent/src/index.ts'
import { type RunningCollector, readCollectorConfig, startCollector } from '../collector/src/index.ts'
import { startProvider, type TestProvider } from './kit/identity-provider.ts'
import { freePort } from './kit/process.ts'
import { leaksOf } from './kit/secrets.ts'
import { until } from './kit/until.ts'
import { Visitor } from './kit/visitor.ts'

describe('a search of the logs', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fettle-leaks-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const pem = newPrivateKey()
  test.each([
    ['a secret that was made', `{"msg":"odd","x":"remembered-0123456789"}`],
    ['a secret that was made', JSON.stringify({ msg: 'key', pem }), pem],
    ['a token', '{"msg":"enrol 0123456789abcdef.AbCdEfGhIjKlMnOpQrStUvWxYz012345"}'],
    ['an enrolment string', `{"msg":"fettle1.${'x'.repeat(80)}"}`],
    ['a private key', JSON.stringify({ msg: pem })],
    ['credentials of a request', '{"headers":"Authorization: Bearer abcdefghijklmnop"}'],
    ['a cookie', `{"headers":"fettle=${'x'.repeat(32)}"}`],
    ['a password in an address', '{"msg":"cannot reach redis://:hunter2@127.0.0.1:6379"}'],
  ])('finds %s', (what, line, made = 'remembered-0123456789') => {
    writeFileSync(join(folder, '1.secrets'), `${made}\n`)
    writeFileSync(join(folder, '2.log'), `{"msg":"all is well"}\n${line}\n`)

    expect(leaksOf(folder).leaks.map(leak => leak.what)).toContain(what)
  })

  test('finds nothing where nothing is', () => {
    writeFileSync(join(folder, '1.secrets'), 'remembered-0123456789\n')
    writeFileSync(join(folder, '2.log'), '{"msg":"token 0123456789abcdef was revoked, redis://127.0.0.1:6379 is away"}\n')

    expect(leaksOf(folder)).toEqual({ leaks: [], lines: 1, secrets: 1 })
  })
})

describe('collector and agent that log all they can', () => {
  let folder: string
  let provider: TestProvider
  let collector: RunningCollector
  const secrets: string[] = []
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fettle-secrets-'))
    const port = await freePort()
    provider = await startProvider(`http://127.0.0.1:${port}/sign-in/callback`)
    provider.accounts.set('ada', { email: 'ada@example.com', groups: ['it'] })
    provider.accounts.set('gast', { email: 'gast@example.com', groups: [] })
    const { issuer, clientSecret } = provider
    const oidc = { issuer, clientId: 'fettle', clientSecret, scopes: ['openid', 'email', 'groups'], roles: { admin: ['it'] } }
    const text = JSON.stringify({ publicUrl: `http://127.0.0.1:${port}`, oidc })
    const env = { FETTLE_LISTEN: `127.0.0.1:${port}`, FETTLE_DATA: join(folder, 'data'), FETTLE_NAME: 'collector.test' }
    const config = readCollectorConfig({ path: 'test.yaml', text }, env)
    collector = await startCollector({ config, log: createLog('collector', 'debug', join(folder, 'collector.log')) })
    secrets.push(clientSecret)
  })
  afterAll(async () => {
    await collector?.stop()
    await provider?.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const made = async (wish: object) => {
    const { token } = (await collector.admin('POST', '/api/v1/tokens', wish)) as { token: string }
    secrets.push(token.split('.')[1] ?? '')
    return token
  }

  test('tell no secret of enrolling, signing in, acting, and of all that goes wrong with it', async () => {
    const admin = await made({ kind: 'api', role: 'admin' })
    const viewer = await made({ kind: 'api', role: 'viewer' })
    const visitor = new Visitor()
    const ask = (authorization: string, method = 'GET', path = '/api/v1/tokens') =>
      visitor.ask(`${collector.url}${path}`, { method, headers: { authorization } })
    await ask(`Bearer ${admin}`)
    await ask(`Bearer ${viewer}`, 'DELETE', '/api/v1/hosts/x')
    await ask(`Bearer ${admin}x`)
    await ask(`Basic ${Buffer.from(`x:${admin}`).toString('base64')}`, 'POST', '/api/v1/store/moved')
    for (const person of ['ada', 'gast', 'nobody']) await new Visitor().go(`${collector.url}/sign-in/start`, person)
    await visitor.go(`${collector.url}/sign-in/start`, 'ada')
    secrets.push(visitor.cookies.get('fettle') ?? '')
    const back = (await new Visitor().go(`${collector.url}/sign-in/start`, 'ada', url => url.includes('/callback'))).location ?? ''
    secrets.push(new URL(back).searchParams.get('code') ?? '', new URL(back).searchParams.get('state') ?? '')
    await visitor.ask(back)
    await visitor.ask(back.replace('code=', 'code=x'))

    const host = localHost()
    const file = { text: JSON.stringify({ instance: 'web1', collector: { url: collector.agentUrl } }), mode: 0o600, uid: host.uid }
    const tries = [
      { token: await made({}), said: 'agent connected' },
      { token: `${await made({})}x`, said: 'connection refused' },
    ]
    for (const [i, { token, said }] of tries.entries()) {
      const env = { FETTLE_AGENT_CONFIG: 'agent.yaml', FETTLE_TOKEN: token }
      const { config } = await loadConfig({ env, uid: host.uid, readFile: async () => file, probes: [] })
      const state = await openStateDir(join(folder, `agent-${i}`))
      const log = createLog('agent', 'debug', join(folder, 'agent.log'))
      const agent = await startAgent({ config, host, clock: systemClock, log, state, probes: [] })
      await until(async () => (await readFile(join(folder, 'collector.log'), 'utf8')).includes(said), said)
      await agent.stop()
      secrets.push((await readFile(join(state.path, 'key.pem'), 'utf8')).split('\n')[1] ?? '')
    }

    expect(secrets.every(secret => secret.length >= 16)).toBe(true)
    writeFileSync(join(folder, 'all.secrets'), secrets.join('\n'))
    const found = leaksOf(folder)
    expect(found.leaks).toEqual([])
    expect(found.lines).toBeGreaterThan(15)
    expect(found.secrets).toBeGreaterThanOrEqual(9)
  })
})
