import type { Clock } from '@fettle/kit'
import { type Cadence, shareOf } from './cadence.ts'

/** Every limit of the schedule. */
export const scheduleLimits = {
  /** All first looks begin within this after the start, ms. */
  startSpreadMs: 30_000,
  /** A refresh looks at a source at most this often, ms: whoever asks cannot make the agent busy. */
  refreshDistanceMs: 10_000,
  /** The same where the collector asks, ms. */
  remoteDistanceMs: 60_000,
  /** Most looks that run at the same time; heavy ones run one at a time. */
  parallel: 2,
} as const

/** What is run: one probe with its cadence. `look` never rejects. */
export type Task = { readonly key: string; readonly heavy: boolean; readonly cadence: Cadence; look(): Promise<void> }

type Planned = {
  readonly task: Task
  readonly share: number
  /** When it began last, on the monotonic clock, ms. */
  startedAt: number
  /** When it runs next, on the monotonic clock, ms. */
  dueAt: number
  state: 'waiting' | 'queued' | 'running'
  /** Asked for while it was running: what it reads may be from before the change, so it runs once more, this long after it began; null: not asked for. */
  againMs: number | null
  cancel: () => void
  /** Those who wait for the end of a look that begins after they asked. */
  waiters: (() => void)[]
}

/** Runs every probe at its time, soon after the start for the first time, and in between when asked. */
export class Schedule {
  readonly #clock: Clock
  readonly #plans: ReadonlyMap<string, Planned>
  #queue: Planned[] = []
  #running = 0
  #heavyRunning = false
  #stopped = false

  constructor(tasks: readonly Task[], clock: Clock, hostId: string) {
    this.#clock = clock
    this.#plans = new Map(tasks.map(task => [task.key, planned(task, hostId)]))
  }

  start(): void {
    for (const plan of this.#plans.values()) this.#wait(plan, plan.share * scheduleLimits.startSpreadMs)
  }

  /** Ends the waiting; looks that run end by their own deadlines and are not waited for. */
  stop(): void {
    this.#stopped = true
    this.#queue = []
    for (const plan of this.#plans.values()) {
      plan.cancel()
      for (const done of plan.waiters.splice(0)) done()
    }
  }

  /**
   * Looks again soon, whatever the cadence says: a key, or a subject that stands for all its sources; all where none is named.
   * Unknown keys are passed over. Resolves with the keys once those looks have ended.
   */
  async refresh(keys: readonly string[], distanceMs: number = scheduleLimits.refreshDistanceMs): Promise<string[]> {
    const wanted = this.#wanted(keys)
    await Promise.all(wanted.map(plan => this.#again(plan, distanceMs)))
    return wanted.map(plan => plan.task.key)
  }

  /** The same for one who does not wait for the end, and may ask as often as it likes: the collector. Nothing is kept of the asking. */
  hasten(keys: readonly string[], distanceMs: number = scheduleLimits.remoteDistanceMs): void {
    if (this.#stopped) return
    for (const plan of this.#wanted(keys)) this.#soon(plan, distanceMs)
  }

  #wanted(keys: readonly string[]): Planned[] {
    return [...this.#plans.values()].filter(({ task }) => keys.length === 0 || keys.some(key => isNamed(task.key, key)))
  }

  #again(plan: Planned, distanceMs: number): Promise<void> {
    if (this.#stopped) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    plan.waiters.push(resolve)
    this.#soon(plan, distanceMs)
    return promise
  }

  #soon(plan: Planned, distanceMs: number): void {
    if (plan.state === 'running') plan.againMs = Math.min(plan.againMs ?? distanceMs, distanceMs)
    else if (plan.state === 'waiting') this.#hasten(plan, this.#distance(plan, distanceMs))
  }

  /** A timer may fire a moment before its time: the time that it was meant for must not come again. */
  #untilNext({ task, share }: Planned): number {
    const now = this.#clock.now()
    return task.cadence.next(now + Math.min(1000, task.cadence.everyMs / 10), share) - now
  }

  /** Never postpones: who may ask must not be able to keep it from looking. */
  #hasten(plan: Planned, ms: number): void {
    if (this.#clock.monotonic() + ms < plan.dueAt) this.#wait(plan, ms)
  }

  #distance(plan: Planned, distanceMs: number): number {
    return Math.max(0, plan.startedAt + distanceMs - this.#clock.monotonic())
  }

  #wait(plan: Planned, ms: number): void {
    plan.cancel()
    plan.dueAt = this.#clock.monotonic() + ms
    plan.cancel = this.#clock.after(ms, () => {
      plan.state = 'queued'
      this.#queue.push(plan)
      this.#pump()
    })
  }

  #pump(): void {
    while (!this.#stopped && this.#running < scheduleLimits.parallel) {
      const next = this.#queue.findIndex(plan => !plan.task.heavy || !this.#heavyRunning)
      const [plan] = next === -1 ? [] : this.#queue.splice(next, 1)
      if (!plan) return
      void this.#run(plan)
    }
  }

  async #run(plan: Planned): Promise<void> {
    const waiters = plan.waiters.splice(0)
    plan.state = 'running'
    plan.againMs = null
    plan.startedAt = this.#clock.monotonic()
    this.#running++
    if (plan.task.heavy) this.#heavyRunning = true
    await plan.task.look()
    this.#running--
    if (plan.task.heavy) this.#heavyRunning = false
    plan.state = 'waiting'
    for (const done of waiters) done()
    if (this.#stopped) return
    this.#wait(plan, plan.againMs === null ? this.#untilNext(plan) : Math.min(this.#untilNext(plan), this.#distance(plan, plan.againMs)))
    this.#pump()
  }
}

function planned(task: Task, hostId: string): Planned {
  return {
    task,
    share: shareOf(hostId, task.key),
    startedAt: Number.NEGATIVE_INFINITY,
    dueAt: Number.POSITIVE_INFINITY,
    state: 'waiting',
    againMs: null,
    cancel: () => {},
    waiters: [],
  }
}

/** `updates` names `updates/apt` and every other source of its subject. */
function isNamed(key: string, name: string): boolean {
  return key === name || key.startsWith(`${name}/`)
}
