import { createHash, X509Certificate } from 'node:crypto'
import * as v from 'valibot'
import { limits } from './limits.ts'

/** What one string tells a machine that is to be enrolled: where the collector is, how to know it, and the token that lets the machine in. */
export type Enrolment = {
  /** Addresses of the collector, tried in their order: `wss://name[:port][/path]`. */
  readonly urls: readonly string[]
  /** `ID.SECRET` */
  readonly token: string
  /** The name that the collector gives itself; the agent signs for no other. */
  readonly server: string
  /** `pinOf` the collector's certificate authority; null where an authority that the system trusts vouches for it. */
  readonly pin: string | null
}

/** Begins every enrolment string: tells people what it is, and readers its version. */
const PREFIX = 'fettle1.'

const schema = v.object({
  u: v.pipe(v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(512))), v.minLength(1), v.maxLength(4)),
  t: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}\.[A-Za-z0-9_-]{20,64}$/, 'a token ID.SECRET')),
  s: v.pipe(v.string(), v.minLength(1), v.maxLength(256)),
  p: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/, 'SHA-256 in base64url'))),
})

/** The string that `fettle-collector token create` prints: secret, since the token is in it. */
export function writeEnrolment({ urls, token, server, pin }: Enrolment): string {
  const told = { u: urls, t: token, s: server, ...(pin === null ? {} : { p: pin }) }
  return PREFIX + Buffer.from(JSON.stringify(told)).toString('base64url')
}

/** Whether a text means to be an enrolment string, and not a bare token. */
export function isEnrolment(text: string): boolean {
  return text.startsWith(PREFIX)
}

/** @throws telling what is wrong with it, never with the token in it */
export function readEnrolment(text: string): Enrolment {
  const trimmed = text.trim()
  if (!isEnrolment(trimmed)) throw new Error(`Cannot read the enrolment string: wanted one that begins with ${PREFIX}`)
  if (trimmed.length > limits.enrolmentLength)
    throw new Error(`Cannot read the enrolment string: wanted at most ${limits.enrolmentLength} characters`)
  const result = v.safeParse(schema, parsed(trimmed.slice(PREFIX.length)))
  if (!result.success) throw new Error('Cannot read the enrolment string: it is damaged; copy it whole, or make a new one')
  const { u, t, s, p } = result.output
  return { urls: u, token: t, server: s, pin: p ?? null }
}

function parsed(base64url: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64url, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}

/** SHA-256 over the public key (SPKI) of a certificate, base64url: stays the same where the authority renews its certificate. @throws where it is none */
export function pinOf(certificatePem: string): string {
  const spki = new X509Certificate(certificatePem).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest('base64url')
}
