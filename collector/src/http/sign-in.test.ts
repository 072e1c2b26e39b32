import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { movingClock } from '../../../test/kit/clock.ts'
import { startTestCollector, type TestCollector } from '../../../test/kit/collector.ts'
import { startProvider, type TestProvider } from '../../../test/kit/identity-provider.ts'
import { freePort } from '../../../test/kit/process.ts'
import { formTokenOf, Visitor } from '../../../test/kit/visitor.ts'
import { cli } from '../cli.ts'

const time = movingClock()
let port: number
let provider: TestProvider
let collector: TestCollector

/** A collector whose people come by the provider. */
function configured(issuer: string, secret: string, more: object = {}): string {
  const oidc = {
    issuer,
    clientId: 'fettle',
    clientSecret: secret,
    scopes: ['openid', 'email', 'groups'],
    roles: { viewer: ['staff'], operator: ['helpdesk'], admin: ['it'] },
    ...more,
  }
  return JSON.stringify({ publicUrl: `http://127.0.0.1:${port}`, oidc })
}

beforeAll(async () => {
  port = await freePort()
  provider = await startProvider(`http://127.0.0.1:${port}/sign-in/callback`)
  provider.accounts.set('vera', { email: 'vera@example.com', groups: ['staff'] })
  provider.accounts.set('otto', { email: 'otto@example.com', groups: ['staff', 'helpdesk'] })
  provider.accounts.set('ada', { email: 'ada@example.com', groups: ['it', 'staff'] })
  provider.accounts.set('gast', { email: 'gast@example.com', groups: ['visitors'] })
  provider.accounts.set('mallory', { email: 'ada@example.com', verified: false, groups: ['staff'] })
  const env = { FETTLE_LISTEN: `127.0.0.1:${port}` }
  collector = await startTestCollector(env, configured(provider.issuer, provider.clientSecret), time.clock)
})
afterAll(async () => {
  await collector?.stop()
  await provider?.stop()
})
afterEach(() => time.move(60_000))

const at = (path: string) => `${collector.url}${path}`
const isCallback = (url: string) => url.includes('/sign-in/callback')
/** Signs somebody in. @returns who is in now, with the fleet's page */
async function signedIn(person: string): Promise<Visitor> {
  const visitor = new Visitor()
  const seen = await visitor.go(at('/sign-in/start'), person)
  expect([seen.status, seen.url]).toEqual([200, at('/')])
  return visitor
}
const roleShown = (text: string) => /<span class="quiet">([^<]+)<\/span>/.exec(text)?.[1]

describe('signing in', () => {
  test.each([
    ['vera', 'vera@example.com, viewer'],
    ['otto', 'otto@example.com, operator'],
    ['ada', 'ada@example.com, admin'],
  ])('%s gets the highest role of her groups', async (person, shown) => {
    const visitor = await signedIn(person)

    expect(roleShown((await visitor.ask(at('/'))).text)).toBe(shown)
  })

  test('leads to the page that was asked for, and never elsewhere', async () => {
    const asked = await new Visitor().ask(at('/hosts/web1?x=1'))
    expect([asked.status, asked.location]).toEqual([303, at('/sign-in?to=%2Fhosts%2Fweb1%3Fx%3D1')])

    for (const [to, end] of [
      ['/hosts/web1?x=1', '/hosts/web1?x=1'],
      ['//evil.example/', '/'],
      ['/\\evil.example/', '/'],
      ['https://evil.example/', '/'],
      ['/sign-in', '/'],
    ] as const)
      expect([to, (await new Visitor().go(at(`/sign-in/start?to=${encodeURIComponent(to)}`), 'vera')).url]).toEqual([to, at(end)])
  })

  test('somebody in no group that has a role is told so, and let in nowhere', async () => {
    const visitor = new Visitor()

    const seen = await visitor.go(at('/sign-in/start'), 'gast')

    expect(seen.status).toBe(403)
    expect(seen.text).toContain('You are gast@example.com, and none of your groups may see this fleet')
    expect((await visitor.ask(at('/'))).status).toBe(303)
    expect((await visitor.ask(at('/api/v1/fleet'))).status).toBe(401)
  })

  test('somebody who says no at the provider comes back without being let in', async () => {
    const seen = await new Visitor().go(at('/sign-in/start'), 'nobody')

    expect(seen.status).toBe(403)
    expect(seen.text).toContain('the identity provider did not let you in')
  })

  test('a mail address that the provider doubts is nobody’s name', async () => {
    const visitor = await signedIn('mallory')

    expect(roleShown((await visitor.ask(at('/'))).text)).toBe('mallory, viewer')
  })

  test('groups in the ID token are read as well, inner claims too', async () => {
    const other = await freePort()
    const inToken = await startProvider(`http://127.0.0.1:${other}/sign-in/callback`, 'in-id-token')
    inToken.accounts.set('vera', { email: 'vera@example.com', groups: ['staff'] })
    const file = configured(inToken.issuer, inToken.clientSecret, { groupsClaim: 'realm.roles' }).replaceAll(`:${port}`, `:${other}`)
    const second = await startTestCollector({ FETTLE_LISTEN: `127.0.0.1:${other}` }, file)
    try {
      expect((await new Visitor().go(`${second.url}/sign-in/start`, 'vera')).status).toBe(200)
    } finally {
      await second.stop()
      await inToken.stop()
    }
  })
})

test('below the path of a proxy everything leads back below it', async () => {
  const other = await freePort()
  const at = `http://127.0.0.1:${other}/fettle`
  const near = await startProvider(`${at}/sign-in/callback`)
  near.accounts.set('vera', { email: 'vera@example.com', groups: ['staff'] })
  const file = configured(near.issuer, near.clientSecret).replace(`http://127.0.0.1:${port}`, at)
  const below = await startTestCollector({ FETTLE_LISTEN: `127.0.0.1:${other}` }, file)
  try {
    const visitor = new Visitor()
    expect((await visitor.ask(`${at}/hosts/web1`)).location).toBe(`${at}/sign-in?to=%2Fhosts%2Fweb1`)
    const seen = await visitor.go(`${at}/sign-in/start?to=%2Fhosts%2Fweb1`, 'vera')
    expect([seen.status, seen.url]).toEqual([404, `${at}/hosts/web1`])
    const token = formTokenOf((await visitor.ask(`${at}/`)).text)
    expect((await visitor.ask(`${at}/sign-out`, { form: { token } })).location).toBe(`${at}/sign-in`)
  } finally {
    await below.stop()
    await near.stop()
  }
})

describe('a sign-in that is not the one that was begun', () => {
  /** Goes up to the callback, with what is sent to the provider or brought back changed. */
  async function tampered(change: { begin?: (url: URL) => void; back?: (url: URL) => void; cookies?: (visitor: Visitor) => void }) {
    const visitor = new Visitor()
    const begun = await visitor.ask(at('/sign-in/start'))
    const there = new URL(begun.location ?? '')
    change.begin?.(there)
    const back = new URL((await visitor.go(there.href, 'ada', isCallback)).location ?? '')
    change.back?.(back)
    change.cookies?.(visitor)
    const seen = await visitor.ask(back.href)
    expect(visitor.cookies.has('fettle')).toBe(false)
    return seen
  }
  const set = (name: string, value: string) => (url: URL) => url.searchParams.set(name, value)

  test.each<[string, Parameters<typeof tampered>[0], number, string]>([
    ['with another state', { back: set('state', 'x'.repeat(43)) }, 400, 'begin again'],
    ['without state', { back: url => url.searchParams.delete('state') }, 400, 'begin again'],
    ['with another nonce', { begin: set('nonce', 'x'.repeat(43)) }, 400, 'begin again'],
    ['without nonce', { begin: url => url.searchParams.delete('nonce') }, 400, 'begin again'],
    ['with another verifier', { begin: set('code_challenge', 'x'.repeat(43)) }, 403, 'the identity provider refused: invalid_grant'],
    ['with a code that was made up', { back: set('code', 'x'.repeat(43)) }, 403, 'the identity provider refused: invalid_grant'],
    ['from another issuer', { back: set('iss', 'https://evil.example') }, 400, 'begin again'],
    ['without what the browser kept', { cookies: visitor => visitor.cookies.delete('fettle-sign-in') }, 400, 'not begun in this browser'],
    [
      'with what another browser kept',
      { cookies: visitor => visitor.cookies.set('fettle-sign-in', 'eyJ9') },
      400,
      'not begun in this browser',
    ],
    ['too late', { cookies: () => time.move(11 * 60_000) }, 400, 'took too long'],
  ])('%s: nobody is let in', async (_, change, status, told) => {
    const seen = await tampered(change)

    expect([seen.status, seen.text]).toEqual([status, expect.stringContaining(told)])
  })

  test('the same way back, a second time: nobody is let in', async () => {
    const visitor = new Visitor()
    const back = (await visitor.go(at('/sign-in/start'), 'ada', isCallback)).location ?? ''
    const kept = visitor.cookies.get('fettle-sign-in') ?? ''
    expect((await visitor.ask(back)).status).toBe(303)

    const thief = new Visitor()
    thief.cookies.set('fettle-sign-in', kept)

    expect((await thief.ask(back)).status).toBe(403)
  })
})

describe('a session', () => {
  test('is shown by a cookie that no script reads and no other site sends, and that is nowhere in the store', async () => {
    const visitor = new Visitor()
    const back = (await visitor.go(at('/sign-in/start'), 'ada', isCallback)).location ?? ''
    const answer = await visitor.ask(back)

    const cookie = answer.headers.getSetCookie().find(line => line.startsWith('fettle=')) ?? ''
    expect(cookie).toMatch(/^fettle=[\w-]{32}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Lax$/)
    const files = (await readdir(collector.data)).filter(file => !file.endsWith('.sock'))
    const kept = (await Promise.all(files.map(file => readFile(join(collector.data, file), 'latin1')))).join('\n')
    expect(kept).toContain('session:')
    expect(kept).not.toContain(visitor.cookies.get('fettle'))
  })

  test('is bound to this very host by its name where people come by TLS', async () => {
    const other = await freePort()
    const far = await startProvider(`https://127.0.0.1:${other}/sign-in/callback`)
    far.accounts.set('vera', { email: 'vera@example.com', groups: ['staff'] })
    const file = configured(far.issuer, far.clientSecret).replaceAll(`http://127.0.0.1:${port}`, `https://127.0.0.1:${other}`)
    const behind = await startTestCollector({ FETTLE_LISTEN: `127.0.0.1:${other}` }, file)
    try {
      const visitor = new Visitor()
      const back = (await visitor.go(`${behind.url}/sign-in/start`, 'vera', isCallback)).location ?? ''
      // As the proxy that does TLS passes it on.
      const answer = await visitor.ask(back.replace('https:', 'http:'))
      const cookies = answer.headers.getSetCookie()
      expect(cookies).toEqual([
        '__Host-fettle-sign-in=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Secure',
        expect.stringMatching(/^__Host-fettle=[\w-]{32}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Lax; Secure$/),
      ])
      expect(roleShown((await visitor.ask(`${behind.url}/`)).text)).toBe('vera@example.com, viewer')
    } finally {
      await behind.stop()
      await far.stop()
    }
  })

  test('ends after its time, however much it is used', async () => {
    const visitor = await signedIn('vera')
    for (let hour = 1; hour < 12; hour++) {
      time.move(3_600_000)
      expect([hour, (await visitor.ask(at('/'))).status]).toEqual([hour, 200])
    }
    time.move(3_600_000)

    expect((await visitor.ask(at('/'))).status).toBe(303)
  })

  test('ends where nobody looked for its idle time', async () => {
    const visitor = await signedIn('vera')
    time.move(2 * 3_600_000 + 1_000)

    expect((await visitor.ask(at('/'))).status).toBe(303)
  })

  test('keeps the role that the groups gave, until the next sign-in', async () => {
    provider.accounts.set('tim', { email: 'tim@example.com', groups: ['it'] })
    const visitor = await signedIn('tim')
    provider.accounts.set('tim', { email: 'tim@example.com', groups: [] })
    expect(roleShown((await visitor.ask(at('/'))).text)).toBe('tim@example.com, admin')

    time.move(12 * 3_600_000)

    const seen = await visitor.go(at('/sign-in/start'), 'tim')
    expect([seen.status, seen.text]).toEqual([403, expect.stringContaining('tells no groups of yours')])
    expect((await visitor.ask(at('/'))).status).toBe(303)
  })

  test('is over at once for who signs out', async () => {
    const visitor = await signedIn('vera')
    const copy = new Visitor()
    copy.cookies.set('fettle', visitor.cookies.get('fettle') ?? '')
    expect((await copy.ask(at('/'))).status).toBe(200)

    const token = formTokenOf((await visitor.ask(at('/'))).text)
    expect((await visitor.ask(at('/sign-out'), { form: { token } })).location).toBe(at('/sign-in'))

    expect([(await visitor.ask(at('/'))).status, (await copy.ask(at('/'))).status]).toEqual([303, 303])
  })

  test('is ended by an administrator for somebody who left, everywhere, and written down', async () => {
    const [laptop, telephone, other] = [await signedIn('otto'), await signedIn('otto'), await signedIn('vera')]
    const run = async (...argv: string[]) => {
      let out = ''
      const print = { write: (text: string) => (out += text) }
      const env = { FETTLE_DATA: collector.data, FETTLE_CONFIG: '/dev/null' }
      return { code: await cli({ argv: ['session', ...argv], env, out: print, err: print, process }), out }
    }
    expect((await run('list')).out).toMatch(/\notto@example\.com +otto +operator +20\d\d-\d\d-\d\d \d\d:\d\d\n/)

    expect(await run('end', 'otto@example.com')).toEqual({ code: 0, out: 'otto@example.com is signed out (2 sessions).\n' })

    const statuses = await Promise.all([laptop, telephone, other].map(async one => (await one.ask(at('/'))).status))
    expect(statuses).toEqual([303, 303, 200])
    expect((await run('end', 'otto')).out).toContain('nobody is signed in as "otto"')
    const { entries } = (await collector.admin('GET', '/api/v1/audit?limit=3')) as {
      entries: { who: string; what: string; target: string }[]
    }
    expect(entries.at(-1)).toMatchObject({ who: 'socket', what: 'session.end', target: 'otto@example.com' })
  })

  test('lets the API be read and nothing be changed by it', async () => {
    const visitor = await signedIn('ada')

    expect((await visitor.ask(at('/api/v1/tokens'))).status).toBe(200)
    const refused = await visitor.ask(at('/api/v1/tokens'), { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('need an API token')])
  })
})

describe('while the provider is away', () => {
  test('who is signed in stays so, nobody else gets in, and both are told why; afterwards all is as before', async () => {
    const visitor = await signedIn('vera')
    await provider.stop()
    const env = { FETTLE_LISTEN: '127.0.0.1:0' }
    const fresh = await startTestCollector(env, configured(provider.issuer, provider.clientSecret))
    try {
      expect((await visitor.ask(at('/'))).status).toBe(200)
      const seen = await new Visitor().ask(`${fresh.url}/sign-in/start`)
      expect([seen.status, seen.text]).toEqual([503, expect.stringContaining('does not answer as it should')])
      const late = await new Visitor().ask(at('/sign-in/callback?code=x&state=x'))
      expect(late.status).toBe(400)
    } finally {
      await provider.start()
      await fresh.stop()
    }
    await signedIn('vera')
  })
})

describe('where people can sign in', () => {
  test('being on this machine is not enough to read', async () => {
    expect((await new Visitor().ask(at('/metrics'))).status).toBe(401)
    expect((await new Visitor().ask(at('/'))).status).toBe(303)
    for (const path of ['/sign-in', '/healthz']) expect((await new Visitor().ask(at(path))).status).toBe(200)
  })

  test('programs come by token as everywhere', async () => {
    const token = await collector.token({ kind: 'api', role: 'viewer' })

    expect((await new Visitor().ask(at('/metrics'), { headers: { authorization: `Bearer ${token}` } })).status).toBe(200)
  })
})

test.each([
  ['publicUrl', { oidc: { issuer: 'https://login.example.com' } }, /set publicUrl/],
  ['oidc.clientId', { publicUrl: 'https://f.example', oidc: { issuer: 'https://login.example.com' } }, /set oidc.clientId/],
  ['oidc.roles', { publicUrl: 'https://f.example', oidc: { issuer: 'https://login.example.com', clientId: 'f' } }, /set oidc.roles/],
  ['a provider without TLS', { oidc: { issuer: 'http://login.example.com' } }, /http only on loopback/],
  ['openid among the scopes', { oidc: { scopes: ['email'] } }, /wanted openid among the scopes/],
  ['a role that is none', { oidc: { roles: { king: ['it'] } } }, /oidc.roles/],
])('a configuration that lacks %s is refused in words', async (_, file, told) => {
  await expect(startTestCollector({}, JSON.stringify(file))).rejects.toThrow(told)
})
