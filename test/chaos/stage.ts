import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Observer, openObserver } from '../kit/observed.ts'
import { freePort, runScript, type TestProcess } from '../kit/process.ts'
import { type RedisServer, startRedis } from '../kit/redis.ts'
import { until } from '../kit/until.ts'
import { startProxy, type TcpProxy } from './proxy.ts'
import { Witness } from './witness.ts'
import type { World } from './world.ts'

/** A real collector process. */
export type CollectorProcess = {
  readonly port: number
  readonly folder: string
  readonly process: TestProcess
}

export type CollectorOptions = {
  readonly store: string
  readonly port?: number
  readonly folder?: string
  /** Settings as a file of YAML. */
  readonly file?: string
  /** In place of what the environment of a collector is anyhow. */
  readonly env?: Record<string, string>
}

/** Starts `fettle-collector run` as a process, and waits until it listens. */
export async function startCollectorProcess(world: World, options: CollectorOptions): Promise<CollectorProcess> {
  const { store, port = await freePort(), folder = await world.folder(), file = 'beat: 30s\n', env = {} } = options
  const config = join(folder, 'collector.yaml')
  await writeFile(config, file)
  const process = runScript('collector/src/main.ts', ['run'], {
    FETTLE_CONFIG: config,
    FETTLE_LISTEN: `127.0.0.1:${port}`,
    FETTLE_DATA: folder,
    FETTLE_STORE: store,
    FETTLE_NAME: 'collector.test',
    ...env,
  })
  world.defer(() => {
    process.child.kill('SIGCONT')
    return process.kill()
  })
  const ended = new Promise<never>((_, reject) =>
    process.child.once('exit', () => reject(new Error(`Cannot start the collector: ${process.lines.slice(-5).join('\n')}`))),
  )
  ended.catch(() => {})
  await Promise.race([process.line(/collector listens/), ended])
  return { process, folder, port }
}

/** An enrolment token for any number of machines. */
export async function tokenOf(collector: CollectorProcess): Promise<string> {
  const create = runScript('collector/src/main.ts', ['token', 'create', '--uses', 'unlimited', '--json'], { FETTLE_DATA: collector.folder })
  return (JSON.parse(await create.line(/^\{/)) as { token: string }).token
}

/** A host as the API tells it. */
type Detail = {
  readonly instance: string
  readonly facts: readonly { readonly key: string; readonly at: number; readonly data: { readonly stratum: number } | null }[]
  readonly transitions: readonly { readonly at: number; readonly data: { readonly stratum: number } | null }[] | null
}

/** What a collector tells of a host; undefined where it does not know it or does not answer. */
export async function detailOf(port: number, instance = 'observer'): Promise<Detail | undefined> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/hosts/${instance}`, { signal: AbortSignal.timeout(4_000) }).catch(
    () => undefined,
  )
  return answer?.ok ? ((await answer.json()) as Detail) : undefined
}

/** The states that a host went through by what the store holds, oldest first, at most the last hundred. */
export async function historyOf(port: number, instance = 'observer'): Promise<number[]> {
  const detail = await detailOf(port, instance)
  return (detail?.transitions ?? []).map(one => one.data?.stratum ?? -1).reverse()
}

/** The state that a collector shows. */
export async function stateOf(port: number, instance = 'observer'): Promise<number | undefined> {
  return (await detailOf(port, instance))?.facts[0]?.data?.stratum
}

/** Memory and descriptors of a process, from /proc; see proc_pid_status(5). */
export async function costOf(pid: number): Promise<{ readonly residentMiB: number; readonly descriptors: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const descriptors = await readdir(`/proc/${pid}/fd`)
  return { residentMiB: Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024), descriptors: descriptors.length }
}

/** The line from an observer over a network to a collector process, and who watches it. */
export type Line = {
  readonly collector: CollectorProcess
  /** Between agents and collector. */
  readonly toCollector: TcpProxy
  readonly observer: Observer
  readonly witness: Witness
  readonly token: string
  /** All that the observer observed, oldest first. */
  readonly observed: number[]
  /** The machine goes through this many more states, five of them within one write. */
  observe(count: number): Promise<void>
  /** Until everything is there. @returns how long that took, ms */
  arrived(): Promise<number>
  /** What the store holds of the machine's history. */
  history(): Promise<number[]>
}

/** Starts a collector on a store and an observer of it, and waits until its first states are there. */
export async function openLine(world: World, store: string): Promise<Line> {
  const collector = await startCollectorProcess(world, { store })
  const toCollector = await startProxy(() => collector.port)
  world.defer(() => toCollector.stop())
  const token = await tokenOf(collector)
  const observer = await openObserver({ folder: await world.folder(), url: `ws://127.0.0.1:${toCollector.port}/agent`, token })
  world.defer(() => observer.stop())
  const witness = new Witness(`http://127.0.0.1:${collector.port}`)
  world.defer(() => witness.stop())
  const { observed, observe } = counting(value => observer.observe(value))
  const history = () => historyOf(collector.port)
  const arrived = async () => {
    const started = performance.now()
    await until(async () => (await history()).at(-1) === observed.at(-1), `the state ${observed.at(-1)} arrives`, 150_000)
    return performance.now() - started
  }
  await observe(5)
  await arrived()
  return { collector, toCollector, observer, witness, token, observed, observe, arrived, history }
}

/** Most states that are put on the disk by one write. */
const GROUP = 5

/** A machine that counts. @param take observes a state for good */
export function counting(take: (value: number) => Promise<void>) {
  const observed: number[] = []
  const observe = async (count: number) => {
    for (let left = count; left > 0; left -= GROUP) {
      const group = Array.from({ length: Math.min(GROUP, left) }, (_, i) => (observed.at(-1) ?? 0) + 1 + i)
      await Promise.all(group.map(take))
      observed.push(...group)
    }
  }
  return { observed, observe }
}

/** A line whose store is a Redis behind a network of its own. */
export type Stage = Line & { readonly redis: RedisServer; readonly toRedis: TcpProxy }

/** @param redisOptions further settings of the Redis */
export async function openStage(world: World, redisOptions: readonly string[] = []): Promise<Stage> {
  const redis = await startRedis(redisOptions)
  world.defer(() => redis.stop())
  const toRedis = await startProxy(() => redis.port)
  world.defer(() => toRedis.stop())
  return { ...(await openLine(world, `redis://127.0.0.1:${toRedis.port}`)), redis, toRedis }
}
