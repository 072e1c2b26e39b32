import { connect as connectPlain, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, connect as connectSecure, getCACertificates } from 'node:tls'
import { channelOf, limits, SUBPROTOCOL } from '@fettle/protocol'
import { WebSocket } from 'ws'
import { endOf, type HttpProxy, noProxies, type ProxySettings, proxyFor } from './proxy.ts'
import { isUnknownAuthority, type Trouble, troubleOfAnswer, troubleOfError } from './trouble.ts'
import { ProxyUnreachable, tunnel } from './tunnel.ts'

/** A socket that is opening. */
export type Dialled = {
  readonly socket: WebSocket
  /** `channelOf` the connection, once it is open. */
  channel(): string
  /** Why it did not open, as far as the network tells; undefined while it may. */
  trouble(): Trouble | undefined
}

/** What a dial goes by besides the address. */
export type Ways = {
  readonly proxies?: ProxySettings
  /** A password that lies in a file of its own, for a proxy of the configuration. */
  readonly password?: () => Promise<string>
  /** Oldest version of TLS that is spoken with a collector; default 1.3. */
  readonly minVersion?: '1.2' | '1.3'
  /** PEM of the authorities that a machine's administrator trusts; tests have their own. */
  readonly systemAuthorities?: () => string[]
}

/** Opens connections to collectors: straight or through a proxy, and remembers which authorities it took. */
export class Dialler {
  readonly #ways: Ways
  /** What Node brings does not know who signed: ask those that this system trusts. They cost up to 6 MB and half a second, so only then. */
  #system: string[] | undefined

  constructor(ways: Ways = {}) {
    this.#ways = ways
  }

  /** The proxy on the way to an address, for people; null where none is. */
  proxyTo(url: string): HttpProxy | null {
    return proxyFor(url, this.#ways.proxies ?? noProxies)
  }

  /** A connection to `host` and `port` of an address that nothing was said on yet. @throws ProxyRefused, ProxyUnreachable */
  async open(url: string, signal: AbortSignal): Promise<Duplex> {
    const { host, port } = endOf(url)
    const proxy = this.proxyTo(url)
    if (!proxy) return connectPlain({ host, port })
    return tunnel(await this.#signedIn(proxy), { host, port, ca: this.#system, signal })
  }

  /** @param ca PEM of the authorities to believe; null: those that this system trusts */
  dial(url: string, ca: string | null): Dialled {
    let trouble: Trouble | undefined
    let channel = ''
    const given = new AbortController()
    const authorities = ca === null ? this.#system : [ca]
    const socket = new WebSocket(url, [SUBPROTOCOL], {
      perMessageDeflate: false,
      maxPayload: limits.frameBytes,
      handshakeTimeout: limits.handshakeMs,
      followRedirects: false,
      minVersion: `TLSv${this.#ways.minVersion ?? '1.3'}`,
      ...(authorities === undefined ? {} : { ca: authorities }),
      ...(this.proxyTo(url) === null ? {} : { createConnection: this.#through(url, given.signal) }),
    })
    socket.on('upgrade', response => {
      channel = channelOf(response.socket)
    })
    socket.on('unexpected-response', (_request, response) => {
      trouble = troubleOfAnswer({ status: response.statusCode ?? 0, headers: response.headers }, url)
      response.destroy()
      socket.emit('error', new Error(trouble.reason))
      socket.terminate()
    })
    socket.on('error', error => {
      trouble ??= troubleOfError(error, url)
      if ((ca === null || error instanceof ProxyUnreachable) && isUnknownAuthority(error))
        this.#system ??= (this.#ways.systemAuthorities ?? systemAuthorities)()
    })
    socket.once('close', () => given.abort())
    return { socket, channel: () => channel, trouble: () => trouble }
  }

  /** What ws calls to connect; it goes on with what the callback gets, as node:http does. */
  #through(url: string, signal: AbortSignal) {
    const { protocol, host } = endOf(url)
    const connect = (options: object, connected: (error: Error | null, socket?: Duplex) => void): undefined => {
      this.open(url, signal).then(
        stream => {
          if (signal.aborted) return void stream.destroy()
          connected(null, protocol === 'wss:' ? secured(options, stream, host) : stream)
        },
        error => connected(error),
      )
    }
    // ws knows of connections that are there at once only; node:http, which it hands this to, of later ones too.
    return connect as unknown as typeof connectPlain
  }

  async #signedIn(proxy: HttpProxy): Promise<HttpProxy> {
    const { password } = this.#ways
    return password === undefined ? proxy : { ...proxy, password: await password() }
  }
}

/** TLS from end to end inside of a tunnel: the proxy sees none of it. */
function secured(options: object, stream: Duplex, host: string): Duplex {
  const inside: ConnectionOptions = { ...options, socket: stream, servername: isIP(host) ? '' : host }
  // To tls a path is a socket of the file system, to http it is what is asked for.
  delete inside.path
  return connectSecure(inside)
}

/** What the administrator of this machine trusts: companies keep their own authorities there. Besides them those of NODE_EXTRA_CA_CERTS and of Node. */
function systemAuthorities(): string[] {
  return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])]
}
