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
  /** Most looks that run at the same time; heavy ones run one at a time, those that share a process count as one. */
  parallel: 2,
  /** A look that shares a process comes along with another when it would be due within this, ms. */
  togetherMs: 30_000,
} as const

/** What is run: one probe with its cadence. `look` never rejects. */
export type Task = {
  readonly key: string
  readonly heavy: boolean
  /** Tasks that name the same are due at the same moments and run as one: they wait for one process; see `Probe.shares`. */
  readonly shares?: string | undefined
  readonly cadence: Cadence
  look(): Promise<void>
}

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
  /** Looks that run, by what they share; one that shares nothing stands under its own key. */
  readonly #running = new Map<string, number>()
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
    return task.cadence.next(now + earliness(task), share) - now
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
      for (const due of this.#dueWith(plan)) {
        due.cancel()
        due.state = 'queued'
        this.#queue.push(due)
      }
      this.#pump()
    })
  }

  /** A plan that is due, and those that share its process and would be due in a moment: one process costs less than two. */
  #dueWith(plan: Planned): Planned[] {
    if (plan.task.shares === undefined) return [plan]
    const now = this.#clock.monotonic()
    const soon = (one: Planned) => one.dueAt - now <= earliness(one.task) && now - one.startedAt >= scheduleLimits.refreshDistanceMs
    return [...this.#plans.values()].filter(
      one => one === plan || (one.task.shares === plan.task.shares && one.state === 'waiting' && soon(one)),
    )
  }

  #mayRun({ task }: Planned): boolean {
    if (task.heavy && this.#heavyRunning) return false
    return this.#running.has(task.shares ?? task.key) || this.#running.size < scheduleLimits.parallel
  }

  #pump(): void {
    while (!this.#stopped) {
      const next = this.#queue.findIndex(plan => this.#mayRun(plan))
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
    const slot = plan.task.shares ?? plan.task.key
    this.#running.set(slot, (this.#running.get(slot) ?? 0) + 1)
    if (plan.task.heavy) this.#heavyRunning = true
    await plan.task.look()
    const others = (this.#running.get(slot) ?? 1) - 1
    if (others > 0) this.#running.set(slot, others)
    else this.#running.delete(slot)
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
    share: shareOf(hostId, task.shares ?? task.key),
    startedAt: Number.NEGATIVE_INFINITY,
    dueAt: Number.POSITIVE_INFINITY,
    state: 'waiting',
    againMs: null,
    cancel: () => {},
    waiters: [],
  }
}

/** How long before its time a look may begin and still count as that time's, ms: a timer fires a moment early, a companion comes along. */
function earliness({ shares, cadence }: Task): number {
  return Math.min(shares === undefined ? 1000 : scheduleLimits.togetherMs, cadence.everyMs / 10)
}

/** `updates` names `updates/apt` and every other source of its subject. */
function isNamed(key: string, name: string): boolean {
  return key === name || key.startsWith(`${name}/`)
}
