import { once } from 'node:events'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startAgentProcess } from '../../kit/agent-process.ts'
import { openOutbox } from '../../kit/observed.ts'
import { runScript, type TestProcess } from '../../kit/process.ts'
import { until } from '../../kit/until.ts'
import type { Case } from '../case.ts'
import { smallDisk } from '../disk.ts'
import { partOf, promised, sameOrder, seconds } from '../expect.ts'
import { type FastLine, openFastLine } from '../fast.ts'
import { detailOf, historyOf, openLine, startCollectorProcess, stateOf, tokenOf } from '../stage.ts'
import type { World } from '../world.ts'

const SPEED = 20
const MORTAL = join(import.meta.dirname, '../mortal.ts')
/** More operations than an agent does in what it is given. */
const MOST_OPERATIONS = 60
/** Agents that are killed side by side. */
const PARALLEL = 4
/** Longer than a host counts as present after its last frame, ms. */
const SUSPENDED_MS = 100_000
/** Between two cuts of a state file; no multiple of its lines. */
const CUT_BYTES = 61
const DISK_BYTES = 256 * 1024

const mortal = (folder: string, at: number) => ({
  NODE_OPTIONS: `--import=${MORTAL}`,
  FETTLE_MORTAL_FOLDER: folder,
  FETTLE_MORTAL_AT: String(at),
})

/** Gives an observer process values until it dies. @returns how many of them it said to have kept */
async function feed(observer: TestProcess, values: readonly number[]): Promise<number> {
  const dead = once(observer.child, 'exit')
  for (const [i, value] of values.entries()) {
    observer.write(`${value}\n`)
    const kept = observer.line(new RegExp(`^kept ${value}$`)).then(() => true)
    if (!(await Promise.race([kept, dead.then(() => false)]))) return i
  }
  return values.length
}

/** What an agent did before a power cut is on its disk; what the cut tore is not taken for whole. */
async function tornAt(line: FastLine, world: World, bytes: Buffer): Promise<number[]> {
  const folder = await world.folder()
  await cp(line.folder, folder, { recursive: true })
  await writeFile(join(folder, 'outbox'), bytes)
  const outbox = await openOutbox(folder)
  const held: number[] = []
  for (let next = outbox.after(0); next; next = outbox.after(next.seq)) held.push((next.data as { stratum: number }).stratum)
  return held
}

const diskCase =
  (breakIt: 'fill' | 'protect', mendIt: 'free' | 'unprotect', told: RegExp): Case['run'] =>
  async world => {
    const disk = await smallDisk(world, DISK_BYTES)
    const line = await openFastLine(world, { speed: SPEED, folder: disk.path })
    await line.observe(5)
    await line.arrived()
    await disk[breakIt]()
    // A page of the file may have room still.
    for (let i = 0; i < 8 && line.observer.outbox.fault === null; i++) await line.observe(5)
    await line.arrived()
    const meanwhile = line.observed.length - 5
    promised(told.test(line.observer.outbox.fault ?? ''), 'the fault is told', line.observer.outbox.fault)
    line.network.set({ pass: 'hold' })
    await line.observe(5)
    await disk[mendIt]()
    const mended = performance.now()
    await until(() => line.observer.outbox.fault === null, 'the outbox is on the disk again')
    const healedMs = (performance.now() - mended) * SPEED
    await line.observer.crash()
    line.observer = await line.open()
    line.network.set({ pass: 'all' })
    await line.observe(5)
    await line.arrived()
    sameOrder(await line.history(), line.observed)
    promised(line.collector.core.fleet.size === 1, 'it is the same host')
    return `${meanwhile} changes reported meanwhile; on the disk again ${seconds(healedMs)} after it was mended; all ${line.observed.length} changes in order, 5 of them through a crash after that`
  }

/** Agents that die, sleep, and their disks. */
export const agentCases: readonly Case[] = [
  {
    name: 'killed-at-each-write',
    fault:
      'the agent is killed with `kill -9` before each of its file operations (open, write, half of a write, sync, close, rename), one after the other, and started again on what is there',
    promise: 'what it had kept arrives, in order and once; it stays the same host',
    quick: false,
    async run(world) {
      const collector = await startCollectorProcess(world, { store: 'sqlite::memory:' })
      const token = await tokenOf(collector)
      const folder = await world.folder()
      const argv = [folder, `ws://127.0.0.1:${collector.port}/agent`, token]
      const kept: number[] = []
      const fed: number[] = []
      let at = 1
      for (; at <= MOST_OPERATIONS; at++) {
        const values = [1, 2, 3].map(i => (fed.at(-1) ?? 0) + i)
        const observer = runScript('test/kit/observer.ts', argv, mortal(folder, at))
        world.defer(() => observer.kill())
        const count = await feed(observer, values)
        kept.push(...values.slice(0, count))
        fed.push(...values.slice(0, count + 1))
        await observer.kill()
        if (count === values.length) break
      }
      const observer = runScript('test/kit/observer.ts', argv)
      world.defer(() => observer.kill())
      await feed(observer, [1_000])
      await until(async () => (await stateOf(collector.port)) === 1_000, 'the last state arrives')
      const arrived = await historyOf(collector.port)
      partOf(arrived, [...fed, 1_000])
      const lost = kept.filter(value => !arrived.includes(value))
      promised(lost.length === 0, 'nothing that was kept is lost', lost)
      promised(kept.length > 5 && at > 10, 'there were enough points to die at', [at, kept.length])
      const hosts = (await (await fetch(`http://127.0.0.1:${collector.port}/api/v1/hosts`)).json()) as { total?: number; hosts?: unknown[] }
      promised((hosts.hosts?.length ?? 0) === 1, 'it stays the same host', hosts.hosts?.length)
      return `killed at ${at - 1} points; all ${kept.length} changes that it had said to have kept arrived, in order, once; one host`
    },
  },
  {
    name: 'killed-at-first-start',
    fault:
      'the whole agent (`fettle-agent run`) is killed with `kill -9` before each file operation of its first start: key, enrolment, link token, outbox; then started again',
    promise: 'it is enrolled once, and never taken for a copy of itself',
    quick: false,
    async run(world) {
      const collector = await startCollectorProcess(world, { store: 'sqlite::memory:' })
      const token = await tokenOf(collector)
      let killed = 0
      let next = 1
      const one = async () => {
        for (let at = next++; at <= MOST_OPERATIONS; at = next++) {
          const instance = `first-${at}`
          const folder = await world.folder()
          const wish = { collector: { url: `ws://127.0.0.1:${collector.port}` }, token, instance }
          const first = await startAgentProcess({ ...wish, folder, env: mortal(join(folder, 'state'), at) })
          world.defer(() => first.remove())
          const dead = once(first.child, 'exit').then(() => true)
          const settled = first.line(/connected to the collector/).then(() => delay(1_500, false))
          if (!(await Promise.race([dead, settled]))) {
            next = MOST_OPERATIONS + 1
            await first.remove()
            return
          }
          killed++
          const again = await startAgentProcess({ ...wish, folder })
          world.defer(() => again.remove())
          await again.line(/connected to the collector/)
          await until(
            async () => ((await detailOf(collector.port, instance)) as { connected?: boolean } | undefined)?.connected,
            `${instance} is connected`,
          )
          await again.remove()
        }
      }
      await Promise.all(Array.from({ length: PARALLEL }, one))
      const { hosts } = (await (await fetch(`http://127.0.0.1:${collector.port}/api/v1/hosts?limit=200`)).json()) as {
        hosts: { instance: string; standing?: { state: string } }[]
      }
      const twice = hosts.filter(({ instance }) => instance.includes('~'))
      const quarantined = hosts.filter(({ standing }) => standing?.state !== 'active')
      promised(twice.length === 0, 'no machine is enrolled twice', twice)
      promised(quarantined.length === 0, 'no machine is taken for a copy of itself', quarantined)
      promised(killed > 10, 'there were enough points to die at', killed)
      return `killed at ${killed} points; each of ${hosts.length} machines enrolled once, none quarantined`
    },
  },
  {
    name: 'disk-full',
    fault: 'the disk of the agent is full (tmpfs without a free byte), and gets room (time runs 20 times as fast)',
    promise:
      'it goes on in memory, reports, and says so (`agent-outbox`); within a minute of room it is on the disk again; numbers are never given out twice',
    quick: false,
    run: diskCase('fill', 'free', /ENOSPC/),
  },
  {
    name: 'disk-read-only',
    fault: 'the disk of the agent becomes read-only, and writable again (time runs 20 times as fast)',
    promise:
      'it goes on in memory, reports, and says so (`agent-outbox`); within a minute of the disk it is on it again; numbers are never given out twice',
    quick: false,
    run: diskCase('protect', 'unprotect', /EROFS/),
  },
  {
    name: 'state-torn',
    fault:
      'the state file of the agent is cut off at every 61st byte, ends in zeros, or has rotten bytes in the middle, as after a power cut',
    promise:
      'whole entries hold, torn ones are left out, none is taken for another; the agent starts, goes on under numbers that were never used, and what comes is in order',
    quick: true,
    async run(world) {
      const line = await openFastLine(world, { speed: SPEED, weather: { pass: 'hold' } })
      await line.observe(12)
      await line.observer.crash()
      const whole = await readFile(join(line.folder, 'outbox'))
      let tries = 0
      const lengths = Array.from({ length: Math.ceil(whole.length / CUT_BYTES) }, (_, i) => i * CUT_BYTES)
      for (const length of lengths) {
        for (const bytes of [whole.subarray(0, length), Buffer.concat([whole.subarray(0, length), Buffer.alloc(whole.length - length)])]) {
          const held = await tornAt(line, world, bytes)
          promised(
            held.every((value, i) => value === i + 1),
            'what is held is the beginning of what was observed',
            [length, held],
          )
          tries++
        }
      }
      const rotten = Buffer.from(whole)
      rotten[Math.floor(whole.length / 2)] = 0
      const left = await tornAt(line, world, rotten)
      partOf(left, line.observed)
      promised(left.length === line.observed.length - 1, 'a rotten entry takes no other with it', left)
      await writeFile(join(line.folder, 'outbox'), whole.subarray(0, whole.length - 9))
      line.observer = await line.open()
      line.network.set({ pass: 'all' })
      await line.observe(5)
      await line.arrived()
      const history = await line.history()
      partOf(history, line.observed)
      promised(line.observed.length - history.length <= 1, 'only the torn entry is missing', history)
      return `${tries} cuts; what was whole was held each time; after the last one ${history.length} of ${line.observed.length} changes arrived in order, the torn one did not`
    },
  },
  {
    name: 'suspended',
    fault: `the machine of an agent sleeps (\`SIGSTOP\`) for ${SUSPENDED_MS / 1000} s, longer than a host counts as present, and wakes`,
    promise: 'it is shown as gone when its window has passed, and as present within seconds of waking; nothing is lost',
    quick: false,
    async run(world) {
      const line = await openLine(world, 'sqlite::memory:')
      const argv = [await world.folder(), `ws://127.0.0.1:${line.collector.port}/agent`, line.token, 'sleeper']
      const sleeper = runScript('test/kit/observer.ts', argv)
      world.defer(() => {
        sleeper.child.kill('SIGCONT')
        return sleeper.kill()
      })
      await feed(sleeper, [1, 2, 3])
      await until(async () => (await stateOf(line.collector.port, 'sleeper')) === 3, 'it is there')
      const asleep = performance.now()
      sleeper.child.kill('SIGSTOP')
      await delay(SUSPENDED_MS)
      const awake = performance.now()
      sleeper.child.kill('SIGCONT')
      await feed(sleeper, [4, 5])
      await until(async () => (await stateOf(line.collector.port, 'sleeper')) === 5, 'it is back')
      const backMs = performance.now() - awake
      sameOrder(await historyOf(line.collector.port, 'sleeper'), [1, 2, 3, 4, 5])
      const goneMs = (line.witness.down('sleeper', asleep)[0]?.at ?? awake) - asleep
      promised(goneMs > 60_000 && goneMs < SUSPENDED_MS, 'it is shown as gone after its window', goneMs)
      promised(backMs < 10_000, 'it is back within seconds', backMs)
      return `shown as gone ${seconds(goneMs)} after it fell asleep, back with everything ${seconds(backMs)} after it woke`
    },
  },
  {
    name: 'year-ahead-and-behind',
    fault: 'the whole agent (`fettle-agent run`) lives a year ahead and a year behind (faketime(1)), with a collector of today',
    promise: 'it is enrolled, present and fresh; the collector tells by how much its clock is wrong',
    quick: false,
    async run(world) {
      const collector = await startCollectorProcess(world, { store: 'sqlite::memory:' })
      const token = await tokenOf(collector)
      const told: string[] = []
      for (const days of ['+365d', '-365d']) {
        const instance = `year${days}`.replace(/[+-]/, days.startsWith('+') ? '-ahead-' : '-behind-')
        const inside = ['faketime', '-f', '--exclude-monotonic', days]
        const agent = await startAgentProcess({ collector: { url: `ws://127.0.0.1:${collector.port}` }, token, instance, inside })
        world.defer(() => agent.remove())
        const host = await until(async () => {
          const detail = (await detailOf(collector.port, instance)) as unknown as Told | undefined
          return detail?.up && detail.facts.length > 0 ? detail : undefined
        }, `${instance} is there`)
        const ageMs = Date.now() - (host.facts[0]?.at ?? 0)
        promised(Math.abs(ageMs) < 60_000, 'its fact has the right time', ageMs)
        promised(Math.abs(Math.abs(host.clockOffsetMs) - 365 * 86_400_000) < 60_000, 'its offset is told', host.clockOffsetMs)
        told.push(`${instance}: fact ${seconds(Math.max(0, ageMs))} old, offset ${Math.round(host.clockOffsetMs / 86_400_000)} d told`)
      }
      return told.join('; ')
    },
  },
]

type Told = { readonly up: boolean; readonly clockOffsetMs: number; readonly facts: readonly { readonly at: number }[] }
