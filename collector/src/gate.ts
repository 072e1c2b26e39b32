import { randomBytes } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '@fettle/kit'
import { channelOf, closeCodes, type Frame, FrameError, limits, readAgentFrame, SUBPROTOCOL } from '@fettle/protocol'
import { type WebSocket, WebSocketServer } from 'ws'
import { Admission, type AdmissionLimits, type Stranger } from './admission.ts'
import type { Events } from './events.ts'
import type { Fleet, FleetHost } from './fleet.ts'
import { proves } from './proof.ts'
import { Session, type SessionDeps } from './session.ts'
import type { Shares } from './share.ts'
import { ACTIVE, type Standing, type Store, StoreUnavailable, type Token } from './store/store.ts'
import { isSecretOf, linkHash, newLink } from './tokens.ts'

/** Where agents connect. */
export const AGENT_PATH = '/agent'
/** What an agent waits at least before it comes back when there is no room, ms. */
const BUSY_RETRY_MS = 15_000
/** The same while nobody has approved it, ms. */
const PENDING_RETRY_MS = 30_000
/** A refusal is told this long after the hello, whatever was wrong with it, ms: how long it took to find out tells nothing. */
const REFUSAL_MS = 50
/** A peer that does not answer a close is cut after this, ms. */
const CLOSE_GRACE_MS = 1_000
/** Most pieces that a message may come in: agents send each in one. */
const MOST_FRAGMENTS = 64

type Deps = SessionDeps & {
  readonly store: Store
  readonly fleet: Fleet
  readonly clock: Clock
  readonly events: Events
  readonly server: string
  readonly maxConnections: number
  readonly shares: Shares
  /** Limits on strangers that differ from the usual ones. */
  readonly admission?: Partial<AdmissionLimits> | undefined
  /** A token was used. */
  enrolled(instance: string, tokenId: string): Promise<void>
  /** Shuts a host out whose key was seen on two machines. */
  quarantine(hostId: string, why: string): Promise<void>
  /** Whether a connection comes through a proxy that ends TLS for this collector: then the agent's channel is the one to the proxy. */
  isProxy(address: string): boolean
}

type Refusal = 'signature' | 'token' | 'unknown-host' | 'malformed' | 'timeout' | 'busy' | 'channel'

/** What a socket stands for before its agent is known. */
type Caller = { readonly channel: string; readonly address: string; readonly stranger?: Stranger; readonly socket?: Duplex }

/** Lets agents in: WebSocket upgrade, challenge, hello, one generic refusal for every reason. Holds one session a host. */
export class Gate {
  readonly #deps: Deps
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.frameBytes,
    maxFragments: MOST_FRAGMENTS,
    perMessageDeflate: false,
    handleProtocols: protocols => (protocols.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  })
  readonly #sessions = new Map<string, Session>()
  readonly #admission: Admission
  #greeting = 0
  #open = true

  constructor(deps: Deps) {
    this.#deps = deps
    this.#admission = new Admission({ ...deps, limits: deps.admission })
  }

  /** Takes over the server's upgrades. */
  listen(server: Server): void {
    this.#admission.listen(server)
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
  }

  get connections(): number {
    return this.#sessions.size + this.#greeting
  }

  /** Sockets of those who have not proved who they are. */
  get strangers(): number {
    return this.#admission.strangers
  }

  sessions(): IterableIterator<Session> {
    return this.#sessions.values()
  }

  session(hostId: string): Session | undefined {
    return this.#sessions.get(hostId)
  }

  /** Sends every agent away, each told when to come back, spread so that they do not come in step. */
  async stop(spreadMs: number): Promise<void> {
    this.#open = false
    this.#admission.stop()
    for (const session of this.#sessions.values()) session.sendAway('the collector stops', Math.round(Math.random() * spreadMs))
    await new Promise<void>(resolve => this.#sockets.close(() => resolve()))
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    const path = (request.url ?? '').split('?')[0]
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map(name => name.trim())
    if (path !== AGENT_PATH) return deny(socket, '404 Not Found')
    if (!offered.includes(SUBPROTOCOL)) return deny(socket, '400 Bad Request')
    if (!this.#open || this.connections >= this.#deps.maxConnections) {
      this.#deps.events.refused('busy')
      return busy(socket, this.#admission.retryAfter())
    }
    const stranger = this.#admission.arrives(request)
    if (typeof stranger === 'number') return busy(socket, stranger)
    const caller = { channel: channelOf(request.socket), address: request.socket.remoteAddress ?? '', stranger, socket }
    this.#sockets.handleUpgrade(request, socket, head, ws => this.greet(ws, caller))
  }

  /** Challenges whoever is behind a socket that has just opened. */
  greet(ws: WebSocket, caller: Caller = { channel: '', address: '' }): void {
    const { clock } = this.#deps
    const nonce = randomBytes(24).toString('base64')
    this.#greeting++
    let over = false
    const end = () => {
      if (over) return
      over = true
      this.#greeting--
      cancel()
    }
    const refuse = (reason: Refusal) => {
      end()
      this.#deps.events.refused(reason)
      ws.close(closeCodes.refused, 'refused')
      clock.after(CLOSE_GRACE_MS, () => ws.terminate())
    }
    const cancel = clock.after(limits.handshakeMs, () => refuse('timeout'))
    ws.on('error', () => ws.terminate())
    ws.once('close', end)
    const stopCounting = countBytes(caller.socket, limits.helloBytes, () => ws.terminate())
    ws.once('message', (data: Buffer, binary: boolean) => {
      if (over) return
      const heardAt = clock.monotonic()
      stopCounting()
      const refuseLater = (reason: Refusal) => {
        clock.after(REFUSAL_MS - (clock.monotonic() - heardAt), () => {
          if (!over) refuse(reason)
        })
      }
      if (binary || data.length > limits.helloBytes) return refuseLater('malformed')
      this.#admit(ws, data.toString('utf8'), { ...caller, nonce }).then(
        refusal => {
          if (refusal) return refuseLater(refusal)
          end()
          if (ws.readyState === ws.OPEN) caller.stranger?.leave()
          else clock.after(CLOSE_GRACE_MS, () => ws.terminate())
        },
        error => {
          end()
          clock.after(CLOSE_GRACE_MS, () => ws.terminate())
          this.#deps.events.failed('could not admit an agent', error)
          sendBye(ws, 'the collector cannot answer now', BUSY_RETRY_MS)
        },
      )
    })
    ws.send(
      JSON.stringify({ type: 'challenge', nonce, collectorTime: clock.now(), server: this.#deps.server } satisfies Frame<'challenge'>),
    )
  }

  async #admit(ws: WebSocket, text: string, caller: Caller & { readonly nonce: string }): Promise<Refusal | undefined> {
    const hello = helloOf(text)
    if (!hello) return 'malformed'
    const known = this.#deps.fleet.byId(hello.hostId)
    const publicKey = hello.enrol?.publicKey ?? known?.meta.publicKey
    const bound = { nonce: caller.nonce, session: hello.session, server: this.#deps.server, hostId: hello.hostId, channel: hello.channel }
    if (!proves(hello, publicKey, bound)) return publicKey === undefined ? 'unknown-host' : 'signature'
    if (!this.#isOwnChannel(hello.channel ?? '', caller)) return 'channel'
    // A host that is enrolled needs no token: a key that proves itself is enough, and no use is counted.
    const host = known ?? (await this.#enrol(hello))
    if (!host) return 'token'
    if (ws.readyState !== ws.OPEN) return undefined
    if (!this.#open) sendBye(ws, 'the collector stops', BUSY_RETRY_MS)
    else if (host.meta.standing.state !== 'active') turnAway(ws, host.meta.standing)
    else await this.#begin(ws, host, hello)
    return undefined
  }

  /** A signature made for another connection is worth nothing here: whoever stands between sees another channel. */
  #isOwnChannel(shown: string, { channel, address }: Caller): boolean {
    return shown === channel || this.#deps.isProxy(address)
  }

  async #usable(shown: string): Promise<Token | undefined> {
    const [id = '', secret = ''] = shown.split('.')
    const token = await this.#deps.store.token(id)
    return usable(token, secret, this.#deps.clock.now()) ? token : undefined
  }

  async #enrol(hello: Frame<'hello'>): Promise<FleetHost | undefined> {
    const { store, fleet, clock, events } = this.#deps
    if (!hello.enrol) return undefined
    const token = await this.#usable(hello.enrol.token)
    if (!token) return undefined
    const labels = { ...hello.enrol.labels, ...token.labels }
    const wanted = {
      hostId: hello.hostId,
      instance: cleanInstance(hello.enrol.instance),
      publicKey: hello.enrol.publicKey,
      labels,
      standing: standingOf(token, clock.now()),
    }
    const meta = await store.enrol(token.id, wanted, clock.now())
    if (!meta) return undefined
    events.enrolled(meta.hostId, meta.instance, token.id)
    await this.#deps.enrolled(meta.instance, token.id)
    return fleet.enrol(meta)
  }

  /**
   * Compares the link token that the host shows and makes the next. An enrolment is somebody's word for this machine: what was kept before ends.
   * Without its store the collector lets an enrolled host in as it is; the next connection is compared again.
   */
  async #nextLink(hello: Frame<'hello'>): Promise<{ readonly token: string; readonly hash: string } | 'cloned' | undefined> {
    const { store, events } = this.#deps
    const link = newLink()
    try {
      if (hello.enrol && (await this.#usable(hello.enrol.token))) await store.clearLink(hello.hostId)
      const answer = await store.takeLink(hello.hostId, linkHash(hello.linkToken), link.hash)
      if (answer === 'cloned') return 'cloned'
      return answer === 'ok' ? link : undefined
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
      events.storeFailed('takeLink', error)
      return undefined
    }
  }

  async #begin(ws: WebSocket, host: FleetHost, hello: Frame<'hello'>): Promise<void> {
    const { hostId } = host.meta
    const waitMs = this.#deps.shares.of(host).connects()
    if (waitMs > 0) return sendBye(ws, 'this host connects too often', waitMs)
    const link = await this.#nextLink(hello)
    if (link === 'cloned') {
      await this.#deps.quarantine(
        hostId,
        `its key was used by two machines, the second of them at ${new Date(this.#deps.clock.now()).toISOString()}`,
      )
      return turnAway(ws, host.meta.standing)
    }
    if (ws.readyState !== ws.OPEN) return
    this.#sessions.get(hostId)?.supersede()
    const session = new Session(ws, host, hello, { ...this.#deps, link, share: this.#deps.shares.of(host) }, () => {
      // A late close of a superseded session must not take its successor away.
      if (this.#sessions.get(hostId) !== session) return
      this.#sessions.delete(hostId)
      host.connectedSince = null
      host.changed('presence')
    })
    this.#sessions.set(hostId, session)
    session.welcome()
  }
}

/** Tells a host that has proved its key why it may not talk. */
function turnAway(ws: WebSocket, { state }: Standing): void {
  if (state === 'pending') sendBye(ws, 'an operator has to approve this machine first', PENDING_RETRY_MS, closeCodes.pending)
  else if (state === 'quarantined') ws.close(closeCodes.quarantined, 'the key of this machine is used by two')
  else ws.close(closeCodes.revoked, 'revoked')
}

function helloOf(text: string): Frame<'hello'> | undefined {
  try {
    const frame = readAgentFrame(text)
    return frame.type === 'hello' ? frame : undefined
  } catch (error) {
    if (error instanceof FrameError) return undefined
    throw error
  }
}

/** What a host is that a token has just let in. */
function standingOf({ id, approve }: Token, now: number): Standing {
  return approve ? { state: 'pending', since: now, why: `enrolled by the token ${id}, which demands approval` } : ACTIVE
}

function usable(token: Token | undefined, secret: string, now: number): token is Token {
  if (!isSecretOf(secret, token)) return false
  return token?.kind === 'enrol' && (token.expiresAt === null || token.expiresAt > now) && token.usesLeft !== 0
}

/** An instance is a label value, a path segment of the API and a name for people: letters, digits, dot, dash, underscore, colon. */
function cleanInstance(wanted: string): string {
  return (
    wanted
      .replace(/[^A-Za-z0-9._:-]/g, '-')
      .replace(/^[.-]+/, '')
      .slice(0, 200) || 'unnamed'
  )
}

/** Calls back once more bytes came than a peer may send that nobody knows. @returns ends the counting */
function countBytes(socket: Duplex | undefined, most: number, tooMany: () => void): () => void {
  let read = 0
  const count = (chunk: Buffer) => {
    read += chunk.length
    if (read > 2 * most) tooMany()
  }
  socket?.on('data', count)
  return () => socket?.off('data', count)
}

/** There is no room now: in how many seconds to come back (RFC 9110, section 15.6.4). */
function busy(socket: Duplex, seconds: number): void {
  deny(socket, '503 Service Unavailable', `Retry-After: ${seconds}\r\n`)
}

function deny(socket: Duplex, status: string, headers = ''): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n${headers}Content-Length: 0\r\n\r\n`)
}

/** Says when to come back, then closes. */
export function sendBye(ws: WebSocket, reason: string, retryAfterMs: number, code: number = closeCodes.goingAway): void {
  ws.send(JSON.stringify({ type: 'bye', reason, retryAfterMs } satisfies Frame<'bye'>))
  ws.close(code, reason)
}
