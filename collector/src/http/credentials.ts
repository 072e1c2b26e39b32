import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'

export type Credentials = { readonly text: string /** Browsers send it by themselves once it was typed. */; readonly byBrowser: boolean }

/** `Bearer <token>`, or Basic with the token as the password, so that a browser can ask for it. */
export function credentials(header: string | undefined): Credentials | undefined {
  const [scheme = '', value = ''] = (header ?? '').split(' ')
  if (scheme.toLowerCase() === 'bearer') return { text: value, byBrowser: false }
  if (scheme.toLowerCase() !== 'basic') return undefined
  const text = Buffer.from(value, 'base64').toString('utf8')
  return { text: text.slice(text.indexOf(':') + 1), byBrowser: true }
}

/** The value of a cookie of RFC 6265; undefined where it is not there, or is empty. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  const found = (header ?? '').split(';').find(pair => pair.trimStart().startsWith(`${name}=`))
  return found?.slice(found.indexOf('=') + 1).trim() || undefined
}

/** What forms carry: made from what the browser shows by itself and another site never sees. */
export function formTokenOf(shown: string): string {
  return createHash('sha256').update(`fettle form\0${shown}`).digest('base64url')
}

export function isSame(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Where a request comes from, as limits count it: whoever has an IPv6 address has a whole /64 of them (RFC 6177). */
export function origin(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  if (isIP(plain) !== 6) return `from:${plain}`
  const [head = '', tail] = plain.split('%')[0]?.split('::') ?? []
  const groups = [...head.split(':').filter(Boolean)]
  const zeros = tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter(Boolean).length
  const all = [...groups, ...Array<string>(Math.max(0, zeros)).fill('0'), ...(tail ?? '').split(':').filter(Boolean)]
  return `from:${all
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':')}`
}

export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.')
}

/** Whoever comes through a proxy of this machine is not on this machine, whether that proxy is trusted or not. */
export function isForwarded({ headers }: FastifyRequest): boolean {
  return ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip'].some(name => headers[name] !== undefined)
}

/** Refuses names that a foreign page made to point at loopback (DNS rebinding). */
export function namesThisMachine(host = ''): boolean {
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  return name === 'localhost' || (isIP(name) !== 0 && isLoopback(name))
}
