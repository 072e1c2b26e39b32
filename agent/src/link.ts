import { Backoff, type Clock, type Log } from '@fettle/kit'
import { channelOf, closeCodes, type Frame, limits, SUBPROTOCOL } from '@fettle/protocol'
import { WebSocket } from 'ws'
import { Conversation, type Ending, type Held, type Party } from './conversation.ts'
import type { Outbox } from './outbox.ts'
import type { Target } from './target.ts'

/** Every limit of reconnecting. */
export const linkLimits = {
  /** First and highest ceiling of the pause between tries, ms. */
  backoffMs: { base: 1_000, cap: 300_000 },
  /** The pause after a refusal is at least this, ms: nothing gets better by asking often. */
  refusedMs: 60_000,
  /** The pause after a newer connection of this host took over, ms. */
  supersededMs: 30_000,
  /** Longest pause that a collector may ask for, ms. */
  retryAfterMs: 3_600_000,
  /** A connection that held this long after its welcome counts as good, ms. */
  goodMs: 10_000,
} as const

/** Close code of a connection that never was; RFC 6455, section 7.1.5. */
const NO_CONNECTION = 1006

type Needs = Omit<Party, 'onAck' | 'outbox' | 'server'> & {
  /** The name of the collector as it is known now. */
  server(): string | null
  readonly outbox: Outbox
  /** Where the collector is, asked before each connection. @throws where it cannot be known for sure */
  target(): Target | Promise<Target>
  /** The collector did not let this agent in. */
  onRefused?(): void
  /** Random numbers 0..1 for the pauses. */
  readonly random?: () => number
}

/** Keeps one connection to the collector, for as long as the agent lives. */
export class Link {
  readonly #needs: Needs
  readonly #clock: Clock
  readonly #log: Log
  readonly #backoff: Backoff
  #conversation: Conversation | undefined
  #stopped = false
  #cancelPause: () => void = () => {}
  #ackWaiters: { readonly seq: number; readonly done: () => void }[] = []
  #said = ''

  constructor(needs: Needs) {
    this.#needs = needs
    this.#clock = needs.clock
    this.#log = needs.log
    this.#backoff = new Backoff(linkLimits.backoffMs.base, linkLimits.backoffMs.cap, needs.random)
    needs.outbox.onPending(() => this.#conversation?.poke())
  }

  start(): void {
    void this.#connect()
  }

  /** Whether the collector knows this agent on the connection that is open now. */
  get connected(): boolean {
    return this.#conversation?.welcomed === true
  }

  /** Resolves once the collector holds everything that was given out until now; at once where no connection stands. */
  settled(): Promise<void> {
    const { outbox } = this.#needs
    if (!this.connected || outbox.waiting === 0) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#ackWaiters.push({ seq: outbox.lastSeq, done: resolve })
    return promise
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelPause()
    await this.#conversation?.leave()
  }

  async #connect(): Promise<void> {
    const { ending, askedMs } = await this.#converse()
    for (const waiter of this.#ackWaiters.splice(0)) waiter.done()
    if (this.#stopped) return
    if (ending.code === closeCodes.refused) this.#needs.onRefused?.()
    if (ending.welcomedMs !== null && ending.welcomedMs >= linkLimits.goodMs) this.#backoff.reset()
    const pauseMs = this.#backoff.next(Math.max(pauseAfter(ending), askedMs))
    this.#tell(ending, pauseMs)
    this.#cancelPause = this.#clock.after(pauseMs, () => void this.#connect())
  }

  /** One connection, from its dial to its end. */
  async #converse(): Promise<{ readonly ending: Ending; readonly askedMs: number }> {
    const nowhere = (reason: string) => ({ ending: { code: NO_CONNECTION, reason, retryAfterMs: 0, welcomedMs: null }, askedMs: 0 })
    let target: Target
    try {
      target = await this.#needs.target()
    } catch (error) {
      return nowhere(error instanceof Error ? error.message : String(error))
    }
    if (this.#stopped) return nowhere('stopped')
    const { asked, socket, channel } = dial(target)
    const party = { ...this.#needs, server: this.#needs.server(), onAck: () => this.#releaseWaiters() }
    this.#conversation = new Conversation(socket, party, channel)
    const ending = await this.#conversation.ended
    this.#conversation = undefined
    return { ending, askedMs: asked() }
  }

  #releaseWaiters(): void {
    const { outbox } = this.#needs
    this.#ackWaiters = this.#ackWaiters.filter(waiter => {
      if (outbox.waiting > 0) return true
      waiter.done()
      return false
    })
  }

  /** The same trouble is told once, then only to those who debug. */
  #tell(ending: Ending, pauseMs: number): void {
    const { code, reason } = ending
    const level = reason === this.#said && ending.welcomedMs === null ? 'debug' : 'warn'
    this.#said = reason
    this.#log[level]({ code, reason, retryMs: pauseMs }, 'no connection to the collector')
  }
}

/** The least pause that an ending calls for, ms. */
export function pauseAfter(ending: Pick<Ending, 'code' | 'retryAfterMs'>): number {
  if (ending.code === closeCodes.refused || ending.code === closeCodes.revoked) return linkLimits.refusedMs
  if (ending.code === closeCodes.superseded) return linkLimits.supersededMs
  return Math.min(ending.retryAfterMs, linkLimits.retryAfterMs)
}

/** A socket that is opening, and what an HTTP answer in its place asked for with Retry-After (RFC 9110), ms. */
function dial(target: Target): { readonly socket: WebSocket; asked(): number; channel(): string } {
  let askedMs = 0
  let channel = ''
  const socket = new WebSocket(target.urls[0], [SUBPROTOCOL], {
    perMessageDeflate: false,
    maxPayload: limits.frameBytes,
    handshakeTimeout: limits.handshakeMs,
    followRedirects: false,
    ...(target.ca === null ? {} : { ca: target.ca }),
  })
  socket.on('upgrade', response => {
    channel = channelOf(response.socket)
  })
  socket.on('unexpected-response', (_request, response) => {
    const seconds = Number(response.headers['retry-after'])
    if (Number.isFinite(seconds) && seconds > 0) askedMs = Math.min(seconds * 1000, linkLimits.retryAfterMs)
    response.destroy()
    socket.emit('error', new Error(`the server answered ${response.statusCode} in place of a WebSocket`))
    socket.terminate()
  })
  return { socket, asked: () => askedMs, channel: () => channel }
}

/** What introducing came to: the collector's welcome, or how it ended without one. */
export type Introduced = { readonly welcome: Frame<'welcome'>; readonly server: string } | { readonly ending: Ending }

/** Connects once, shows the enrolment, and leaves: for `enroll`, beside an agent that may be running. */
export async function introduce(
  who: Pick<Party, 'identity' | 'clock' | 'log' | 'version'> & {
    /** The name that the collector must give itself; null where any will do. */
    readonly server?: string | null
    readonly target: Target
    readonly enrol: NonNullable<Frame<'hello'>['enrol']>
  },
): Promise<Introduced> {
  let told: { welcome: Frame<'welcome'>; server: string } | undefined
  const { socket, channel } = dial(who.target)
  const party: Party = {
    ...who,
    server: who.server ?? null,
    outbox: nothingHeld,
    introduction: () => ({ enrol: who.enrol }),
    async onWelcome(welcome, server) {
      told = { welcome, server }
      void conversation.leave()
      return false
    },
    onRefresh: () => {},
    onAck: () => {},
  }
  const conversation = new Conversation(socket, party, channel)
  const ending = await conversation.ended
  return told ?? { ending }
}

const nothingHeld: Held = {
  lastSeq: 0,
  digests: () => ({}),
  welcome: () => {},
  after: () => undefined,
  beat: () => undefined,
  ack: () => {},
  beatAcked: () => {},
}
