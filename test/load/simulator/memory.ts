import { createHash } from 'node:crypto'
import { factsOfMember, movedFact, movingKeys, type SaidFact } from '../fleet/fleet.ts'
import type { Member } from '../fleet/member.ts'

/** Something that waits for its acknowledgement. */
export type Entry = {
  seq: number
  readonly key: string
  readonly round: number
  /** When the source was looked at, epoch ms. */
  readonly at: number
  /** When it was handed to the socket, ms of `performance.now`; 0 before. */
  sentAt: number
}

/** What one made-up agent holds: digests of its facts, and what is not acknowledged. Facts are made anew when they are sent. */
export class Memory {
  readonly member: Member
  readonly #base: number
  readonly #moving: readonly string[]
  readonly #digests = new Map<string, string>()
  readonly #rounds = new Map<string, number>()
  readonly #every = new Map<string, number>()
  #made: Map<string, SaidFact> | undefined
  /** In the order of their seq. */
  readonly waiting: Entry[] = []
  seq = 0

  /** @param base the moment that the first facts are told of, epoch ms: the same in every run over the same fleet */
  constructor(member: Member, base: number, rounds: Readonly<Record<string, number>> = {}) {
    this.member = member
    this.#base = base
    this.#moving = movingKeys(member)
    for (const fact of factsOfMember(member, base)) this.#learn(fact)
    for (const [key, round] of Object.entries(rounds)) {
      this.#rounds.set(key, round)
      this.#learn(movedFact(member, key, round, base))
    }
  }

  get digests(): Record<string, string> {
    return Object.fromEntries(this.#digests)
  }

  get rounds(): Record<string, number> {
    return Object.fromEntries(this.#rounds)
  }

  /** Names what is held: two that hold the same have the same. */
  get digest(): string {
    return digestOf(this.#digests)
  }

  /** One of the moving facts is another one now. @param nth picks which @param only of this subject */
  change(nth: number, only?: string): Entry | undefined {
    const moving = only === undefined ? this.#moving : this.#moving.filter(key => key.startsWith(`${only}/`))
    const key = moving[nth % moving.length]
    if (key === undefined) return undefined
    const round = (this.#rounds.get(key) ?? 0) + 1
    this.#rounds.set(key, round)
    this.#learn(movedFact(this.member, key, round, this.#base))
    return this.#enter(key, round)
  }

  /** Takes a welcome: what is durable ends, what is wanted and does not wait yet is told again. */
  welcome(acked: number, want: readonly string[]): void {
    this.acked(acked)
    if (acked > this.seq) {
      this.seq = acked
      for (const entry of this.waiting) entry.seq = ++this.seq
    }
    const waits = new Set(this.waiting.map(entry => entry.key))
    for (const key of want) if (this.#digests.has(key) && !waits.has(key)) this.#enter(key, this.#rounds.get(key) ?? 0)
  }

  /** Ends what is durable. @returns it */
  acked(seq: number): Entry[] {
    const still = this.waiting.findIndex(entry => entry.seq > seq)
    const ended = this.waiting.splice(0, still < 0 ? this.waiting.length : still)
    if (this.waiting.length === 0) this.#made = undefined
    return ended
  }

  /** The fact of an entry. */
  fact({ key, round }: Entry): SaidFact {
    if (round > 0) return movedFact(this.member, key, round, this.#base)
    this.#made ??= new Map(factsOfMember(this.member, this.#base).map(fact => [fact.key, fact]))
    const fact = this.#made.get(key)
    if (!fact) throw new Error(`Cannot tell ${key} of ${this.member.instance}: it was never told`)
    return fact
  }

  /** Whether a newer state of the same fact waits behind it. */
  isSuperseded(entry: Entry): boolean {
    return this.waiting.some(other => other.key === entry.key && other.seq > entry.seq)
  }

  /** What was looked at again between two moments, by the interval of each source and its own place in it. */
  fresh(since: number, now: number): Record<string, number> {
    const fresh: Record<string, number> = {}
    for (const [key, every] of this.#every) {
      const phase = (this.member.seed * 31 + key.length * 7_919) % every
      if (Math.floor((now + phase) / every) !== Math.floor((since + phase) / every)) fresh[key] = now
    }
    return fresh
  }

  #enter(key: string, round: number): Entry {
    const entry = { seq: ++this.seq, key, round, at: Date.now(), sentAt: 0 }
    this.waiting.push(entry)
    return entry
  }

  #learn({ key, hash, everyMs }: SaidFact): void {
    this.#digests.set(key, hash)
    this.#every.set(key, everyMs)
  }
}

/** One name for all facts of a host. @param hashes of its facts by key */
export function digestOf(hashes: ReadonlyMap<string, string>): string {
  const lines = [...hashes].map(([key, hash]) => `${key} ${hash}\n`).sort()
  return createHash('sha256').update(lines.join('')).digest('hex').slice(0, 32)
}
