import { randomUUID } from 'node:crypto'
import { Bucket, type Clock, type Log, printable } from '@fettle/kit'
import {
  type AgentFrame,
  type CollectorFrame,
  closeCodes,
  type Frame,
  FrameError,
  limits,
  PROTOCOL,
  pack,
  readCollectorFrame,
  unpack,
} from '@fettle/protocol'
import type { WebSocket } from 'ws'
import type { Identity } from './identity.ts'
import type { Outbox } from './outbox.ts'

/** Bounds of what a collector may set, and the agent's own times. */
export const conversationLimits = {
  /** Shortest and longest time between beats, ms. */
  beatMs: { least: 10_000, most: 600_000 },
  /** The first beat of a connection comes within this, ms. */
  firstBeatMs: 5_000,
  /** Highest seq that is believed of a collector. */
  seq: 2 ** 52,
  /** Shortest pause after a nack, ms. */
  pauseMs: 100,
  /** Longest pause that a nack may ask for, ms. */
  longestPauseMs: 3_600_000,
  /** Another welcome on a connection is heeded this long after the one before, ms: each may ask for every fact again. */
  welcomeDistanceMs: 5_000,
  /** What a collector may send, pings too: an acknowledgement for each report is far less. */
  frames: { perSecond: 100, burst: 4_000 },
  /** Bytes of it, inflated. */
  bytes: { perSecond: 128 * 1024, burst: 8 * 1024 * 1024 },
  /** Frames that wait to be unpacked, bytes: beyond it the socket is not read. */
  unpackingBytes: 2 * 1024 * 1024,
  /** What the collector has not read yet, bytes: beyond it nothing more is sent. */
  unreadBytes: 1024 * 1024,
  /** That the collector asks to wait is told once in this time, ms. */
  toldMs: 60_000,
  /** How long the other end may take to say goodbye, ms. */
  closeMs: 2_000,
} as const

/** How a conversation ended. */
export type Ending = {
  readonly code: number
  readonly reason: string
  /** What the other end asked for with `bye`, ms; 0 where it did not. */
  readonly retryAfterMs: number
  /** How long the welcome had held, ms; null where there was none. */
  readonly welcomedMs: number | null
}

/** The part of the outbox that a conversation speaks with. */
export type Held = Pick<Outbox, 'lastSeq' | 'digests' | 'welcome' | 'after' | 'beat' | 'ack' | 'beatAcked'>

/** What a conversation needs of its agent. */
export type Party = {
  readonly identity: Identity
  readonly outbox: Held
  readonly clock: Clock
  readonly log: Log
  readonly version: string
  /** What goes into `hello` besides: the enrolment, or what the collector gave last time. */
  introduction(): Pick<Frame<'hello'>, 'enrol' | 'linkToken'>
  /** The name of the collector that this machine was enrolled at; null where none was heard yet. */
  readonly server: string | null
  /** @param server the name that the collector gave itself. @returns whether what it gave is on the disk now */
  onWelcome(welcome: Frame<'welcome'>, server: string): Promise<boolean>
  onRefresh(keys: readonly string[]): void
  /** Everything up to this seq is durable. */
  onAck(seq: number): void
}

/** One connection from challenge to close. Made on a socket that is opening; reconnecting is the link's business. */
export class Conversation {
  readonly #socket: WebSocket
  readonly #party: Party
  /** `channelOf` the connection, once it is open. */
  readonly #channel: () => string
  readonly #ended = Promise.withResolvers<Ending>()
  #inbox: Promise<void> = Promise.resolve()
  #unpackingBytes = 0
  readonly #frames: Bucket
  readonly #bytes: Bucket
  #refused = false
  /** Something could not be sent because what was sent before has not been read. */
  #blocked = false
  #beganAt = Number.NEGATIVE_INFINITY
  #toldAt = Number.NEGATIVE_INFINITY
  #heardAt: number
  #welcomedAt: number | null = null
  /** What the collector calls itself; undefined before its challenge. */
  #server: string | undefined
  #retryAfterMs = 0
  #reason = ''
  /** Highest seq sent on this connection, and those that are not acknowledged. */
  #sent = 0
  #inFlight: number[] = []
  #beatDue = false
  #beatMs = 0
  #beatInFlight: Omit<Frame<'beat'>, 'at'> | undefined
  #pumping = false
  #paused = false
  /** Seq of a nack that the next frame answers. */
  #resumes: number | undefined
  #cancels = new Map<string, () => void>()

  constructor(socket: WebSocket, party: Party, channel: () => string = () => '') {
    this.#socket = socket
    this.#channel = channel
    this.#party = party
    this.#heardAt = party.clock.monotonic()
    this.#frames = new Bucket(conversationLimits.frames, this.#heardAt)
    this.#bytes = new Bucket(conversationLimits.bytes, this.#heardAt)
    socket.on('message', (data: Buffer, binary: boolean) => this.#receive(data, binary))
    socket.on('ping', () => this.#isWithin(0) && this.#heard())
    socket.on('pong', () => this.#heard())
    socket.on('error', error => {
      this.#reason ||= error.message
    })
    socket.on('close', (code, reason) => this.#close(code, reason.toString('utf8')))
    this.#later('handshake', limits.handshakeMs, () => this.#abandon('no welcome in time'))
    this.#watchSilence(limits.silenceMs)
  }

  /** Resolves when the connection has ended, however. */
  get ended(): Promise<Ending> {
    return this.#ended.promise
  }

  get welcomed(): boolean {
    return this.#welcomedAt !== null
  }

  /** There may be something new to send. */
  poke(): void {
    void this.#pump()
  }

  /** The machine slept or its network changed: a connection that is not there in time, or does not answer within `ms`, is given up. */
  prove(ms: number): void {
    if (!this.welcomed) return this.#abandon('the network changed while the agent connected')
    const askedAt = this.#party.clock.monotonic()
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping()
    this.#later('proof', ms, () => {
      if (this.#heardAt < askedAt) this.#abandon('no answer since the machine slept or its network changed')
    })
  }

  /** Says goodbye and closes; cut off where the other end does not answer. */
  async leave(): Promise<void> {
    if (this.welcomed && this.#socket.readyState === this.#socket.OPEN) await this.#send({ type: 'leave', reason: 'stop' })
    this.#socket.close(1000)
    const timer = setTimeout(() => this.#socket.terminate(), conversationLimits.closeMs)
    await this.ended
    clearTimeout(timer)
  }

  #close(code: number, reason: string): void {
    for (const cancel of this.#cancels.values()) cancel()
    const welcomedMs = this.#welcomedAt === null ? null : this.#party.clock.monotonic() - this.#welcomedAt
    // It is shown on this machine, and most of it is what the other end said.
    const told = printable(this.#reason || reason || `closed with ${code}`)
    this.#ended.resolve({ code, reason: told, retryAfterMs: this.#retryAfterMs, welcomedMs })
  }

  #abandon(reason: string): void {
    this.#reason ||= reason
    this.#socket.terminate()
  }

  #heard(): void {
    this.#heardAt = this.#party.clock.monotonic()
  }

  /** A cable that was pulled sends no close: silence is the only sign. */
  #watchSilence(ms: number): void {
    this.#later('silence', ms, () => {
      const silent = this.#party.clock.monotonic() - this.#heardAt
      if (silent >= limits.silenceMs) this.#abandon(`nothing heard for ${Math.round(silent / 1000)} s`)
      else this.#watchSilence(limits.silenceMs - silent)
    })
  }

  #later(name: string, ms: number, act: () => void): void {
    this.#cancels.get(name)?.()
    this.#cancels.set(name, this.#party.clock.after(ms, act))
  }

  #receive(data: Buffer, binary: boolean): void {
    if (!this.#isWithin(data.length)) return
    this.#heard()
    this.#unpackingBytes += data.length
    if (this.#unpackingBytes > conversationLimits.unpackingBytes) this.#socket.pause()
    this.#inbox = this.#inbox
      .then(() => this.#unpack(data, binary))
      .catch(error => this.#refuse(error))
      .finally(() => {
        this.#unpackingBytes -= data.length
        if (this.#socket.isPaused && this.#unpackingBytes <= conversationLimits.unpackingBytes) this.#socket.resume()
      })
  }

  async #unpack(data: Buffer, binary: boolean): Promise<void> {
    if (this.#refused) return
    if (binary && !this.welcomed) throw new FrameError('', 'no deflated frame before the welcome')
    const text = await unpack(data, binary)
    if (this.#isWithin(text.length - data.length, 0)) await this.#take(readCollectorFrame(text))
  }

  /** Whether the collector keeps to what it may send; the connection ends where it does not. */
  #isWithin(bytes: number, frames = 1): boolean {
    if (this.#refused) return false
    const now = this.#party.clock.monotonic()
    const isWithin = this.#frames.take(frames, now) && this.#bytes.spend(bytes, now) >= 0
    if (!isWithin) this.#refuse(new FrameError('', 'fewer frames: this collector sends more than any agent needs'))
    return isWithin
  }

  #refuse(error: unknown): void {
    this.#refused = true
    this.#reason ||= error instanceof Error ? error.message : String(error)
    this.#socket.close(error instanceof FrameError ? closeCodes.protocol : 1011)
    this.#later('close', conversationLimits.closeMs, () => this.#socket.terminate())
  }

  async #take(frame: CollectorFrame): Promise<void> {
    if (frame.type === 'bye') return this.#goodbye(frame)
    if (frame.type === 'challenge') return this.#introduce(frame)
    if (frame.type === 'welcome') return this.#begin(frame)
    if (!this.welcomed) throw new FrameError('type', 'a challenge or a welcome first')
    if (frame.type === 'ack') this.#acked(frame.seq)
    if (frame.type === 'nack') this.#pause(frame)
    if (frame.type === 'refresh') this.#party.onRefresh(frame.keys)
  }

  async #introduce(challenge: Frame<'challenge'>): Promise<void> {
    if (this.#server !== undefined) throw new FrameError('type', 'one challenge only')
    const { identity, outbox, clock, version, introduction, server } = this.#party
    // What was signed for one collector could be shown to another by whoever stands between.
    if (server !== null && challenge.server !== server)
      throw new Error(
        `the collector calls itself ${JSON.stringify(challenge.server)}, and this machine was enrolled at ${JSON.stringify(server)}`,
      )
    this.#server = challenge.server
    const session = randomUUID()
    const channel = this.#channel()
    await this.#send({
      type: 'hello',
      protocol: PROTOCOL,
      hostId: identity.hostId,
      agentVersion: version,
      session,
      signature: identity.sign({ nonce: challenge.nonce, session, server: challenge.server, channel }),
      agentTime: clock.now(),
      digests: outbox.digests(),
      lastSeq: outbox.lastSeq,
      ...(channel === '' ? {} : { channel }),
      ...introduction(),
    })
  }

  /** Comes again on a live connection where the collector's store lost data. */
  #begin(welcome: Frame<'welcome'>): void {
    const server = this.#server
    if (server === undefined) throw new FrameError('type', 'a challenge first')
    if (welcome.acked > conversationLimits.seq) throw new FrameError('acked', `at most ${conversationLimits.seq}`)
    const now = this.#party.clock.monotonic()
    const waitMs = this.#beganAt + conversationLimits.welcomeDistanceMs - now
    if (waitMs > 0) return this.#later('welcome', waitMs, () => this.#begin(welcome))
    this.#beganAt = now
    this.#cancels.get('handshake')?.()
    this.#welcomedAt ??= this.#party.clock.monotonic()
    const { least, most } = conversationLimits.beatMs
    this.#beatMs = Math.min(most, Math.max(least, welcome.settings.beatMs))
    this.#party.outbox.welcome(welcome.acked, welcome.want)
    void this.#keep(welcome, server)
    this.#scheduleBeat(Math.random() * conversationLimits.firstBeatMs)
    this.poke()
  }

  /** Only a link token that survives a crash is told to be kept: the collector believes no earlier one after that. */
  async #keep(welcome: Frame<'welcome'>, server: string): Promise<void> {
    const kept = await this.#party.onWelcome({ ...welcome, instance: printable(welcome.instance) }, server)
    if (kept && welcome.linkToken !== undefined) await this.#send({ type: 'kept', linkToken: welcome.linkToken })
  }

  #scheduleBeat(ms: number): void {
    this.#later('beat', ms, () => {
      this.#beatDue = true
      this.#scheduleBeat(this.#beatMs)
      this.poke()
    })
  }

  #goodbye(bye: Frame<'bye'>): void {
    this.#retryAfterMs = bye.retryAfterMs
    this.#reason ||= bye.reason
    this.#socket.close(1000)
    this.#later('close', conversationLimits.closeMs, () => this.#socket.terminate())
  }

  /** An acknowledgement of what was never sent on this connection is not believed. */
  #acked(told: number): void {
    const seq = Math.min(told, this.#sent)
    this.#inFlight = this.#inFlight.filter(sent => sent > seq)
    this.#party.outbox.ack(seq)
    if (this.#beatInFlight && this.#beatInFlight.seq <= seq) {
      this.#party.outbox.beatAcked(this.#beatInFlight.fresh)
      this.#beatInFlight = undefined
    }
    this.#party.onAck(seq)
    this.poke()
  }

  /** Everything from the refused frame on is sent again after the pause, in the same order. */
  #pause(nack: Frame<'nack'>): void {
    this.#tellToWait(nack)
    this.#paused = true
    this.#resumes = nack.seq
    const { pauseMs, longestPauseMs } = conversationLimits
    this.#later('pause', Math.min(longestPauseMs, Math.max(pauseMs, nack.retryAfterMs)), () => {
      this.#paused = false
      this.#inFlight = []
      this.#sent = 0
      this.#beatDue ||= this.#beatInFlight !== undefined
      this.#beatInFlight = undefined
      this.poke()
    })
  }

  #tellToWait({ reason, retryAfterMs }: Frame<'nack'>): void {
    const { clock, log } = this.#party
    const level = clock.monotonic() - this.#toldAt < conversationLimits.toldMs ? 'debug' : 'warn'
    if (level === 'warn') this.#toldAt = clock.monotonic()
    log[level]({ reason, retryAfterMs }, 'the collector asks to wait')
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return
    this.#pumping = true
    try {
      for (let frame = this.#next(); frame; frame = this.#next()) await this.#send(frame)
    } catch (error) {
      this.#refuse(error)
    } finally {
      this.#pumping = false
    }
  }

  /** What goes out next; a beat only once every report before it is out, so that seq never falls. */
  #next(): AgentFrame | undefined {
    const { outbox, clock } = this.#party
    if (!this.welcomed || this.#paused || this.#inFlight.length >= limits.inFlightReports) return undefined
    if (this.#socket.readyState !== this.#socket.OPEN) return undefined
    this.#blocked = this.#socket.bufferedAmount > conversationLimits.unreadBytes
    if (this.#blocked) return undefined
    const waiting = outbox.after(this.#sent)
    const after = this.#sent
    if (waiting) {
      this.#sent = waiting.seq
      this.#inFlight.push(waiting.seq)
      return { ...waiting, sentAt: clock.now(), after, ...this.#resumed() }
    }
    const beat = this.#beatDue ? outbox.beat(this.#sent) : undefined
    if (!beat) return undefined
    this.#beatDue = false
    this.#sent = beat.seq
    this.#beatInFlight = beat
    return { ...beat, at: clock.now(), after, ...this.#resumed() }
  }

  #resumed(): { resumes?: number } {
    if (this.#resumes === undefined) return {}
    const resumes = this.#resumes
    this.#resumes = undefined
    return { resumes }
  }

  async #send(frame: AgentFrame): Promise<void> {
    const packed = await pack(frame)
    if (this.#socket.readyState !== this.#socket.OPEN) return
    this.#socket.send(packed, () => {
      if (this.#blocked) this.poke()
    })
  }
}
