import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  type AgentFrame,
  type CollectorFrame,
  type Frame,
  factHash,
  hostIdOf,
  newPrivateKey,
  publicKeyOf,
  readCollectorFrame,
  SUBPROTOCOL,
  signHello,
} from '@fettle/protocol'
import { WebSocket } from 'ws'
import { secretMade } from './secrets.ts'

/** A bare speaker of the protocol: what a test needs to say what no honest agent would. */
export class ProtocolClient {
  readonly privateKey: string
  readonly publicKey: string
  readonly hostId: string
  readonly frames: CollectorFrame[] = []
  #socket: WebSocket | undefined
  #waiting: { wanted: (frame: CollectorFrame) => boolean; resolve: (frame: CollectorFrame) => void }[] = []

  constructor(privateKey = newPrivateKey()) {
    this.privateKey = secretMade(privateKey)
    this.publicKey = publicKeyOf(privateKey)
    this.hostId = hostIdOf(this.publicKey)
  }

  /** Opens a socket and waits for the challenge. */
  async open(agentUrl: string): Promise<Frame<'challenge'>> {
    this.frames.length = 0
    this.#socket = new WebSocket(`${agentUrl}/agent`, [SUBPROTOCOL], { perMessageDeflate: false })
    this.#socket.on('error', () => {})
    this.#socket.on('message', data => this.#take(readCollectorFrame(data.toString())))
    return (await this.next('challenge')) as Frame<'challenge'>
  }

  /** Says hello as an agent would, with changes. */
  hello(challenge: Frame<'challenge'>, changes: Partial<Frame<'hello'>> = {}): void {
    const session = changes.session ?? randomUUID()
    const hostId = changes.hostId ?? this.hostId
    this.send({
      type: 'hello',
      protocol: 1,
      hostId,
      agentVersion: 'test',
      session,
      signature: signHello(this.privateKey, { nonce: challenge.nonce, session, server: challenge.server, hostId }),
      agentTime: Date.now(),
      digests: {},
      lastSeq: 0,
      ...changes,
    })
  }

  /** Connects as a host that is, or with the token becomes, a member. */
  async join(agentUrl: string, token?: string, changes: Partial<Frame<'hello'>> = {}): Promise<Frame<'welcome'>> {
    const challenge = await this.open(agentUrl)
    const enrol = token
      ? { enrol: { token, publicKey: this.publicKey, instance: changes.enrol?.instance ?? 'host-under-test', labels: {} } }
      : {}
    this.hello(challenge, { ...enrol, ...changes })
    return (await this.next('welcome')) as Frame<'welcome'>
  }

  send(frame: AgentFrame): void {
    this.#socket?.send(JSON.stringify(frame))
  }

  sendRaw(data: string | Buffer): void {
    this.#socket?.send(data)
  }

  /** A report with a right hash. */
  report(seq: number, key: string, data: unknown, changes: Partial<Frame<'report'>> = {}): Frame<'report'> {
    const now = Date.now()
    const outcome = changes.outcome ?? 'ok'
    const told = outcome === 'ok' ? { data } : {}
    return {
      type: 'report',
      seq,
      key,
      at: now,
      sentAt: now,
      tookMs: 1,
      everyMs: 300_000,
      outcome,
      hash: factHash({ outcome, reason: changes.reason, ...told }),
      ...told,
      ...changes,
    }
  }

  /** The next frame of a type, or one that came already and was not taken. */
  next(type: CollectorFrame['type'], matches: (frame: CollectorFrame) => boolean = () => true): Promise<CollectorFrame> {
    const wanted = (frame: CollectorFrame) => frame.type === type && matches(frame)
    const i = this.frames.findIndex(wanted)
    if (i >= 0) return Promise.resolve(this.frames.splice(i, 1)[0] as CollectorFrame)
    return new Promise(resolve => this.#waiting.push({ wanted, resolve }))
  }

  /** The close code, once the other end has closed. */
  async closed(): Promise<number> {
    const socket = this.#socket
    if (!socket || socket.readyState === WebSocket.CLOSED) return 0
    const [code] = (await once(socket, 'close')) as [number]
    return code
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.#socket?.terminate()
  }

  #take(frame: CollectorFrame): void {
    if (frame.type === 'welcome') secretMade(frame.linkToken ?? '')
    const i = this.#waiting.findIndex(({ wanted }) => wanted(frame))
    if (i < 0) this.frames.push(frame)
    else this.#waiting.splice(i, 1)[0]?.resolve(frame)
  }
}
