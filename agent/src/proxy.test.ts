import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nameOf, noProxies, pastProxies, proxiesOf, proxyFor, readProxy } from './proxy.ts'

describe('an address of a proxy', () => {
  test.each([
    ['http://proxy.example.com:3128', 'http://proxy.example.com:3128', null, null],
    ['proxy.example.com:3128', 'http://proxy.example.com:3128', null, null],
    ['https://proxy.example.com', 'https://proxy.example.com:443', null, null],
    ['http://[fd00::1]:8080/', 'http://[fd00::1]:8080', null, null],
    ['http://anna:s%40cret@proxy:3128', 'http://proxy:3128', 'anna', 's@cret'],
    ['anna:100%@proxy', 'http://proxy:80', 'anna', '100%'],
  ])('%s is read', (text, name, user, password) => {
    const proxy = readProxy(text)
    expect(nameOf(proxy)).toBe(name)
    expect(proxy).toMatchObject({ user, password })
  })

  test.each(['socks5://anna:secret@proxy:1080', 'http://', 'anna:secret@proxy:99999', 'http://anna:secret@pro xy'])(
    '%s is refused without its password',
    text => {
      expect(() => readProxy(text)).toThrow(/^Cannot use the proxy .*wanted http:\/\/name:port/)
      expect(() => readProxy(text)).not.toThrow(/secret/)
    },
  )
})

test.each([
  ['example.com', 'example.com', 443, true],
  ['example.com', 'fettle.example.com', 443, true],
  ['example.com', 'badexample.com', 443, false],
  ['.example.com', 'fettle.example.com', 443, true],
  ['*.example.com', 'a.b.example.com', 443, true],
  ['EXAMPLE.com.', 'Fettle.Example.Com', 443, true],
  ['example.com:7300', 'example.com', 7300, true],
  ['example.com:7300', 'example.com', 443, false],
  ['10.0.0.0/8', '10.9.8.7', 443, true],
  ['10.0.0.0/8', '11.9.8.7', 443, false],
  ['10.0.0.0/99', '10.9.8.7', 443, false],
  ['192.0.2.7:7300', '192.0.2.7', 7300, true],
  ['fd00::/8', 'fd12::5', 443, true],
  ['fd12::5', 'fd12::5', 443, true],
  ['[fd12::5]:7300', 'fd12::5', 443, false],
  ['[fd12::5]:7300', 'fd12::5', 7300, true],
  ['*', 'whatever', 1, true],
  ['a.example, b.example  c.example', 'c.example', 443, true],
  ['', 'example.com', 443, false],
  [',. ,:', 'example.com', 443, false],
])('NO_PROXY=%s and %s port %i: past the proxy %s', (text, host, port, past) => {
  expect(pastProxies(text)(host, port)).toBe(past)
})

test('any NO_PROXY says yes or no to any host', () => {
  const entry = fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom('::', '[', ']:', '/', '1.2.3.4/', '*.'))
  fc.assert(fc.property(fc.array(entry), fc.string(), (entries, host) => typeof pastProxies(entries.join(','))(host, 443) === 'boolean'))
})

describe('which proxy leads to a collector', () => {
  const chosen = (env: Record<string, string>, address: string, own: string | null = null) => {
    const { settings } = proxiesOf(env)
    const proxy = proxyFor(address, { ...settings, own: own === null || own === 'none' ? own : readProxy(own) })
    return proxy && nameOf(proxy)
  }
  const far = 'wss://fettle.example.com/agent'

  test.each<[string, Record<string, string>, string, string | null]>([
    ['none without a word about any', {}, far, null],
    ['HTTPS_PROXY for wss', { HTTPS_PROXY: 'http://a:1', HTTP_PROXY: 'http://b:2' }, far, 'http://a:1'],
    ['HTTP_PROXY for ws', { HTTPS_PROXY: 'http://a:1', HTTP_PROXY: 'http://b:2' }, 'ws://fettle.example.com/agent', 'http://b:2'],
    ['small letters before capitals', { HTTPS_PROXY: 'http://a:1', https_proxy: 'http://c:3' }, far, 'http://c:3'],
    ['ALL_PROXY where no other is named', { ALL_PROXY: 'd:4' }, far, 'http://d:4'],
    ['none past NO_PROXY', { HTTPS_PROXY: 'http://a:1', NO_PROXY: 'example.com' }, far, null],
    ['none to this machine', { HTTPS_PROXY: 'http://a:1', ALL_PROXY: 'http://a:1' }, 'wss://127.0.0.1:7300/agent', null],
    ['none where an empty variable says so', { HTTPS_PROXY: '' }, far, null],
  ])('%s', (_, env, address, wanted) => {
    expect(chosen(env, address)).toBe(wanted)
  })

  test('the configuration wins over everything, also with none', () => {
    const env = { HTTPS_PROXY: 'http://a:1', NO_PROXY: '*' }
    expect(chosen(env, far, 'http://own:9')).toBe('http://own:9')
    expect(chosen({ HTTPS_PROXY: 'http://a:1' }, far, 'none')).toBeNull()
    expect(proxyFor(far, noProxies)).toBeNull()
  })

  test('a proxy of the environment that cannot be used is told once, without its password, and left out', () => {
    const { settings, warnings } = proxiesOf({ ALL_PROXY: 'socks5://anna:secret@a:1' })
    expect(settings).toMatchObject({ secure: null, plain: null })
    expect(warnings).toEqual([expect.stringMatching(/^environment ALL_PROXY: Cannot use the proxy/)])
    expect(warnings.join()).not.toContain('secret')
  })
})
