import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type Counted, Histogram } from './histogram.ts'

/** How often the event loop is looked at, ms. */
const RESOLUTION_MS = 5
/** A timer that comes this late was not late for this process alone: the machine or its clock stood still, ms. */
const STALL_MS = 2_000
const TICK_MS = 500

/** What a simulator did and saw since it was asked last. */
export type Told = {
  readonly seconds: number
  /** Reports that were due by the target rate. */
  readonly due: number
  /** Reports handed to sockets; those sent again after a nack or a cut are traffic too. */
  readonly sent: number
  readonly acked: number
  /** Due and not handed over because nobody could take them: the collector made everyone wait. */
  readonly heldBack: number
  readonly beats: number
  readonly nacks: number
  /** Answers 503 to a handshake, with Retry-After. */
  readonly busy: number
  readonly byes: number
  readonly welcomes: number
  /** Connections that ended, by close code; 1006 is a cut. */
  readonly closed: Readonly<Record<string, number>>
  /** Report → ack of honest hosts, ms. */
  readonly latency: Counted
  /** 99 % of the turns of the simulator's own event loop were shorter, ms. */
  readonly lagMs: number
  /** Share of a core that the simulator took. */
  readonly cpu: number
  readonly stalls: number
}

type Counter = 'due' | 'sent' | 'acked' | 'heldBack' | 'beats' | 'nacks' | 'busy' | 'byes' | 'welcomes'

const none = (): Record<Counter, number> => ({
  ...{ due: 0, sent: 0, acked: 0, heldBack: 0, beats: 0, nacks: 0, busy: 0, byes: 0, welcomes: 0 },
})

/** Counts for one simulator process. */
export class Tally {
  #counts = none()
  #closed: Record<string, number> = {}
  #stalls = 0
  #since = performance.now()
  #cpu = process.cpuUsage()
  readonly #latency = new Histogram()
  readonly #loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS })

  constructor() {
    this.#loop.enable()
    let last = performance.now()
    setInterval(() => {
      const now = performance.now()
      if (now - last > TICK_MS + STALL_MS) this.#stalls++
      last = now
    }, TICK_MS).unref()
  }

  count(what: Counter, by = 1): void {
    this.#counts[what] += by
  }

  closed(code: number): void {
    this.#closed[code] = (this.#closed[code] ?? 0) + 1
  }

  answered(ms: number): void {
    this.#latency.record(ms)
  }

  /** Everything since the last time, and begins anew. */
  take(): Told {
    const now = performance.now()
    const seconds = (now - this.#since) / 1000
    const { user, system } = process.cpuUsage(this.#cpu)
    const told = {
      ...this.#counts,
      seconds,
      closed: this.#closed,
      latency: this.#latency.counted,
      lagMs: Math.max(0, this.#loop.percentile(99) / 1e6 - RESOLUTION_MS),
      cpu: (user + system) / 1e6 / seconds,
      stalls: this.#stalls,
    }
    this.#counts = none()
    this.#closed = {}
    this.#stalls = 0
    this.#since = now
    this.#cpu = process.cpuUsage()
    this.#latency.clear()
    this.#loop.reset()
    return told
  }
}

/** What several processes did, as if they were one. */
export function together(all: readonly Told[]): Told {
  const sum = (of: (told: Told) => number) => all.reduce((total, told) => total + of(told), 0)
  const latency = new Histogram()
  const closed: Record<string, number> = {}
  for (const told of all) {
    latency.add(told.latency)
    for (const [code, count] of Object.entries(told.closed)) closed[code] = (closed[code] ?? 0) + count
  }
  return {
    seconds: Math.max(...all.map(told => told.seconds)),
    due: sum(told => told.due),
    sent: sum(told => told.sent),
    acked: sum(told => told.acked),
    heldBack: sum(told => told.heldBack),
    beats: sum(told => told.beats),
    nacks: sum(told => told.nacks),
    busy: sum(told => told.busy),
    byes: sum(told => told.byes),
    welcomes: sum(told => told.welcomes),
    closed,
    latency: latency.counted,
    lagMs: Math.max(...all.map(told => told.lagMs)),
    cpu: Math.max(...all.map(told => told.cpu)),
    stalls: sum(told => told.stalls),
  }
}
