import { closeCodes, newPrivateKey } from '@fettle/protocol'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ProtocolClient } from '../../../test/kit/client.ts'
import { startTestCollector, type TestCollector } from '../../../test/kit/collector.ts'
import { type RedisServer, startRedis } from '../../../test/kit/redis.ts'
import { until } from '../../../test/kit/until.ts'

const fact = {
  synchronized: true,
  service: 'chronyd',
  enabled: true,
  reference: null,
  stratum: null,
  offsetSeconds: null,
  lastSyncAt: null,
}

let collector: TestCollector
beforeAll(async () => {
  collector = await startTestCollector()
})
afterAll(() => collector.stop())

/** A host that has just enrolled, and the link token that it was given. */
async function enrolled(instance: string, to = collector): Promise<{ client: ProtocolClient; linkToken: string }> {
  const client = new ProtocolClient()
  const token = await to.token()
  const { linkToken = '' } = await client.join(to.agentUrl, undefined, {
    enrol: { token, publicKey: client.publicKey, instance, labels: {} },
  })
  return { client, linkToken }
}

/** The code that a connection of this key ends with, showing this link token; 0 where it is welcome. */
async function tries(
  key: string,
  linkToken?: string,
  to = collector,
): Promise<{ code: number; linkToken?: string | undefined; client: ProtocolClient }> {
  const client = new ProtocolClient(key)
  client.hello(await client.open(to.agentUrl), linkToken === undefined ? {} : { linkToken })
  const closed = client.closed().then(code => ({ code, client }))
  const welcome = client
    .next('welcome')
    .then(frame => ({ code: 0, linkToken: frame.type === 'welcome' ? frame.linkToken : undefined, client }))
  return Promise.race([closed, welcome])
}

const act = (instance: string, what: string, body?: object) => collector.admin('POST', `/api/v1/hosts/${instance}/${what}`, body ?? {})
const standing = (instance: string) => collector.core.fleet.byInstance(instance)?.meta.standing.state
const series = (instance: string) => collector.text(`/metrics/hosts/${instance}`)

describe('a machine that waits for approval', () => {
  async function waiting(instance: string): Promise<ProtocolClient> {
    const client = new ProtocolClient()
    const token = collector.core.fleet && (await approvalToken())
    client.hello(await client.open(collector.agentUrl), { enrol: { token, publicKey: client.publicKey, instance, labels: {} } })
    expect(await client.next('bye')).toMatchObject({ reason: expect.stringContaining('approve') })
    expect(await client.closed()).toBe(closeCodes.pending)
    return client
  }
  const approvalToken = () => collector.token({ approve: true })

  test('may not talk, is in no metric, and is let in once it is approved', async () => {
    const client = await waiting('newcomer')
    expect(standing('newcomer')).toBe('pending')
    expect(await series('newcomer')).not.toContain('fettle_agent_up')
    expect((await tries(client.privateKey)).code).toBe(closeCodes.pending)

    await act('newcomer', 'approve')
    expect((await tries(client.privateKey)).code).toBe(0)
    expect(await series('newcomer')).toContain('fettle_agent_up{instance="newcomer"} 1')
    await expect(act('newcomer', 'approve')).rejects.toThrow('newcomer is active: wanted one that is pending')
  })

  test('is unknown again once it is denied', async () => {
    const client = await waiting('stranger')
    await act('stranger', 'deny')
    expect((await tries(client.privateKey)).code).toBe(closeCodes.refused)
  })
})

describe('a copy of a machine', () => {
  test('is noticed whichever of the two comes first, both are shut out, and that is critical', async () => {
    const { client, linkToken } = await enrolled('original')
    client.send({ type: 'kept', linkToken })
    client.send(client.report(1, 'clock/chrony', fact))
    await client.next('ack')
    client.cut()
    // The image was taken here: from now on two machines have this key and this link token.
    const copy = await tries(client.privateKey, linkToken)
    expect(copy.code).toBe(0)
    copy.client.send({ type: 'kept', linkToken: copy.linkToken ?? '' })
    await until(async () => (await collector.core.fleet.byId(client.hostId)?.meta) !== undefined, 'it is known')
    copy.client.send(copy.client.report(2, 'clock/chrony', fact))
    await copy.client.next('ack')
    const cut = copy.client.closed()

    expect((await tries(client.privateKey, linkToken)).code, 'the other one').toBe(closeCodes.quarantined)
    expect(await cut, 'the one that was connected').toBe(closeCodes.quarantined)
    expect((await tries(client.privateKey, copy.linkToken)).code, 'and it does not come back').toBe(closeCodes.quarantined)
    await until(() => collector.core.fleet.byInstance('original')?.findings.get('agent-identity')?.status === 'critical', 'it is told')
    expect(await series('original')).toContain('fettle_check_status{instance="original",check="agent-identity"} 2')

    await act('original', 'release')
    expect((await tries(client.privateKey)).code, 'parted by an operator').toBe(0)
    await until(() => collector.core.fleet.byInstance('original')?.findings.get('agent-identity')?.status === 'ok', 'it is well again')
  })

  test('is not suspected of a machine that lost what it was given last', async () => {
    const { client, linkToken } = await enrolled('crashes')
    client.cut()
    let shown: string | undefined
    for (let i = 0; i < 4; i++) {
      const again = await tries(client.privateKey, shown)
      expect(again.code, `crash ${i}`).toBe(0)
      again.client.cut()
    }
    const kept = await tries(client.privateKey, linkToken)
    expect(kept.code).toBe(0)
    shown = kept.linkToken
    kept.client.send({ type: 'kept', linkToken: shown ?? '' })
    kept.client.send(kept.client.report(1, 'clock/chrony', fact))
    await kept.client.next('ack')
    kept.client.cut()
    for (let i = 0; i < 3; i++) {
      const again = await tries(client.privateKey, shown)
      expect(again.code, `crash ${i} after it was kept`).toBe(0)
      again.client.cut()
    }
  })

  test('is not suspected of a machine that is enrolled again with a token', async () => {
    const { client, linkToken } = await enrolled('reinstalled')
    client.send({ type: 'kept', linkToken })
    client.send(client.report(1, 'clock/chrony', fact))
    await client.next('ack')
    const again = new ProtocolClient(client.privateKey)
    await again.join(collector.agentUrl, await collector.token())
    expect(standing('reinstalled')).toBe('active')
  })

  test('cannot hide behind a token that is worth nothing', async () => {
    const { client, linkToken } = await enrolled('hider')
    client.send({ type: 'kept', linkToken })
    client.send(client.report(1, 'clock/chrony', fact))
    await client.next('ack')
    const copy = new ProtocolClient(client.privateKey)
    const enrol = { token: `${'0'.repeat(16)}.${'x'.repeat(32)}`, publicKey: copy.publicKey, instance: 'hider', labels: {} }
    copy.hello(await copy.open(collector.agentUrl), { enrol })
    expect(await copy.closed()).toBe(closeCodes.quarantined)
  })
})

describe('revoking', () => {
  test('cuts the live connection at once, ends the series, and keeps the data until it is removed', async () => {
    const { client } = await enrolled('stolen')
    const cut = client.closed()
    await act('stolen', 'revoke', { why: 'left in a train' })
    expect(await cut).toBe(closeCodes.revoked)
    expect((await tries(client.privateKey)).code).toBe(closeCodes.revoked)
    expect(await series('stolen')).not.toContain('fettle_agent_up')
    expect(await collector.json('/api/v1/hosts/stolen')).toMatchObject({ standing: { state: 'revoked', why: 'left in a train' } })
    await act('stolen', 'release')
    expect((await tries(client.privateKey)).code).toBe(0)
  })

  test('of a host that is not there is refused', async () => {
    await expect(act('nobody', 'revoke')).rejects.toThrow('no host is called "nobody"')
  })
})

describe('renaming', () => {
  test('moves the series to the new name; a name that another host has is refused', async () => {
    const { client } = await enrolled('old-name')
    await enrolled('taken-name')
    client.send(client.report(1, 'clock/chrony', fact))
    await client.next('ack')
    await expect(act('old-name', 'rename', { name: 'taken-name' })).rejects.toThrow('another host is called "taken-name"')
    await act('old-name', 'rename', { name: 'new-name' })
    const all = await collector.text('/metrics/hosts')
    expect(all).toContain('fettle_agent_up{instance="new-name"} 1')
    expect(all).not.toContain('old-name')
    expect((await tries(client.privateKey)).code).toBe(0)
  })
})

describe('with two collectors on one Redis', () => {
  let redis: RedisServer
  let here: TestCollector
  let there: TestCollector
  beforeEach(async () => {
    redis = await startRedis()
    here = await startTestCollector({ FETTLE_STORE: redis.url })
    there = await startTestCollector({ FETTLE_STORE: redis.url })
  })
  afterEach(async () => {
    await Promise.all([here.stop(), there.stop()])
    await redis.stop()
  })

  test('a host is revoked, renamed and released at one, and its connection at the other follows', async () => {
    const { client } = await enrolled('far', here)
    await until(() => there.core.fleet.byInstance('far') !== undefined, 'the other knows it')
    await there.admin('POST', '/api/v1/hosts/far/rename', { name: 'further' })
    await until(() => here.core.fleet.byInstance('further') !== undefined, 'the name arrives')
    const cut = client.closed()
    await there.admin('POST', '/api/v1/hosts/further/revoke', {})
    expect(await cut).toBe(closeCodes.revoked)
    await there.admin('POST', '/api/v1/hosts/further/release', {})
    await until(async () => (await tries(client.privateKey, undefined, here)).code === 0, 'it may come again')
  })

  test('a copy that connects to the other is noticed there', async () => {
    const { client, linkToken } = await enrolled('pair', here)
    client.send({ type: 'kept', linkToken })
    client.send(client.report(1, 'clock/chrony', fact))
    await client.next('ack')
    await until(() => there.core.fleet.byId(client.hostId) !== undefined, 'the other knows it')
    const cut = client.closed()
    expect((await tries(client.privateKey, 'an older one', there)).code).toBe(closeCodes.quarantined)
    expect(await cut).toBe(closeCodes.quarantined)
  })
})

test('a key that nobody enrolled is refused like everything else', async () => {
  expect((await tries(newPrivateKey())).code).toBe(closeCodes.refused)
})
