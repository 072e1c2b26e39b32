import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { deflateRawSync } from 'node:zlib'
import { type Clock, createLog, systemClock } from '@fettle/kit'
import { limits } from '@fettle/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { conversationLimits } from '../../agent/src/conversation.ts'
import { fastClock } from '../../agent/src/fakes/clock.ts'
import { openStateDir } from '../../agent/src/host/state.ts'
import { openIdentity } from '../../agent/src/identity.ts'
import { defaultConfig, startAgent } from '../../agent/src/index.ts'
import { Link, linkLimits } from '../../agent/src/link.ts'
import { Outbox } from '../../agent/src/outbox.ts'
import { defineProbe } from '../../agent/src/probe.ts'
import { scheduleLimits } from '../../agent/src/schedule.ts'
import { type HostileCollector, startHostileCollector, type Victim } from '../kit/hostile-collector.ts'
import { testLog } from '../kit/log.ts'
import { hostOf, machine } from '../kit/machine.ts'
import { until } from '../kit/until.ts'

/* A collector that was taken over: it can make an agent look more often within named bounds, and nothing else. */

const MIB = 1024 * 1024
const KEY = 'clock/chrony'
const fact = { synchronized: true, service: 'chronyd', enabled: true, reference: 'ntp', stratum: 2, offsetSeconds: 0, lastSyncAt: null }

const closers: (() => unknown)[] = []
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-victim-'))
  closers.push(() => rm(folder, { recursive: true, force: true }))
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

type Wish = { readonly clock?: Clock; readonly lookMs?: number; readonly size?: number; readonly welcome?: object }

/** An agent at that collector, whose only source runs one command. */
async function victimOf(attack: (victim: Victim) => unknown, { clock = systemClock, lookMs = 0, size = 0, welcome }: Wish = {}) {
  const collector: HostileCollector = await startHostileCollector(attack, welcome)
  closers.push(() => collector.stop())
  const m = machine({ commands: { look: { text: 'seen' } } })
  const looks: number[] = []
  const probe = defineProbe<'clock'>({
    subject: 'clock',
    source: 'chrony',
    platforms: ['linux'],
    every: '6h',
    timeout: '5s',
    inputs: {},
    parse: () => fact,
    async read(host) {
      looks.push(clock.monotonic())
      await host.run(['look'])
      await delay(lookMs)
      return { ...fact, service: 'x'.repeat(Math.min(500, size)), stratum: looks.length % 16 }
    },
  })
  const log = createLog('agent', 'info', join(folder, 'log'))
  const config = { ...defaultConfig({}), collector: { url: collector.url, caFile: null, allowPlain: false, token: 'a.b' } }
  const agent = await startAgent({
    config,
    host: hostOf(m),
    clock,
    log,
    state: await openStateDir(join(folder, 'state')),
    probes: [probe],
  })
  closers.push(() => agent.stop())
  return { agent, collector, looks, m, logged: () => readFile(join(folder, 'log'), 'utf8') }
}

/** How much memory grows meanwhile, bytes, at most. */
async function growthOver(ms: number): Promise<number> {
  const before = process.memoryUsage().rss
  let most = before
  for (const ends = performance.now() + ms; performance.now() < ends; await delay(20)) most = Math.max(most, process.memoryUsage().rss)
  return most - before
}

describe('asked to look', () => {
  const everything = () => JSON.stringify({ type: 'refresh', keys: [KEY, 'clock', 'no/such'].filter(key => key.includes('/')) })

  test.each([
    ['a quick source', 0],
    ['a source that is always just being looked at', 300],
  ])('without end, %s is looked at as often as the named distance allows, and no oftener', async (_, lookMs) => {
    const clock = fastClock(40)
    const { looks } = await victimOf(({ flood }) => flood(everything), { clock, lookMs })
    const growth = await growthOver(6_000)
    const distances = looks.slice(1).map((at, i) => at - (looks[i] ?? 0))
    expect(looks.length).toBeGreaterThan(1)
    expect(Math.min(...distances)).toBeGreaterThanOrEqual(scheduleLimits.remoteDistanceMs - 1_000)
    expect(growth).toBeLessThan(150 * MIB)
  })

  test('for what it does not look at, it looks at nothing and runs nothing', async () => {
    const keys = ['custom/shell', 'clock/rm-rf', 'agent/exec']
    const { m, looks } = await victimOf(({ say }) => say({ type: 'refresh', keys }))
    await delay(1_500)
    expect(looks.length).toBeLessThanOrEqual(1)
    expect(new Set(m.ran)).toEqual(new Set(looks.map(() => 'look')))
  })
})

const report = (n: number) => JSON.stringify({ type: 'ack', seq: n })
const bomb = deflateRawSync(Buffer.alloc(64 * MIB, 0x20))
const full = deflateRawSync(Buffer.from(`{"type":"ack","seq":1,"x":"${'x'.repeat(limits.inflatedBytes - 100)}"}`))

describe('under a flood', () => {
  test.each<[string, (victim: Victim) => unknown]>([
    ['acknowledgements of what was never sent', ({ flood }) => flood(() => report(Number.MAX_SAFE_INTEGER))],
    ['refusals', ({ flood, lastSeq }) => flood(() => JSON.stringify({ type: 'nack', seq: lastSeq() + 1, reason: 'no', retryAfterMs: 0 }))],
    [
      'welcomes that want everything and give a new token',
      ({ flood }) =>
        flood(() =>
          JSON.stringify({
            type: 'welcome',
            epoch: 'e',
            instance: '../../etc\u001b[31m',
            want: [KEY],
            acked: 2 ** 51,
            settings: { beatMs: 0 },
            linkToken: 'x'.repeat(256),
            authorities: ['rubbish', `-----BEGIN CERTIFICATE-----\n${'A'.repeat(8_000)}\n-----END CERTIFICATE-----`],
          }),
        ),
    ],
    ['challenges', ({ flood }) => flood(() => '{"type":"challenge","nonce":"eA==","collectorTime":1,"server":"hostile"}')],
    ['bombs', ({ flood }) => flood(() => bomb)],
    ['frames that inflate to all they may', ({ flood }) => flood(() => full)],
    ['a megabyte of nothing', ({ flood }) => flood(() => `{"type":"ack","seq":1,"x":"${'x'.repeat(limits.frameBytes - 100)}"}`)],
    ['deep JSON', ({ flood }) => flood(() => '['.repeat(500_000))],
    ['keys named __proto__', ({ flood }) => flood(() => '{"type":"ack","seq":1,"__proto__":{"x":1}}')],
    ['no JSON', ({ flood }) => flood(() => '\u0000\u001b[2J')],
    [
      'pings',
      async ({ socket }) => {
        for (; socket.readyState === socket.OPEN; await delay(1)) for (let i = 0; i < 50; i++) socket.ping('x'.repeat(100))
      },
    ],
  ])('of %s: memory, disk and log stay bounded, nothing is run, and it serves its machine', async (_, attack) => {
    const { agent, collector, m, looks, logged } = await victimOf(attack)
    void agent.refresh([])

    const growth = await growthOver(3_000)

    expect(growth).toBeLessThan(200 * MIB)
    expect(collector.connections()).toBeLessThan(12)
    const log = await logged()
    expect(log.split('\n').length).toBeLessThan(60)
    expect(log).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/)
    expect(new Set(m.ran).size).toBeLessThanOrEqual(1)
    expect({}).not.toHaveProperty('x')
    const written = await readdir(join(folder, 'state'))
    expect(written.filter(name => !['agent.sock', 'control.sock', 'collector.json', 'key.pem', 'outbox'].includes(name))).toEqual([])
    const membership = await readFile(join(folder, 'state', 'collector.json'), 'utf8')
    expect(membership.length).toBeLessThan(2_000)
    expect(JSON.parse(membership)).toMatchObject({ authorities: [], instance: expect.not.stringContaining('\u001b') })
    expect((await readFile(join(folder, 'state', 'outbox'))).length).toBeLessThan(MIB)
    expect(looks).toHaveLength(1)
  })

  test('of anything, the next connection is to an honest collector as if nothing had been', async () => {
    let acked = 0
    const { agent } = await victimOf(({ say, flood, socket }) => {
      if (acked++ === 0) return flood(() => report(1))
      socket.on('message', () => say({ type: 'ack', seq: 1 }))
      return undefined
    })
    await until(() => acked > 1 && agent.connected())
  })
})

test('what a collector does not read does not pile up: so much waits, and the rest stays in the outbox', async () => {
  const collector = await startHostileCollector(({ socket }) => socket.pause())
  closers.push(() => collector.stop())
  const log = testLog('agent')
  const state = await openStateDir(join(folder, 'state'))
  const identity = await openIdentity(state)
  const outbox = await Outbox.open({ state, clock: systemClock, log, fresh: true })
  closers.push(() => outbox.close())
  const look = { at: Date.now(), everyMs: 60_000, tookMs: 1, outcome: 'ok' } as const
  for (let i = 0; i < limits.inFlightReports; i++)
    void outbox.observe({ key: `software/s${i}`, ...look, data: randomBytes(700 * 1024).toString('base64') })
  await outbox.flush()
  let given = 0
  const held = new Proxy(outbox, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown
      if (name === 'after') given++
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const link = new Link({
    target: () => ({ urls: [collector.url], ca: null }),
    identity,
    outbox: held,
    clock: systemClock,
    log,
    version: 'test',
    introduction: () => ({}),
    onWelcome: async () => true,
    server: () => null,
    onRefresh: () => {},
  })
  link.start()
  closers.push(() => link.stop())
  await until(() => given > 2)
  await delay(3_000)
  // What the kernel holds of a connection over loopback, and a megabyte more, of 45 MB.
  expect(given).toBeLessThan(limits.inFlightReports / 2)
})

test.each([
  ['a pause of a day', 24 * 3600 * 1000],
  ['no pause', 0],
])('a goodbye that asks for %s is heeded within an hour', async (_, retryAfterMs) => {
  const { collector } = await victimOf(({ say }) => say({ type: 'bye', reason: 'away', retryAfterMs }), { clock: fastClock(1_000) })
  await until(() => collector.connections() > 1, 'it comes again', 20_000)
  expect(linkLimits.retryAfterMs).toBe(3_600_000)
})

test('a refusal that asks for a pause of a day is heeded for an hour at most', async () => {
  const heard: number[] = []
  const clock = fastClock(2_000)
  let refused: number | undefined
  await victimOf(
    ({ say, socket }) => {
      socket.on('message', () => {
        heard.push(clock.monotonic())
        if (refused !== undefined) return
        refused = clock.monotonic()
        say({ type: 'nack', seq: 1, reason: 'no', retryAfterMs: 24 * 3600 * 1000 })
      })
      // Signs of life, or it would leave on its own.
      const alive = setInterval(() => socket.ping(), 10)
      socket.once('close', () => clearInterval(alive))
    },
    { clock },
  )
  await until(() => refused !== undefined && heard.some(at => at > (refused ?? 0) + 60_000), 'it speaks again', 20_000)
  expect(Math.max(...heard) - (refused ?? 0)).toBeLessThan(conversationLimits.longestPauseMs + 600_000)
})
