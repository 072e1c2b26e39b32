import { type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestSecure } from 'node:https'
import type { Duplex } from 'node:stream'
import { type HttpProxy, nameOf } from './proxy.ts'

/** A proxy answered, and made no tunnel. */
export class ProxyRefused extends Error {
  override name = 'ProxyRefused'
  readonly proxy: HttpProxy
  readonly status: number
  readonly retryAfter: string | undefined
  constructor(proxy: HttpProxy, { statusCode = 0, headers }: IncomingMessage) {
    super(`the proxy ${nameOf(proxy)} answered ${statusCode}`)
    this.proxy = proxy
    this.status = statusCode
    this.retryAfter = headers['retry-after']
  }
}

/** A proxy could not be asked. The cause tells why. */
export class ProxyUnreachable extends Error {
  override name = 'ProxyUnreachable'
  readonly proxy: HttpProxy
  constructor(proxy: HttpProxy, cause: Error) {
    super(`the proxy ${nameOf(proxy)} cannot be asked: ${cause.message}`, { cause })
    this.proxy = proxy
  }
}

type Wish = {
  readonly host: string
  readonly port: number
  /** PEM of the authorities that a proxy spoken to by TLS is known by; undefined: those of Node. */
  readonly ca: string[] | undefined
  /** Gives the attempt up, and leaves nothing open. */
  readonly signal: AbortSignal
}

/**
 * A connection through a proxy to an address that the proxy resolves: CONNECT of RFC 9110, section 9.3.6, basic authentication of RFC 7617.
 * @throws ProxyRefused, ProxyUnreachable
 */
export function tunnel(proxy: HttpProxy, { host, port, ca, signal }: Wish): Promise<Duplex> {
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const credentials = proxy.user === null ? undefined : Buffer.from(`${proxy.user}:${proxy.password ?? ''}`).toString('base64')
  return new Promise((resolve, reject) => {
    const asking = (proxy.secure ? requestSecure : requestPlain)({
      method: 'CONNECT',
      host: proxy.host,
      port: proxy.port,
      path: authority,
      headers: { Host: authority, ...(credentials === undefined ? {} : { 'Proxy-Authorization': `Basic ${credentials}` }) },
      agent: false,
      signal,
      ...(ca && proxy.secure ? { ca } : {}),
    })
    asking.once('error', error => reject(new ProxyUnreachable(proxy, error)))
    asking.once('connect', (answer, socket, head) => {
      const { statusCode = 0 } = answer
      if (signal.aborted || statusCode < 200 || statusCode > 299) {
        socket.destroy()
        return reject(new ProxyRefused(proxy, answer))
      }
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    asking.end()
  })
}
