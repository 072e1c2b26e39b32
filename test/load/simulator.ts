import { startWorker, type Worker } from '../bench/worker.ts'
import type { Way } from './simulator/agent.ts'
import type { Knobs } from './simulator/mischief.ts'
import type { SimulatorCalls } from './simulator/simulator-worker.ts'
import { type Told, together } from './simulator/tally.ts'

/** Hosts of one process: it needs a descriptor for each, and this leaves it well below a limit of 20,000, with an event loop that keeps up. */
export const HOSTS_A_PROCESS = 5_000
const WORKER = '../load/simulator/simulator-worker.ts'

/** What a fleet is made from. @param cache folder with keys of an earlier run */
export type FleetWish = { readonly seed: number; readonly base: number; readonly cache?: string | undefined }

/** A simulated fleet, split over as many processes as it needs. */
export class Simulator {
  readonly #wish: FleetWish
  readonly #parts: { readonly worker: Worker<SimulatorCalls>; readonly first: number; count: number }[] = []

  constructor(wish: FleetWish) {
    this.#wish = wish
  }

  get processes(): number {
    return this.#parts.length
  }

  get hosts(): number {
    return this.#parts.reduce((sum, part) => sum + part.count, 0)
  }

  /** Grows the fleet to so many hosts. @returns how many of them had enrolled in an earlier run */
  async make(hosts: number): Promise<number> {
    for (let missing = hosts - this.hosts; missing > 0; missing = hosts - this.hosts) {
      const last = this.#parts.at(-1)
      if (last && last.count < HOSTS_A_PROCESS) last.count = Math.min(HOSTS_A_PROCESS, last.count + missing)
      else {
        const first = this.#parts.length * HOSTS_A_PROCESS
        this.#parts.push({ worker: startWorker<SimulatorCalls>(WORKER), first, count: Math.min(HOSTS_A_PROCESS, missing) })
      }
    }
    const made = await Promise.all(this.#parts.map(({ worker, first, count }) => worker.call('make', { ...this.#wish, first, count })))
    return made.reduce((sum, { known }) => sum + known, 0)
  }

  /** Opens connections, so many a second in all. */
  async connect(way: Way, ramp: number): Promise<void> {
    await this.#all(worker => worker.call('connect', { way, ramp: ramp / this.#parts.length }))
  }

  async redirect(way: Way): Promise<void> {
    await this.#all(worker => worker.call('redirect', { way }))
  }

  /** Waits until all is told and durable. @returns s it took, and hosts that are not there yet */
  async settle(withinMs: number): Promise<{ readonly seconds: number; readonly open: number }> {
    const all = await this.#all(worker => worker.call('settle', { withinMs }))
    return { seconds: Math.max(...all.map(one => one.seconds)), open: all.reduce((sum, one) => sum + one.open, 0) }
  }

  /** From now on so many reports a second are due. @param only of this subject; default: of all that move */
  async pace(rate: number, only?: string): Promise<void> {
    await Promise.all(this.#parts.map(({ worker, count }) => worker.call('pace', { rate: (rate * count) / this.hosts, only })))
  }

  async misbehave(knobs: Knobs): Promise<number> {
    const all = await this.#all(worker => worker.call('misbehave', { knobs }))
    return all.reduce((sum, one) => sum + one.naughty, 0)
  }

  async behave(): Promise<void> {
    await this.#all(worker => worker.call('behave'))
  }

  /** What was done and seen since the last time. */
  async told(): Promise<Told> {
    return together(await this.#all(worker => worker.call('told')))
  }

  async cut(): Promise<void> {
    await this.#all(worker => worker.call('cut'))
  }

  /** The name of a host. */
  instance(nth: number): Promise<string> {
    return this.#partOf(nth).call('instance', { nth })
  }

  /** A volume of that host holds more now. */
  async change(nth: number): Promise<void> {
    await this.#partOf(nth).call('change', { nth })
  }

  async connected(): Promise<number> {
    return (await this.#all(worker => worker.call('state'))).reduce((sum, state) => sum + state.connected, 0)
  }

  /** What every host holds, by hostId. */
  async truth(): Promise<ReadonlyMap<string, string>> {
    return new Map((await this.#all(worker => worker.call('truth'))).flatMap(part => Object.entries(part)))
  }

  async leave(): Promise<void> {
    await this.#all(worker => worker.call('leave'))
  }

  /** Connects once more those that left. */
  async again(way: Way, ramp: number): Promise<void> {
    await this.#all(worker => worker.call('again'))
    await this.connect(way, ramp)
  }

  async keep(cache: string): Promise<void> {
    await Promise.all(this.#parts.map(({ worker, first }) => worker.call('keep', { first, cache })))
  }

  async stop(): Promise<void> {
    await this.#all(worker => worker.stop())
    this.#parts.length = 0
  }

  #partOf(nth: number): Worker<SimulatorCalls> {
    const part = this.#parts[nth % this.#parts.length]
    if (!part) throw new Error('Cannot ask a fleet without hosts')
    return part.worker
  }

  #all<T>(ask: (worker: Worker<SimulatorCalls>) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#parts.map(({ worker }) => ask(worker)))
  }
}
