/** Buckets of one per cent each: any quantile is told that exactly, whatever the number of values. */
const GROWTH = Math.log(1.01)
/** Smallest value that is told apart, ms. */
const LEAST = 0.01

/** Times as counts by bucket, so that those of several processes can be put together: `[bucket, count]` each. */
export type Counted = readonly (readonly [number, number])[]

/** Counts times, in bounded memory. */
export class Histogram {
  readonly #counts = new Map<number, number>()

  record(ms: number): void {
    const bucket = Math.max(0, Math.ceil(Math.log(Math.max(ms, LEAST) / LEAST) / GROWTH))
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + 1)
  }

  add(counted: Counted): void {
    for (const [bucket, count] of counted) this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count)
  }

  get counted(): Counted {
    return [...this.#counts]
  }

  get size(): number {
    return this.#counts.values().reduce((sum, count) => sum + count, 0)
  }

  /** The value below which that share lies, ms; NaN where nothing was counted. */
  quantile(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.size))
    let seen = 0
    for (const [bucket, count] of [...this.#counts].sort((a, b) => a[0] - b[0])) {
      seen += count
      if (seen >= wanted) return LEAST * Math.exp(bucket * GROWTH)
    }
    return Number.NaN
  }

  clear(): void {
    this.#counts.clear()
  }
}
