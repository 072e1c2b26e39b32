import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { factHash, hostIdOf, newPrivateKey, PROTOCOL, publicKeyOf, SUBPROTOCOL, signHello } from '@fettle/protocol'
import { WebSocket } from 'ws'
import { factsOf, filesystemsOf, instanceOf } from './simulated.ts'
import { quantile } from './statistics.ts'
import { serve } from './worker.ts'

/** Connections that are opened at the same time. */
const OPENING = 50
/** How often a paced run sends what is due, ms. */
const TICK_MS = 5
/** Different contents that a host's reports take in turn, so that each is a change. */
const VARIANTS = 8

/** One made-up host on one bare WebSocket: no schema, no outbox, so that it costs as little as can be. */
class Speaker {
  readonly #socket: WebSocket
  readonly #bodies: readonly string[]
  readonly #sent: number[] = []
  readonly #mode: 'collector' | 'echo'
  seq = 0
  acked = 0
  onAck: (answered: number) => void = () => {}

  constructor(socket: WebSocket, host: number, mode: 'collector' | 'echo') {
    this.#socket = socket
    this.#mode = mode
    this.#bodies = Array.from({ length: VARIANTS }, (_, round) => bodyOf('filesystems/mounts', filesystemsOf(host, round)))
    socket.on('message', (data: Buffer) => this.#heard(data))
  }

  get inFlight(): number {
    return this.seq - this.acked
  }

  report(): void {
    this.say(this.#bodies[this.seq % VARIANTS] ?? '')
  }

  say(body: string): void {
    const now = Date.now()
    this.#sent.push(performance.now())
    this.#socket.send(`{"type":"report","seq":${++this.seq},"at":${now},"sentAt":${now},${body}`)
  }

  /** Times of the reports that this answer is for, ms. */
  takeTimes(answered: number): number[] {
    const now = performance.now()
    return this.#sent.splice(0, answered).map(sent => now - sent)
  }

  close(): void {
    this.#socket.terminate()
  }

  #heard(data: Buffer): void {
    let seq = this.acked + 1
    if (this.#mode === 'collector') {
      const text = data.toString('latin1')
      if (!text.startsWith('{"type":"ack"')) {
        if (text.startsWith('{"type":"nack"')) throw new Error(`the collector sheds load: ${text}`)
        return
      }
      seq = Number.parseInt(text.slice(20), 10)
    }
    const answered = seq - this.acked
    if (answered <= 0) return
    this.acked = seq
    this.onAck(answered)
  }
}

function bodyOf(key: string, data: unknown): string {
  const hash = factHash({ outcome: 'ok', data })
  return `"key":"${key}","tookMs":4,"everyMs":300000,"outcome":"ok","hash":"${hash}","data":${JSON.stringify(data)}}`
}

let speakers: Speaker[] = []
let flooding = false
let answered = 0

const calls = {
  /** Enrols that many new hosts and keeps their connections. `facts`: each reports every subject once. */
  async join({ agentUrl, token, hosts, facts }: { agentUrl: string; token: string; hosts: number; facts: boolean }) {
    const first = speakers.length
    await each(hosts, async i => speakers.push(await join(agentUrl, token, first + i)))
    if (facts) await each(hosts, i => reportAll(speakers[first + i], first + i))
  },

  /** The same number of connections to a server that only echoes. */
  async open({ url, connections }: { url: string; connections: number }) {
    await each(connections, async i => {
      const socket = new WebSocket(url, { perMessageDeflate: false })
      await once(socket, 'open')
      speakers.push(new Speaker(socket, i, 'echo'))
    })
  },

  frameBytes() {
    return Buffer.byteLength(
      `{"type":"report","seq":1000,"at":${Date.now()},"sentAt":${Date.now()},${bodyOf('filesystems/mounts', filesystemsOf(1, 1))}`,
    )
  },

  /** From now on as fast as answers come, with so many unanswered reports a connection. */
  flood({ window }: { window: number }) {
    flooding = true
    for (const speaker of speakers) {
      speaker.onAck = n => {
        answered += n
        speaker.takeTimes(n)
        while (flooding && speaker.inFlight < window) speaker.report()
      }
      for (let i = 0; i < window; i++) speaker.report()
    }
  },

  /** Reports answered so far, and when this was, ms. */
  answered() {
    return { count: answered, at: performance.now() }
  },

  async halt() {
    flooding = false
    await drained()
  },

  /** At a fixed rate over all connections in turn. @returns ms from report to answer */
  async pace({ rate, seconds }: { rate: number; seconds: number }) {
    const times: number[] = []
    for (const speaker of speakers) speaker.onAck = n => times.push(...speaker.takeTimes(n))
    const started = performance.now()
    let sent = 0
    for (let now = started; now - started < seconds * 1000; now = performance.now()) {
      for (const due = ((now - started) / 1000) * rate; sent < due; sent++) speakers[sent % speakers.length]?.report()
      await pause(TICK_MS)
    }
    await drained()
    return { samples: times.length, p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
  },

  close() {
    for (const speaker of speakers) speaker.close()
    speakers = []
  },
}
export type SpeakerCalls = typeof calls

async function join(agentUrl: string, token: string, host: number): Promise<Speaker> {
  const privateKey = newPrivateKey()
  const publicKey = publicKeyOf(privateKey)
  const hostId = hostIdOf(publicKey)
  const socket = new WebSocket(`${agentUrl}/agent`, [SUBPROTOCOL], { perMessageDeflate: false })
  const [challenge] = await once(socket, 'message')
  const { nonce, server } = JSON.parse(String(challenge)) as { nonce: string; server: string }
  const session = randomUUID()
  const signature = signHello(privateKey, { nonce, session, server, hostId })
  const enrol = { token, publicKey, instance: instanceOf(host), labels: {} }
  const about = { protocol: PROTOCOL, hostId, agentVersion: 'bench', session, signature, agentTime: Date.now(), digests: {}, lastSeq: 0 }
  socket.send(JSON.stringify({ type: 'hello', ...about, enrol }))
  const [welcome] = await once(socket, 'message')
  if (!String(welcome).includes('"welcome"')) throw new Error(`the collector did not welcome a host: ${welcome}`)
  return new Speaker(socket, host, 'collector')
}

async function reportAll(speaker: Speaker | undefined, host: number): Promise<void> {
  if (!speaker) return
  await new Promise<void>(resolve => {
    speaker.onAck = n => {
      speaker.takeTimes(n)
      if (speaker.inFlight === 0) resolve()
    }
    for (const { key, data } of factsOf(host, 0, Date.now())) speaker.say(bodyOf(key, data))
  })
}

/** Runs for 0 up to count, some at a time. */
async function each(count: number, run: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) await run(next++)
  }
  await Promise.all(Array.from({ length: Math.min(OPENING, count) }, lane))
}

/** Every report answered, or 10 s over. */
async function drained(): Promise<void> {
  for (let left = 10_000; left > 0 && speakers.some(speaker => speaker.inFlight > 0); left -= 20) await pause(20)
}

const pause = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))

serve(calls)
