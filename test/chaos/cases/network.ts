import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { openObserver } from '../../kit/observed.ts'
import { fileAuthority } from '../../kit/pem-files.ts'
import { until } from '../../kit/until.ts'
import type { Case } from '../case.ts'
import { promised, sameOrder, seconds } from '../expect.ts'
import { openFastLine } from '../fast.ts'
import { startProxy } from '../proxy.ts'
import { openLine } from '../stage.ts'

/** Time goes this much faster for both ends and for what proxies allow. */
const SPEED = 20
/** Silence that is the end of a connection, and the pause before the next try, ms of the ends. */
const FOUND_WITHIN_MS = 70_000 + 2_000
const IDLE_MS = [30_000, 60_000] as const

/** What networks, proxies and firewalls do. */
export const networkCases: readonly Case[] = [
  {
    name: 'network-silent',
    fault: 'the network between agent and collector swallows everything for 200 s, without a reset (time runs 20 times as fast)',
    promise:
      'the host is shown as gone once its window has passed, and as present again with the network; what was observed meanwhile arrives in order',
    quick: true,
    async run(world) {
      const line = await openFastLine(world, { speed: SPEED })
      await line.observe(5)
      await line.arrived()
      const broken = performance.now()
      line.network.set({ pass: 'hold' })
      await line.observe(20)
      await until(() => line.witness.down('observer', broken).length > 0, 'the host is shown as gone')
      const goneMs = ((line.witness.down('observer', broken)[0]?.at ?? 0) - broken) * SPEED
      await delay(Math.max(0, 200_000 / SPEED - (performance.now() - broken)))
      line.network.set({ pass: 'all' })
      const late = await line.arrived()
      sameOrder(await line.history(), line.observed)
      promised(goneMs >= 80_000, 'it is not shown as gone before its window has passed', goneMs)
      await until(() => line.witness.samples.at(-1)?.up.get('observer') === 1, 'it is shown as present again')
      await until(async () => line.collector.core.gate.connections === 1, 'the dead connections are gone from the collector')
      return `shown as gone ${seconds(goneMs)} after the fault; all ${line.observed.length} changes in order ${seconds(late)} after the network was back; one connection left`
    },
  },
  {
    name: 'half-open',
    fault: 'a firewall forgets every connection: both ends keep a socket that nothing comes through (time runs 20 times as fast)',
    promise:
      'both ends find out within 70 s of silence; the agent is back within seconds after that; nothing is lost; the host is never shown as gone',
    quick: true,
    async run(world) {
      const line = await openFastLine(world, { speed: SPEED })
      await line.observe(5)
      await line.arrived()
      const broken = performance.now()
      line.network.forget()
      await line.observe(10)
      await line.arrived()
      const backMs = (performance.now() - broken) * SPEED
      sameOrder(await line.history(), line.observed)
      promised(backMs < FOUND_WITHIN_MS + 30_000, 'it is back in time', backMs)
      promised(line.witness.down('observer').length === 0, 'the host is never shown as gone')
      promised(line.collector.core.gate.connections === 1, 'one connection is left')
      return `everything there ${seconds(backMs)} after the fault; never shown as gone; one connection left`
    },
  },
  {
    name: 'proxy-idle',
    fault: 'proxies that cut connections which are idle for 30 s and for 60 s; 150 s in which nothing happens (time runs 20 times as fast)',
    promise: 'the connection is never idle for as long as that: it is not cut once',
    quick: true,
    async run(world) {
      const line = await openFastLine(world, { speed: SPEED, beat: '120s', weather: { idleMs: IDLE_MS[0] / SPEED } })
      const second = await startProxy(() => line.port, { idleMs: IDLE_MS[1] / SPEED })
      world.defer(() => second.stop())
      const token = await line.collector.token()
      const url = `ws://127.0.0.1:${second.port}/agent`
      const other = await openObserver({ folder: await world.folder(), url, token, instance: 'other', clock: line.clocks.agent })
      world.defer(() => other.stop())
      await line.observe(1)
      await other.observe(1)
      await line.arrived()
      await delay(150_000 / SPEED)
      promised(line.network.accepted === 1 && second.accepted === 1, 'no connection is cut', [line.network.accepted, second.accepted])
      promised(line.witness.down('observer').length === 0, 'the host is never shown as gone')
      return 'one connection each, from beginning to end'
    },
  },
  {
    name: 'proxy-idle-in-real-time',
    fault: 'the same with a collector process, in real time: 130 s without a change behind proxies of 30 s and of 60 s',
    promise: 'the connection is never idle for as long as that: it is not cut once',
    quick: false,
    async run(world) {
      const line = await openLine(world, 'sqlite::memory:')
      const proxies = await Promise.all(IDLE_MS.map(idleMs => startProxy(() => line.collector.port, { idleMs })))
      for (const [i, proxy] of proxies.entries()) {
        world.defer(() => proxy.stop())
        const url = `ws://127.0.0.1:${proxy.port}/agent`
        const observer = await openObserver({ folder: await world.folder(), url, token: line.token, instance: `idle-${i}` })
        world.defer(() => observer.stop())
        await observer.observe(1)
      }
      await delay(130_000)
      promised(
        proxies.every(({ accepted }) => accepted === 1),
        'no connection is cut',
        proxies.map(({ accepted }) => accepted),
      )
      const down = [0, 1].flatMap(i => line.witness.down(`idle-${i}`))
      promised(down.length === 0, 'no host is shown as gone', down.length)
      return 'one connection each over 130 s; never shown as gone'
    },
  },
  {
    name: 'network-resets',
    fault: 'the network resets every connection eight times in the stream of reports (time runs 20 times as fast)',
    promise: 'what was acknowledged is not sent again as new, what was not is sent again; in order, nothing twice; never shown as gone',
    quick: true,
    async run(world) {
      const line = await openFastLine(world, { speed: SPEED, beat: '120s' })
      for (let round = 0; round < 8; round++) {
        await line.observe(2)
        await until(() => line.observer.connected, 'the agent is connected')
        const more = line.observe(3)
        line.network.reset()
        await more
      }
      await line.arrived()
      sameOrder(await line.history(), line.observed)
      promised(line.witness.down('observer').length === 0, 'the host is never shown as gone')
      return `${line.network.accepted} connections; all ${line.observed.length} changes in order`
    },
  },
  {
    name: 'network-crumbs',
    fault: 'a network that brings 40 KiB/s in pieces of one byte, each 100 ms late',
    promise: 'reports arrive as they are, late',
    quick: true,
    async run(world) {
      const line = await openFastLine(world, { speed: 1, weather: { pieceBytes: 1, bytesPerSecond: 40 * 1024, delayMs: 100 } })
      await line.observe(10)
      const late = await line.arrived()
      sameOrder(await line.history(), line.observed)
      return `all ${line.observed.length} changes in order, the last ${seconds(late)} after it was observed`
    },
  },
  {
    name: 'tls-stalled',
    fault: 'something accepts connections and never answers the TLS handshake for 100 s (time runs 20 times as fast)',
    promise: 'each try ends after 10 s, the next comes after a pause; the agent is connected at the first try that is answered',
    quick: true,
    async run(world) {
      const folder = await world.folder()
      const authority = await fileAuthority(folder)
      const pair = await authority.issue('server', ['IP:127.0.0.1'])
      const line = await openFastLine(world, {
        speed: SPEED,
        weather: { pass: 'hold' },
        env: { FETTLE_TLS_CERT: pair.cert, FETTLE_TLS_KEY: pair.key },
        observer: { ca: await readFile(authority.file, 'utf8') },
      })
      await line.observe(5)
      await delay(100_000 / SPEED)
      const tries = line.network.accepted
      promised(tries >= 2, 'a try that stalls ends, and another is made', tries)
      promised(line.network.standing <= 1, 'tries that ended leave no socket behind', line.network.standing)
      line.network.set({ pass: 'all' })
      const late = await line.arrived()
      sameOrder(await line.history(), line.observed)
      return `${tries} tries, no socket left behind; everything there ${seconds(late)} after the first answer was possible`
    },
  },
]
