import { Backoff, type Clock, type Log } from '@fettle/kit'
import { closeCodes, type Frame } from '@fettle/protocol'
import { Conversation, type Ending, type Held, type Party } from './conversation.ts'
import { Dialler } from './dial.ts'
import type { Outbox } from './outbox.ts'
import type { Target } from './target.ts'
import type { Trouble } from './trouble.ts'

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
  /** After the machine slept or its network changed, the connection has to answer within this, ms. */
  proofMs: 5_000,
  /** The next try comes within this after that, ms: not all machines of a building at once. */
  wakeMs: 2_000,
  /** The pause between tries is cut short by that once in this time, ms: a network that comes and goes makes no fast loop. */
  wakeDistanceMs: 10_000,
} as const

/** Close code of a connection that never was; RFC 6455, section 7.1.5. */
const NO_CONNECTION = 1006

type Needs = Omit<Party, 'onAck' | 'onWelcome' | 'outbox' | 'server'> & {
  /** As of a party; the address is the one that worked. */
  onWelcome(welcome: Frame<'welcome'>, server: string, address: string): Promise<boolean>
  /** The name of the collector as it is known now. */
  server(): string | null
  readonly outbox: Outbox
  /** Where the collector is, asked before each connection. @throws where it cannot be known for sure */
  target(): Target | Promise<Target>
  /** Goes by the proxies and authorities of this machine; default: straight. */
  readonly dialler?: Dialler
  /** A connection stands again after none did. */
  onRestored?(): void
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
  readonly #dialler: Dialler
  #conversation: Conversation | undefined
  #stopped = false
  #cancelPause: () => void = () => {}
  #ackWaiters: { readonly seq: number; readonly done: () => void }[] = []
  #said = ''
  /** Which of the addresses is tried next, counted on for ever: the one that works is kept to. */
  #address = 0
  /** Until then the other end does not want to be asked, monotonic ms. */
  #notBefore = 0
  #pausing = false
  /** When a connection that had held was lost, or the first try ended, monotonic ms. */
  #lostAt: number | undefined
  #wokenAt = Number.NEGATIVE_INFINITY
  #fault: { readonly reason: string; readonly since: number } | undefined

  constructor(needs: Needs) {
    this.#needs = needs
    this.#clock = needs.clock
    this.#log = needs.log
    this.#dialler = needs.dialler ?? new Dialler()
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

  /** Why no connection stands, and since when, epoch ms; undefined where one does, or none was tried yet. */
  get fault(): { readonly reason: string; readonly since: number } | undefined {
    return this.connected ? undefined : this.#fault
  }

  /** The machine slept, or its network changed: what looks open may be dead, and what failed may work now. */
  wake(): void {
    const now = this.#clock.monotonic()
    if (this.#stopped || now - this.#wokenAt < linkLimits.wakeDistanceMs) return
    this.#wokenAt = now
    this.#backoff.reset()
    if (this.#conversation) return this.#conversation.prove(linkLimits.proofMs)
    if (!this.#pausing) return
    const soonMs = (this.#needs.random ?? Math.random)() * linkLimits.wakeMs
    this.#connectAfter(Math.max(soonMs, this.#notBefore - now))
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
    this.#pausing = false
    const { ending, leastMs } = await this.#converse()
    for (const waiter of this.#ackWaiters.splice(0)) waiter.done()
    if (this.#stopped) return
    if (ending.code === closeCodes.refused) this.#needs.onRefused?.()
    const held = ending.welcomedMs !== null && ending.welcomedMs >= linkLimits.goodMs
    const now = this.#clock.monotonic()
    if (held) this.#backoff.reset()
    this.#lostAt = held ? now : (this.#lostAt ?? now)
    // One that stops, or has no room, says when to come back: another may have room then.
    if (!held || ending.retryAfterMs > 0) this.#address++
    const pauseMs = this.#backoff.next(leastMs, now - this.#lostAt)
    this.#notBefore = now + leastMs
    this.#tell(ending, pauseMs)
    this.#connectAfter(pauseMs)
  }

  #connectAfter(ms: number): void {
    this.#cancelPause()
    this.#pausing = true
    this.#cancelPause = this.#clock.after(ms, () => void this.#connect())
  }

  /** One connection, from its dial to its end, and the least pause after it, ms. */
  async #converse(): Promise<{ readonly ending: Ending; readonly leastMs: number }> {
    const nowhere = (reason: string) => ({ ending: { code: NO_CONNECTION, reason, retryAfterMs: 0, welcomedMs: null }, leastMs: 0 })
    let target: Target
    try {
      target = await this.#needs.target()
    } catch (error) {
      return nowhere(error instanceof Error ? error.message : String(error))
    }
    if (this.#stopped) return nowhere('stopped')
    const address = target.urls[this.#address % target.urls.length] ?? target.urls[0]
    const { socket, channel, trouble } = this.#dialler.dial(address, target.ca)
    const party: Party = {
      ...this.#needs,
      server: this.#needs.server(),
      onAck: () => this.#releaseWaiters(),
      onWelcome: (welcome, server) => {
        this.#reached()
        return this.#needs.onWelcome(welcome, server, address)
      },
    }
    this.#conversation = new Conversation(socket, party, channel)
    const ended = await this.#conversation.ended
    this.#conversation = undefined
    const ending = explained(ended, trouble())
    return { ending, leastMs: Math.max(pauseAfter(ending), trouble()?.pauseMs ?? 0) }
  }

  #reached(): void {
    const wasDown = this.#fault !== undefined
    this.#fault = undefined
    if (wasDown) this.#needs.onRestored?.()
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
    this.#fault = { reason, since: ending.welcomedMs === null ? (this.#fault?.since ?? this.#clock.now()) : this.#clock.now() }
    this.#log[level]({ code, reason, retryMs: pauseMs }, 'no connection to the collector')
  }
}

/** The least pause that an ending calls for, ms. */
export function pauseAfter(ending: Pick<Ending, 'code' | 'retryAfterMs'>): number {
  if (ending.code === closeCodes.refused || ending.code === closeCodes.revoked) return linkLimits.refusedMs
  if (ending.code === closeCodes.superseded) return linkLimits.supersededMs
  return Math.min(ending.retryAfterMs, linkLimits.retryAfterMs)
}

/** What the network told of an attempt says more than how its socket ended. */
function explained(ending: Ending, trouble: Trouble | undefined): Ending {
  return ending.welcomedMs === null && trouble ? { ...ending, reason: trouble.reason } : ending
}

/** What introducing came to: the collector's welcome, or how it ended without one. */
export type Introduced = { readonly welcome: Frame<'welcome'>; readonly server: string } | { readonly ending: Ending }

/** Connects once, shows the enrolment, and leaves: for `enroll`, beside an agent that may be running. */
export async function introduce(
  who: Pick<Party, 'identity' | 'clock' | 'log' | 'version'> & {
    /** The name that the collector must give itself; null where any will do. */
    readonly server?: string | null
    readonly target: Target
    readonly dialler?: Dialler
    readonly enrol: NonNullable<Frame<'hello'>['enrol']>
  },
): Promise<Introduced> {
  const [first, ...others] = who.target.urls
  let last = await introduceAt(first, who)
  for (const url of others) {
    // What a collector has answered, another of the same store would answer too.
    if ('welcome' in last || last.ending.code !== NO_CONNECTION) break
    last = await introduceAt(url, who)
  }
  return last
}

async function introduceAt(url: string, who: Parameters<typeof introduce>[0]): Promise<Introduced> {
  let told: { welcome: Frame<'welcome'>; server: string } | undefined
  const { socket, channel, trouble } = (who.dialler ?? new Dialler()).dial(url, who.target.ca)
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
  return told ?? { ending: explained(ending, trouble()) }
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
