import { setImmediate as turn } from 'node:timers/promises'
import {
  type AgentFrame,
  type CollectorFrame,
  type Frame,
  factHash,
  hostIdOf,
  newPrivateKey,
  publicKeyOf,
  signHello,
} from '@fettle/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type FakeClock, fakeClock } from '../../agent/src/fakes/clock.ts'
import { testLog } from '../../test/kit/log.ts'
import { socketPair } from '../../test/kit/sockets.ts'
import { Core } from './core.ts'
import { createEvents } from './events.ts'
import { createCollectorMetrics } from './exposition/self.ts'
import { openStore } from './store/open.ts'
import { type Applied, type Change, type Store, StoreUnavailable } from './store/store.ts'
import { newToken } from './tokens.ts'

/* What a session says when the store does not simply take what it is given. The door to the engine fails, all else is real. */

type Apply = (changes: readonly Change[]) => Promise<Applied[]>

const privateKey = newPrivateKey()
const publicKey = publicKeyOf(privateKey)
const hostId = hostIdOf(publicKey)
const chrony = { synchronized: true, service: 'chronyd', enabled: true, reference: 'ntp', lastSyncAt: null, offsetSeconds: 0 }

let clock: FakeClock
let core: Core
let store: Store
let frames: CollectorFrame[]
let say: (frame: AgentFrame) => void
let metrics: ReturnType<typeof createCollectorMetrics>
/** The line to the engine. */
let line: (apply: Apply, changes: readonly Change[]) => Promise<Applied[]>

beforeEach(async () => {
  clock = fakeClock()
  metrics = createCollectorMetrics('test')
  line = (apply, changes) => apply(changes)
  const real = await openStore('sqlite::memory:', { clock })
  store = new Proxy(real, {
    get(target, name) {
      if (name === 'apply') return (changes: readonly Change[]) => line(given => real.apply(given), changes)
      const value = Reflect.get(target, name, target) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const { token, shown } = newToken({ kind: 'enrol', expiresAt: null, usesLeft: 1, labels: {}, role: null, note: '' }, clock.now())
  await store.putToken(token)
  core = new Core({
    store,
    clock,
    events: createEvents(testLog('test'), metrics),
    supportTable: { date: '2026-01-01', source: 'none', products: [] },
    overrides: [],
    server: 'collector.test',
    beatMs: 60_000,
    // One host may have a sixteenth of it waiting.
    maxBytes: 160_000,
    maxConnections: 10,
    detail: false,
    isProxy: () => false,
  })
  await core.start()
  await join(shown)
})
afterEach(() => store.close())

async function join(token: string): Promise<void> {
  frames = []
  const { agent, collector } = socketPair(() => 'deliver')
  agent.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString()) as CollectorFrame))
  say = frame => agent.send(JSON.stringify(frame))
  core.gate.greet(collector)
  const { nonce, server } = (await heard('challenge')) as Frame<'challenge'>
  const bound = { nonce, server, session: 's', hostId }
  const enrol = { token, publicKey, instance: 'web', labels: {} }
  const about = { protocol: 1, hostId, agentVersion: '1', session: 's', agentTime: clock.now(), digests: {}, lastSeq: 0, enrol }
  say({ type: 'hello', ...about, signature: signHello(privateKey, bound) })
  await heard('welcome')
  frames.length = 0
}

/** The first frame of a type, once it has come. */
async function heard(type: CollectorFrame['type']): Promise<CollectorFrame> {
  for (let i = 0; i < 1_000; i++) {
    const frame = frames.find(one => one.type === type)
    if (frame) return frame
    await turn()
  }
  throw new Error(`no ${type} came, but ${JSON.stringify(frames)}`)
}

async function quiet(): Promise<void> {
  for (let i = 0; i < 30; i++) await turn()
}

function report(seq: number, more: Partial<Frame<'report'>> = {}): Frame<'report'> {
  const data = { ...chrony, stratum: seq }
  const times = { at: clock.now(), sentAt: clock.now(), tookMs: 1, everyMs: 300_000 }
  return {
    type: 'report',
    seq,
    key: 'clock/chrony',
    ...times,
    outcome: 'ok',
    hash: factHash({ outcome: 'ok', data }),
    data,
    after: seq - 1,
    ...more,
  }
}
const stratum = () => (core.fleet.byId(hostId)?.held.get('clock/chrony')?.data as { stratum: number } | undefined)?.stratum
const rejected = async () => (await metrics.framesRejected.get()).values.map(({ labels, value }) => [labels.reason, value])

test('a report that the store cannot take is refused for long and counted; nothing behind it is acknowledged', async () => {
  line = async (apply, changes) => {
    if (changes.some(change => change.seq === 2)) throw new Error('too big')
    return apply(changes)
  }
  for (const seq of [1, 2, 3]) say(report(seq))
  await quiet()

  expect(frames).toEqual([
    { type: 'ack', seq: 1 },
    { type: 'nack', seq: 2, reason: 'the store cannot take this report', retryAfterMs: 15 * 60_000 },
  ])
  expect(await rejected()).toEqual([['store', 1]])
  expect([stratum(), (await store.host(hostId))?.seq]).toEqual([1, 1])

  // Another version of the collector, or of the store, takes it.
  line = (apply, changes) => apply(changes)
  say(report(2, { resumes: 2, after: 0 }))
  say(report(3))
  await quiet()
  expect(frames.at(-1)).toEqual({ type: 'ack', seq: 3 })
  expect([stratum(), (await store.transitions(hostId, 10)).map(one => one.seq)]).toEqual([3, [3, 2, 1]])
})

test('a report that was stored although the answer got lost is in memory too: what is judged is what is stored', async () => {
  const lost = [new StoreUnavailable('the answer was lost')]
  line = async (apply, changes) => {
    const applied = await apply(changes)
    const error = lost.pop()
    if (error) throw error
    return applied
  }
  say(report(1))
  await quiet()
  expect(frames).toEqual([])

  await clock.advance(5_000)
  await quiet()

  expect(frames).toEqual([{ type: 'ack', seq: 1 }])
  expect(stratum()).toBe(1)
})

test('while the store is away nothing is acknowledged; past the bound the agent is told once to come back', async () => {
  line = () => Promise.reject(new StoreUnavailable('away'))
  for (let seq = 1; seq <= 60; seq++) say(report(seq))
  await quiet()
  expect(frames.map(frame => frame.type)).toEqual(['nack'])
  const [nack] = frames as [Frame<'nack'>]
  expect(nack).toMatchObject({ reason: 'the store is behind', retryAfterMs: 5_000 })

  line = (apply, changes) => apply(changes)
  await clock.advance(5_000)
  await quiet()

  expect(frames.at(-1)).toEqual({ type: 'ack', seq: nack.seq - 1 })
  expect(stratum()).toBe(nack.seq - 1)
})
