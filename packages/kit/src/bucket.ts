/** How fast something may be spent, and how much at once. */
export type Rate = { readonly perSecond: number; readonly burst: number }

/** A token bucket: holds `burst`, fills by `perSecond`. Times are of a monotonic clock, ms. */
export class Bucket {
  readonly #rate: Rate
  #left: number
  #at: number

  constructor(rate: Rate, now: number) {
    this.#rate = rate
    this.#left = rate.burst
    this.#at = now
  }

  /** What is left; negative for a debt. */
  left(now: number): number {
    this.#left = Math.min(this.#rate.burst, this.#left + (Math.max(0, now - this.#at) / 1000) * this.#rate.perSecond)
    this.#at = Math.max(now, this.#at)
    return this.#left
  }

  /** Spends in any case, into debt too. @returns what is left then */
  spend(cost: number, now: number): number {
    this.#left = this.left(now) - cost
    return this.#left
  }

  /** Spends where there is enough. */
  take(cost: number, now: number): boolean {
    if (this.left(now) < cost) return false
    this.#left -= cost
    return true
  }

  /** How long until this much is there, ms. */
  waitMs(cost: number, now: number): number {
    return Math.max(0, ((Math.min(cost, this.#rate.burst) - this.left(now)) / this.#rate.perSecond) * 1000)
  }
}
