import type { Clock } from '@fettle/kit'

/** Longest time that callbacks keep the event loop, and the pause after it, ms: where very much is due at once, others still get their turn. */
const SLICE_MS = 10
const PAUSE_MS = 30

/** Calls back for a name when its time has come: one timer for all of them. The newest time given for a name holds. */
export class Due {
  readonly #clock: Clock
  readonly #call: (name: string) => void
  readonly #times = new Map<string, number>()
  /** Binary heap by time; entries that `#times` no longer agrees with are dropped when they come up. */
  readonly #heap: { at: number; name: string }[] = []
  #cancel: (() => void) | undefined
  #armedFor = Number.POSITIVE_INFINITY

  constructor(clock: Clock, call: (name: string) => void) {
    this.#clock = clock
    this.#call = call
  }

  /** @param at epoch ms; in the past means at once */
  set(name: string, at: number): void {
    if (this.#times.get(name) === at) return
    this.#times.set(name, at)
    this.#push({ at, name })
    this.#arm()
  }

  delete(name: string): void {
    this.#times.delete(name)
  }

  stop(): void {
    this.#cancel?.()
    this.#times.clear()
    this.#heap.length = 0
  }

  #arm(soonest = 0): void {
    const first = this.#heap[0]
    if (!first || first.at >= this.#armedFor) return
    this.#cancel?.()
    this.#armedFor = first.at
    this.#cancel = this.#clock.after(Math.max(soonest, first.at - this.#clock.now()), () => this.#fire())
  }

  #fire(): void {
    this.#armedFor = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    const started = this.#clock.monotonic()
    for (let first = this.#heap[0]; first && first.at <= now; first = this.#heap[0]) {
      this.#pop()
      if (this.#times.get(first.name) !== first.at) continue
      this.#times.delete(first.name)
      this.#call(first.name)
      if (this.#clock.monotonic() - started > SLICE_MS) return this.#arm(PAUSE_MS)
    }
    this.#arm()
  }

  #push(entry: { at: number; name: string }): void {
    const heap = this.#heap
    let i = heap.push(entry) - 1
    while (i > 0) {
      const up = (i - 1) >> 1
      const parent = heap[up]
      if (!parent || parent.at <= entry.at) break
      heap[i] = parent
      i = up
    }
    heap[i] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let i = 0
    for (;;) {
      const left = 2 * i + 1
      const right = left + 1
      const smaller = (heap[right]?.at ?? Number.POSITIVE_INFINITY) < (heap[left]?.at ?? Number.POSITIVE_INFINITY) ? right : left
      const child = heap[smaller]
      if (!child || child.at >= last.at) break
      heap[i] = child
      i = smaller
    }
    heap[i] = last
  }
}
