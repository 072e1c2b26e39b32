import { get } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ProtocolClient } from '../../../test/kit/client.ts'
import { startTestCollector, type TestCollector } from '../../../test/kit/collector.ts'
import { until } from '../../../test/kit/until.ts'

const failing = {
  synchronized: false,
  service: 'chronyd',
  enabled: true,
  reference: null,
  stratum: null,
  offsetSeconds: null,
  lastSyncAt: null,
}
const names = ['alpha', 'bravo', 'charlie', 'delta', 'echo']
let collector: TestCollector

type Finding = { check: string; instance: string; status: string; domain: string; remedy: string }
type Findings = { findings: Finding[]; next: string | null }
type Hosts = { hosts: { instance: string; status: string; role: string }[]; total: number; next: string | null }
const findings = async (query: string) => (await collector.json(`/api/v1/findings?${query}`)) as Findings
const hosts = async (query: string) => (await collector.json(`/api/v1/hosts?${query}`)) as Hosts
const instances = async (query: string) => (await hosts(query)).hosts.map(host => host.instance)

beforeAll(async () => {
  collector = await startTestCollector({}, 'thresholds:\n  - {check: clock-offset, labels: {site: Lyon}, warning: off, critical: off}\n')
  for (const [i, instance] of [...names].reverse().entries()) {
    const client = new ProtocolClient()
    const token = await collector.token({
      labels: { role: i % 2 ? 'laptop' : 'server', ...(instance === 'bravo' ? { site: 'Lyon' } : {}) },
    })
    await client.join(collector.agentUrl, undefined, { enrol: { token, publicKey: client.publicKey, instance, labels: {} } })
    const data = instance === 'echo' ? failing : { ...failing, synchronized: true, stratum: 2, offsetSeconds: 20 }
    client.send(client.report(1, 'clock/chrony', data))
    await client.next('ack')
  }
  const judged = async () => {
    const { findings: all } = await findings('check=clock-offset')
    // echo tells no offset: to it the check does not apply.
    return all.length === names.length - 1 && all.every(one => one.status !== 'unknown')
  }
  await until(judged, 'what they reported is judged', 15_000)
})
afterAll(() => collector.stop())

describe('hosts', () => {
  test('come by name, whatever the order they came in', async () => {
    expect(await hosts('')).toMatchObject({ total: 5, next: null })
    expect(await instances('')).toEqual(names)
  })

  test('come in pages that join without gap or double', async () => {
    const seen: string[] = []
    let pages = 0
    for (let after: string | null = ''; after !== null; pages++) {
      const page: Hosts = await hosts(`limit=2&after=${after}`)
      seen.push(...page.hosts.map(host => host.instance))
      after = page.next
    }
    expect([seen, pages]).toEqual([names, 3])
  })

  test('are chosen by role, by part of the name, by worst status, by system', async () => {
    expect(await instances('role=laptop')).toEqual(['bravo', 'delta'])
    expect(await instances('q=ELT')).toEqual(['delta'])
    expect(await instances('q=nobody')).toEqual([])
    expect(await instances('os=debian')).toEqual([])
    const all = (await hosts('')).hosts
    for (const status of ['critical', 'warning', 'unknown', 'ok'])
      expect(await instances(`status=${status}`)).toEqual(all.filter(host => host.status === status).map(host => host.instance))
  })

  test('one is told with facts, findings and transitions', async () => {
    const detail = (await collector.json('/api/v1/hosts/echo')) as Record<string, unknown[]> & { facts: { key: string; data: unknown }[] }
    expect(detail.facts).toMatchObject([{ key: 'clock/chrony', data: failing }])
    expect(detail.transitions).toMatchObject([{ seq: 1, key: 'clock/chrony' }])
    expect(detail.findings?.length).toBeGreaterThan(20)
  })
})

describe('findings', () => {
  test('each tells what to do about it, and those that do not apply are left out', async () => {
    const { findings: all } = await findings('limit=500')
    expect(all.every(one => one.remedy.length > 10)).toBe(true)
    expect(all.some(one => one.status === 'not-applicable')).toBe(false)
    expect((await findings('limit=500&status=not-applicable')).findings.every(one => one.status === 'not-applicable')).toBe(true)
  })

  test('are chosen by check, status, domain, host and role', async () => {
    const all = (await findings('limit=500')).findings
    const like = (wanted: Partial<Finding>) =>
      all.filter(one => Object.entries(wanted).every(([name, value]) => one[name as keyof Finding] === value))
    expect((await findings('check=clock-offset')).findings).toEqual(like({ check: 'clock-offset' }))
    expect((await findings('limit=500&status=unknown')).findings).toEqual(like({ status: 'unknown' }))
    expect((await findings('limit=500&domain=backups')).findings).toEqual(like({ domain: 'backups' }))
    expect((await findings('instance=echo')).findings).toEqual(like({ instance: 'echo' }))
    expect(new Set((await findings('limit=500&role=laptop')).findings.map(one => one.instance))).toEqual(new Set(['bravo', 'delta']))
  })

  test('come in pages that join without gap or double, no host torn apart', async () => {
    const all = (await findings('limit=500')).findings
    const seen: Finding[] = []
    for (let after: string | null = ''; after !== null; ) {
      const page: Findings = await findings(`limit=30&after=${after}`)
      expect(page.findings.length).toBeGreaterThan(0)
      seen.push(...page.findings)
      after = page.next
    }
    expect(seen).toEqual(all)
  })

  test('stand on the limits of the configuration: off for one site, as shipped elsewhere', async () => {
    const statuses = (await findings('check=clock-offset')).findings.map(one => [one.instance, one.status])
    expect(Object.fromEntries(statuses)).toMatchObject({ alpha: 'warning', bravo: 'ok', charlie: 'warning' })
  })
})

describe('a request that cannot be answered', () => {
  test.each<[string, number, RegExp]>([
    ['/api/v1/hosts?limit=0', 400, /querystring\/limit must be >= 1/],
    ['/api/v1/hosts?limit=501', 400, /querystring\/limit must be <= 500/],
    ['/api/v1/hosts?limit=many', 400, /limit must be integer/],
    ['/api/v1/hosts?status=bad', 400, /status: wanted one of .*critical/],
    ['/api/v1/hosts?stauts=critical', 400, /no "stauts": wanted some of limit, after, status/],
    ['/api/v1/hosts?role=toaster', 400, /wanted one of server, desktop, laptop/],
    ['/api/v1/findings?domain=food', 400, /domain: wanted one of .*backups/],
    ['/api/v1/findings?check=update-late', 400, /no check is called "update-late"/],
    ['/api/v1/findings?instance=zulu', 404, /no host is called "zulu"/],
    ['/api/v1/hosts/zulu', 404, /no host is called "zulu"/],
    ['/metrics/hosts/zulu', 404, /no host is called "zulu"/],
    ['/api/v2/hosts', 404, /nothing is at \/api\/v2\/hosts/],
    ['/metrics/hosts?shard=1', 400, /shard and of go together/],
    ['/metrics/hosts?of=4', 400, /shard and of go together/],
    ['/metrics/hosts?shard=4&of=4', 400, /shard 4 of 4 does not exist/],
    ['/metrics/hosts?shard=0&of=3', 400, /of: wanted one of 1, 2, 4/],
    ['/metrics/hosts?shard=-1&of=4', 400, /shard must be >= 0/],
    ['/metrics/hosts?shard=x&of=4', 400, /shard must be integer/],
    ['/metrics/hosts?domain=', 400, /no domain is called "": wanted some of agent, host/],
    ['/metrics/hosts?domain=updates,food', 400, /no domain is called "food"/],
    ['/sd/prometheus?mode=all', 400, /mode: wanted one of shards, hosts/],
    ['/api/v1/hosts/%00%ff', 400, /./],
    [`/api/v1/hosts/${'x'.repeat(254)}`, 400, /must NOT have more than 253/],
  ])('%s is answered %d, as JSON that tells what was wanted', async (path, status, told) => {
    const answer = await fetch(`${collector.url}${path}`)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toContain('application/json')
    const { error } = (await answer.json()) as { error: string }
    expect(error).toMatch(told)
    expect(error.length).toBeLessThan(400)
  })

  test.each([
    ['no JSON', '{', 'application/json', 400],
    ['another type', 'x', 'text/xml', 415],
    ['far too much', `"${'x'.repeat(70_000)}"`, 'application/json', 413],
    ['a key that does not exist', '{"usses":3}', 'application/json', 400],
    ['a role that does not exist', '{"kind":"api","role":"king"}', 'application/json', 400],
    ['a label name that Prometheus refuses', '{"labels":{"Si-te":"x"}}', 'application/json', 400],
  ])('a body with %s is refused as JSON', async (_, body, type, status) => {
    const strict = await startTestCollector()
    try {
      const token = await strict.token({ kind: 'api', role: 'admin' })
      const headers = { authorization: `Bearer ${token}`, 'content-type': type }
      const answer = await fetch(`${strict.url}/api/v1/tokens`, { method: 'POST', headers, body })
      expect(answer.status).toBe(status)
      expect(await answer.json()).toHaveProperty('error')
    } finally {
      await strict.stop()
    }
  })
})

describe('what machines read', () => {
  test('the description names every route, each with what it is for', async () => {
    type Operation = { summary?: string; description?: string; parameters?: { name: string; in: string; required?: boolean }[] }
    const described = (await collector.json('/api/v1/openapi.json')) as {
      openapi: string
      info: { title: string; version: string }
      paths: Record<string, Record<string, Operation>>
    }
    expect(described).toMatchObject({ openapi: '3.1.0', info: { title: 'Fettle collector' } })
    expect(described.info.version).toMatch(/^\d+\.\d+\.\d+/)
    const routes = Object.entries(described.paths).flatMap(([path, methods]) => Object.keys(methods).map(method => `${method} ${path}`))
    expect(routes.sort()).toEqual([
      'delete /api/v1/hosts/{instance}',
      'delete /api/v1/sessions/{person}',
      'delete /api/v1/tokens/{id}',
      'get /api/v1/audit',
      'get /api/v1/authorities',
      'get /api/v1/findings',
      'get /api/v1/fleet',
      'get /api/v1/hosts',
      'get /api/v1/hosts/{instance}',
      'get /api/v1/openapi.json',
      'get /api/v1/sessions',
      'get /api/v1/tokens',
      'get /healthz',
      'get /metrics',
      'get /metrics/hosts',
      'get /metrics/hosts/{instance}',
      'get /readyz',
      'get /sd/prometheus',
      'post /api/v1/authorities',
      'post /api/v1/hosts/{instance}/approve',
      'post /api/v1/hosts/{instance}/deny',
      'post /api/v1/hosts/{instance}/refresh',
      'post /api/v1/hosts/{instance}/release',
      'post /api/v1/hosts/{instance}/rename',
      'post /api/v1/hosts/{instance}/revoke',
      'post /api/v1/store/freeze',
      'post /api/v1/store/moved',
      'post /api/v1/tokens',
    ])
    for (const [path, methods] of Object.entries(described.paths)) {
      for (const [method, { summary, description, parameters = [] }] of Object.entries(methods)) {
        expect(description, `${method} ${path}`).toMatch(/^(Needs the role (viewer|operator|admin)|Open to everybody)\.$/)
        expect(summary, `${method} ${path}`).toMatch(/^[A-Z].{5,}/)
        const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(match => match[1])
        expect(
          parameters.filter(one => one.in === 'path').map(one => one.name),
          `${method} ${path}`,
        ).toEqual(inPath)
      }
    }
  })

  test('targets come with exactly the type that Prometheus wants, one a shard, each with its own instance', async () => {
    const answer = await fetch(`${collector.url}/sd/prometheus`)
    expect(answer.headers.get('content-type')).toBe('application/json')
    const targets = (await answer.json()) as { targets: string[]; labels: Record<string, string> }[]
    const host = new URL(collector.url).host
    expect(targets.map(one => [one.targets, one.labels.__param_shard, one.labels.__param_of, one.labels.instance])).toEqual(
      [0, 1, 2, 3].map(shard => [[host], String(shard), '4', `${host}/shard-0${shard}`]),
    )
    const each = (await collector.json('/sd/prometheus?mode=hosts')) as typeof targets
    expect(each.map(one => one.labels.__metrics_path__).sort()).toEqual(names.map(name => `/metrics/hosts/${name}`))
  })

  test('shards join to the whole, no host twice', async () => {
    const series = (text: string) => text.split('\n').filter(line => line && !line.startsWith('#'))
    const shards = await Promise.all([0, 1, 2, 3].map(shard => collector.text(`/metrics/hosts?shard=${shard}&of=4`)))
    const up = (text: string) =>
      series(text)
        .filter(line => line.startsWith('fettle_agent_up{'))
        .sort()
    expect(shards.flatMap(up).sort()).toEqual(up(await collector.text('/metrics/hosts')))
    expect(up(shards.join('\n'))).toHaveLength(5)
  })

  test.each([
    ['gzip', true],
    ['deflate, gzip;q=0.5', true],
    ['GZIP', true],
    ['gzip;q=0', false],
    ['gzip; q=0.000, identity', false],
    ['identity', false],
    ['x-gzip-not', false],
    ['', false],
  ])('Accept-Encoding %j: zipped %s', async (accepted, zipped) => {
    const plain = await collector.text('/metrics/hosts/alpha')
    const { headers, bytes } = await new Promise<{ headers: Record<string, unknown>; bytes: Buffer }>((resolve, reject) => {
      get(`${collector.url}/metrics/hosts/alpha`, { headers: { 'accept-encoding': accepted } }, response => {
        const chunks: Buffer[] = []
        response.on('data', chunk => chunks.push(chunk))
        response.on('end', () => resolve({ headers: response.headers, bytes: Buffer.concat(chunks) }))
      }).on('error', reject)
    })
    expect(headers).toMatchObject({ 'content-type': 'text/plain; version=0.0.4; charset=utf-8', vary: 'Accept-Encoding' })
    expect(headers['content-encoding']).toBe(zipped ? 'gzip' : undefined)
    const text = (zipped ? gunzipSync(bytes) : bytes).toString('utf8')
    const names = (of: string) => of.split('\n').map(line => line.replace(/ [^ ]+$/, ''))
    expect(names(text)).toEqual(names(plain))
  })
})
