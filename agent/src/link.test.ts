import { createServer, type Server } from 'node:net'
import type { HeldFact } from '@fettle/catalog'
import { systemClock } from '@fettle/kit'
import { closeCodes, limits, verifyHello } from '@fettle/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { testLog } from '../../test/kit/log.ts'
import { fakeClock } from './fakes/clock.ts'
import { FAKE_SERVER, type FakeCollector, startFakeCollector } from './fakes/collector.ts'
import { fakeDisk } from './fakes/state.ts'
import { openIdentity } from './identity.ts'
import { introduce, Link, linkLimits, pauseAfter } from './link.ts'
import { Outbox } from './outbox.ts'

let collector: FakeCollector
const closers: (() => Promise<unknown> | unknown)[] = []
beforeEach(async () => {
  collector = await startFakeCollector()
  closers.push(() => collector.stop())
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

function fact(key: string, value: unknown, at = Date.now()): HeldFact {
  return { key, at, everyMs: 60_000, tookMs: 3, outcome: 'ok', data: { value } }
}

async function agent(over: Partial<ConstructorParameters<typeof Link>[0]> = {}, start: 'started' | 'still' = 'started') {
  const disk = fakeDisk()
  const identity = await openIdentity(disk)
  const clock = over.clock ?? systemClock
  const outbox = await Outbox.open({ state: disk, clock, log: testLog('agent'), fresh: true })
  const refreshed: (readonly string[])[] = []
  const link = new Link({
    target: () => ({ urls: [collector.url], ca: null }),
    identity,
    outbox,
    clock,
    log: testLog('agent'),
    version: '1.2.3',
    random: () => 0,
    introduction: () => ({}),
    onWelcome: async () => true,
    server: () => null,
    onRefresh: keys => refreshed.push(keys),
    ...over,
  })
  closers.push(() => link.stop())
  if (start === 'started') link.start()
  const observe = async (...facts: HeldFact[]) => {
    const held = facts.map(each => outbox.observe(each))
    await outbox.flush()
    await Promise.all(held)
  }
  return { link, outbox, identity, clock, refreshed, observe }
}

const reportOf = (frame: { type: string }) => frame as { type: string; seq: number; key: string; superseded?: boolean; resumes?: number }

describe('the greeting', () => {
  test('the hello is signed over this nonce, session, server and host, and tells what is held', async () => {
    const { identity, observe, outbox } = await agent()
    await observe(fact('raid/md', 1))
    const connection = await collector.connection()
    const hello = await connection.nextOf('hello')
    const bound = { nonce: connection.nonce, session: hello.session, server: FAKE_SERVER, hostId: identity.hostId }
    expect(verifyHello(identity.publicKey, bound, hello.signature)).toBe(true)
    expect(verifyHello(identity.publicKey, { ...bound, nonce: 'another' }, hello.signature)).toBe(false)
    expect(hello).toMatchObject({ hostId: identity.hostId, agentVersion: '1.2.3' })
    expect(hello.enrol).toBeUndefined()
    expect(outbox.digests()).toHaveProperty('raid/md')
  })

  test('enrolling shows token and public key, and gives what the collector said', async () => {
    const identity = await openIdentity(fakeDisk())
    const enrol = { token: 'id.secret', publicKey: identity.publicKey, instance: 'web1', labels: { site: 'berlin' } }
    const told = introduce({
      target: { urls: [collector.url], ca: null },
      identity,
      clock: systemClock,
      log: testLog('agent'),
      version: '1',
      enrol,
    })
    const connection = await collector.connection()
    expect((await connection.nextOf('hello')).enrol).toEqual(enrol)
    await connection.welcome({ instance: 'web1-2' })
    expect(await told).toMatchObject({ welcome: { instance: 'web1-2' } })
  })

  test('enrolling with a wrong token ends with the refusal', async () => {
    const identity = await openIdentity(fakeDisk())
    const enrol = { token: 'no', publicKey: identity.publicKey, instance: 'web1', labels: {} }
    const told = introduce({
      target: { urls: [collector.url], ca: null },
      identity,
      clock: systemClock,
      log: testLog('agent'),
      version: '1',
      enrol,
    })
    const connection = await collector.connection()
    await connection.nextOf('hello')
    connection.close(closeCodes.refused)
    expect(await told).toMatchObject({ ending: { code: closeCodes.refused } })
  })
})

describe('reporting', () => {
  test('reports go out in the order of seq, and again on the next connection while not acknowledged', async () => {
    const { observe, outbox } = await agent()
    await observe(fact('raid/md', 1), fact('raid/md', 2), fact('usage/proc', 3))
    const first = await collector.connection()
    await first.nextOf('hello')
    await first.welcome()
    const sent = [await first.next(), await first.next(), await first.next()].map(reportOf)
    expect(sent.map(report => [report.key, report.superseded ?? false])).toEqual([
      ['raid/md', true],
      ['raid/md', false],
      ['usage/proc', false],
    ])
    await first.send({ type: 'ack', seq: sent[0]?.seq ?? 0 })
    await first.send({ type: 'bye', reason: 'restart', retryAfterMs: 0 })
    const second = await collector.connection()
    await second.nextOf('hello')
    await second.welcome({ acked: sent[0]?.seq ?? 0 })
    expect([await second.next(), await second.next()].map(frame => reportOf(frame).seq)).toEqual(sent.slice(1).map(({ seq }) => seq))
    await second.send({ type: 'ack', seq: sent[2]?.seq ?? 0 })
    await expect.poll(() => outbox.waiting).toBe(0)
  })

  test('at most a window of reports is under way', async () => {
    const { observe } = await agent()
    await observe(...Array.from({ length: limits.inFlightReports + 10 }, (_, value) => fact('raid/md', value)))
    const connection = await collector.connection()
    await connection.nextOf('hello')
    await connection.welcome()
    await expect.poll(() => connection.untaken.length).toBe(limits.inFlightReports)
    const [first] = connection.untaken.map(reportOf)
    await connection.send({ type: 'ack', seq: first?.seq ?? 0 })
    await expect.poll(() => connection.untaken.length).toBe(limits.inFlightReports + 1)
  })

  test('after a nack it waits, then goes on from the first that is not acknowledged and names the nack', async () => {
    const { observe } = await agent()
    await observe(fact('raid/md', 1), fact('usage/proc', 2))
    const connection = await collector.connection()
    await connection.nextOf('hello')
    await connection.welcome()
    const [first, second] = [await connection.next(), await connection.next()].map(reportOf)
    await connection.send({ type: 'nack', seq: first?.seq ?? 0, reason: 'busy', retryAfterMs: 50 })
    const again = [await connection.next(), await connection.next()].map(reportOf)
    expect(again.map(report => report.seq)).toEqual([first?.seq, second?.seq])
    expect(again.map(report => report.resumes)).toEqual([first?.seq, undefined])
  })

  test('an acknowledgement of what was not sent is not believed', async () => {
    const { observe, outbox, refreshed } = await agent()
    const connection = await collector.connection()
    await connection.nextOf('hello')
    await connection.welcome()
    await connection.send({ type: 'ack', seq: 1_000_000 })
    await connection.send({ type: 'refresh', keys: ['raid/md'] })
    await expect.poll(() => refreshed).toEqual([['raid/md']])
    await observe(fact('raid/md', 1))
    await connection.nextOf('report')
    expect(outbox.waiting).toBe(1)
  })

  test('what is wanted is sent again; a second welcome on a live connection asks anew', async () => {
    const { observe } = await agent()
    await observe(fact('raid/md', 1))
    const connection = await collector.connection()
    await connection.nextOf('hello')
    await connection.welcome()
    const { seq } = await connection.nextOf('report')
    await connection.send({ type: 'ack', seq })
    await connection.welcome({ want: ['raid/md'], acked: 0 })
    const again = await connection.nextOf('report')
    expect(again).toMatchObject({ key: 'raid/md', data: { value: 1 } })
    expect(again.seq).toBeGreaterThan(seq)
  })

  test('a large report travels deflated', async () => {
    const { observe } = await agent()
    await observe(fact('updates/apt', 'x'.repeat(limits.deflateOverBytes)))
    const connection = await collector.connection()
    await connection.nextOf('hello')
    await connection.welcome()
    await connection.nextOf('report')
    expect(connection.binaryFrames()).toBe(1)
  })

  test('a beat tells what was looked at again, once it is acknowledged no more', async () => {
    const clock = fakeClock()
    const { observe } = await agent({ clock })
    const connection = await collector.connection()
    await connection.nextOf('hello')
    await connection.welcome({ settings: { beatMs: 60_000 } })
    await observe(fact('raid/md', 1, 1000), fact('raid/md', 1, 61_000))
    const report = await connection.nextOf('report')
    await connection.send({ type: 'ack', seq: report.seq })
    await clock.advance(5_000)
    const beat = await connection.nextOf('beat')
    expect(beat.fresh).toEqual({ 'raid/md': 61_000 })
    expect(beat.seq).toBeGreaterThan(report.seq)
    await connection.send({ type: 'ack', seq: beat.seq })
    await connection.send({ type: 'refresh', keys: ['x/y'] })
    await expect.poll(() => clock.advance(30_000).then(() => connection.untaken.length)).toBeGreaterThan(0)
    expect((await connection.nextOf('beat')).fresh).toEqual({})
  })
})

describe('trouble', () => {
  test('silence ends a connection that looks alive', async () => {
    const clock = fakeClock()
    const { link } = await agent({ clock })
    const connection = await collector.connection()
    await connection.nextOf('hello')
    await connection.welcome()
    await expect.poll(() => link.connected).toBe(true)
    await clock.advance(limits.silenceMs)
    expect(await connection.closed).toBe(1006)
    await clock.advance(linkLimits.backoffMs.cap)
    await collector.connection()
  })

  test('a server that takes the connection and says nothing is left after the handshake time', async () => {
    const clock = fakeClock()
    await agent({ clock })
    const connection = await collector.connection()
    await connection.nextOf('hello')
    await clock.advance(limits.handshakeMs)
    expect(await connection.closed).toBe(1006)
  })

  test.each([
    ['no JSON', '{'],
    ['a frame of another version', '{"type":"exec","argv":["rm"]}'],
    ['an ack before the welcome', '{"type":"ack","seq":1}'],
    ['a challenge after the challenge', JSON.stringify({ type: 'challenge', nonce: 'bm8=', collectorTime: 1, server: 'x' })],
  ])('%s ends the connection as a breach of protocol', async (_, text) => {
    await agent()
    const connection = await collector.connection()
    await connection.nextOf('hello')
    connection.sendRaw(text)
    expect(await connection.closed).toBe(closeCodes.protocol)
  })

  test('a stop says goodbye', async () => {
    const { link } = await agent()
    const connection = await collector.connection()
    await connection.nextOf('hello')
    await connection.welcome()
    await expect.poll(() => link.connected).toBe(true)
    await link.stop()
    expect(await connection.nextOf('leave')).toEqual({ type: 'leave', reason: 'stop' })
    expect(await connection.closed).toBe(1000)
  })

  test.each([
    [closeCodes.refused, 0, 60_000],
    [closeCodes.revoked, 0, 60_000],
    [closeCodes.superseded, 0, 30_000],
    [closeCodes.goingAway, 15_000, 15_000],
    [closeCodes.goingAway, 86_400_000, linkLimits.retryAfterMs],
    [1006, 0, 0],
  ])('after close code %i with %i ms asked it waits at least %i ms', (code, retryAfterMs, least) => {
    expect(pauseAfter({ code, retryAfterMs })).toBe(least)
  })

  test('a refused agent keeps trying, after a minute', async () => {
    const clock = fakeClock()
    await agent({ clock })
    const connection = await collector.connection()
    await connection.nextOf('hello')
    connection.close(closeCodes.refused)
    await connection.closed
    let back = false
    const second = collector.connection().then(() => {
      back = true
    })
    // The end is told to the agent a moment after the server sees it: the pause begins somewhere in the first seconds.
    for (let passed = 0; passed < 55; passed++) await clock.advance(1000)
    expect(back).toBe(false)
    await expect.poll(() => clock.advance(5000).then(() => back), { timeout: 10_000, interval: 5 }).toBe(true)
    await second
  })

  test('what slept or changed its network has to answer, or is left', async () => {
    const clock = fakeClock()
    const { link } = await agent({ clock })
    const connection = await collector.connection()
    await connection.nextOf('hello')
    await connection.welcome()
    await expect.poll(() => link.connected).toBe(true)
    link.wake()
    await connection.pinged()
    await clock.advance(linkLimits.proofMs)
    expect(link.connected).toBe(true)

    await clock.advance(linkLimits.wakeDistanceMs)
    connection.freeze()
    link.wake()
    await clock.advance(linkLimits.proofMs)
    await expect.poll(() => link.connected).toBe(false)
    await expect.poll(() => clock.advance(linkLimits.backoffMs.base).then(() => link.connected)).toBe(false)
    await collector.connection()
  })

  test('waking ends a long pause and begins the back-off anew, but not what the other end asked for, and not in a fast loop', async () => {
    const pauses: number[] = []
    const after = (ms: number) => {
      pauses.push(Math.round(ms))
      return () => {}
    }
    const clock = { ...systemClock, monotonic: () => elapsed, after }
    let elapsed = 0
    const closed = await startFakeCollector()
    await closed.stop()
    const { link } = await agent({ clock, random: () => 1, target: () => ({ urls: [closed.url], ca: null }) })
    await expect.poll(() => pauses.at(-1)).toBe(linkLimits.backoffMs.base)
    elapsed += linkLimits.wakeDistanceMs
    link.wake()
    expect(pauses.at(-1)).toBe(linkLimits.wakeMs)
    const told = pauses.length
    link.wake()
    elapsed += linkLimits.wakeDistanceMs - 1
    link.wake()
    expect(pauses).toHaveLength(told)
  })

  test('a refused agent does not come back early because its network changed', async () => {
    const clock = fakeClock()
    const { link } = await agent({ clock })
    const connection = await collector.connection()
    await connection.nextOf('hello')
    connection.close(closeCodes.refused)
    await connection.closed
    let back = false
    void collector.connection().then(() => {
      back = true
    })
    for (let passed = 0; passed < 50; passed += 10) {
      await clock.advance(10_000)
      link.wake()
    }
    expect(back).toBe(false)
    await expect.poll(() => clock.advance(5_000).then(() => back), { timeout: 10_000, interval: 5 }).toBe(true)
  })

  test('of several addresses each is tried in its turn, and the one that works is kept to', async () => {
    const other = await startFakeCollector()
    const closed = await startFakeCollector()
    await closed.stop()
    closers.push(() => other.stop())
    let later = 0
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + later }
    const { link } = await agent({ clock, target: () => ({ urls: [closed.url, collector.url, other.url], ca: null }) })
    const serve = async (at: FakeCollector) => {
      const connection = await at.connection()
      await connection.nextOf('hello')
      await connection.welcome()
      await expect.poll(() => link.connected).toBe(true)
      return connection
    }
    const first = await serve(collector)
    expect(link.fault).toBeUndefined()
    later += linkLimits.goodMs
    first.close(1000)
    const again = await serve(collector)
    later += linkLimits.goodMs
    await again.send({ type: 'bye', reason: 'stops', retryAfterMs: 1 })
    const third = await serve(other)
    third.close(1000)
    // Not held for long enough: the list begins anew, with the one that is closed.
    await serve(collector)
  })

  test('a proxy that answers 503 with Retry-After is obeyed', async () => {
    const answers: Server = createServer(socket => {
      socket.on('error', () => {}).resume()
      socket.end('HTTP/1.1 503 Service Unavailable\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n')
    })
    await new Promise<void>(resolve => answers.listen(0, '127.0.0.1', resolve))
    closers.push(() => new Promise(resolve => answers.close(resolve)))
    const { port } = answers.address() as { port: number }
    const pauses: number[] = []
    const after = (ms: number) => {
      pauses.push(ms)
      return () => {}
    }
    const clock = { ...systemClock, after }
    await agent({ clock, target: () => ({ urls: [`ws://127.0.0.1:${port}/agent`], ca: null }) })
    await expect.poll(() => pauses.includes(120_000)).toBe(true)
  })
})
