import type { Finding, Outcome } from '@fettle/catalog'

/** Hosts are spread over this many buckets by hostId: one hash tag each on a Redis Cluster. For ever the same. */
export const BUCKETS = 64
/** Transitions kept per host; older ones end. */
export const TRANSITIONS_KEPT = 500
/** Bytes of transitions kept per host; older ones end, the newest stays whatever its size. They are most of what a Redis holds in memory. */
export const TRANSITION_BYTES_KEPT = 256 * 1024
/** Entries kept of each bucket's change feed. */
export const FEED_KEPT = 10_000

/** An update that no host confirmed for this long is forgotten by `firstSeen`, days; up to twice as long where that is cheaper. */
export const FIRST_SEEN_DAYS = 400
/** Most updates that `firstSeen` remembers; beyond it a new one is answered with the time that was given, and not kept. */
export const FIRST_SEEN_KEPT = 1_000_000

/** The bucket of a host: the first byte of its id. @param hostId 32 hexadecimal digits */
export function bucketOf(hostId: string): number {
  return Number.parseInt(hostId.slice(0, 2), 16) % BUCKETS
}

/** A fact as it is kept. `data` stays the agent's JSON text: the store never looks inside. */
export type StoredFact = {
  readonly key: string
  readonly outcome: Outcome
  /** Observed at, epoch ms, corrected for the host's clock offset. */
  readonly at: number
  /** When the host said last that nothing had changed, epoch ms, corrected; at least `at`. Freshness counts from here. */
  readonly freshAt: number
  readonly everyMs: number
  readonly tookMs: number
  readonly reason?: string | undefined
  readonly hint?: string | undefined
  /** The agent's digest of it. */
  readonly hash: string
  /** JSON text; there exactly where the outcome is `ok`. */
  readonly data?: string | undefined
}

/** A change of a fact that a host lived through, in its order. */
export type Transition = {
  readonly seq: number
  readonly key: string
  readonly at: number
  readonly outcome: Outcome
  readonly reason?: string | undefined
  readonly hash: string
  readonly data?: string | undefined
}

export type HostMeta = {
  readonly hostId: string
  /** Unique over the fleet. */
  readonly instance: string
  /** SPKI DER, base64. */
  readonly publicKey: string
  readonly labels: Readonly<Record<string, string>>
  readonly enrolledAt: number
}

/** A host as `load` and `host` give it. */
export type StoredHost = {
  readonly meta: HostMeta
  /** Highest seq applied. */
  readonly seq: number
  /** Last accepted frame on the collector's clock, epoch ms; 0 before the first. */
  readonly lastSeenAt: number
  readonly agentVersion: string
  readonly clockOffsetMs: number | null
  readonly dropped: number
  readonly facts: readonly StoredFact[]
  readonly findings: readonly Finding[]
}

/** One report or beat of a host, to be applied. */
export type Change = {
  readonly hostId: string
  readonly seq: number
  /** Collector's clock. */
  readonly receivedAt: number
  readonly clockOffsetMs: number | null
  readonly dropped: number
  /** Left out: stays what it was. */
  readonly agentVersion?: string | undefined
} & (
  | {
      readonly kind: 'report'
      readonly fact: StoredFact /** An older state, already replaced: only the transition is kept. */
      readonly superseded: boolean
    }
  | { readonly kind: 'beat'; readonly fresh: Readonly<Record<string, number>> }
)

/** `applied`: durable now. `old`: a seq that had been applied before: nothing changed, acknowledge it. `gone`: the host is not enrolled (any more). */
export type Applied = 'applied' | 'old' | 'gone'

/** What the change feed tells of, in a bucket's order. Followers read the host anew where they need more. */
export type FeedEntry = {
  readonly hostId: string
  readonly kind: 'fact' | 'beat' | 'host' | 'removed' | 'findings' /** Key of the fact. */
  readonly key?: string | undefined
}

export type Token = {
  /** Public part: 16 hexadecimal digits. */
  readonly id: string
  readonly kind: 'enrol' | 'api'
  /** SHA-256 of the secret, hex; the secret itself is never stored. */
  readonly secretHash: string
  readonly createdAt: number
  /** Epoch ms; null: never. */
  readonly expiresAt: number | null
  /** Enrolments left; null: no limit. Always null for API tokens. */
  readonly usesLeft: number | null
  readonly labels: Readonly<Record<string, string>>
  readonly role: 'viewer' | 'operator' | 'admin' | null
  readonly note: string
}

/** The store cannot answer now; everything may be tried again. */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable'
  readonly retryable = true
}

/**
 * The fleet's memory. Two implementations, one contract test. When a promise resolves, what it did is as durable as the engine is set up
 * to make it. Every method throws `StoreUnavailable` while the engine is away.
 */
export type Store = {
  /** Random name of this data set: a wiped engine has another one. Asked of the engine each time; made where there is none. */
  epoch(): Promise<string>
  /**
   * Applies in order, each one idempotent and atomic: compare seq, write the fact, renew freshness, append transition and feed entry. One answer each.
   * A report whose hash is the one before it of its key is no transition. Where it throws, some may have been applied: the same changes are to be tried
   * again before later ones of their hosts, or a later seq would make them `old`. Calls that were waiting behind one that threw throw as well.
   */
  apply(changes: readonly Change[]): Promise<Applied[]>
  /** Every host of the fleet, some at a time. */
  load(): AsyncIterable<StoredHost>
  host(hostId: string): Promise<StoredHost | undefined>
  /** Newest first, at most `most`. */
  transitions(hostId: string, most: number): Promise<Transition[]>
  /** Writes the findings of a host and appends them to the feed: `since` survives the collector. */
  putFindings(hostId: string, findings: readonly Finding[]): Promise<void>
  /**
   * Enrols a host by a token, atomically: counts one use, takes the instance name, with `~` and six digits of the hostId where another host has it.
   * The same host again with a token gets its old name; with the token it came by, that counts no use, so a torn enrolment is simply tried again. @returns undefined where the token is unknown, spent, expired or no enrolment token
   */
  enrol(tokenId: string, host: Omit<HostMeta, 'enrolledAt'>, now: number): Promise<HostMeta | undefined>
  /** Removes a host and all its data; the feed tells. @returns whether there was one */
  remove(hostId: string): Promise<boolean>
  /**
   * Writes again what a wiped engine lost: enrolments (without facts: the agents send those) and tokens. Never overwrites what is there, never brings back
   * what was removed: may be called whenever something might have been lost.
   */
  restore(hosts: readonly HostMeta[], tokens: readonly Token[]): Promise<void>
  putToken(token: Token): Promise<void>
  token(id: string): Promise<Token | undefined>
  tokens(): Promise<Token[]>
  /** @returns whether there was one */
  removeToken(id: string): Promise<boolean>
  /** Remembers when the fleet first saw each update: the earliest time wins. @returns the times that hold */
  firstSeen(updates: ReadonlyMap<string, number>): Promise<Map<string, number>>
  /**
   * Calls back for every entry of the change feed from now on, other collectors' entries too, until closed. `lost` is called when entries may
   * have been missed or the engine lost its data: load everything anew.
   */
  follow(onEntry: (entry: FeedEntry) => void, lost: (why: string) => void): Promise<() => Promise<void>>
  /** Throws where the engine does not answer within `timeoutMs`. */
  ping(timeoutMs: number): Promise<void>
  /** What operators must know of the engine's settings: persistence, eviction, memory. Empty where all is as it should be. */
  warnings(): Promise<string[]>
  close(): Promise<void>
}
