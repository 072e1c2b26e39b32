import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** What the network between two ends is like. */
export type Weather = {
  /** On the way, each direction, ms. */
  readonly delayMs: number
  /** Of each connection and direction. */
  readonly bytesPerSecond: number
  /** What is longer arrives in pieces of this size, each a packet of its own. */
  readonly pieceBytes: number
  /** `hold`: connections are accepted and stand, and nothing comes through until it is `all` again, when what was sent arrives. */
  readonly pass: 'all' | 'hold'
  /** A connection without a byte for this long is closed in order, as load balancers do, ms. */
  readonly idleMs: number
}

const FAIR: Weather = {
  delayMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  pieceBytes: Number.POSITIVE_INFINITY,
  pass: 'all',
  idleMs: Number.POSITIVE_INFINITY,
}
/** What waits on one way before its sender has to wait, bytes: about what two kernels buffer. */
const BUFFER_BYTES = 1024 * 1024

/** A TCP proxy on loopback whose weather a test makes. */
export type TcpProxy = {
  readonly port: number
  /** Connections that stand, and all that there ever were. */
  readonly standing: number
  readonly accepted: number
  /** Changes the weather from now on; what is left out stays. */
  set(weather: Partial<Weather>): void
  /** Resets every connection, as a host that crashed does. */
  reset(): void
  /** A firewall that lost its table: what stands stays open at both ends and nothing comes through any more, ever; new connections are as new. */
  forget(): void
  stop(): Promise<void>
}

/** Starts one. @param target the port on loopback that the next connection goes to; asked for each, so that it can balance */
export async function startProxy(target: () => number, weather: Partial<Weather> = {}): Promise<TcpProxy> {
  let now: Weather = { ...FAIR, ...weather }
  let accepted = 0
  const pairs = new Set<Pair>()
  const server = createServer(client => {
    accepted++
    const pair = new Pair(client, connect(target(), '127.0.0.1'), () => now)
    pairs.add(pair)
    client.once('close', () => pairs.delete(pair))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    get standing() {
      return pairs.size
    },
    get accepted() {
      return accepted
    },
    set(change) {
      now = { ...now, ...change }
      for (const pair of pairs) pair.weatherChanged()
    },
    reset() {
      for (const pair of pairs) pair.reset()
    },
    forget() {
      for (const pair of pairs) pair.forget()
    },
    async stop() {
      for (const pair of pairs) pair.reset()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Two sockets and the two ways between them. */
class Pair {
  readonly #ends: readonly [Socket, Socket]
  readonly #ways: readonly [Way, Way]
  readonly #weather: () => Weather
  #idle: NodeJS.Timeout | undefined

  constructor(client: Socket, server: Socket, weather: () => Weather) {
    this.#ends = [client, server]
    this.#weather = weather
    for (const end of this.#ends) {
      end.setNoDelay(true)
      end.on('error', () => this.#drop())
      end.once('close', () => this.#drop())
      end.on('data', () => this.#touched())
    }
    this.#ways = [new Way(client, server, weather), new Way(server, client, weather)]
    this.#touched()
  }

  weatherChanged(): void {
    for (const way of this.#ways) way.run()
    this.#touched()
  }

  reset(): void {
    for (const end of this.#ends) end.resetAndDestroy()
  }

  forget(): void {
    clearTimeout(this.#idle)
    for (const way of this.#ways) way.lose()
  }

  #touched(): void {
    clearTimeout(this.#idle)
    const { idleMs } = this.#weather()
    if (Number.isFinite(idleMs)) this.#idle = setTimeout(() => this.#ends.map(end => end.end()), idleMs)
  }

  /** One end is gone; the other hears of it unless the way is lost or held. */
  #drop(): void {
    clearTimeout(this.#idle)
    if (this.#ways[0].lost) return
    for (const end of this.#ends) end.destroy()
  }
}

/** Bytes from one socket to the other. */
class Way {
  readonly #from: Socket
  readonly #to: Socket
  readonly #weather: () => Weather
  #queue: { bytes: Buffer; dueAt: number }[] = []
  #waiting = 0
  #freeAt = 0
  #timer: NodeJS.Timeout | undefined
  lost = false

  constructor(from: Socket, to: Socket, weather: () => Weather) {
    this.#from = from
    this.#to = to
    this.#weather = weather
    from.on('data', bytes => this.#take(bytes as Buffer))
    from.once('end', () => {
      if (!this.lost && this.#queue.length === 0) to.end()
    })
  }

  lose(): void {
    this.lost = true
    clearTimeout(this.#timer)
    this.#queue = []
  }

  #take(bytes: Buffer): void {
    if (this.lost) return
    this.#queue.push({ bytes, dueAt: performance.now() + this.#weather().delayMs })
    this.#waiting += bytes.length
    if (this.#waiting > BUFFER_BYTES) this.#from.pause()
    this.run()
  }

  /** Sends what is due, as the weather allows. */
  run(): void {
    clearTimeout(this.#timer)
    const { pass, pieceBytes, bytesPerSecond } = this.#weather()
    const [head] = this.#queue
    if (!head || this.lost || pass === 'hold') return
    const now = performance.now()
    const waitMs = Math.max(head.dueAt, this.#freeAt) - now
    if (waitMs > 0) {
      this.#timer = setTimeout(() => this.run(), waitMs)
      return
    }
    const piece = head.bytes.subarray(0, pieceBytes)
    head.bytes = head.bytes.subarray(piece.length)
    if (head.bytes.length === 0) this.#queue.shift()
    this.#waiting -= piece.length
    this.#freeAt = now + (piece.length / bytesPerSecond) * 1000
    this.#to.write(piece)
    if (this.#waiting <= BUFFER_BYTES) this.#from.resume()
    this.#timer = setTimeout(() => this.run(), 0)
  }
}
