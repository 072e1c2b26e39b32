/** Delays between retries: full jitter from the first one, doubling its ceiling up to a cap, jitter kept at the cap. */
export class Backoff {
  readonly #base: number
  readonly #cap: number
  readonly #random: () => number
  #tries = 0

  /** @param base first ceiling, ms @param cap highest ceiling, ms */
  constructor(base: number, cap: number, random: () => number = Math.random) {
    this.#base = base
    this.#cap = cap
    this.#random = random
  }

  /**
   * The next delay, ms; never under `atLeast`, which is what the other end asked for: that is spread over half as much again.
   * @param lasted how long it has not worked, ms: the ceiling is no higher, or one of many that was quick to try at first comes long after all others
   */
  next(atLeast = 0, lasted = Number.POSITIVE_INFINITY): number {
    const ceiling = Math.min(this.#cap, Math.max(this.#base, lasted), this.#base * 2 ** Math.min(this.#tries++, 30))
    return Math.round(atLeast + this.#random() * Math.max(ceiling, atLeast / 2))
  }

  /** Things work again. */
  reset(): void {
    this.#tries = 0
  }
}
