import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { connect } from 'node:tls'
import { deflateRawSync } from 'node:zlib'
import { channelOf, closeCodes, type Frame, signHello } from '@fettle/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ProtocolClient } from '../kit/client.ts'
import { startTestCollector, type TestCollector } from '../kit/collector.ts'
import { runScript } from '../kit/process.ts'
import { clientFrame, openRaw, upgradeRequest } from '../kit/raw.ts'
import { until } from '../kit/until.ts'

/* What comes before anybody has proved anything. */

const MIB = 1024 * 1024
const clock = { synchronized: true, service: 'chronyd', enabled: true, reference: 'ntp', stratum: 2, offsetSeconds: 0, lastSyncAt: null }
let collector: TestCollector
let port: number
beforeAll(async () => {
  collector = await startTestCollector()
  port = Number(new URL(collector.url).port)
})
afterAll(() => collector.stop())

test('under ten thousand sockets that never finish, agents get in, reports are acknowledged, and memory is bounded', async () => {
  const member = new ProtocolClient()
  await member.join(collector.agentUrl, await collector.token())
  const before = process.memoryUsage().rss
  const attack = runScript('test/hostile/half-open-worker.ts', [String(port), '10000'])
  try {
    await attack.line(/opened 10000/)
    await until(() => collector.core.gate.strangers > 3_000, 'the attack fills the room of strangers')

    const waits: number[] = []
    for (let i = 0; i < 20; i++) {
      const token = await collector.token()
      const client = new ProtocolClient()
      const started = performance.now()
      await until(async () => {
        const joined = client.join(collector.agentUrl, token)
        return (await Promise.race([joined, delay(2_000)])) !== undefined
      })
      client.send(client.report(1, 'clock/chrony', clock))
      await client.next('ack')
      waits.push(performance.now() - started)
      client.cut()
    }
    member.send(member.report(1, 'clock/chrony', clock))
    await member.next('ack')

    expect(waits.sort((a, b) => a - b)[10]).toBeLessThan(3_000)
    expect(collector.core.gate.strangers).toBeLessThanOrEqual(4_096)
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * MIB)
    expect(await metric('fettle_collector_strangers_cut_total')).toBeGreaterThan(1_000)
  } finally {
    await attack.kill()
  }
  await until(() => collector.core.gate.strangers < 50, 'the sockets of the attack are gone')
})

test('a message before the hello is not collected beyond what a hello may be', async () => {
  const raw = await openRaw(port)
  raw.socket.write(upgradeRequest())
  await until(() => raw.heard().includes('challenge'))
  // The beginning of a message of a mebibyte that never ends.
  const started = performance.now()
  raw.socket.write(clientFrame(1, Buffer.alloc(200 * 1024), { length: MIB }))
  await raw.ended
  // Long before the time of a handshake is over.
  expect(performance.now() - started).toBeLessThan(5_000)
})

test('a hello in thousands of pieces is refused', async () => {
  const raw = await openRaw(port)
  raw.socket.write(upgradeRequest())
  await until(() => raw.heard().includes('challenge'))
  raw.socket.write(clientFrame(1, Buffer.from('{'), { fin: false }))
  const started = performance.now()
  for (let i = 0; i < 500; i++) raw.socket.write(clientFrame(0, Buffer.from(' '), { fin: false }))
  await raw.ended
  expect(performance.now() - started).toBeLessThan(5_000)
})

test('who never answers the close after a refusal is cut', async () => {
  const raw = await openRaw(port)
  raw.socket.write(upgradeRequest())
  await until(() => raw.heard().includes('challenge'))
  const started = performance.now()
  raw.socket.write(clientFrame(1, Buffer.from('{}')))
  await raw.ended
  expect(performance.now() - started).toBeLessThan(5_000)
})

test.each([
  ['an inflation bomb', deflateRawSync(Buffer.alloc(64 * MIB))],
  ['deep JSON', '['.repeat(60_000)],
  ['a key named __proto__', '{"type":"hello","__proto__":{"x":1}}'],
  ['a huge key', JSON.stringify({ type: 'hello', ['x'.repeat(60_000)]: 1 })],
  ['a megabyte', 'x'.repeat(MIB)],
])('%s in the place of a hello gets the answer that all get', async (_, data) => {
  const client = new ProtocolClient()
  await client.open(collector.agentUrl)
  client.sendRaw(data)
  expect([closeCodes.refused, 1006, 1009]).toContain(await client.closed())
  expect({}).not.toHaveProperty('x')
})

test('over TLS too, a socket is a stranger’s until its agent is let in, and not longer', async () => {
  const secure = await startTestCollector({ FETTLE_TLS_OWN: 'true' })
  try {
    const { core } = secure
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(secure.url).port), rejectUnauthorized: false })
    let heard = ''
    socket.on('data', chunk => {
      heard += chunk.toString('latin1')
    })
    await once(socket, 'secureConnect')
    await until(() => core.gate.strangers === 1)
    socket.write(upgradeRequest())
    await until(() => heard.includes('challenge'))
    expect(core.gate.strangers).toBe(1)

    const { nonce, server } = JSON.parse(heard.slice(heard.indexOf('{'))) as Frame<'challenge'>
    const { hostId, publicKey, privateKey } = new ProtocolClient()
    const channel = channelOf(socket)
    const signature = signHello(privateKey, { nonce, session: 's', server, hostId, channel })
    const enrol = { token: await secure.token(), publicKey, instance: 'web1', labels: {} }
    const told = { protocol: 1, agentVersion: '1', session: 's', agentTime: Date.now(), digests: {}, lastSeq: 0 }
    socket.write(clientFrame(1, Buffer.from(JSON.stringify({ type: 'hello', ...told, hostId, signature, channel, enrol }))))
    await until(() => heard.includes('welcome'))

    await until(() => core.gate.strangers === 0)
    expect(core.gate.connections).toBe(1)
    socket.destroy()
  } finally {
    await secure.stop()
  }
})

async function metric(name: string): Promise<number> {
  const lines = (await collector.text('/metrics')).split('\n').filter(line => line.startsWith(`${name}{`))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}
