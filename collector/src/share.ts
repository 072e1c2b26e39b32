import { Bucket, type Clock, type Rate } from '@fettle/kit'
import { limits } from '@fettle/protocol'
import type { Events } from './events.ts'
import type { FleetHost } from './fleet.ts'

/** What one host may take of its collector, however it is connected. An honest agent never comes near: a test says so. */
export const shareLimits = {
  /** Frames, pings and pongs, a second and at once: the largest outbox, 1,256 reports, goes through in one piece, three times. */
  frames: { perSecond: 20, burst: 4_000 },
  /** Bytes of frames, inflated. */
  bytes: { perSecond: 128 * 1024, burst: 32 * 1024 * 1024 },
  /** A host that goes on after it was told to wait is cut with this debt, frames and bytes: what an honest one has on its way is less. */
  debt: { frames: 1_000, bytes: 16 * 1024 * 1024 },
  /** Connections that were let in, a second and at once. */
  connections: { perSecond: 0.2, burst: 60 },
  /** How long a host waits at least that took more than its share, ms. */
  retryMs: 5_000,
  /** Keys that a host may ever have reported. */
  facts: limits.factsPerHost,
  /** Text of all the large facts of a host, characters; facts below `largeFact` are not counted, their number is bounded. */
  factChars: 8 * 1024 * 1024,
  largeFact: 16 * 1024,
  /** Frames of a host that wait to be unpacked, bytes; beyond it nothing more is read from its socket. */
  unpackingBytes: 2 * 1024 * 1024,
  /** What waits to be read by a host, bytes: one that never reads is cut. */
  unreadBytes: 1024 * 1024,
  /** Updates that no host had shown before, a second and at once: they are remembered for the whole fleet. */
  newUpdates: { perSecond: 250 / 86_400, burst: 6_000 },
} as const

/** What a host was refused for. */
export type Excess = 'frames' | 'bytes' | 'queue' | 'facts' | 'fact-size' | 'connections' | 'updates' | 'unread'

type Deps = { readonly clock: Clock; readonly events: Events; readonly frames?: Rate | undefined }

/** The shares of hosts, kept over their connections for as long as this collector knows the host: coming again gives no new share. */
export class Shares {
  readonly #deps: Deps
  readonly #shares = new WeakMap<FleetHost, Share>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  of(host: FleetHost): Share {
    const known = this.#shares.get(host)
    if (known) return known
    const share = new Share(host, this.#deps)
    this.#shares.set(host, share)
    return share
  }
}

/** What one host took of late, and whether it may take more. */
export class Share {
  readonly #host: FleetHost
  readonly #deps: Deps
  readonly #frames: Bucket
  readonly #bytes: Bucket
  readonly #connections: Bucket
  readonly #updates: Bucket
  /** Keys that were let in and that the store may not have yet, and those that are only told of as superseded. */
  readonly #newKeys = new Set<string>()

  constructor(host: FleetHost, deps: Deps) {
    const now = deps.clock.monotonic()
    this.#host = host
    this.#deps = deps
    this.#frames = new Bucket(deps.frames ?? shareLimits.frames, now)
    this.#bytes = new Bucket(shareLimits.bytes, now)
    this.#connections = new Bucket(shareLimits.connections, now)
    this.#updates = new Bucket(shareLimits.newUpdates, now)
  }

  /** A frame came. @returns whether it is to be taken at all: false for a host that was told to wait, and does not */
  frame(bytes: number): boolean {
    const now = this.#deps.clock.monotonic()
    const frames = this.#frames.spend(1, now)
    return this.inflated(bytes) && frames > -shareLimits.debt.frames
  }

  /** A frame turned out larger than it came, by so many bytes. @returns as `frame` */
  inflated(bytes: number): boolean {
    return this.#bytes.spend(bytes, this.#deps.clock.monotonic()) > -shareLimits.debt.bytes
  }

  /** How long this host has to wait now, ms; 0 where it need not. */
  waitMs(): number {
    const now = this.#deps.clock.monotonic()
    const frames = this.#frames.left(now) < 0
    const bytes = this.#bytes.left(now) < 0
    if (!frames && !bytes) return 0
    this.exceeds(frames ? 'frames' : 'bytes')
    // Enough for what an agent sends before it waits.
    const wait = Math.max(this.#frames.waitMs(limits.inFlightReports, now), this.#bytes.waitMs(limits.frameBytes, now))
    return Math.ceil(Math.max(shareLimits.retryMs, wait))
  }

  /** Whether it may connect once more. @returns how long to wait else, ms */
  connects(): number {
    const now = this.#deps.clock.monotonic()
    if (this.#connections.take(1, now)) return 0
    this.exceeds('connections')
    return Math.max(shareLimits.retryMs, Math.ceil(this.#connections.waitMs(1, now)))
  }

  /** Whether a fact fits. @param chars of its text. @returns what it is too much of */
  fits(key: string, chars: number): Excess | undefined {
    const excess = this.#hasKey(key) ? (this.#host.charsWith(key, chars) > shareLimits.factChars ? 'fact-size' : undefined) : 'facts'
    if (excess) this.exceeds(excess)
    return excess
  }

  /** Of so many updates that nobody had seen, how many are remembered. */
  newUpdates(wanted: number): number {
    const now = this.#deps.clock.monotonic()
    const granted = Math.max(0, Math.min(wanted, Math.floor(this.#updates.left(now))))
    this.#updates.spend(granted, now)
    if (granted < wanted) this.exceeds('updates')
    return granted
  }

  exceeds(what: Excess): void {
    this.#deps.events.overShare(this.#host.meta.hostId, what)
  }

  #hasKey(key: string): boolean {
    const { hashes } = this.#host
    if (hashes.has(key) || this.#newKeys.has(key)) return true
    for (const known of this.#newKeys) if (hashes.has(known)) this.#newKeys.delete(known)
    if (hashes.size + this.#newKeys.size >= shareLimits.facts) return false
    this.#newKeys.add(key)
    return true
  }
}
