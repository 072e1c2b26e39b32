import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ProtocolClient } from '../../../test/kit/client.ts'
import { startTestCollector, type TestCollector } from '../../../test/kit/collector.ts'
import { type Seen, Visitor } from '../../../test/kit/visitor.ts'
import { cli } from '../cli.ts'
import type { AuditEntry } from '../store/store.ts'

let collector: TestCollector
const tokens: Record<string, string> = {}
const clients: ProtocolClient[] = []

beforeAll(async () => {
  collector = await startTestCollector()
  for (const role of ['viewer', 'operator', 'admin']) tokens[role] = await collector.token({ kind: 'api', role })
})
afterAll(async () => {
  for (const client of clients) client.cut()
  await collector?.stop()
})

let seen = 0
/** Entries since the last look, oldest first; told as `who what target: detail`. */
async function written(from = collector): Promise<string[]> {
  const { entries } = (await from.admin('GET', '/api/v1/audit?limit=500')) as { entries: AuditEntry[] }
  const fresh = entries.filter(({ id }) => id > seen).reverse()
  seen = entries[0]?.id ?? seen
  return fresh.map(({ who, what, target, detail }) => `${who} ${what} ${target}${detail && `: ${detail}`}`)
}
beforeAll(() => written())
afterEach(() => written())

const id = (role: string) => tokens[role]?.split('.')[0]
const as = (role: string, method: string, path: string, body?: object): Promise<Seen> =>
  new Visitor().ask(`${collector.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${tokens[role]}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })

/** A host that has enrolled. */
async function host(instance: string, wish = {}): Promise<ProtocolClient> {
  const client = new ProtocolClient()
  clients.push(client)
  const token = await collector.token(wish)
  const enrol = { token, publicKey: client.publicKey, instance, labels: {} }
  client.hello(await client.open(collector.agentUrl), { enrol })
  await ('approve' in wish ? client.closed() : client.next('welcome'))
  await written()
  return client
}

describe('an act is written down', () => {
  test.each<[string, string, object | undefined, string]>([
    ['POST', 'revoke', { why: 'stolen' }, 'host.revoke web1: stolen'],
    ['POST', 'release', undefined, 'host.release web1'],
    ['POST', 'rename', { name: 'web1b' }, 'host.rename web1: to web1b'],
  ])('%s %s', async (method, act, body, told) => {
    if (!collector.core.fleet.byInstance('web1')) await host('web1')

    expect((await as('operator', method, `/api/v1/hosts/web1/${act}`, body)).status).toBe(200)

    expect(await written()).toEqual([`token:${id('operator')} ${told}`])
  })

  test('of tokens too, by their id, without their secret', async () => {
    const wish = { kind: 'api', role: 'viewer', note: 'for Prometheus', expiresInMs: 60_000 }
    const made = JSON.parse((await as('admin', 'POST', '/api/v1/tokens', wish)).text) as { id: string; token: string }
    const secret = made.token.split('.')[1] ?? ''
    await as('admin', 'DELETE', `/api/v1/tokens/${made.id}`)

    const entries = await written()
    expect(entries).toEqual([
      `token:${id('admin')} token.create ${made.id}: api token, viewer, for 1 min, note: for Prometheus`,
      `token:${id('admin')} token.revoke ${made.id}`,
    ])
    expect(entries.join()).not.toContain(secret)
  })

  test('with who, when and from where; the administrator of the machine is the socket', async () => {
    await host('web2')
    const before = Date.now()
    await as('operator', 'DELETE', '/api/v1/hosts/web2')
    await collector.token({ uses: null, approve: true, labels: { site: 'Lyon' } })

    const { entries } = (await collector.admin('GET', '/api/v1/audit?limit=2')) as { entries: AuditEntry[] }

    const [made, removed] = entries
    expect(removed).toMatchObject({ who: `token:${id('operator')}`, what: 'host.remove', target: 'web2', address: '127.0.0.1' })
    expect(removed?.at).toBeGreaterThanOrEqual(before)
    const detail = 'enrolment token, any number of hosts, demands approval, for 24 h, site=Lyon'
    expect(made).toMatchObject({ who: 'socket', what: 'token.create', detail, address: '' })
  })

  test('when it is beyond the role, and then not more often than its limit', async () => {
    const statuses = new Set<number>()
    for (let i = 0; i < 30; i++) statuses.add((await as('viewer', 'DELETE', '/api/v1/hosts/anything')).status)

    const entries = await written()
    expect([...statuses]).toEqual([403, 429])
    expect(entries).toHaveLength(10)
    expect(entries[0]).toBe(
      `token:${id('viewer')} host.remove anything: not done: it needs the role operator, and token:${id('viewer')} is viewer`,
    )
  })

  test('and again when it could not be done', async () => {
    expect((await as('operator', 'POST', '/api/v1/hosts/nobody/approve')).status).toBe(404)

    const who = `token:${id('operator')} host.approve nobody`
    expect(await written()).toEqual([who, `${who}: not done: no host is called "nobody"`])
  })

  test('once, although its answer may be tried many times: reading is no act', async () => {
    await as('admin', 'GET', '/api/v1/tokens')
    await as('admin', 'GET', '/audit')

    expect(await written()).toEqual([])
  })
})

test('what the collector does by itself is written down as its own', async () => {
  const token = await collector.token({ uses: 2 })
  await written()
  const client = new ProtocolClient()
  clients.push(client)
  await client.join(collector.agentUrl, undefined, { enrol: { token, publicKey: client.publicKey, instance: 'laptop7', labels: {} } })
  await collector.core.remove(client.hostId, 'ttl')

  expect(await written()).toEqual([
    `collector host.enrol laptop7: by the token ${token.split('.')[0]}`,
    'collector host.remove laptop7: it came no more',
  ])
})

test('no act is done that cannot be written down', async () => {
  const broken = await startTestCollector()
  try {
    const token = await broken.token({ kind: 'api', role: 'admin' })
    const client = new ProtocolClient()
    clients.push(client)
    const { instance } = await client.join(broken.agentUrl, await broken.token())
    const database = new DatabaseSync(join(broken.data, 'fleet.db'))
    database.exec('ALTER TABLE audit RENAME TO elsewhere')
    const ask = (method: string, path: string, body?: object) =>
      fetch(`${broken.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
        ...(body ? { body: JSON.stringify(body) } : {}),
      })

    expect((await ask('POST', '/api/v1/tokens', { kind: 'api', role: 'admin' })).status).toBeGreaterThanOrEqual(500)
    expect((await ask('POST', `/api/v1/hosts/${instance}/revoke`, {})).status).toBeGreaterThanOrEqual(500)
    expect((await ask('DELETE', `/api/v1/hosts/${instance}`)).status).toBeGreaterThanOrEqual(500)

    database.exec('ALTER TABLE elsewhere RENAME TO audit')
    database.close()
    expect(broken.core.fleet.byInstance(instance)?.meta.standing.state).toBe('active')
    expect(((await broken.admin('GET', '/api/v1/tokens')) as { tokens: object[] }).tokens).toHaveLength(2)
  } finally {
    await broken.stop()
  }
})

describe('the log is read', () => {
  test('in pages that join without gap or double, newest first', async () => {
    const all = ((await collector.admin('GET', '/api/v1/audit?limit=500')) as { entries: AuditEntry[] }).entries
    const joined: AuditEntry[] = []
    for (let before: number | null | undefined; before !== null; ) {
      const page = (await collector.admin('GET', `/api/v1/audit?limit=7${before ? `&before=${before}` : ''}`)) as {
        entries: AuditEntry[]
        next: number | null
      }
      joined.push(...page.entries)
      before = page.next
    }

    expect(joined).toEqual(all)
    expect(all.map(({ id }) => id)).toEqual(all.map(({ id }) => id).toSorted((a, b) => b - a))
  })

  test('by the command, safe for a terminal', async () => {
    const note = 'red \u001b[31m'
    await collector.token({ kind: 'api', role: 'viewer', note })
    const run = async (...argv: string[]) => {
      let out = ''
      const print = { write: (text: string) => (out += text) }
      const env = { FETTLE_DATA: collector.data, FETTLE_CONFIG: '/dev/null' }
      return { code: await cli({ argv: ['audit', ...argv], env, out: print, err: print, process }), out }
    }

    const { code, out } = await run('--limit', '3')
    expect(code).toBe(0)
    expect(out.split('\n')).toHaveLength(5)
    expect(out).toMatch(/^WHEN \(UTC\) +WHO +WHAT +TARGET +FROM +DETAIL\n20\d\d-\d\d-\d\d \d\d:\d\d:\d\d {2}socket +token\.create /)
    expect(out).not.toContain('\u001b')
    expect((JSON.parse((await run('--limit', '600', '--json')).out) as AuditEntry[]).length).toBeGreaterThan(10)
    expect(await run('--limit', 'many')).toMatchObject({ code: 64, out: expect.stringContaining('--limit many: wanted a whole number') })
  })
})
