import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readProxy } from './proxy.ts'
import { isUnknownAuthority, type Trouble, troubleLimits, troubleOfAnswer, troubleOfError } from './trouble.ts'
import { ProxyRefused, ProxyUnreachable } from './tunnel.ts'

const address = 'wss://fettle.example.com/fettle/agent'
const page = { 'content-type': 'text/html; charset=utf-8' }
const person = troubleLimits.personMs

describe('an HTTP answer in place of a WebSocket', () => {
  test.each<[number, Record<string, string>, Trouble['kind'], number, RegExp]>([
    [200, page, 'portal', 0, /with a web page, not a collector: a login page of the network/],
    [200, {}, 'portal', 0, /with status 200/],
    [302, { location: 'http://login.hotel.example/?next=x' }, 'portal', 0, /redirect to http:\/\/login\.hotel\.example,/],
    [307, { location: '\u0000::' }, 'portal', 0, /redirect to/],
    [400, page, 'middlebox', 0, /\(400, with a web page\)/],
    [401, {}, 'middlebox', person, /does not let a WebSocket through \(401\)/],
    [403, page, 'middlebox', person, /\(403, with a web page\): a firewall, filter or reverse proxy/],
    [404, {}, 'path', person, /nothing answers agents at \/fettle\/agent of fettle\.example\.com \(404\)/],
    [407, {}, 'middlebox', person, /407/],
    [426, {}, 'middlebox', person, /\(426\)/],
    [429, { 'retry-after': '20' }, 'busy', 20_000, /no room now \(429\)/],
    [451, page, 'middlebox', person, /451/],
    [500, {}, 'middlebox', 0, /\(500\)/],
    [502, page, 'gateway', 0, /see whether the collector runs/],
    [503, { 'retry-after': '120' }, 'busy', 120_000, /no room now \(503\)/],
    [503, { 'retry-after': '999999' }, 'busy', troubleLimits.retryAfterMs, /503/],
    [503, { 'retry-after': 'Wed, 21 Oct 2099 07:28:00 GMT' }, 'busy', 0, /503/],
    [504, {}, 'gateway', 0, /504/],
    [511, page, 'portal', 0, /sign in first \(511\)/],
  ])('%i with %j is told as %s and waits %i ms', (status, headers, kind, pauseMs, reason) => {
    expect(troubleOfAnswer({ status, headers }, address)).toEqual({ kind, pauseMs, reason: expect.stringMatching(reason) })
  })

  test('a redirect is told without what its path holds', () => {
    const { reason } = troubleOfAnswer({ status: 302, headers: { location: 'https://login.example/<script>?secret=1' } }, address)
    expect(reason).not.toMatch(/script|secret/)
  })
})

const coded = (code: string, more: object = {}) => Object.assign(new Error('as openssl says it'), { code, ...more })

describe('an error on the way', () => {
  test.each<[string, unknown, Trouble['kind'], RegExp]>([
    [
      'another name',
      coded('ERR_TLS_CERT_ALTNAME_INVALID', { cert: { subjectaltname: 'DNS:login.hotel.example' } }),
      'certificate',
      /somebody else \(DNS:login\.hotel\.example\)/,
    ],
    ['expiry', coded('CERT_HAS_EXPIRED'), 'certificate', /expired, or the clock of this machine is wrong/],
    ['a certificate of tomorrow', coded('CERT_NOT_YET_VALID'), 'certificate', /not valid yet, or the clock/],
    ['a self-signed certificate', coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'trust', /self-signed certificate.*collector\.caFile/],
    ['an unknown authority', coded('UNABLE_TO_GET_ISSUER_CERT_LOCALLY'), 'trust', /authority that is not trusted here/],
    ['an unknown authority in the chain', coded('SELF_SIGNED_CERT_IN_CHAIN'), 'trust', /a proxy that opens TLS, or a private authority/],
    ['no TLS there', coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'middlebox', /speaks no TLS/],
    ['TLS that breaks', coded('EPROTO'), 'middlebox', /see the port/],
    ['a name that nobody knows', coded('ENOTFOUND'), 'name', /fettle\.example\.com is known \(ENOTFOUND\)/],
    ['a resolver that is silent', coded('EAI_AGAIN'), 'name', /DNS of this network/],
    ['a closed port', coded('ECONNREFUSED'), 'network', /nothing listens there \(ECONNREFUSED\)/],
    ['no network', coded('ENETUNREACH'), 'network', /this machine has no network/],
    ['both families refused', new AggregateError([coded('ECONNREFUSED'), coded('ENETUNREACH')]), 'network', /nothing listens there/],
    ['a reset', coded('ECONNRESET'), 'cut', /cut the connection off/],
  ])('%s', (_, error, kind, reason) => {
    expect(troubleOfError(error, address)).toEqual({ kind, pauseMs: 0, reason: expect.stringMatching(reason) })
  })

  test.each([new Error('odd'), new Error(''), undefined, null, 'text', new AggregateError([])])(
    'what was never seen is left to its own words: %s',
    error => {
      expect(troubleOfError(error, address)).toBeUndefined()
    },
  )

  test('only an authority that is missing may be found elsewhere', () => {
    expect(isUnknownAuthority(coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE'))).toBe(true)
    expect(isUnknownAuthority(coded('CERT_REVOKED'))).toBe(false)
    expect(isUnknownAuthority(coded('ECONNRESET'))).toBe(false)
  })
})

describe('a proxy that makes no tunnel', () => {
  const refused = (status: number, proxy = 'http://proxy:3128', headers = {}) =>
    troubleOfError(new ProxyRefused(readProxy(proxy), { statusCode: status, headers } as never), address)

  test.each<[number, string, Trouble['kind'], number, RegExp]>([
    [407, 'http://proxy:3128', 'proxy-sign-in', person, /wants a user and a password \(407\): set them in collector\.proxy/],
    [407, 'http://anna:secret@proxy:3128', 'proxy-sign-in', person, /does not take the user and the password \(407\)/],
    [403, 'http://proxy:3128', 'proxy', person, /does not let this machine connect to fettle\.example\.com \(403\): allow it there/],
    [405, 'http://proxy:3128', 'proxy', person, /405/],
    [502, 'http://proxy:3128', 'proxy', 0, /cannot reach fettle\.example\.com \(502\)/],
    [504, 'http://proxy:3128', 'proxy', 0, /504/],
  ])('with %i (%s) is told', (status, proxy, kind, pauseMs, reason) => {
    const told = refused(status, proxy)
    expect(told).toEqual({ kind, pauseMs, reason: expect.stringMatching(reason) })
    expect(told?.reason).toContain('http://proxy:3128')
    expect(told?.reason).not.toMatch(/anna|secret/)
  })

  test('for a while is obeyed', () => {
    expect(refused(503, 'http://proxy:3128', { 'retry-after': '90' })?.pauseMs).toBe(90_000)
  })

  test('because it is not there is told as the trouble of the proxy', () => {
    const error = new ProxyUnreachable(readProxy('http://anna:secret@proxy:3128'), coded('ECONNREFUSED'))
    expect(troubleOfError(error, address)).toEqual({
      kind: 'proxy',
      pauseMs: 0,
      reason: 'the proxy http://proxy:3128 cannot be reached: proxy:3128: nothing listens there (ECONNREFUSED)',
    })
  })
})

test('any answer is some trouble in plain words, with a pause that ends', () => {
  const headers = fc.dictionary(fc.constantFrom('location', 'content-type', 'retry-after'), fc.string())
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 999 }), headers, (status, told) => {
      const { reason, pauseMs } = troubleOfAnswer({ status, headers: told }, address)
      expect(reason).toMatch(/^[\x20-\x7e]+$/)
      expect(pauseMs).toBeGreaterThanOrEqual(0)
      expect(pauseMs).toBeLessThanOrEqual(troubleLimits.retryAfterMs)
    }),
  )
})
