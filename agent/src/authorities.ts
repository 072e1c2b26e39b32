import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { limits, pinOf } from '@fettle/protocol'
import { Dialler } from './dial.ts'

/** Longest chain of certificates that is looked through. */
const CHAIN_LENGTH = 8

/** A connection to the address that nothing was said on yet; a proxy may stand between. The signal gives it up. */
export type Open = (signal: AbortSignal) => Promise<Duplex>

/** The collector that answered is another than the one that the enrolment string is for. */
export class WrongPin extends Error {
  override name = 'WrongPin'
}

/**
 * The certificate authority, as PEM, that the collector at `url` shows and whose public key has this pin. Only a TLS handshake is made: nothing is sent
 * before the authority is known, and the connection that follows is verified by it, names and times included.
 * @throws WrongPin where the collector shows no such authority, or Error where none answers
 */
export async function readAuthority(url: string, pin: string, open: Open = signal => new Dialler().open(url, signal)): Promise<string> {
  const { protocol, hostname } = new URL(url)
  if (protocol !== 'wss:') throw new Error(`Cannot check the pin of ${url}: wanted an address that begins with wss://`)
  const host = hostname.replace(/^\[|\]$/g, '')
  const shown = await shownBy(await opened(open), host)
  const authority = shown.find(certificate => certificate.ca && pinOf(certificate.toString()) === pin)
  if (authority) return authority.toString()
  throw new WrongPin(
    `${url} is not the collector of this enrolment string, or somebody stands between: no certificate authority that it shows has the pin ${pin}. Nothing was sent to it`,
  )
}

async function opened(open: Open): Promise<Duplex> {
  const given = new AbortController()
  const timer = setTimeout(() => given.abort(new Error('no connection in time')), limits.handshakeMs)
  try {
    return await open(given.signal)
  } finally {
    clearTimeout(timer)
  }
}

/** The chain that the other end shows, its own certificate first. */
function shownBy(stream: Duplex, host: string): Promise<X509Certificate[]> {
  return new Promise((resolve, reject) => {
    // Nobody is believed here: what is shown is compared with the pin, and the connection ends.
    const socket = connectTls({ socket: stream, rejectUnauthorized: false, ...(isIP(host) ? {} : { servername: host }) })
    const end = (act: () => void) => {
      clearTimeout(timer)
      socket.destroy()
      stream.destroy()
      act()
    }
    const failed = (error: Error) => end(() => reject(error))
    const timer = setTimeout(() => failed(new Error(`no TLS handshake with ${host} in time`)), limits.handshakeMs)
    stream.on('error', failed)
    socket.on('error', failed)
    socket.once('close', () => failed(new Error(`${host} closed the connection during the handshake`)))
    socket.once('secureConnect', () => {
      const chain = chainOf(socket)
      end(() => resolve(chain))
    })
  })
}

function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = []
  let certificate = socket.getPeerX509Certificate()
  while (certificate && chain.length < CHAIN_LENGTH) {
    chain.push(certificate)
    certificate = certificate.issuerCertificate
  }
  return chain
}

/**
 * The authorities to trust from now on, of those that a collector told over a connection that `present` ones vouched for; undefined where they stay as
 * they are. Believed is only a list that goes on from one of the present: it can widen what this collector is known by, never cut the agent off from it.
 */
export function nextAuthorities(told: readonly string[] | undefined, present: readonly string[]): readonly string[] | undefined {
  if (told === undefined || present.length === 0) return undefined
  const next = told.map(authorityOf)
  const known = new Set(present.flatMap(certificatesIn).map(pem => new X509Certificate(pem).fingerprint256))
  if (!next.every(certificate => certificate !== undefined) || !next.some(certificate => known.has(certificate.fingerprint256)))
    return undefined
  return next.map(certificate => certificate.toString())
}

/** A certificate of an authority that vouches for itself (RFC 5280, section 3.2); undefined for anything else. */
function authorityOf(pem: string): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(pem)
    const own = certificate.ca && certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey)
    return own ? certificate : undefined
  } catch {
    return undefined
  }
}

/** The certificates of a PEM file. @throws where one of them cannot be read */
export function certificatesIn(pem: string): string[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  return blocks.map(block => new X509Certificate(block).toString())
}
