import { type HeldFact, keyParts, subjectOf } from '@fettle/catalog'
import type { Clock } from '@fettle/kit'
import { closeCodes, type Frame, FrameError, factHash, limits, readAgentFrame, unpack } from '@fettle/protocol'
import * as v from 'valibot'
import type { RawData, WebSocket } from 'ws'
import type { Events } from './events.ts'
import type { Fleet, FleetHost } from './fleet.ts'
import type { Ingest, Settled } from './ingest.ts'
import { type Share, shareLimits } from './share.ts'
import type { Change } from './store/store.ts'

/** Offsets smaller than this are the network's, ms: times of the agent are taken as they are. */
const OFFSET_TOLERANCE_MS = 5_000
/** What an agent waits before it sends again when reports cannot be taken, ms. */
const NACK_RETRY_MS = 5_000
/** The same while a store that lost its data is made whole, ms. */
const FORGOT_RETRY_MS = 500
/** The same where the store cannot take a report, ms: only another version of the collector will change that. */
const REFUSED_RETRY_MS = 15 * 60_000
/** The same after a gap, ms. */
const GAP_RETRY_MS = 1_000
/** How long frames may be on their way, ms. */
const HOLE_GRACE_MS = 10_000
/** How soon a socket that was told to close is cut, ms. */
const CLOSE_GRACE_MS = 2_000

export type SessionDeps = {
  readonly fleet: Fleet
  readonly ingest: Ingest
  readonly clock: Clock
  readonly events: Events
  readonly beatMs: number
  epoch(): string
  /** PEM of the certificate authorities that agents are to trust from now on. */
  authorities?(): readonly string[]
  /** A change of the host was applied. */
  changed(host: FleetHost): void
  /** The store does not know a host that is connected: it lost data, and must be made whole. */
  storeForgot(): void
  /** The host has this link token on its disk. */
  kept(hostId: string, hash: string): void
}

/** What a session needs besides: the link token that this host gets at its welcome; undefined where the store could not offer one. */
type OwnDeps = SessionDeps & { readonly share: Share; readonly link: { readonly token: string; readonly hash: string } | undefined }

type Hole = { readonly seq: number; readonly reason: string; readonly retryAfterMs: number; toldAt: number }

type CloseReason = Parameters<Events['closed']>[1]

/** One live connection of one host. Frames are taken one after the other; acknowledged is only what is stored. */
export class Session {
  readonly host: FleetHost
  readonly connectedAt: number
  readonly #ws: WebSocket
  readonly #deps: OwnDeps
  /** What the agent holds, by its own digests: decides what it is asked for. */
  readonly #digests: Map<string, string>
  #offsetMs: number
  #acked = 0
  #ackDue = false
  /** Seq of a nack that the agent has not answered yet: until then nothing is taken, or an acknowledgement would jump over a hole. */
  #hole: Hole | undefined
  /** Grows when the store forgot the host: changes on their way to it must not overtake the one that was lost. */
  #generation = 0
  /** Seq of the frame that was taken last, in the chain that `after` makes. */
  #last = 0
  #lastLife: number
  #stopPinging: () => void = () => {}
  #closing: CloseReason | undefined
  /** Frames in their order: unpacking is asynchronous, and what comes meanwhile waits behind it. */
  #unpacking = 0
  #unpackingBytes = 0
  #chain: Promise<void> = Promise.resolve()

  constructor(ws: WebSocket, host: FleetHost, hello: Frame<'hello'>, deps: OwnDeps, onClose: () => void) {
    this.#ws = ws
    this.host = host
    this.#deps = deps
    this.#digests = new Map(Object.entries(hello.digests))
    this.connectedAt = deps.clock.now()
    this.#lastLife = deps.clock.monotonic()
    this.#offsetMs = offset(hello.agentTime, deps.clock.now())
    host.agentVersion = printable(hello.agentVersion)
    host.clockOffsetMs = this.#offsetMs
    host.connectedSince = this.connectedAt
    host.changed('presence')
    this.#life()
    ws.on('message', (data, binary) => this.#received(data, binary))
    ws.on('pong', () => this.#sign())
    ws.on('ping', () => this.#sign())
    ws.once('close', () => {
      this.#stopPinging()
      deps.events.closed(host.meta.hostId, this.#closing ?? 'lost')
      onClose()
    })
    this.#ping()
    deps.events.connected(host.meta.hostId, host.meta.instance)
  }

  /** Asks for everything that the store does not have as the agent has it. Sent again on a live connection when the store lost data. */
  welcome(): void {
    const want = [...this.#digests].filter(([key, hash]) => this.host.hashes.get(key) !== hash).map(([key]) => key)
    const settings = { beatMs: this.#deps.beatMs }
    const { link, epoch } = this.#deps
    const authorities = this.#deps.authorities?.() ?? []
    const { instance } = this.host.meta
    this.#send({
      type: 'welcome',
      epoch: epoch(),
      instance,
      want,
      acked: this.host.seq,
      settings,
      ...(link ? { linkToken: link.token } : {}),
      ...(authorities.length === 0 ? {} : { authorities: [...authorities] }),
    })
  }

  /** Facts that the agent is known to hold. */
  get keys(): string[] {
    return [...this.#digests.keys()]
  }

  refresh(keys: string[]): void {
    this.#send({ type: 'refresh', keys })
  }

  supersede(): void {
    this.#close(closeCodes.superseded, 'superseded')
  }

  revoke(): void {
    this.#close(closeCodes.revoked, 'revoked')
  }

  /** The host may not talk any more. */
  shutOut(state: 'pending' | 'quarantined' | 'revoked'): void {
    this.#close(closeCodes[state], 'revoked')
  }

  sendAway(reason: string, retryAfterMs: number): void {
    this.#send({ type: 'bye', reason, retryAfterMs })
    this.#close(closeCodes.goingAway, 'stopping')
  }

  #received(data: RawData, binary: boolean): void {
    if (this.#closing) return
    const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer)
    if (!this.#deps.share.frame(bytes.length)) return this.#abuse()
    if (!binary && this.#unpacking === 0) return this.#take(bytes.toString('utf8'), bytes.length)
    this.#hold(bytes.length)
    this.#chain = this.#chain
      .then(() => (this.#closing ? '' : unpack(bytes, binary)))
      .then(text => {
        if (this.#closing) return
        if (!this.#deps.share.inflated(text.length - bytes.length)) return this.#abuse()
        this.#take(text, bytes.length)
      })
      .catch(error => this.#reject(error))
      .finally(() => this.#release(bytes.length))
  }

  /** What waits to be unpacked is bounded: beyond it the socket is not read. */
  #hold(bytes: number): void {
    this.#unpacking++
    this.#unpackingBytes += bytes
    if (this.#unpackingBytes > shareLimits.unpackingBytes) this.#ws.pause()
  }

  #release(bytes: number): void {
    this.#unpacking--
    this.#unpackingBytes -= bytes
    if (this.#ws.isPaused && this.#unpackingBytes <= shareLimits.unpackingBytes) this.#ws.resume()
  }

  /** A sign of life that is no frame costs its share as well. */
  #sign(): void {
    if (this.#closing) return
    if (!this.#deps.share.frame(0)) return this.#abuse()
    this.#life()
  }

  /** It was told to wait, and goes on. */
  #abuse(): void {
    this.#deps.events.frameRejected(this.host.meta.hostId, 'rate', 'it goes on far beyond its share after it was told to wait')
    this.sendAway('this host sends more than its share', Math.max(REFUSED_RETRY_MS, this.#deps.share.waitMs()))
  }

  #take(text: string, bytes: number): void {
    try {
      this.#takeFrame(text, bytes)
    } catch (error) {
      this.#reject(error)
    }
  }

  #takeFrame(text: string, bytes: number): void {
    if (this.#closing) return
    const frame = readAgentFrame(text)
    this.#life()
    this.#deps.events.frame(frame.type, bytes)
    switch (frame.type) {
      case 'report':
      case 'beat':
        if (!this.#inOrder(frame) || this.#isBeyondShare(frame)) return
        // What waits in memory is inflated.
        return frame.type === 'report' ? this.#report(frame, text.length) : this.#beat(frame, text.length)
      case 'kept':
        if (frame.linkToken === this.#deps.link?.token) this.#deps.kept(this.host.meta.hostId, this.#deps.link.hash)
        return
      case 'leave':
        return this.#leave()
      case 'hello':
        throw new FrameError('type', 'no second hello on a connection')
    }
  }

  #leave(): void {
    this.host.leftAt = this.#deps.clock.now()
    this.#deps.changed(this.host)
    this.#close(1000, 'left')
  }

  /** Whether a frame comes right after the one before it. What does not is not taken: an acknowledgement would jump over a hole. */
  #inOrder(frame: Frame<'report' | 'beat'>): boolean {
    if (this.#hole !== undefined) {
      if (frame.resumes !== this.#hole.seq) {
        this.#refuseAgain(this.#hole)
        return false
      }
      this.#hole = undefined
      this.#last = 0
    }
    if (frame.seq <= this.#last) {
      this.#sendAck()
      return false
    }
    if (frame.after !== undefined && frame.after !== this.#last) {
      this.#refuse(frame.seq, 'a frame before it is missing', GAP_RETRY_MS)
      return false
    }
    this.#last = frame.seq
    return true
  }

  #isBeyondShare({ seq }: Frame<'report' | 'beat'>): boolean {
    const waitMs = this.#deps.share.waitMs()
    if (waitMs > 0) this.#refuse(seq, 'this host sends more than its share', waitMs)
    return waitMs > 0
  }

  /** From this seq on nothing is taken until the agent has heard of it and starts again. */
  #refuse(seq: number, reason: string, retryAfterMs: number): void {
    this.#hole ??= { seq, reason, retryAfterMs, toldAt: Number.NEGATIVE_INFINITY }
    this.#refuseAgain(this.#hole)
  }

  /** Frames that were on their way are no reason to say it twice; frames that come long after are. */
  #refuseAgain(hole: Hole): void {
    const now = this.#deps.clock.monotonic()
    if (now - hole.toldAt < 2 * hole.retryAfterMs + HOLE_GRACE_MS) return
    hole.toldAt = now
    this.#send({ type: 'nack', seq: hole.seq, reason: hole.reason, retryAfterMs: hole.retryAfterMs })
  }

  #report(frame: Frame<'report'>, bytes: number): void {
    const offsetMs = offset(frame.sentAt, this.#deps.clock.now())
    this.#offsetMs = offsetMs
    const told = { outcome: frame.outcome, reason: frame.reason, hint: frame.hint }
    if (factHash({ outcome: frame.outcome, reason: frame.reason, data: frame.data }) !== frame.hash)
      throw new FrameError('hash', 'the hash of the fact that was sent')
    const at = this.#corrected(frame.at)
    const checked = frame.outcome === 'ok' ? checkedData(frame) : undefined
    const data = checked === undefined ? undefined : JSON.stringify(checked)
    const fact = { key: frame.key, ...told, at, freshAt: at, everyMs: frame.everyMs, tookMs: frame.tookMs, hash: frame.hash, data }
    const excess = this.#deps.share.fits(frame.key, frame.superseded ? 0 : (data?.length ?? 0))
    if (excess)
      throw new FrameError('key', excess === 'facts' ? `at most ${shareLimits.facts} facts` : `at most ${shareLimits.factChars} characters`)
    if (!frame.superseded) this.#digests.set(frame.key, frame.hash)
    this.#offer({ kind: 'report', ...this.#base(frame.seq, frame.dropped), fact, superseded: frame.superseded ?? false }, bytes, checked)
  }

  #beat(frame: Frame<'beat'>, bytes: number): void {
    this.#offsetMs = offset(frame.at, this.#deps.clock.now())
    const fresh = Object.fromEntries(Object.entries(frame.fresh).map(([key, at]) => [key, this.#corrected(at)]))
    this.#offer({ kind: 'beat', ...this.#base(frame.seq, frame.dropped), fresh }, bytes)
  }

  #base(seq: number, dropped: number | undefined) {
    const now = this.#deps.clock.now()
    return {
      hostId: this.host.meta.hostId,
      seq,
      receivedAt: now,
      clockOffsetMs: this.#offsetMs,
      dropped: dropped ?? this.host.dropped,
      agentVersion: this.host.agentVersion,
    }
  }

  /** @param data of the fact of a report, as its schema gave it */
  #offer(change: Change, bytes: number, data?: unknown): void {
    const generation = this.#generation
    const applying = this.#deps.ingest.offer(change, bytes, () => generation === this.#generation)
    if (!applying) {
      this.#deps.events.shed('ingest queue full')
      return this.#refuse(change.seq, 'the store is behind', NACK_RETRY_MS)
    }
    applying.then(
      applied => this.#applied(applied, change, { data, generation }),
      error => this.#reject(error),
    )
  }

  #applied(applied: Settled, change: Change, { data, generation }: { data: unknown; generation: number }): void {
    if (applied === 'refused') return this.#unstorable(change)
    // Not tried: it waits behind one that failed, and the agent has been told.
    if (applied === 'gone' && generation !== this.#generation) return
    if (applied === 'gone') return this.#deps.fleet.byId(change.hostId) === this.host ? this.#stranger(change) : this.revoke()
    // An `old` one that memory lacks was stored by a try whose answer was lost.
    if (applied === 'applied' || change.seq > this.host.seq) {
      this.#deps.fleet.apply(change, data)
      this.#deps.changed(this.host)
    }
    this.#acked = Math.max(this.#acked, change.seq)
    if (this.#ackDue) return
    this.#ackDue = true
    // What the store answered together is acknowledged together: the rest of the group is before this in the queue of microtasks.
    queueMicrotask(() => {
      this.#ackDue = false
      this.#sendAck()
    })
  }

  #sendAck(): void {
    if (this.#acked > 0) this.#send({ type: 'ack', seq: this.#acked })
  }

  /** The store does not know the host although it is enrolled: it lost its data. The agent keeps the report until the store is whole again. */
  #stranger(change: Change): void {
    this.#generation++
    this.#deps.storeForgot()
    this.#refuse(change.seq, 'the store lost data', FORGOT_RETRY_MS)
  }

  /** The store cannot take this change: the host waits for long, or what follows would make an acknowledgement of it. */
  #unstorable(change: Change): void {
    this.#generation++
    this.#deps.events.frameRejected(this.host.meta.hostId, 'store', `the store refused seq ${change.seq}`)
    this.#refuse(change.seq, 'the store cannot take this report', REFUSED_RETRY_MS)
  }

  /** An agent's time on the collector's clock; never in the future. */
  #corrected(at: number): number {
    const now = this.#deps.clock.now()
    return Math.min(Math.abs(this.#offsetMs) > OFFSET_TOLERANCE_MS ? at - this.#offsetMs : at, now)
  }

  #life(): void {
    this.#lastLife = this.#deps.clock.monotonic()
    this.#deps.fleet.seen(this.host, this.#deps.clock.now())
  }

  #ping(): void {
    this.#stopPinging = this.#deps.clock.after(limits.pingMs, () => {
      if (this.#deps.clock.monotonic() - this.#lastLife > limits.silenceMs) {
        this.#closing = 'silent'
        return this.#ws.terminate()
      }
      if (this.#ws.readyState === this.#ws.OPEN) this.#ws.ping()
      this.#ping()
    })
  }

  #reject(error: unknown): void {
    const reason = error instanceof FrameError ? (error.path.startsWith('data') ? 'fact' : 'schema') : 'schema'
    this.#deps.events.frameRejected(this.host.meta.hostId, reason, error instanceof Error ? error.message : String(error))
    this.#close(closeCodes.protocol, 'protocol')
  }

  #close(code: number, reason: CloseReason): void {
    if (this.#closing) return
    this.#closing = reason
    this.#ws.close(code, reason)
    this.#deps.clock.after(CLOSE_GRACE_MS, () => this.#ws.terminate())
  }

  #send(frame: Frame<'welcome' | 'ack' | 'nack' | 'refresh' | 'bye'>): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return
    // It sends and never reads: what is said to it would pile up here.
    if (this.#ws.bufferedAmount > shareLimits.unreadBytes) {
      this.#deps.share.exceeds('unread')
      return this.#ws.terminate()
    }
    this.#ws.send(JSON.stringify(frame))
  }
}

/** Agent clock minus collector clock, ms. */
function offset(agentTime: number, now: number): number {
  return agentTime - now
}

/** The data as its subject's schema gives it back: bounded, unknown keys dropped. A subject that this version does not know is kept out. */
function checkedData(frame: Pick<HeldFact, 'key' | 'data'>): unknown {
  const subject = subjectOf(keyParts(frame.key).subject)
  if (!subject) throw new FrameError('key', `a subject of this collector's catalog, not ${JSON.stringify(frame.key)}`)
  const result = v.safeParse(subject.fact, frame.data, { abortEarly: true })
  if (result.success) return result.output
  const [issue] = result.issues
  throw new FrameError(`data.${v.getDotPath(issue) ?? ''}`, issue.message)
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '').slice(0, 64)
}
