import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type AgentFrame, type CollectorFrame, type Frame, pack, readAgentFrame, SUBPROTOCOL, unpack } from '@fettle/protocol'
import { type WebSocket, WebSocketServer } from 'ws'

/** One connection of an agent, as the other end sees it. */
export type FakeConnection = {
  readonly nonce: string
  /** The next frame that was not taken yet. */
  next(): Promise<AgentFrame>
  /** The next frame of a type; others before it are passed over. */
  nextOf<T extends AgentFrame['type']>(type: T): Promise<Frame<T>>
  /** Frames that came and were not taken. */
  readonly untaken: readonly AgentFrame[]
  send(frame: CollectorFrame): Promise<void>
  /** Bytes as they are, for what no collector sends. */
  sendRaw(text: string): void
  welcome(over?: Partial<Frame<'welcome'>>): Promise<void>
  close(code: number): void
  /** Resolves at the next ping. */
  pinged(): Promise<void>
  /** Takes nothing in any more, and answers nothing: as a machine that is gone. */
  freeze(): void
  readonly closed: Promise<number>
  readonly binaryFrames: () => number
}

/** A collector that does what the test says: speaks the protocol, remembers nothing. */
export type FakeCollector = { readonly url: string; readonly port: number; connection(): Promise<FakeConnection>; stop(): Promise<void> }

export const FAKE_SERVER = 'fake-collector'

/** Listens on a free loopback port; each connection is greeted with a challenge. */
export async function startFakeCollector(): Promise<FakeCollector> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => SUBPROTOCOL, perMessageDeflate: false })
  await once(server, 'listening')
  const arrived = queue<FakeConnection>()
  server.on('connection', socket => arrived.put(greet(socket)))
  const { port } = server.address() as AddressInfo
  return {
    url: `ws://127.0.0.1:${port}/agent`,
    port,
    connection: arrived.take,
    stop: async () => {
      for (const client of server.clients) client.terminate()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function greet(socket: WebSocket): FakeConnection {
  const frames = queue<AgentFrame>()
  const nonce = randomBytes(24).toString('base64')
  const closed = new Promise<number>(resolve => socket.once('close', resolve))
  let binaryFrames = 0
  let inbox = Promise.resolve()
  socket.on('message', (data: Buffer, binary: boolean) => {
    if (binary) binaryFrames++
    inbox = inbox.then(async () => frames.put(readAgentFrame(await unpack(data, binary))))
  })
  socket.send(JSON.stringify({ type: 'challenge', nonce, collectorTime: Date.now(), server: FAKE_SERVER }))
  const send = async (frame: CollectorFrame) => socket.send(await pack(frame))
  const nextOf = async <T extends AgentFrame['type']>(type: T): Promise<Frame<T>> => {
    const frame = await frames.take()
    return frame.type === type ? (frame as Frame<T>) : nextOf(type)
  }
  return {
    nonce,
    next: frames.take,
    nextOf,
    untaken: frames.items,
    send,
    sendRaw: text => socket.send(text),
    welcome: over => send({ type: 'welcome', epoch: 'e1', instance: 'web1', want: [], acked: 0, settings: { beatMs: 60_000 }, ...over }),
    close: code => socket.close(code),
    pinged: () => new Promise(resolve => socket.once('ping', () => resolve())),
    freeze: () => socket.pause(),
    closed,
    binaryFrames: () => binaryFrames,
  }
}

function queue<T>() {
  const items: T[] = []
  const takers: ((item: T) => void)[] = []
  return {
    items,
    put(item: T) {
      const taker = takers.shift()
      if (taker) taker(item)
      else items.push(item)
    },
    take: (): Promise<T> => {
      const item = items.shift()
      return item === undefined ? new Promise(resolve => takers.push(resolve)) : Promise.resolve(item)
    },
  }
}
