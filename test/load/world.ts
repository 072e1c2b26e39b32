import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Figure } from '../bench/figure.ts'
import { progress } from '../bench/progress.ts'
import { startWorker, type Worker } from '../bench/worker.ts'
import { testAuthority } from '../kit/certificates.ts'
import { type RedisServer, startRedis } from '../kit/redis.ts'
import { keptBase, redisFrom } from './cache.ts'
import type { CollectorCalls, CollectorWish } from './collector-worker.ts'
import type { Way } from './simulator/agent.ts'
import { Simulator } from './simulator.ts'

/** Heap that a collector of a large fleet may take, MB. */
const HEAP_MB = 8_192

/** How a run was asked for. */
export type Options = {
  readonly quick: boolean
  readonly seed: number
  /** Connections opened a second. */
  readonly ramp: number
  readonly tls: boolean
  /** Hosts to run with, where others are wanted than the scenario's. */
  readonly hosts: readonly number[] | undefined
  /** Reports a second of one host. */
  readonly rate: number
  /** How long a step is measured, s. */
  readonly seconds: number
  readonly profile: boolean
  /** Folder of keys that are kept from run to run. */
  readonly cache: string | undefined
  /** Folder that results, plots and profiles go to. */
  readonly out: string
  readonly knobs: 'good' | 'bad-day'
}

/** A collector in a process of its own. */
export type Running = {
  readonly worker: Worker<CollectorCalls>
  readonly agentUrl: string
  readonly url: string
  readonly seconds: number
  readonly wish: CollectorWish
}

type Certificates = { readonly ca: string; readonly env: Record<string, string> }

/** The parts of one scenario; all of them end with it. */
export class World {
  readonly options: Options
  /** Figures of the steps that are done: what is told where the run ends before its end. */
  readonly soFar: Figure[] = []
  /** The moment of the first facts, epoch ms. */
  base = Date.now()
  readonly #parts: { stop(): Promise<void> }[] = []
  #tls: Certificates | undefined
  #token: string | undefined

  constructor(options: Options) {
    this.options = options
  }

  /** A Redis that keeps each write within a second, as is recommended. */
  async redis(options: readonly string[] = []): Promise<RedisServer> {
    const { cache, seed } = this.options
    const settings = ['--appendfsync', 'everysec', ...options]
    const base = await keptBase(cache, seed)
    const redis = cache === undefined || base === undefined ? await startRedis(settings) : await redisFrom(cache, settings)
    this.base = base ?? this.base
    this.#parts.push({ stop: () => redis.stop() })
    return redis
  }

  async collector(wish: CollectorWish): Promise<Running> {
    const tls = this.options.tls ? await this.#certificates() : undefined
    const whole = { ...wish, env: { ...tls?.env, ...wish.env } }
    const worker = startWorker<CollectorCalls>('../load/collector-worker.ts', ['--expose-gc', `--max-old-space-size=${HEAP_MB}`])
    this.#parts.push({ stop: () => worker.stop() })
    const { agentUrl, url, seconds } = await worker.call('start', whole)
    return { worker, agentUrl, url, seconds, wish: whole }
  }

  /** Stops a collector in order and starts it anew at the same place. */
  async restart(running: Running): Promise<Running> {
    await running.worker.call('stop')
    await running.worker.stop()
    return await this.collector({ ...running.wish, listen: new URL(running.url).host })
  }

  /** Kills a collector and starts it anew at the same place. */
  async replace(running: Running): Promise<Running> {
    await running.worker.kill()
    return await this.collector({ ...running.wish, listen: new URL(running.url).host })
  }

  simulator(): Simulator {
    const { seed, cache } = this.options
    const simulator = new Simulator({ seed, base: this.base, cache })
    this.#parts.push({ stop: () => simulator.stop() })
    return simulator
  }

  /** Where the simulated agents go. */
  async way(collectors: readonly Running[]): Promise<Way> {
    this.#token ??= await collectors[0]?.worker.call('token')
    return { urls: collectors.map(collector => collector.agentUrl), ca: this.#tls?.ca, token: this.#token ?? '' }
  }

  /** For requests to a collector of this world. */
  get ca(): string | undefined {
    return this.#tls?.ca
  }

  file(name: string): string {
    return join(this.options.out, name)
  }

  /** Ends everything that was started, the last first. */
  async end(): Promise<void> {
    for (const part of this.#parts.reverse()) await part.stop().catch(error => progress(`could not end a part: ${error}`))
    this.#parts.length = 0
  }

  async #certificates(): Promise<Certificates> {
    if (this.#tls) return this.#tls
    const authority = await testAuthority('Authority of a load run')
    const { key, certificate } = await authority.sign()
    const folder = join(tmpdir(), 'tls')
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const [certFile, keyFile] = [join(folder, 'collector.crt'), join(folder, 'collector.key')]
    await writeFile(certFile, certificate)
    await writeFile(keyFile, key, { mode: 0o600 })
    this.#tls = { ca: authority.certificate, env: { FETTLE_TLS_CERT: certFile, FETTLE_TLS_KEY: keyFile } }
    return this.#tls
  }
}
