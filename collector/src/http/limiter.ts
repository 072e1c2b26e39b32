import { Bucket, type Rate } from '@fettle/kit'

/** Identities that one limiter tells apart; what comes beyond shares one bucket. */
const MOST_IDENTITIES = 10_000
/** How often a full table is looked through for buckets that are full again, ms. */
const SWEEP_MS = 1_000
/** The bucket of all that found no place. No identity is called so. */
const OTHERS = ''

/**
 * Bounds what each identity may do, in bounded memory. It forgets only buckets that are full again: one that forgot the oldest could be made to forget
 * by coming under many names. Where its table is full it fails closed: all who found no place share one bucket.
 */
export class Limiter {
  readonly #rate: Rate
  readonly #monotonic: () => number
  readonly #most: number
  readonly #buckets = new Map<string, Bucket>()
  #sweptAt = Number.NEGATIVE_INFINITY

  constructor(rate: Rate, monotonic: () => number, most = MOST_IDENTITIES) {
    this.#rate = rate
    this.#monotonic = monotonic
    this.#most = most
  }

  /** Takes one of what this identity has left. @returns 0 where there was one, else how long to wait for the next, ms */
  take(identity: string): number {
    const now = this.#monotonic()
    const bucket = this.#bucketOf(identity, now)
    return bucket.take(1, now) ? 0 : Math.ceil(bucket.waitMs(1, now))
  }

  /** How long this identity would have to wait, ms; takes nothing. */
  wait(identity: string): number {
    const bucket = this.#buckets.get(identity) ?? (this.#buckets.size >= this.#most ? this.#buckets.get(OTHERS) : undefined)
    return bucket ? Math.ceil(bucket.waitMs(1, this.#monotonic())) : 0
  }

  get size(): number {
    return this.#buckets.size
  }

  #bucketOf(identity: string, now: number): Bucket {
    const known = this.#buckets.get(identity)
    if (known) return known
    if (this.#buckets.size >= this.#most) this.#sweep(now)
    const name = this.#buckets.size < this.#most ? identity : OTHERS
    const bucket = this.#buckets.get(name) ?? new Bucket(this.#rate, now)
    this.#buckets.set(name, bucket)
    return bucket
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < SWEEP_MS) return
    this.#sweptAt = now
    for (const [identity, bucket] of this.#buckets) if (bucket.left(now) >= this.#rate.burst) this.#buckets.delete(identity)
  }
}
