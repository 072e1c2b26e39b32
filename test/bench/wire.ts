import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Figure } from './figure.ts'

/** What went over the wire since the last look, both ways together. */
export type Traffic = { readonly frames: Readonly<Record<string, Kind>>; readonly tcpBytes: number }
/** Frames of a type and the bytes of their payloads. */
export type Kind = { readonly count: number; readonly bytes: number }

/** A TCP proxy before a collector that counts WebSocket payloads by the type of their frames. */
export type Tap = { readonly port: number; take(): Traffic; stop(): void }

/** Listens on a free port and passes everything on. */
export async function startTap(collectorPort: number): Promise<Tap> {
  let frames: Record<string, Kind> = {}
  let tcpBytes = 0
  const count = (type: string, bytes: number) => {
    const { count = 0, bytes: before = 0 } = frames[type] ?? {}
    frames[type] = { count: count + 1, bytes: before + bytes }
  }
  const server = createServer(near => {
    const far = connect(collectorPort, '127.0.0.1')
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      const reader = new FrameReader(count)
      from.on('data', (chunk: Buffer) => {
        tcpBytes += chunk.length
        reader.push(chunk)
      })
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
      from.pipe(to)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    take() {
      const taken = { frames, tcpBytes }
      frames = {}
      tcpBytes = 0
      return taken
    },
    stop: () => void server.close(),
  }
}

const CONTROL = new Set([8, 9, 10])
const HEAD_END = Buffer.from('\r\n\r\n')

/** Frames of one direction of a WebSocket, after its HTTP head; RFC 6455 section 5.2. */
export class FrameReader {
  readonly #count: (type: string, bytes: number) => void
  #held = Buffer.alloc(0)
  #upgraded = false

  constructor(count: (type: string, bytes: number) => void) {
    this.#count = count
  }

  push(chunk: Buffer): void {
    this.#held = Buffer.concat([this.#held, chunk])
    if (!this.#upgraded) {
      const end = this.#held.indexOf(HEAD_END)
      if (end < 0) return
      this.#upgraded = true
      this.#held = this.#held.subarray(end + HEAD_END.length)
    }
    while (this.#takeFrame());
  }

  #takeFrame(): boolean {
    const held = this.#held
    if (held.length < 2) return false
    const opcode = held.readUInt8(0) & 0x0f
    const masked = (held.readUInt8(1) & 0x80) !== 0
    const short = held.readUInt8(1) & 0x7f
    const wide = short === 126 ? 2 : short === 127 ? 8 : 0
    const start = 2 + wide + (masked ? 4 : 0)
    if (held.length < start) return false
    const length = wide === 2 ? held.readUInt16BE(2) : wide === 8 ? Number(held.readBigUInt64BE(2)) : short
    if (held.length < start + length) return false
    const payload = Buffer.from(held.subarray(start, start + length))
    if (masked) for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] ?? 0) ^ held.readUInt8(start - 4 + (i % 4))
    this.#count(CONTROL.has(opcode) ? 'control' : typeOf(payload), length)
    this.#held = held.subarray(start + length)
    return true
  }
}

/** The type of a text frame; `deflated` for a binary one. */
function typeOf(payload: Buffer): string {
  return /^\{"type":"([a-z]+)"/.exec(payload.toString('latin1', 0, 40))?.[1] ?? 'deflated'
}

const DAY_SECONDS = 86_400

type Measured = { readonly seconds: number; readonly beatSeconds: number; readonly group: string }

/** What went over the wire, told for a day. Beats come at a fixed pace, so their size and their number a day tell their share. */
export function wireFigures(traffic: Traffic, early: Traffic, { seconds, beatSeconds, group }: Measured): Figure[] {
  const { frames, tcpBytes } = traffic
  const mean = (kind: Kind | undefined) => (kind ? kind.bytes / kind.count : 0)
  const ack = mean(frames.ack ?? early.frames.ack)
  const beats = (DAY_SECONDS / beatSeconds) * (mean(frames.beat ?? early.frames.beat) + ack)
  const reports = frames.report ?? { count: 0, bytes: 0 }
  const seen = Object.entries(frames).map(([type, { count, bytes }]) => `${count} ${type} of ${bytes} bytes`)
  return [
    {
      ...{ group, what: 'payload on the wire a day, both ways, nothing changing', value: beats / 1024, unit: 'KB' },
      budget: { of: 'value', bound: 'most', limit: 200 },
      note: `a beat and its ack every ${beatSeconds} s; seen in this time: ${seen.join(', ') || 'nothing'}`,
    },
    {
      ...{ group, what: 'payload a day with as many reports as there were', unit: 'KB' },
      value: (beats + ((reports.bytes + reports.count * ack) / seconds) * DAY_SECONDS) / 1024,
    },
    {
      ...{ group, what: 'TCP payload a day, WebSocket headers and pings included', unit: 'KB' },
      value: (tcpBytes / seconds) * (DAY_SECONDS / 1024),
    },
  ]
}
