import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type Frame, readAgentFrame, SUBPROTOCOL, unpack } from '@fettle/protocol'
import { type WebSocket, WebSocketServer } from 'ws'

/** One connection of an agent, at a collector that means it ill. */
export type Victim = {
  readonly socket: WebSocket
  /** The hello that it said. */
  readonly hello: Frame<'hello'>
  /** Seq of the last report or beat that came. */
  readonly lastSeq: () => number
  say(frame: object): void
  /** Says the same as fast as the agent reads it, until the connection ends. */
  flood(what: () => string | Buffer): Promise<void>
}

/** What this process holds of a flood that the agent has not read, bytes: the agent's memory is measured, not the attacker's. */
const UNREAD = 4 * 1024 * 1024

export type HostileCollector = {
  readonly url: string
  /** How often an agent connected. */
  readonly connections: () => number
  stop(): Promise<void>
}

/** Welcomes whoever comes, believes anything, and then does as the test says. */
export async function startHostileCollector(attack: (victim: Victim) => unknown, welcome: object = {}): Promise<HostileCollector> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => SUBPROTOCOL, perMessageDeflate: false })
  await once(server, 'listening')
  let connections = 0
  server.on('connection', socket => {
    connections++
    let seq = 0
    const say = (frame: object) => socket.send(JSON.stringify(frame))
    socket.on('error', () => {})
    socket.on('message', async (data: Buffer, binary: boolean) => {
      const frame = readAgentFrame(await unpack(data, binary))
      if ('seq' in frame) seq = frame.seq
      if (frame.type !== 'hello') return
      say({ type: 'welcome', epoch: 'e', instance: 'victim', want: [], acked: 0, settings: { beatMs: 0 }, ...welcome })
      await attack({ socket, hello: frame, lastSeq: () => seq, say, flood: what => flood(socket, what) })
    })
    say({ type: 'challenge', nonce: randomBytes(24).toString('base64'), collectorTime: Date.now(), server: 'hostile' })
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `ws://127.0.0.1:${port}/agent`,
    connections: () => connections,
    async stop() {
      for (const client of server.clients) client.terminate()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

async function flood(socket: WebSocket, what: () => string | Buffer): Promise<void> {
  while (socket.readyState === socket.OPEN) {
    for (let i = 0; i < 50 && socket.bufferedAmount < UNREAD; i++) socket.send(what())
    await delay(1)
  }
}
