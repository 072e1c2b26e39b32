import type { IncomingMessage, Server } from 'node:http'
import { isIP, isIPv6, type Socket } from 'node:net'
import { Bucket, type Clock } from '@fettle/kit'
import { limits } from '@fettle/protocol'
import type { Events } from './events.ts'
import { Limiter } from './http/limiter.ts'

/** Every limit on those who have not proved who they are. Addresses are IPv4 ones, and /64 networks of IPv6: what one machine can give itself. */
export const admissionLimits = {
  /** Handshakes of agents that are begun a second by the whole collector, and how many at once. */
  handshakes: { perSecond: 2_000, burst: 2_000 },
  /** The same for one address: a company behind one may still come back within a minute, and leaves room for others. */
  handshakesOfAddress: { perSecond: 1_000, burst: 1_000 },
  /** Connections that one address may open a second, and at once: a TLS handshake costs more than what comes after it. */
  connectsOfAddress: { perSecond: 1_000, burst: 4_000 },
  /** Sockets of strangers: whatever is connected and is no agent that was let in. */
  strangers: 4_096,
  /** The same of one address. */
  strangersOfAddress: 1_024,
  /** A stranger that was silent for this long gives way where there is no room, ms: an honest handshake is over by then. */
  patienceMs: 2_000,
  /** Who has not sent one whole request by then is cut, ms; TLS included. */
  firstRequestMs: limits.handshakeMs,
  /** A request with its body must be there within this, ms. */
  requestMs: 30_000,
  /** How often is looked for those who are late, ms. */
  sweepMs: 1_000,
  /** Whoever is told to come back comes back spread over at least this, ms. */
  spreadMs: 10_000,
} as const

export type AdmissionLimits = {
  readonly [N in keyof typeof admissionLimits]: (typeof admissionLimits)[N] extends number
    ? number
    : { readonly perSecond: number; readonly burst: number }
}

/** How many of those that were silent longest are looked at for one that gives way. */
const LOOKED_AT = 32

/** A socket of which nobody knows yet whose it is. */
export type Stranger = {
  readonly origin: string
  /** It has proved who it is, or it is gone. */
  leave(): void
}

type Waiting = Stranger & { readonly since: number; activeAt: number; asked: boolean; cut(): void }

type Deps = {
  readonly clock: Clock
  readonly events: Events
  readonly maxConnections: number
  readonly limits?: Partial<AdmissionLimits> | undefined
  /** Whether an address is one of the trusted proxies: whoever comes through one is told apart by the address that it forwards. */
  isProxy(address: string): boolean
  /** Between 0 and 1. */
  readonly random?: (() => number) | undefined
}

/**
 * Bounds what strangers cost, before anybody has proved anything: how many sockets they hold, how long, and how many handshakes are begun a second.
 * Where there is no room the one that was silent longest gives way, so that sockets that only lie there keep no agent out.
 */
export class Admission {
  readonly #deps: Deps
  readonly #limits: AdmissionLimits
  readonly #handshakes: Bucket
  readonly #handshakesOf: Limiter
  readonly #connectsOf: Limiter
  /** Silent longest first. */
  readonly #strangers = new Set<Waiting>()
  readonly #byOrigin = new Map<string, Set<Waiting>>()
  readonly #bySocket = new WeakMap<object, Waiting>()
  /** Peers by address and port: a TLS socket is another object than the one that it was accepted on. */
  readonly #byPeer = new Map<string, Waiting>()
  #stopSweeping: () => void = () => {}

  constructor(deps: Deps) {
    const { clock } = deps
    this.#deps = deps
    this.#limits = { ...admissionLimits, ...deps.limits }
    this.#handshakes = new Bucket(this.#limits.handshakes, clock.monotonic())
    this.#handshakesOf = new Limiter(this.#limits.handshakesOfAddress, () => clock.monotonic())
    this.#connectsOf = new Limiter(this.#limits.connectsOfAddress, () => clock.monotonic())
  }

  /** How many strangers are connected. */
  get strangers(): number {
    return this.#strangers.size
  }

  /** Watches over a server that listens. */
  listen(server: Server): void {
    server.headersTimeout = this.#limits.firstRequestMs
    server.requestTimeout = this.#limits.requestMs
    server.maxConnections = this.#deps.maxConnections + this.#limits.strangers
    server.on('connection', (socket: Socket) => this.#connected(socket))
    server.on('request', (request: IncomingMessage) => this.#asks(request))
    server.on('drop', () => this.#deps.events.cut('total'))
    this.#sweepLater()
  }

  stop(): void {
    this.#stopSweeping()
  }

  /**
   * Somebody wants to be greeted as an agent.
   * @returns who it is for as long as nobody knows, or after how many seconds to come back
   */
  arrives(request: IncomingMessage): Stranger | number {
    const { clock, events } = this.#deps
    const origin = this.#originOf(request)
    if (this.#handshakesOf.take(origin) > 0 || !this.#handshakes.take(1, clock.monotonic())) {
      events.refused('pace')
      return this.retryAfter()
    }
    const known = this.#asks(request)
    if (known) return known
    const stranger = this.#enter(origin, () => request.socket.destroy())
    if (!stranger) {
      events.refused('busy')
      return this.retryAfter()
    }
    stranger.asked = true
    request.socket.once('close', () => stranger.leave())
    return stranger
  }

  /** Seconds for Retry-After (RFC 9110, section 10.2.3), spread so wide that all who may connect could come back at the pace. */
  retryAfter(): number {
    const { maxConnections, random = Math.random } = this.#deps
    const spreadMs = Math.max(this.#limits.spreadMs, (maxConnections / this.#limits.handshakes.perSecond) * 1000)
    return 1 + Math.floor((random() * spreadMs) / 1000)
  }

  #connected(socket: Socket): void {
    const { remoteAddress = '', remotePort = 0 } = socket
    if (this.#deps.isProxy(remoteAddress)) return
    const origin = originOf(remoteAddress)
    const stranger = this.#connectsOf.take(origin) > 0 ? this.#cutAt('rate') : this.#enter(origin, () => socket.destroy())
    if (!stranger) {
      // Nothing is listened to yet that could tell of an error.
      socket.on('error', () => {})
      return void socket.destroy()
    }
    const peer = `${remoteAddress} ${remotePort}`
    this.#byPeer.set(peer, stranger)
    this.#bySocket.set(socket, stranger)
    socket.once('close', () => {
      stranger.leave()
      if (this.#byPeer.get(peer) === stranger) this.#byPeer.delete(peer)
    })
  }

  #asks({ socket }: IncomingMessage): Waiting | undefined {
    const stranger = this.#bySocket.get(socket) ?? this.#byPeer.get(`${socket.remoteAddress} ${socket.remotePort}`)
    if (!stranger || !this.#strangers.has(stranger)) return undefined
    stranger.asked = true
    stranger.activeAt = this.#deps.clock.monotonic()
    for (const set of [this.#strangers, this.#byOrigin.get(stranger.origin)]) {
      set?.delete(stranger)
      set?.add(stranger)
    }
    return stranger
  }

  #enter(origin: string, cut: () => void): Waiting | undefined {
    const { strangers, strangersOfAddress } = this.#limits
    const own = this.#byOrigin.get(origin) ?? new Set<Waiting>()
    if (!this.#hasRoom(own, strangersOfAddress, 'address', own.size) || !this.#hasRoom(this.#strangers, strangers, 'total', own.size))
      return undefined
    const now = this.#deps.clock.monotonic()
    const stranger: Waiting = { origin, since: now, activeAt: now, asked: false, cut, leave: () => this.#leave(stranger) }
    // Who gave way may have been the last of its address.
    this.#byOrigin.set(origin, own.add(stranger))
    this.#strangers.add(stranger)
    return stranger
  }

  #leave(stranger: Waiting): void {
    if (!this.#strangers.delete(stranger)) return
    const own = this.#byOrigin.get(stranger.origin)
    own?.delete(stranger)
    if (own?.size === 0) this.#byOrigin.delete(stranger.origin)
  }

  /**
   * Whether one more fits. One of those that were silent longest gives way: of an address that has many more than the one that comes, else the first that
   * had its time.
   */
  #hasRoom(held: ReadonlySet<Waiting>, most: number, reason: 'address' | 'total', own: number): boolean {
    if (held.size < most) return true
    this.#deps.events.cut(reason)
    const [oldest] = held
    const hadItsTime = oldest && this.#deps.clock.monotonic() - oldest.activeAt >= this.#limits.patienceMs
    const gives = this.#ofMany(held, own) ?? (hadItsTime ? oldest : undefined)
    if (gives) this.#end(gives)
    return gives !== undefined
  }

  #ofMany(held: ReadonlySet<Waiting>, own: number): Waiting | undefined {
    let looked = 0
    for (const stranger of held) {
      if (looked++ >= LOOKED_AT) return undefined
      if ((this.#byOrigin.get(stranger.origin)?.size ?? 0) > 2 * own + 1) return stranger
    }
    return undefined
  }

  #cutAt(reason: Parameters<Events['cut']>[0]): undefined {
    this.#deps.events.cut(reason)
    return undefined
  }

  #end(stranger: Waiting): void {
    this.#leave(stranger)
    stranger.cut()
  }

  #sweepLater(): void {
    this.#stopSweeping = this.#deps.clock.after(this.#limits.sweepMs, () => {
      const late = this.#deps.clock.monotonic() - this.#limits.firstRequestMs
      for (const stranger of this.#strangers) {
        if (stranger.activeAt > late) break
        if (stranger.asked) continue
        this.#cutAt('slow')
        this.#end(stranger)
      }
      this.#sweepLater()
    })
  }

  #originOf(request: IncomingMessage): string {
    return originOf(forwardedFor(request, address => this.#deps.isProxy(address)))
  }
}

/** Who a request comes from: the peer, or the last address in X-Forwarded-For that no trusted proxy has. */
export function forwardedFor({ socket, headers }: IncomingMessage, isProxy: (address: string) => boolean): string {
  const told = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',')
  const way = [...told.map(address => address.trim()).filter(address => address !== ''), socket.remoteAddress ?? '']
  return way.findLast(address => !isProxy(address)) ?? way[0] ?? ''
}

/** What counts as one address: an IPv4 one, or the /64 of an IPv6 one (RFC 4291, section 2.5.4), which a single machine may use whole. */
export function originOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
  if (!isIPv6(plain)) return isIP(plain) === 0 ? 'unknown' : plain
  const [head = '', tail] = plain.split('::')
  const groups = (text: string) => text.split(':').filter(group => group !== '')
  const before = groups(head)
  const after = groups(tail ?? '')
  const zeros = tail === undefined ? [] : new Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0')
  const four = [...before, ...zeros, ...after].slice(0, 4).map(group => Number.parseInt(group, 16).toString(16))
  return `${four.join(':')}::/64`
}
