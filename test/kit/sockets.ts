import { EventEmitter } from 'node:events'
import type { WebSocket } from 'ws'

/** What the network does to a frame on its way. */
export type Fate = 'deliver' | 'drop' | 'duplicate' | 'swap'

/**
 * The two ends of a WebSocket with a network between them that a test decides over: a door to the outside, so a fake. What is sent arrives one
 * turn of the event loop later; `swap` lets the next frame overtake; a cut loses what was on its way.
 */
export function socketPair(fate: (direction: 'up' | 'down') => Fate): {
  readonly agent: WebSocket
  readonly collector: WebSocket
  cut(): void
} {
  const agent = new FakeSocket(() => fate('up'))
  const collector = new FakeSocket(() => fate('down'))
  agent.peer = collector
  collector.peer = agent
  const cut = () => {
    agent.end(1006, '')
    collector.end(1006, '')
  }
  return { agent: agent as unknown as WebSocket, collector: collector as unknown as WebSocket, cut }
}

class FakeSocket extends EventEmitter {
  readonly OPEN = 1
  readyState = 1
  peer: FakeSocket | undefined
  readonly #fate: () => Fate
  #held: Buffer | undefined

  constructor(fate: () => Fate) {
    super()
    this.#fate = fate
  }

  send(data: string | Buffer): void {
    if (this.readyState !== 1) return
    const bytes = Buffer.from(data as string)
    const binary = typeof data !== 'string'
    const fate = this.#fate()
    if (fate === 'swap' && !this.#held) {
      this.#held = bytes
      return
    }
    const frames: Buffer[] = fate === 'drop' ? [] : fate === 'duplicate' ? [bytes, bytes] : [bytes]
    if (this.#held) frames.push(this.#held)
    this.#held = undefined
    for (const frame of frames) setImmediate(() => this.peer?.arrive(frame, binary))
  }

  arrive(bytes: Buffer, binary: boolean): void {
    if (this.readyState === 1) this.emit('message', bytes, binary)
  }

  ping(): void {
    setImmediate(() => {
      if (this.peer?.readyState !== 1) return
      this.peer.emit('ping')
      this.emit('pong')
    })
  }

  close(code = 1005, reason = ''): void {
    const { peer } = this
    setImmediate(() => {
      peer?.end(code, reason)
      this.end(code, reason)
    })
  }

  terminate(): void {
    this.end(1006, '')
    setImmediate(() => this.peer?.end(1006, ''))
  }

  end(code: number, reason: string): void {
    if (this.readyState !== 1) return
    this.readyState = 3
    this.emit('close', code, Buffer.from(reason))
  }
}
