import { deflateRawSync } from 'node:zlib'
import { closeCodes, type Frame, factHash, newPrivateKey } from '@fettle/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ProtocolClient } from '../../test/kit/client.ts'
import { startTestCollector, type TestCollector } from '../../test/kit/collector.ts'
import { until } from '../../test/kit/until.ts'

const clock = { synchronized: true, service: 'chronyd', enabled: true, reference: 'ntp', stratum: 2, offsetSeconds: 0, lastSyncAt: null }
let collector: TestCollector
beforeAll(async () => {
  collector = await startTestCollector()
})
afterAll(() => collector.stop())

type Host = { held: Map<string, { outcome: string; data?: { stratum: number }; at: number }> }
const held = (client: ProtocolClient) => collector.core.fleet.byId(client.hostId) as unknown as Host

describe('letting agents in', () => {
  test('a token enrols once; the key alone is enough from then on', async () => {
    const client = new ProtocolClient()
    const token = await collector.token()
    const first = await client.join(collector.agentUrl, token)
    client.cut()
    const again = await client.join(collector.agentUrl)
    expect(again.instance).toBe(first.instance)

    const second = new ProtocolClient()
    second.hello(await second.open(collector.agentUrl), { enrol: { token, publicKey: second.publicKey, instance: 'x', labels: {} } })
    expect(await second.closed()).toBe(closeCodes.refused)
  })

  const other = newPrivateKey()
  test.each<[string, (client: ProtocolClient, challenge: Frame<'challenge'>, token: string) => void]>([
    ['a host that nobody enrolled', (client, challenge) => client.hello(challenge)],
    ['a wrong secret', (client, challenge, token) => client.hello(challenge, { enrol: enrolment(client, `${token}x`) })],
    ['an unknown token', (client, challenge) => client.hello(challenge, { enrol: enrolment(client, '0000000000000000.secret') })],
    [
      'a signature over another nonce',
      (client, challenge, token) => client.hello({ ...challenge, nonce: 'b3RoZXI=' }, { enrol: enrolment(client, token) }),
    ],
    [
      'a signature for another server',
      (client, challenge, token) => client.hello({ ...challenge, server: 'elsewhere' }, { enrol: enrolment(client, token) }),
    ],
    [
      'the key of another host',
      (client, challenge, token) =>
        client.hello(challenge, { enrol: { ...enrolment(client, token), publicKey: new ProtocolClient(other).publicKey } }),
    ],
    [
      'a hostId that is not its key’s',
      (client, challenge, token) => client.hello(challenge, { hostId: 'f'.repeat(32), enrol: enrolment(client, token) }),
    ],
    ['no hello at all', client => client.sendRaw('{"type":"beat","seq":1,"at":1,"fresh":{}}')],
    ['no JSON', client => client.sendRaw('hello?')],
    ['a deflated frame before authentication', client => client.sendRaw(deflateRawSync('{}'))],
  ])('refuses %s, with the one answer that it gives to all', async (_, say) => {
    const client = new ProtocolClient()
    const challenge = await client.open(collector.agentUrl)
    say(client, challenge, await collector.token())
    expect(await client.closed()).toBe(closeCodes.refused)
    expect(client.frames).toEqual([])
  })

  test('two hosts of one name get two instances', async () => {
    const [a, b] = [new ProtocolClient(), new ProtocolClient()]
    const first = await a.join(collector.agentUrl, await collector.token(), { enrol: enrolment(a, await collector.token(), 'twin') })
    const second = await b.join(collector.agentUrl, undefined, { enrol: enrolment(b, await collector.token(), 'twin') })
    expect(first.instance).toBe('twin')
    expect(second.instance).toBe(`twin~${b.hostId.slice(0, 6)}`)
  })

  test('a newer connection supersedes the old, whose late close changes nothing', async () => {
    const client = await enrolled()
    const newer = new ProtocolClient(client.privateKey)
    const closing = client.closed()
    await newer.join(collector.agentUrl)
    expect(await closing).toBe(closeCodes.superseded)
    newer.send(newer.report(1, 'clock/chrony', clock))
    await newer.next('ack')
    expect(collector.core.gate.session(client.hostId)).toBeDefined()
  })
})

describe('taking reports', () => {
  test('acknowledges what is stored; a lower seq is acknowledged and ignored', async () => {
    const client = await enrolled()
    client.send(client.report(5, 'clock/chrony', { ...clock, stratum: 3 }))
    expect(await client.next('ack')).toEqual({ type: 'ack', seq: 5 })
    client.send(client.report(4, 'clock/chrony', { ...clock, stratum: 9 }))
    expect(await client.next('ack')).toEqual({ type: 'ack', seq: 5 })
    expect(held(client).held.get('clock/chrony')?.data?.stratum).toBe(3)
  })

  test('asks at the next welcome only for what differs', async () => {
    const client = await enrolled()
    const report = client.report(1, 'clock/chrony', clock)
    client.send(report)
    await client.next('ack')
    client.cut()
    const welcome = await client.join(collector.agentUrl, undefined, {
      digests: { 'clock/chrony': report.hash, 'raid/md': 'a'.repeat(32) },
    })
    expect(welcome.want).toEqual(['raid/md'])
    expect(welcome.acked).toBe(1)
  })

  test('a superseded state is a transition, not the newest', async () => {
    const client = await enrolled()
    client.send(client.report(1, 'clock/chrony', { ...clock, stratum: 1 }, { superseded: true }))
    client.send(client.report(2, 'clock/chrony', { ...clock, stratum: 2 }))
    await client.next('ack', frame => frame.type === 'ack' && frame.seq === 2)
    const detail = (await collector.json(`/api/v1/hosts/${collector.core.fleet.byId(client.hostId)?.meta.instance}`)) as {
      transitions: { seq: number }[]
      facts: { data: { stratum: number } }[]
    }
    expect(detail.transitions.map(one => one.seq)).toEqual([2, 1])
    expect(detail.facts[0]?.data.stratum).toBe(2)
  })

  test('a clock that is a year ahead is told, and does not make facts fresh for a year', async () => {
    const client = await enrolled()
    const year = 365 * 24 * 3600 * 1000
    client.send(client.report(1, 'clock/chrony', clock, { at: Date.now() + year, sentAt: Date.now() + year }))
    await client.next('ack')
    expect(held(client).held.get('clock/chrony')?.at).toBeLessThanOrEqual(Date.now())
    expect(collector.core.fleet.byId(client.hostId)?.clockOffsetMs).toBeGreaterThan(year - 10_000)
  })

  test.each<[string, (client: ProtocolClient) => void]>([
    ['data that is not as its schema wants it', client => client.send(client.report(1, 'clock/chrony', { synchronized: 'yes' }))],
    [
      'a hash that is not of the data',
      client => client.send(client.report(1, 'clock/chrony', clock, { hash: factHash({ outcome: 'failed' }) })),
    ],
    ['a subject that does not exist', client => client.send(client.report(1, 'nothing/such', {}))],
    [
      'a key that would be a path',
      client => client.sendRaw(JSON.stringify(client.report(1, 'clock/chrony', clock)).replace('clock/chrony', '../etc/passwd')),
    ],
    ['nesting beyond the limit', client => client.sendRaw(`{"type":"report","data":${'['.repeat(100)}${']'.repeat(100)}}`)],
    ['a key named __proto__', client => client.sendRaw('{"type":"beat","seq":1,"at":1,"fresh":{},"__proto__":{"x":1}}')],
    ['an inflation bomb', client => client.sendRaw(deflateRawSync(Buffer.alloc(16 * 1024 * 1024, 0x20)))],
    ['a second hello', client => client.hello({ type: 'challenge', nonce: 'eA==', collectorTime: 1, server: 'x' })],
  ])('closes on %s, and holds nothing of it', async (_, say) => {
    const client = await enrolled()
    say(client)
    expect(await client.closed()).toBe(closeCodes.protocol)
    expect(held(client).held.size).toBe(0)
    expect(collector.core.fleet.byId(client.hostId)?.seq).toBe(0)
  })

  test('an agent that says goodbye is gone at once, and back with its next frame', async () => {
    const client = await enrolled()
    const up = () => collector.core.fleet.up(collector.core.fleet.byId(client.hostId) as never, Date.now())
    client.send(client.report(1, 'clock/chrony', clock))
    await client.next('ack')
    expect(up()).toBe(true)
    client.send({ type: 'leave', reason: 'stop' })
    await client.closed()
    expect(up()).toBe(false)
    await client.join(collector.agentUrl)
    client.send(client.report(2, 'clock/chrony', { ...clock, stratum: 5 }))
    await client.next('ack')
    expect(up()).toBe(true)
  })

  test('an operator may ask for another look at facts that the host reports, and at nothing else', async () => {
    const client = await enrolled()
    client.send(client.report(1, 'clock/chrony', clock))
    await client.next('ack')
    const path = `/api/v1/hosts/${encodeURIComponent(collector.core.fleet.byId(client.hostId)?.meta.instance ?? '')}/refresh`
    await collector.admin('POST', path, {})
    expect(await client.next('refresh')).toEqual({ type: 'refresh', keys: ['clock/chrony'] })
    await expect(collector.admin('POST', path, { keys: ['raid/md'] })).rejects.toThrow('reports no "raid/md"')
    const closed = client.closed()
    client.cut()
    await closed
    await until(() => collector.core.gate.session(client.hostId) === undefined)
    await expect(collector.admin('POST', path, {})).rejects.toThrow('is not connected')
  })

  test('a removed host is cut off at once, and its key opens no door any more', async () => {
    const client = await enrolled()
    const closing = client.closed()
    const instance = collector.core.fleet.byId(client.hostId)?.meta.instance ?? ''
    await collector.admin('DELETE', `/api/v1/hosts/${encodeURIComponent(instance)}`)
    expect(await closing).toBe(closeCodes.revoked)
    client.hello(await client.open(collector.agentUrl))
    expect(await client.closed()).toBe(closeCodes.refused)
    expect(await collector.text('/metrics/hosts')).not.toContain(`"${instance}"`)
  })
})

function enrolment(client: ProtocolClient, token: string, instance = 'host'): NonNullable<Frame<'hello'>['enrol']> {
  return { token, publicKey: client.publicKey, instance, labels: {} }
}

async function enrolled(): Promise<ProtocolClient> {
  const client = new ProtocolClient()
  await client.join(collector.agentUrl, await collector.token())
  return client
}
