import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { deflateRawSync } from 'node:zlib'
import { systemClock } from '@fettle/kit'
import { closeCodes, type Frame, factHash, limits, signHello } from '@fettle/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openStateDir } from '../../agent/src/host/state.ts'
import { openIdentity } from '../../agent/src/identity.ts'
import { Link } from '../../agent/src/link.ts'
import { Outbox } from '../../agent/src/outbox.ts'
import { shareLimits } from '../../collector/src/share.ts'
import { ProtocolClient } from '../kit/client.ts'
import { startTestCollector, type TestCollector } from '../kit/collector.ts'
import { testLog } from '../kit/log.ts'
import { clientFrame, openRaw, upgradeRequest } from '../kit/raw.ts'
import { until } from '../kit/until.ts'

/* An enrolled host that does its worst: it can lie about itself, and nothing else. */

const MIB = 1024 * 1024
const DAY = 24 * 3600 * 1000
const clock = { synchronized: true, service: 'chronyd', enabled: true, reference: 'ntp', stratum: 2, offsetSeconds: 0, lastSyncAt: null }
let collector: TestCollector
beforeEach(async () => {
  collector = await startTestCollector()
})
afterEach(() => collector.stop())

async function enrolled(instance = 'hostile'): Promise<ProtocolClient> {
  const client = new ProtocolClient()
  const enrol = { token: await collector.token(), publicKey: client.publicKey, instance, labels: {} }
  await client.join(collector.agentUrl, undefined, { enrol })
  return client
}

const hostOf = (client: ProtocolClient) => collector.core.fleet.byId(client.hostId)

/** How often hosts were refused what is more than their share, by reason. */
async function exceeded(): Promise<Record<string, number>> {
  const lines = (await collector.text('/metrics')).matchAll(/^fettle_collector_share_exceeded_total\{reason="([^"]+)"\} (\d+)/gm)
  return Object.fromEntries([...lines].map(([, reason, count]) => [reason, Number(count)]))
}

/** Another host still gets its report acknowledged, within this, ms. */
async function othersAreServed(withinMs: number): Promise<void> {
  const other = await enrolled('honest')
  const started = performance.now()
  other.send(other.report(1, 'clock/chrony', clock))
  await other.next('ack')
  expect(performance.now() - started).toBeLessThan(withinMs)
  other.cut()
}

describe('a share for each host', () => {
  test('the largest outbox of an honest agent goes through without being slowed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fettle-honest-'))
    const log = testLog('test')
    const state = await openStateDir(folder)
    const identity = await openIdentity(state)
    const outbox = await Outbox.open({ state, clock: systemClock, log, fresh: true })
    const sources = Array.from({ length: 100 }, (_, i) => `clock/s${i}`)
    for (let change = 0; change < 7; change++)
      await Promise.all(
        sources.map(key =>
          outbox.observe({ key, at: Date.now(), everyMs: 300_000, tookMs: 1, outcome: 'ok', data: { ...clock, stratum: change } }),
        ),
      )
    expect(outbox.waiting).toBeGreaterThan(600)
    const enrol = { token: await collector.token(), publicKey: identity.publicKey, instance: 'honest', labels: {} }
    const link = new Link({
      target: () => ({ urls: [`${collector.agentUrl}/agent`], ca: null }),
      identity,
      outbox,
      clock: systemClock,
      log,
      version: 'test',
      introduction: () => ({ enrol }),
      onWelcome: async () => true,
      server: () => null,
      onRefresh: () => {},
    })
    link.start()

    await until(() => link.connected && outbox.waiting === 0)

    expect(await exceeded()).toEqual({})
    expect(collector.core.fleet.byId(identity.hostId)?.held.size).toBe(100)
    await link.stop()
    await outbox.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('a host that reports without pause is told to wait, then cut, and others do not notice', async () => {
    const client = await enrolled()
    const closing = client.closed()
    for (let seq = 1; seq <= shareLimits.frames.burst + shareLimits.debt.frames + 200; seq++)
      client.send({ type: 'beat', seq, at: Date.now(), fresh: {} })
    await othersAreServed(5_000)
    expect(await client.next('nack')).toMatchObject({ reason: expect.stringContaining('more than its share') })
    expect(await closing).toBe(closeCodes.goingAway)
    expect(await exceeded()).toMatchObject({ frames: expect.any(Number) })
    // Coming again gives no new share: it is told to wait again, or is cut again where it still owes too much.
    await client.join(collector.agentUrl)
    client.send({ type: 'beat', seq: 100_000, at: Date.now(), fresh: {} })
    await Promise.race([client.next('nack'), client.next('bye')])
  })

  test('gigabytes of bombs over many connections leave memory where it was', async () => {
    const client = await enrolled()
    const bomb = deflateRawSync(Buffer.from(`{"type":"report","x":"${'x'.repeat(limits.inflatedBytes - 1000)}"`))
    const before = process.memoryUsage().rss
    let inflated = 0
    let most = 0
    const ends = performance.now() + 10_000
    while (performance.now() < ends && inflated < 2048 * MIB) {
      await Promise.race([client.join(collector.agentUrl), delay(1_000)])
      const closing = client.closed()
      for (let i = 0; i < 20; i++) client.sendRaw(bomb)
      inflated += 20 * limits.inflatedBytes
      await Promise.race([closing, delay(2_000)])
      most = Math.max(most, process.memoryUsage().rss)
    }
    expect(most - before).toBeLessThan(400 * MIB)
    await othersAreServed(5_000)
  })

  test('ever new keys end at what a host may have, also where they only come as superseded', async () => {
    const client = await enrolled()
    const closing = client.closed()
    for (let i = 1; i <= limits.factsPerHost + 50; i++)
      client.send(client.report(i, `clock/s${i}`, clock, i % 2 === 0 ? { superseded: true } : {}))
    expect(await closing).toBe(closeCodes.protocol)
    await until(() => collector.core.ingest.waiting === 0)
    await client.join(collector.agentUrl)
    const again = client.closed()
    client.send(client.report(1_000, 'clock/new', clock, { superseded: true }))
    expect(await again).toBe(closeCodes.protocol)
    expect(hostOf(client)?.hashes.size).toBeLessThanOrEqual(limits.factsPerHost)
    expect(await exceeded()).toMatchObject({ facts: 2 })
  })

  test('facts that are each as large as they may be end where all together are too large', async () => {
    const client = await enrolled()
    const closing = client.closed()
    const update = (i: number) => ({
      name: `${i}-${'n'.repeat(190)}`,
      installed: 'v'.repeat(128),
      candidate: 'v'.repeat(128),
      class: 'security',
      severity: null,
      published: 1,
      origin: 'o'.repeat(256),
      withheld: null,
      restart: null,
    })
    const data = { ...updates([]), pending: Array.from({ length: 1_000 }, (_, i) => update(i)) }
    for (let i = 1; i <= 20; i++) client.sendRaw(deflateRawSync(JSON.stringify(client.report(i, `updates/s${i}`, data))))
    expect(await closing).toBe(closeCodes.protocol)
    expect(await exceeded()).toMatchObject({ 'fact-size': 1 })
    expect(hostOf(client)?.charsWith('', 0)).toBeLessThanOrEqual(shareLimits.factChars)
  })

  test('a host that connects without end is told to wait, and its machine is not quarantined for it', async () => {
    const client = await enrolled()
    const tries = async () => {
      for (let i = 0; i <= shareLimits.connections.burst; i++) {
        client.cut()
        client.hello(await client.open(collector.agentUrl))
        const told = await until(() => client.frames.find(({ type }) => type === 'welcome' || type === 'bye'))
        if (told.type === 'bye') return told
      }
      return undefined
    }
    expect(await tries()).toMatchObject({ reason: 'this host connects too often', retryAfterMs: expect.any(Number) })
    await othersAreServed(5_000)
  })

  test('one that floods with pings is cut', async () => {
    const { client, raw } = await rawHost()
    const pings = Buffer.concat(Array.from({ length: 20 }, () => clientFrame(9, Buffer.alloc(100))))
    for (let i = 0; i < 300 && !raw.socket.destroyed; i++) {
      raw.socket.write(pings)
      await delay(1)
    }
    await raw.ended
    expect(await rejected()).toBe(1)
    expect(hostOf(client)?.connectedSince).toBeNull()
  })

  test('one that floods with pings and reads no answer is cut', async () => {
    const { client, raw } = await rawHost()
    raw.socket.pause()
    raw.socket.write(Buffer.concat(Array.from({ length: 7_000 }, () => clientFrame(9, Buffer.alloc(100)))))
    await until(() => hostOf(client)?.connectedSince === null, 'it is cut', 20_000)
    raw.socket.resume()
    await raw.ended
  })
})

/** How many frames were rejected for their rate. */
async function rejected(): Promise<number> {
  const [, count] = /^fettle_collector_frames_rejected_total\{reason="rate"\} (\d+)/m.exec(await collector.text('/metrics')) ?? []
  return Number(count ?? 0)
}

/** A host on a socket without a client library, after its welcome. */
async function rawHost() {
  const client = await enrolled()
  client.cut()
  const raw = await openRaw(Number(new URL(collector.url).port))
  raw.socket.write(upgradeRequest())
  await until(() => raw.heard().includes('challenge'))
  const text = raw.heard()
  const challenge = JSON.parse(text.slice(text.indexOf('{'))) as Frame<'challenge'>
  const bound = { nonce: challenge.nonce, session: 's', server: challenge.server, hostId: client.hostId }
  const hello: Frame<'hello'> = {
    type: 'hello',
    protocol: 1,
    hostId: client.hostId,
    agentVersion: '1',
    session: 's',
    signature: signHello(client.privateKey, bound),
    agentTime: Date.now(),
    digests: {},
    lastSeq: 0,
  }
  raw.socket.write(clientFrame(1, Buffer.from(JSON.stringify(hello))))
  await until(() => raw.heard().includes('welcome'))
  return { client, raw, hello }
}

describe('speaking for others', () => {
  test('a hello that was recorded opens no door on another connection', async () => {
    const { hello } = await rawHost()
    const thief = new ProtocolClient()
    await thief.open(collector.agentUrl)
    thief.send(hello)
    expect(await thief.closed()).toBe(closeCodes.refused)
  })

  test('a frame that names another host is about the one that sent it', async () => {
    const victim = await enrolled('victim')
    const client = await enrolled()
    const frame = { ...client.report(1, 'clock/chrony', clock), hostId: victim.hostId, instance: 'victim', labels: { instance: 'victim' } }
    client.sendRaw(JSON.stringify(frame))
    await client.next('ack')
    expect(hostOf(victim)?.held.size).toBe(0)
    expect(hostOf(client)?.held.size).toBe(1)
  })

  test('whoever names another host in its enrolment does not get its name, nor its standing', async () => {
    const victim = await enrolled('victim')
    const client = await enrolled('victim')
    expect(hostOf(client)?.meta.instance).toBe(`victim~${client.hostId.slice(0, 6)}`)
    expect(hostOf(victim)?.meta.instance).toBe('victim')
  })

  test('games with seq hurt only the host that plays them: what is acknowledged is what was stored', async () => {
    const client = await enrolled()
    client.send(client.report(Number.MAX_SAFE_INTEGER, 'clock/chrony', { ...clock, stratum: 1 }))
    expect(await client.next('ack')).toMatchObject({ seq: Number.MAX_SAFE_INTEGER })
    client.send(client.report(1, 'clock/chrony', { ...clock, stratum: 9 }))
    await client.next('ack')
    client.send(client.report(2, 'clock/chrony', clock, { after: 77 }))
    await client.next('ack')
    expect(hostOf(client)?.facts.clock[0]?.data.stratum).toBe(1)
    await othersAreServed(5_000)
  })

  test('many hosts by one token are as many as it allows, whatever they do at the same time', async () => {
    const token = await collector.token({ uses: 5 })
    const clients = Array.from({ length: 30 }, () => new ProtocolClient())
    const joined = await Promise.all(
      clients.map(async client => {
        const challenge = await client.open(collector.agentUrl)
        client.hello(challenge, { enrol: { token, publicKey: client.publicKey, instance: 'same', labels: {} } })
        return (await Promise.race([client.next('welcome'), client.closed()])) as Frame<'welcome'> | number
      }),
    )
    expect(joined.filter(one => typeof one === 'object')).toHaveLength(5)
    expect(collector.core.fleet.size).toBe(5)
  })
})

const updates = (pending: unknown[]) => ({
  pending,
  more: 0,
  classified: true,
  lastCheckAt: Date.now(),
  lastCheckError: null,
  lastInstallAt: null,
  lastInstallSucceeded: null,
  automatic: { enabled: null, detail: null, lastRunAt: null },
  broken: null,
  badSources: [],
  managedBy: null,
})
const pending = (name: string) => ({
  name,
  installed: '1',
  candidate: '2',
  class: 'security',
  severity: null,
  published: null,
  origin: null,
  withheld: null,
  restart: null,
})

describe('what a host says of the past', () => {
  test('an update that it claims to have seen years ago is not old on the fleet', async () => {
    const client = await enrolled()
    // Enrolled for long, so that only the bound on claims can hold it.
    const host = hostOf(client)
    if (host) host.meta = { ...host.meta, enrolledAt: Date.now() - 1_000 * DAY }
    client.send(client.report(1, 'updates/apt', updates([pending('openssl')]), { at: Date.now() - 900 * DAY, everyMs: limits.everyMs }))
    await client.next('ack')
    const claimed = await until(() => collector.core.fleet.firstSeen('apt:openssl@2') ?? undefined)
    expect(Date.now() - claimed).toBeLessThan(3 * DAY + 60_000)
  })

  test('a host that was just enrolled has seen nothing before', async () => {
    const client = await enrolled()
    client.send(client.report(1, 'updates/apt', updates([pending('bash')]), { at: Date.now() - 2 * DAY, everyMs: limits.everyMs }))
    await client.next('ack')
    const claimed = await until(() => collector.core.fleet.firstSeen('apt:bash@2') ?? undefined)
    expect(Date.now() - claimed).toBeLessThan(60_000)
  })

  test('updates that it makes up fill its own share of what the fleet remembers, and no more', async () => {
    const client = await enrolled()
    let seq = 0
    for (let round = 0; round < 9; round++) {
      const made = Array.from({ length: 1_000 }, (_, i) => pending(`made-up-${round}-${i}`))
      const frame = client.report(++seq, 'updates/apt', updates(made))
      client.sendRaw(deflateRawSync(JSON.stringify(frame)))
      await client.next('ack')
      const host = hostOf(client)
      if (host) collector.core.judge.now(host)
      await delay(50)
    }
    await until(async () => (await exceeded()).updates)
    const known = Array.from({ length: 9 * 1_000 }, (_, n) => `apt:made-up-${Math.floor(n / 1_000)}-${n % 1_000}@2`)
    expect(known.filter(name => collector.core.fleet.firstSeen(name) !== null).length).toBeLessThanOrEqual(shareLimits.newUpdates.burst + 1)
    const other = await enrolled('honest')
    other.send(other.report(1, 'updates/apt', updates([pending('real')])))
    await until(() => collector.core.fleet.firstSeen('apt:real@2') !== null)
  })
})

test('the hash of a fact is of what was sent, or nothing is taken', async () => {
  const client = await enrolled()
  const closing = client.closed()
  client.send(client.report(1, 'clock/chrony', clock, { hash: factHash({ outcome: 'ok', data: { ...clock, stratum: 3 } }) }))
  expect(await closing).toBe(closeCodes.protocol)
})
