import { randomUUID } from 'node:crypto'
import { Backoff } from '@fettle/kit'
import {
  type AgentFrame,
  type CollectorFrame,
  channelOf,
  type Frame,
  hostIdOf,
  limits,
  newPrivateKey,
  PROTOCOL,
  pack,
  publicKeyOf,
  SUBPROTOCOL,
  signHello,
} from '@fettle/protocol'
import { WebSocket } from 'ws'
import type { Member } from '../fleet/member.ts'
import { Memory } from './memory.ts'
import type { Tally } from './tally.ts'

/** First ceiling and cap of the wait between two tries, ms: as the agent's. */
const RETRY = { base: 1_000, cap: 300_000 } as const
/** The first beat of a connection comes within this, ms. */
const FIRST_BEAT_MS = 5_000
/** Hosts that share an address: a site behind one. */
const HOSTS_AN_ADDRESS = 200
/** Without any frame or ping for this long the connection is dead, ms; looked at with every beat. */
const SILENCE_MS = limits.silenceMs

/** Where the fleet connects, and how. */
export type Way = {
  /** Collectors: each host begins with its own and tries the others after it. */
  readonly urls: readonly string[]
  /** PEM of the authority to trust. */
  readonly ca?: string | undefined
  readonly token: string
}

/** What an agent keeps from run to run. */
export type Kept = {
  readonly privateKey: string
  readonly linkToken?: string | undefined
  readonly seq: number
  readonly enrolled: boolean
  readonly rounds: Readonly<Record<string, number>>
}

/** One made-up agent that speaks the real protocol: signed hello with channel binding, link tokens, chain of `after`, nack and resumes, beats, leave. */
export class SimulatedAgent {
  readonly memory: Memory
  readonly hostId: string
  /** Whether it misbehaves: its times are not counted. */
  naughty = false
  readonly #privateKey: string
  readonly #publicKey: string
  readonly #tally: Tally
  readonly #backoff = new Backoff(RETRY.base, RETRY.cap)
  #way: Way | undefined
  #socket: WebSocket | undefined
  #linkToken: string | undefined
  #enrolled: boolean
  #turn = 0
  /** How many of those that wait were sent on this connection, and the seq of the last. */
  #sent = 0
  #last = 0
  #resumes: number | undefined
  #paused = false
  #welcomed = false
  #retry: NodeJS.Timeout | undefined
  #pause: NodeJS.Timeout | undefined
  #beat: NodeJS.Timeout | undefined
  #beatMs = 120_000
  #beatAt = Date.now()
  #heardAt = 0
  #lostAt = performance.now()
  #reports = 0
  #sending: Promise<void> | undefined

  constructor(member: Member, base: number, tally: Tally, kept?: Kept) {
    this.#tally = tally
    this.#privateKey = kept?.privateKey ?? newPrivateKey()
    this.#publicKey = publicKeyOf(this.#privateKey)
    this.hostId = hostIdOf(this.#publicKey)
    this.memory = new Memory(member, base, kept?.rounds)
    this.memory.seq = kept?.seq ?? 0
    this.#linkToken = kept?.linkToken
    this.#enrolled = kept?.enrolled ?? false
    this.#turn = member.index
  }

  get welcomed(): boolean {
    return this.#welcomed
  }

  /** Connected, and everything that it told is durable. */
  get settled(): boolean {
    return this.#welcomed && this.memory.waiting.length === 0
  }

  /** Whether it may send one more now. */
  get ready(): boolean {
    return this.#welcomed && !this.#paused && this.memory.waiting.length < limits.inFlightReports
  }

  get kept(): Kept {
    const { seq, rounds } = this.memory
    return { privateKey: this.#privateKey, linkToken: this.#linkToken, seq, enrolled: this.#enrolled, rounds }
  }

  /** Connects, and stays connected. */
  start(way: Way): void {
    this.#way = way
    this.#dial()
  }

  /** Where it goes from the next time on. */
  redirect(way: Way): void {
    if (this.#way) this.#way = way
  }

  /** Says goodbye and stays away. */
  leave(reason: 'stop' | 'suspend'): void {
    this.#way = undefined
    clearTimeout(this.#retry)
    if (this.#welcomed) this.#socket?.send(JSON.stringify({ type: 'leave', reason } satisfies AgentFrame))
    this.#socket?.close(1000)
  }

  /** The cable is pulled; it comes back after a while. */
  cut(): void {
    this.#socket?.terminate()
  }

  /** Sends what is no frame. */
  babble(): void {
    if (this.#welcomed) this.#socket?.send('{"type":"report","seq":-1,"key":"../etc/passwd","data":[[[[[')
  }

  /** Reads nothing for a while. */
  stall(ms: number): void {
    const socket = this.#socket
    if (!this.#welcomed || !socket) return
    socket.pause()
    setTimeout(() => socket.resume(), ms).unref()
  }

  /** One of its facts is another one now. @param only of this subject @param nth picks which; default: each in turn */
  report(only?: string, nth = this.#reports++): void {
    if (this.memory.change(nth, only)) this.#pump()
  }

  #dial(): void {
    const way = this.#way
    const url = way?.urls[this.#turn % way.urls.length]
    if (!way || url === undefined) return
    const socket = new WebSocket(`${url}/agent`, [SUBPROTOCOL], {
      perMessageDeflate: false,
      handshakeTimeout: limits.handshakeMs,
      localAddress: addressOf(this.memory.member.index),
      ...(way.ca === undefined ? {} : { ca: way.ca }),
    })
    this.#socket = socket
    let channel = ''
    let waitMs = 0
    let opened = false
    socket.on('upgrade', response => {
      channel = channelOf(response.socket)
    })
    socket.on('unexpected-response', (request, response) => {
      this.#tally.count('busy')
      waitMs = 1000 * Number(response.headers['retry-after'] ?? 0)
      request.destroy()
      socket.terminate()
    })
    socket.on('open', () => {
      opened = true
    })
    socket.on('error', () => {})
    socket.on('ping', () => {
      this.#heardAt = performance.now()
    })
    socket.on('message', (data: Buffer) => {
      this.#heardAt = performance.now()
      const frame = JSON.parse(data.toString('utf8')) as CollectorFrame
      if (frame.type === 'challenge') this.#introduce(frame, channel, way)
      else if (frame.type === 'bye') {
        this.#tally.count('byes')
        waitMs = frame.retryAfterMs
        socket.close(1000)
      } else this.#take(frame)
    })
    socket.on('close', code => {
      this.#tally.closed(code)
      // Nobody was there: the next of the addresses, as the agent does.
      if (!opened && waitMs === 0) this.#turn++
      this.#closed(waitMs)
    })
  }

  #closed(waitMs: number): void {
    // The backoff begins anew with a welcome that held for a while, as the agent's does.
    if (this.#welcomed) this.#lostAt = performance.now()
    this.#welcomed = false
    this.#paused = false
    clearTimeout(this.#beat)
    clearTimeout(this.#pause)
    this.#socket = undefined
    if (this.#way) this.#retry = setTimeout(() => this.#dial(), this.#backoff.next(waitMs, performance.now() - this.#lostAt))
  }

  #introduce(challenge: Frame<'challenge'>, channel: string, { token }: Way): void {
    const { hostId } = this
    const { member, digests, seq } = this.memory
    const session = randomUUID()
    const { nonce, server } = challenge
    const enrol = { token, publicKey: this.#publicKey, instance: member.instance, labels: { ...member.labels } }
    void this.#send({
      type: 'hello',
      protocol: PROTOCOL,
      hostId,
      agentVersion: '0.1.0',
      session,
      signature: signHello(this.#privateKey, { nonce, session, server, hostId, channel }),
      agentTime: Date.now(),
      digests,
      lastSeq: seq,
      ...(this.#enrolled ? {} : { enrol }),
      ...(this.#linkToken === undefined ? {} : { linkToken: this.#linkToken }),
      ...(channel === '' ? {} : { channel }),
    })
  }

  #take(frame: CollectorFrame): void {
    if (frame.type === 'welcome') this.#begin(frame)
    if (frame.type === 'ack') this.#acked(frame.seq)
    if (frame.type === 'nack') this.#nacked(frame)
  }

  #begin(welcome: Frame<'welcome'>): void {
    this.#tally.count('welcomes')
    this.#enrolled = true
    this.#backoff.reset()
    this.memory.welcome(welcome.acked, welcome.want)
    if (!this.#welcomed) {
      this.#sent = 0
      this.#last = 0
      this.#resumes = undefined
      this.#beatMs = welcome.settings.beatMs
      this.#beatLater(Math.random() * FIRST_BEAT_MS)
    } else this.#sent = Math.min(this.#sent, this.memory.waiting.length)
    this.#welcomed = true
    if (welcome.linkToken !== undefined) {
      this.#linkToken = welcome.linkToken
      void this.#send({ type: 'kept', linkToken: welcome.linkToken })
    }
    this.#pump()
  }

  #acked(seq: number): void {
    const ended = this.memory.acked(Math.min(seq, this.#last))
    this.#sent = Math.max(0, this.#sent - ended.length)
    const now = performance.now()
    for (const { sentAt } of ended) {
      this.#tally.count('acked')
      if (!this.naughty) this.#tally.answered(now - sentAt)
    }
    this.#pump()
  }

  #nacked({ seq, retryAfterMs }: Frame<'nack'>): void {
    this.#tally.count('nacks')
    this.#paused = true
    this.#resumes = seq
    clearTimeout(this.#pause)
    this.#pause = setTimeout(() => {
      this.#paused = false
      this.#sent = 0
      this.#last = 0
      this.#pump()
    }, retryAfterMs)
  }

  #beatLater(ms: number): void {
    clearTimeout(this.#beat)
    this.#beat = setTimeout(() => {
      if (performance.now() - this.#heardAt > SILENCE_MS) return this.cut()
      this.#beatLater(this.#beatMs)
      // A beat goes after every report that waits, and says nothing that cannot be said at the next one.
      if (!this.#welcomed || this.#paused || this.#sent < this.memory.waiting.length) return
      const now = Date.now()
      const fresh = this.memory.fresh(this.#beatAt, now)
      this.#beatAt = now
      this.#tally.count('beats')
      const after = this.#last
      this.#last = ++this.memory.seq
      void this.#send({ type: 'beat', seq: this.#last, at: now, fresh, after, ...this.#resumed() })
    }, ms)
  }

  #pump(): void {
    if (this.#sending || !this.#welcomed) return
    this.#sending = this.#sendWaiting().finally(() => {
      this.#sending = undefined
    })
  }

  async #sendWaiting(): Promise<void> {
    const { memory } = this
    while (this.#welcomed && !this.#paused && this.#sent < Math.min(memory.waiting.length, limits.inFlightReports)) {
      const entry = memory.waiting[this.#sent]
      if (!entry) return
      this.#sent++
      const after = this.#last
      this.#last = entry.seq
      entry.sentAt = performance.now()
      this.#tally.count('sent')
      const superseded = memory.isSuperseded(entry) ? { superseded: true } : {}
      const { seq, at } = entry
      const sending = this.#send({
        type: 'report',
        ...(memory.fact(entry) as SaidOutcome),
        ...superseded,
        ...this.#resumed(),
        ...{ seq, at, sentAt: Date.now(), after },
      })
      if (sending) await sending
    }
  }

  #resumed(): { resumes?: number } {
    const resumes = this.#resumes
    this.#resumes = undefined
    return resumes === undefined ? {} : { resumes }
  }

  /** Small frames go at once; large ones are deflated first, and what follows waits for them. */
  #send(frame: AgentFrame): Promise<void> | undefined {
    const socket = this.#socket
    const text = JSON.stringify(frame)
    if (text.length <= limits.deflateOverBytes) {
      if (socket?.readyState === WebSocket.OPEN) socket.send(text)
      return undefined
    }
    return pack(frame).then(packed => {
      if (socket?.readyState === WebSocket.OPEN) socket.send(packed)
    })
  }
}

type SaidOutcome = Pick<Frame<'report'>, 'key' | 'outcome' | 'reason' | 'hint' | 'everyMs' | 'tookMs' | 'hash' | 'data'>

/** The address that a host comes from: sites of 200 hosts, each behind one of 127.10.0.0/16, since limits are by address. */
export function addressOf(index: number): string {
  const site = Math.floor(index / HOSTS_AN_ADDRESS)
  return `127.10.${site >> 8}.${site & 255 || 255}`
}
