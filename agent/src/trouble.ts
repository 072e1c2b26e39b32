import { nameOf } from './proxy.ts'
import { ProxyRefused, ProxyUnreachable } from './tunnel.ts'

/** Why no connection came to be, as far as it can be told apart. */
export type Trouble = {
  readonly kind:
    | 'busy'
    | 'certificate'
    | 'cut'
    | 'gateway'
    | 'middlebox'
    | 'name'
    | 'network'
    | 'path'
    | 'portal'
    | 'proxy'
    | 'proxy-sign-in'
    | 'trust'
  /** For people: what happened, and what to do about it. */
  readonly reason: string
  /** The least pause before the next try, ms. */
  readonly pauseMs: number
}

/** Every limit of telling trouble. */
export const troubleLimits = {
  /** The pause where only a person can help, ms at least: asking often locks accounts out, and fills the logs of others. */
  personMs: 60_000,
  /** Longest pause that an answer may ask for, ms. */
  retryAfterMs: 3_600_000,
} as const

/** An HTTP answer in place of a WebSocket. */
export type HttpAnswer = { readonly status: number; readonly headers: Readonly<Record<string, string | string[] | undefined>> }

/** What an HTTP answer (RFC 9110, RFC 6585) in place of a WebSocket means. @param address where the agent wanted to go */
export function troubleOfAnswer({ status, headers }: HttpAnswer, address: string): Trouble {
  const { host, pathname } = new URL(address)
  const html = /^(text\/html|application\/xhtml)/i.test(first(headers['content-type']))
  const asked = retryAfterMs(first(headers['retry-after']))
  const told = (kind: Trouble['kind'], reason: string, least = 0): Trouble => ({ kind, reason, pauseMs: Math.max(least, asked) })
  if (status === 511) return told('portal', `the network wants you to sign in first (511): open a browser on this machine`)
  if (status >= 300 && status < 400)
    return told('portal', `${host} answered with a redirect to ${placeOf(first(headers.location), address)}, not a collector: ${PORTAL}`)
  if (status === 429 || status === 503) return told('busy', `${host} has no room now (${status})`)
  if (status === 502 || status === 504)
    return told('gateway', `the proxy before the collector at ${host} cannot reach it (${status}): see whether the collector runs`)
  if (status < 300) return told('portal', `${host} answered with ${html ? 'a web page' : `status ${status}`}, not a collector: ${PORTAL}`)
  if (status === 404)
    return told(
      'path',
      `nothing answers agents at ${pathname} of ${host} (404): see the address, and the path prefix of the collector`,
      troubleLimits.personMs,
    )
  return told(
    'middlebox',
    `${host} does not let a WebSocket through (${status}${html ? ', with a web page' : ''}): a firewall, filter or reverse proxy stands between`,
    [401, 403, 407, 426, 451].includes(status) ? troubleLimits.personMs : 0,
  )
}

const PORTAL = 'a login page of the network (captive portal), or another server'

/** Untrusted certificates by the code of Node's tls; https://nodejs.org/api/tls.html, X509 certificate error codes. */
const untrusted: Readonly<Record<string, string>> = {
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'is of an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT: 'is of an authority that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'is of an authority that is not trusted here',
  SELF_SIGNED_CERT_IN_CHAIN: 'is of an authority that is not trusted here',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is a self-signed certificate',
  CERT_UNTRUSTED: 'is not trusted here',
  CERT_REVOKED: 'was revoked',
  CERT_SIGNATURE_FAILURE: 'has a wrong signature',
}

/** Whether only an authority is missing: then those that this system trusts may help. */
export function isUnknownAuthority(error: unknown): boolean {
  const code = codeOf(error instanceof ProxyUnreachable ? error.cause : error)
  return code !== 'CERT_REVOKED' && code !== 'CERT_SIGNATURE_FAILURE' && Object.hasOwn(untrusted, code)
}

const network: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'no way leads there',
  ENETUNREACH: 'this machine has no network',
  EHOSTDOWN: 'the machine is down',
  EADDRNOTAVAIL: 'this machine has no network',
  EACCES: 'a firewall of this machine forbids it',
  EPERM: 'a firewall of this machine forbids it',
}

/** What an error on the way to an address means; undefined where its own words say as much. */
export function troubleOfError(error: unknown, address: string): Trouble | undefined {
  if (error instanceof ProxyRefused) return refusedBy(error, address)
  if (error instanceof ProxyUnreachable) {
    const inner = troubleOfError(error.cause, `${error.proxy.secure ? 'wss' : 'ws'}://${nameOf(error.proxy).split('//')[1]}`)
    return trouble('proxy', `the proxy ${nameOf(error.proxy)} cannot be reached: ${inner?.reason ?? messageOf(error.cause)}`)
  }
  const { host, hostname } = new URL(address)
  const code = codeOf(error)
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return trouble('certificate', `${host} shows the certificate of somebody else${namesOf(error)}: ${PORTAL}, or a proxy that opens TLS`)
  if (code === 'CERT_HAS_EXPIRED')
    return trouble('certificate', `the certificate of ${host} has expired, or the clock of this machine is wrong`)
  if (code === 'CERT_NOT_YET_VALID')
    return trouble('certificate', `the certificate of ${host} is not valid yet, or the clock of this machine is wrong`)
  if (Object.hasOwn(untrusted, code))
    return trouble(
      'trust',
      `the certificate of ${host} ${untrusted[code]}: ${PORTAL}, a proxy that opens TLS, or a private authority, which collector.caFile names`,
    )
  if (/^(EPROTO$|ERR_SSL_)/.test(code))
    return trouble(
      'middlebox',
      `${host} speaks no TLS that this agent does (${code}): see the port, and collector.minVersion where what stands there knows no TLS 1.3`,
    )
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'ENODATA')
    return trouble('name', `no address of the name ${hostname} is known (${code}): see its spelling, and the DNS of this network`)
  if (Object.hasOwn(network, code)) return trouble('network', `${host}: ${network[code]} (${code})`)
  if (code === 'ECONNRESET' || code === 'EPIPE') return trouble('cut', `${host} cut the connection off (${code})`)
  return undefined
}

function refusedBy({ proxy, status, retryAfter }: ProxyRefused, address: string): Trouble {
  const { host } = new URL(address)
  const name = nameOf(proxy)
  const pauseMs = retryAfterMs(retryAfter ?? '')
  const person = Math.max(pauseMs, troubleLimits.personMs)
  // RFC 9110 wants 407; tinyproxy(8) answers 401 to a wrong password.
  const signIn = status === 407 || status === 401
  if (signIn && proxy.user === null)
    return {
      kind: 'proxy-sign-in',
      reason: `the proxy ${name} wants a user and a password (${status}): set them in collector.proxy`,
      pauseMs: person,
    }
  if (signIn)
    return {
      kind: 'proxy-sign-in',
      reason: `the proxy ${name} does not take the user and the password (${status}), or not by basic authentication`,
      pauseMs: person,
    }
  if (status === 502 || status === 503 || status === 504)
    return { kind: 'proxy', reason: `the proxy ${name} cannot reach ${host} (${status})`, pauseMs }
  return {
    kind: 'proxy',
    reason: `the proxy ${name} does not let this machine connect to ${host} (${status}): allow it there`,
    pauseMs: person,
  }
}

/** Retry-After of RFC 9110, section 10.2.3, ms; 0 where it says nothing. A date depends on clocks that may be wrong: it says nothing here. */
function retryAfterMs(text: string): number {
  const seconds = /^\s*\d{1,9}\s*$/.test(text) ? Number(text) : 0
  return Math.min(seconds * 1000, troubleLimits.retryAfterMs)
}

function trouble(kind: Trouble['kind'], reason: string): Trouble {
  return { kind, reason, pauseMs: 0 }
}

function first(header: string | string[] | undefined): string {
  return (Array.isArray(header) ? header[0] : header) ?? ''
}

/** Only where a redirect leads: its path may be anything. */
function placeOf(location: string, address: string): string {
  const base = address.replace(/^ws/, 'http')
  return URL.canParse(location, base) ? new URL(location, base).origin.slice(0, 100) : 'nowhere'
}

/** Of an error, or of the first of several: one a network family that was tried (RFC 8305). */
function codeOf(error: unknown): string {
  const { code, errors } = (error ?? {}) as { code?: unknown; errors?: readonly unknown[] }
  if (typeof code === 'string') return code
  return Array.isArray(errors) && errors.length > 0 ? codeOf(errors[0]) : ''
}

/** Whom a certificate is for, which is anybody's text. */
function namesOf(error: unknown): string {
  const { subjectaltname = '' } = (error as { cert?: { subjectaltname?: string } }).cert ?? {}
  const names = subjectaltname.replace(/[^A-Za-z0-9.:*, -]/g, '?').slice(0, 100)
  return names === '' ? '' : ` (${names})`
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 300)
}
