import { createHash } from 'node:crypto'
import type { Finding, Outcome } from '@fettle/catalog'

/** Hosts are spread over this many buckets by hostId: one hash tag each on a Redis Cluster. For ever the same. */
export const BUCKETS = 64
/** Transitions kept per host; older ones end. */
export const TRANSITIONS_KEPT = 500
/** What is not as it should be with an engine; `error`: what was acknowledged is, or will be, thrown away in the ordinary course of things. */
export type StoreWarning = { readonly level: 'error' | 'warn'; readonly text: string }

/** A last sign of life that is this much later than a new one was told by a clock that was wrong, ms. It gives way, or the host would seem present for ever. */
export const SEEN_AHEAD_MS = 60_000
/** The same of a look at a fact, ms: as far as the judge believes a time that is ahead. */
export const FRESH_AHEAD_MS = 10 * 60_000
/** Bytes of transitions kept per host; older ones end, the newest stays whatever its size. They are most of what a Redis holds in memory. */
export const TRANSITION_BYTES_KEPT = 256 * 1024
/** Entries kept of each bucket's change feed. */
export const FEED_KEPT = 10_000

/** An update that no host confirmed for this long is forgotten by `firstSeen`, days; up to twice as long where that is cheaper. */
export const FIRST_SEEN_DAYS = 400
/** Longest update that is kept by its name, characters; a longer one is kept by its hash. */
const UPDATE_LENGTH = 128

/** What an update is kept by, the same in every engine. */
export function nameOfUpdate(update: string): string {
  return update.length <= UPDATE_LENGTH ? update : `sha256:${createHash('sha256').update(update).digest('base64url')}`
}

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

/**
 * Whether a host may talk. `pending`: enrolled by a token that demands approval, and nobody has approved it yet. `quarantined`: its key was seen on
 * two machines. `revoked`: an operator shut it out; its data stays until it is removed.
 */
export type Standing = {
  readonly state: 'active' | 'pending' | 'quarantined' | 'revoked'
  /** Since when, epoch ms. */
  readonly since: number
  /** Why, in words for people; empty where it is active. */
  readonly why: string
}

/** The standing of a host that nobody has anything against. */
export const ACTIVE: Standing = { state: 'active', since: 0, why: '' }

export type HostMeta = {
  readonly standing: Standing
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
  /** Hosts that come by it are pending until an operator approves them. */
  readonly approve: boolean
}

/** An act of an administrator: who did what to whom, when. Secrets are never part of it. */
export type AuditEntry = {
  /** Grows by one with each entry; given by the store. */
  readonly id: number
  readonly at: number
  /** `token:<id>`, `person:<name>`, `socket` for the machine's own administrator, `collector` for what it does by itself. */
  readonly who: string
  /** `host.approve`, `host.revoke`, `token.create` … */
  readonly what: string
  /** Instance, token id, and so on; empty where there is none. */
  readonly target: string
  readonly detail: string
  /** Where the request came from; empty for the machine itself. */
  readonly address: string
}
/** Entries of the audit log that are kept; older ones end. */
export const AUDIT_KEPT = 10_000

/** Who did what; every collector writes to the same one. */
export type AuditLog = {
  add(entry: Omit<AuditEntry, 'id'>): Promise<void>
  /** Newest first, at most `most`, only those before the entry `before`. */
  list(most: number, before?: number): Promise<AuditEntry[]>
}

/** Longest text of a value, characters. */
export const VALUE_LENGTH = 64 * 1024
/** Most names that are listed. */
export const VALUES_LISTED = 1_000

/** Small texts by name, at most `VALUE_LENGTH`, for a time or until they are dropped: sessions of people, the certificate authority. */
export type Values = {
  /** @param ttlMs null: until it is taken */
  put(name: string, text: string, ttlMs: number | null): Promise<void>
  /** The same where there is none of that name yet. @returns the text that holds now: the first of all collectors wins */
  putFirst(name: string, text: string, ttlMs: number | null): Promise<string>
  get(name: string): Promise<string | undefined>
  /** Takes it away and gives it back: one of all who ask gets it. */
  take(name: string): Promise<string | undefined>
  /** Names that begin so, sorted, at most `VALUES_LISTED`. */
  names(beginning: string): Promise<string[]>
}

/** What only one collector at a time may do. */
export type Leases = {
  /** Takes or renews it. @returns its fencing number, which grows whenever the holder changes; undefined while another holds it */
  take(name: string, holder: string, ttlMs: number): Promise<number | undefined>
  /** Gives it back at once; nothing where another holds it. */
  release(name: string, holder: string): Promise<void>
}

/** What a link token that a host shows says of its machine. `cloned`: it is neither the last one that the host kept nor the one given after it. */
export type LinkAnswer = 'ok' | 'cloned' | 'gone'

/** One record of a backup. */
export type DumpRecord =
  | {
      readonly kind: 'host'
      readonly host: StoredHost
      readonly transitions: readonly Transition[]
      readonly tokenId: string | null
      readonly link: { readonly kept: string | null; readonly offered: string | null }
    }
  | { readonly kind: 'token'; readonly token: Token }
  | { readonly kind: 'firstSeen'; readonly updates: readonly (readonly [update: string, at: number])[] }
  | { readonly kind: 'audit'; readonly entry: AuditEntry }
  | { readonly kind: 'value'; readonly name: string; readonly text: string; readonly endsAt: number | null }

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
  /** Approves, quarantines, revokes, releases. The feed tells (`host`). @returns the host as it is now; undefined where there is none */
  setStanding(hostId: string, standing: Standing): Promise<HostMeta | undefined>
  /** Gives a host another name, atomically. The feed tells (`host`). `taken`: another host has it, and nothing changed. */
  rename(hostId: string, instance: string): Promise<'renamed' | 'taken' | 'gone'>
  /**
   * Compares the link token that a host shows and offers it the next one, atomically. Right are: the token that it kept last; the one offered since,
   * which is then the one it kept; anything, where none was ever kept. `null` is what a host shows that has none. `cloned` changes nothing.
   * Hashes, never tokens.
   */
  takeLink(hostId: string, shown: string | null, offered: string): Promise<LinkAnswer>
  /** The host has the offered token on its disk: earlier ones are worth nothing from now on. */
  keepLink(hostId: string, offered: string): Promise<void>
  /** Forgets the link tokens of a host: whoever comes next with its key is believed. For a clone that was parted. */
  clearLink(hostId: string): Promise<void>
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
  readonly audit: AuditLog
  readonly values: Values
  readonly leases: Leases
  /** Everything, for a backup: each host with its transitions as of one moment. Hosts that change meanwhile may be told as before or after. */
  dump(): AsyncIterable<DumpRecord>
  /** Writes what `dump` gave into this store. @throws where this store holds hosts or tokens already */
  fill(records: AsyncIterable<DumpRecord>): Promise<void>
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
  warnings(): Promise<StoreWarning[]>
  close(): Promise<void>
}

/** The text of a value. @throws where it is longer than a value may be */
export function assertSmall(name: string, text: string): string {
  if (text.length <= VALUE_LENGTH) return text
  throw new Error(`Cannot keep ${JSON.stringify(name)}: it has ${text.length} characters, wanted at most ${VALUE_LENGTH}`)
}

/** A store that holds a fleet is never filled: what is there would be mixed with what comes. */
export function notEmpty(): Error {
  return new Error('Cannot fill this store: it holds hosts or tokens already; name an empty one')
}
