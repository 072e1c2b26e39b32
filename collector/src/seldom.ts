/** A window, ms, how often the same is told in it, and how many things are told apart. */
const WINDOW_MS = 60_000
const TIMES = 10
const MOST_THINGS = 1_000

/** Keeps what a hostile peer can repeat at will from filling a log. */
export class Seldom {
  readonly #now: () => number
  readonly #said = new Map<string, { since: number; times: number }>()

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** @returns how often the same was kept back before, where it is to be told now; else undefined */
  say(what: string): number | undefined {
    const now = this.#now()
    const before = this.#said.get(what)
    if (before && now - before.since < WINDOW_MS) return before.times++ < TIMES ? 0 : undefined
    this.#said.delete(what)
    this.#forget(now)
    this.#said.set(what, { since: now, times: 1 })
    return Math.max(0, (before?.times ?? 0) - TIMES)
  }

  /** What began longest ago stands first. */
  #forget(now: number): void {
    for (const [what, { since }] of this.#said) {
      if (now - since < WINDOW_MS && this.#said.size < MOST_THINGS) break
      this.#said.delete(what)
    }
  }
}
