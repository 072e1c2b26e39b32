import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'

/** What TLS is served with. */
export type Served = {
  /** PEM of the chain: the server's own certificate first, its authority last where that is not one of the system's. */
  readonly cert: string
  /** PEM of the private key. */
  readonly key: string
  /** When the server's own certificate ends, epoch ms. */
  readonly expiresAt: number
  /** PEM of the authorities that agents are to trust, the one in use first; empty where the systems of the agents know it. */
  readonly authorities: readonly string[]
  /** When the authority in use ends, epoch ms; null where it is one of the system's. */
  readonly authorityExpiresAt: number | null
}

/** Where certificates come from. */
export type Source = {
  /** How often it is to be read, ms. */
  readonly everyMs: number
  /** What to serve from now on. @throws where it cannot be used, with what was wanted */
  read(): Promise<Served>
  /** Makes the next authority now, to be used after so many ms; only where the authority is an own one. @throws where one is on its way already */
  renew?(usedInMs: number): Promise<void>
}

/** The certificates of a PEM text. @throws where one cannot be read */
export function certificatesOf(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  return blocks.map(block => new X509Certificate(block))
}

/** Whether one certificate signed another: by name, key identifiers and signature. */
export function isIssuer(issuer: X509Certificate, of: X509Certificate): boolean {
  return of.checkIssued(issuer) && of.verify(issuer.publicKey)
}

/** @throws where OpenSSL would not serve it: no certificate, a key of another one, a key that is too small */
export function assertServable({ cert, key }: Pick<Served, 'cert' | 'key'>): void {
  createSecureContext({ cert, key })
}
