import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { SUBPROTOCOL } from '@fettle/protocol'

/** A TCP connection and what came over it: what a test needs to speak as no client library would. */
export type Raw = {
  readonly socket: Socket
  /** All that came until now. */
  readonly heard: () => string
  /** Resolves when the other end has closed or cut it. */
  readonly ended: Promise<void>
}

/** Connects over loopback. @param from of 127.0.0.0/8, for a peer with another address */
export async function openRaw(port: number, from = '127.0.0.1'): Promise<Raw> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from })
  socket.on('error', () => {})
  let heard = ''
  socket.on('data', chunk => {
    heard += chunk.toString('latin1')
  })
  const ended = new Promise<void>(resolve => socket.once('close', () => resolve()))
  await Promise.race([new Promise<void>(resolve => socket.once('connect', resolve)), ended])
  return { socket, heard: () => heard, ended }
}

/** A request that asks to speak as an agent. */
export function upgradeRequest(headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries({
    Host: 'collector',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    'Sec-WebSocket-Protocol': SUBPROTOCOL,
    ...headers,
  }).map(([name, value]) => `${name}: ${value}`)
  return `GET /agent HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
}

/** A frame of RFC 6455, masked with zeros. @param length told, where it is not that of the payload */
export function clientFrame(opcode: number, payload: Buffer, { fin = true, length = payload.length } = {}): Buffer {
  if (length < 126) return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | opcode, 0x80 | length, 0, 0, 0, 0]), payload])
  const head = Buffer.alloc(14)
  head[0] = (fin ? 0x80 : 0) | opcode
  head[1] = 0x80 | 127
  head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, payload])
}
