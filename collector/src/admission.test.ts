import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock } from '@fettle/kit'
import { afterEach, describe, expect, test } from 'vitest'
import { testLog } from '../../test/kit/log.ts'
import { openRaw, type Raw, upgradeRequest } from '../../test/kit/raw.ts'
import { until } from '../../test/kit/until.ts'
import { Admission, type AdmissionLimits, forwardedFor, originOf, type Stranger } from './admission.ts'
import { createEvents } from './events.ts'
import { createCollectorMetrics } from './exposition/self.ts'

const opened: (() => unknown)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

/** A server whose strangers are watched; whoever asks to be greeted is told what the admission says. */
async function watched(limits: Partial<AdmissionLimits>, isProxy: (address: string) => boolean = () => false) {
  const metrics = createCollectorMetrics('test')
  const events = createEvents(testLog('test'), metrics)
  const admission = new Admission({ clock: systemClock, events, maxConnections: 20_000, limits, isProxy, random: () => 0.5 })
  const server: Server = createServer((_, response) => void response.end('answered'))
  const arrived: (Stranger | number)[] = []
  server.on('upgrade', (request, socket) => {
    const answer = admission.arrives(request)
    arrived.push(answer)
    socket.on('error', () => {})
    socket.write(typeof answer === 'number' ? `HTTP/1.1 503 busy\r\nRetry-After: ${answer}\r\n\r\n` : 'HTTP/1.1 101 welcome\r\n\r\n')
  })
  admission.listen(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  opened.push(() => {
    admission.stop()
    server.closeAllConnections()
    server.close()
  })
  const open = async (from?: string) => {
    const raw = await openRaw(port, from)
    opened.push(() => raw.socket.destroy())
    return raw
  }
  return { admission, arrived, open, cuts: () => cutsOf(metrics) }
}

async function cutsOf(metrics: ReturnType<typeof createCollectorMetrics>): Promise<Record<string, number>> {
  const { values } = await metrics.strangersCut.get()
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels.reason), value]))
}

const asks = async (raw: Raw, headers = {}) => {
  raw.socket.write(upgradeRequest(headers))
  await until(() => raw.heard() !== '')
  return raw.heard()
}

describe('sockets of strangers', () => {
  test('where an address has all it may have, the one that was silent longest gives way to the next', async () => {
    const { admission, open, cuts } = await watched({ strangersOfAddress: 3, patienceMs: 0 })
    const [first, second] = [await open(), await open(), await open()]
    // It speaks, so the second is the silent one.
    expect(await asks(first)).toContain('101')
    await open()
    await second?.ended
    expect(first.socket.destroyed).toBe(false)
    expect(admission.strangers).toBe(3)
    expect(await cuts()).toEqual({ address: 1 })
  })

  test('one that has just come does not give way: under load nobody would ever finish', async () => {
    const { admission, open } = await watched({ strangersOfAddress: 2, patienceMs: 60_000 })
    const [first, , third] = [await open(), await open(), await open()]
    await third?.ended
    expect(first.socket.destroyed).toBe(false)
    expect(admission.strangers).toBe(2)
  })

  test('where all together have what they may have, an address that has many gives way to one that has few', async () => {
    const { admission, open, cuts } = await watched({ strangers: 3, patienceMs: 60_000 })
    const many = [await open(), await open(), await open()]
    const other = await open('127.0.0.2')
    await many[0]?.ended
    expect(await asks(other)).toContain('101')
    // Two against one: what has just come may finish.
    await (await open('127.0.0.2')).ended
    expect(admission.strangers).toBe(3)
    expect(await cuts()).toEqual({ total: 2 })
  })

  test('one that has proved who it is counts no more, nor one that has gone', async () => {
    const { admission, arrived, open } = await watched({})
    const raw = await open()
    await asks(raw)
    const gone = await open()
    await until(() => admission.strangers === 2)
    for (const stranger of arrived) if (typeof stranger !== 'number') stranger.leave()
    gone.socket.destroy()
    await until(() => admission.strangers === 0)
    expect(raw.socket.destroyed).toBe(false)
  })

  test.each([
    ['that sends nothing', ''],
    ['that sends its request slowly', 'GET / HTTP/1.1\r\nHost: '],
  ])('one %s is cut in time', async (_, text) => {
    const { open, cuts } = await watched({ firstRequestMs: 200, sweepMs: 50 })
    const raw = await open()
    raw.socket.write(text)
    const drip = setInterval(() => text && raw.socket.write('x'), 20)
    opened.push(() => clearInterval(drip))
    await raw.ended
    expect(await cuts()).toEqual({ slow: 1 })
  })

  test('an address may connect only so often', async () => {
    const { open, cuts } = await watched({ connectsOfAddress: { perSecond: 0.001, burst: 2 } })
    const raws = [await open(), await open(), await open()]
    await raws[2]?.ended
    expect(await asks(await open('127.0.0.2'))).toContain('101')
    expect(await cuts()).toEqual({ rate: 1 })
  })
})

describe('handshakes', () => {
  test('beyond the pace of one address, or of all, agents are told when to come back', async () => {
    const one = { perSecond: 0.001, burst: 1 }
    const { open } = await watched({ handshakesOfAddress: one, handshakes: { perSecond: 1_000, burst: 2 } })
    expect(await asks(await open())).toContain('101')
    // Half of the 20 s in which 20,000 agents can come at this pace, and one more.
    expect(await asks(await open())).toContain('Retry-After: 11')
    expect(await asks(await open('127.0.0.2'))).toContain('101')
    const { open: openOther } = await watched({ handshakes: one })
    expect(await asks(await openOther())).toContain('101')
    expect(await asks(await openOther('127.0.0.2'))).toContain('503')
  })

  test('what agents are told is spread, so that they do not come in step', () => {
    const spread = (random: number) =>
      new Admission({
        clock: systemClock,
        events: createEvents(testLog('test'), createCollectorMetrics('test')),
        maxConnections: 20_000,
        isProxy: () => false,
        random: () => random,
      }).retryAfter()
    expect([0, 0.25, 0.999].map(spread)).toEqual([1, 3, 10])
  })

  test('behind a trusted proxy each is counted by the address that the proxy tells, and the proxy itself never', async () => {
    const { admission, arrived, open } = await watched({ strangersOfAddress: 1, patienceMs: 60_000 }, address => address === '127.0.0.1')
    const [a, b, c] = [await open(), await open(), await open()]
    expect(admission.strangers).toBe(0)
    expect(await asks(a, { 'X-Forwarded-For': '6.6.6.6, 192.0.2.1' })).toContain('101')
    expect(await asks(b, { 'X-Forwarded-For': '192.0.2.2' })).toContain('101')
    expect(await asks(c, { 'X-Forwarded-For': '7.7.7.7, 192.0.2.1' })).toContain('503')
    expect(arrived.map(one => typeof one === 'object' && one.origin)).toEqual(['192.0.2.1', '192.0.2.2', false])
  })
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['', 'unknown'],
  ['no address at all', 'unknown'],
])('%s counts as %s', (address, origin) => {
  expect(originOf(address)).toBe(origin)
})

test.each<[string, string | undefined, string]>([
  ['192.0.2.9', '6.6.6.6', '192.0.2.9'],
  ['10.0.0.1', undefined, '10.0.0.1'],
  ['10.0.0.1', '192.0.2.1', '192.0.2.1'],
  ['10.0.0.1', '6.6.6.6, 192.0.2.1, 10.0.0.2', '192.0.2.1'],
  ['10.0.0.1', '10.0.0.3,10.0.0.2', '10.0.0.3'],
])('a request of %s that tells of %s is from %s', (remoteAddress, told, from) => {
  const request = { socket: { remoteAddress }, headers: { 'x-forwarded-for': told } } as unknown as IncomingMessage
  expect(forwardedFor(request, address => address.startsWith('10.'))).toBe(from)
})
