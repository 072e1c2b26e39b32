import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

/** Ed25519 (RFC 8032) identity: the private key never leaves the machine, the hostId is the hash of the public key. */

/** A new key, PKCS #8 PEM. */
export function newPrivateKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** Public key (SPKI DER, base64) of a private key in PEM. @throws when the text is no Ed25519 key */
export function publicKeyOf(privatePem: string): string {
  const key = createPrivateKey(privatePem)
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`Cannot use a key of type ${key.asymmetricKeyType}: wanted ed25519`)
  return createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64')
}

/** First 128 bits of SHA-256 over the public key, as hex. */
export function hostIdOf(publicKey: string): string {
  return createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('hex').slice(0, 32)
}

/** What a connection is bound to: another nonce, session, server, host or channel makes another signature. */
export type Bound = {
  readonly nonce: string
  readonly session: string
  readonly server: string
  readonly hostId: string
  /** `channelOf` the connection, base64; empty or left out in plain text. */
  readonly channel?: string | undefined
}

/** Label of RFC 9266, section 4.2. */
const EXPORTER = 'EXPORTER-Channel-Binding'

/**
 * What only the two ends of one TLS connection know, base64: a signature over it is worth nothing on any other (tls-exporter, RFC 9266). Empty where
 * the socket is no TLS one.
 */
export function channelOf(socket: object): string {
  if (!('exportKeyingMaterial' in socket) || typeof socket.exportKeyingMaterial !== 'function') return ''
  return (socket as TLSSocket).exportKeyingMaterial(32, EXPORTER, Buffer.alloc(0)).toString('base64')
}

/** Length-prefixed, so that no two different bounds give the same bytes. */
function bytesOf(bound: Bound): Buffer {
  const parts = ['fettle.v1 hello', bound.nonce, bound.session, bound.server, bound.hostId, ...(bound.channel ? [bound.channel] : [])]
  return Buffer.concat(
    parts.flatMap(part => {
      const bytes = Buffer.from(part)
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      return [length, bytes]
    }),
  )
}

/** Signature over what the connection is bound to, base64. */
export function signHello(privatePem: string, bound: Bound): string {
  return sign(null, bytesOf(bound), createPrivateKey(privatePem)).toString('base64')
}

/** Whether the signature is that key's over this bound; a malformed key or signature is `false`, like any other forgery. */
export function verifyHello(publicKey: string, bound: Bound, signature: string): boolean {
  const key = readPublicKey(publicKey)
  return key !== undefined && verify(null, bytesOf(bound), key, Buffer.from(signature, 'base64'))
}

function readPublicKey(publicKey: string): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' })
    return key.asymmetricKeyType === 'ed25519' ? key : undefined
  } catch {
    return undefined
  }
}
