import fc from 'fast-check'
import { expect, test } from 'vitest'
import { within } from '../proxies.ts'
import { createApp } from './app.ts'
import { html } from './html.ts'
import { prefixOf, withoutPrefix } from './prefix.ts'

test.each([
  [null, ''],
  ['https://fettle.example.com', ''],
  ['https://fettle.example.com/', ''],
  ['https://example.com/fettle', '/fettle'],
  ['https://example.com/it/fettle_2.0', '/it/fettle_2.0'],
])('the prefix of %s is %j', (publicUrl, prefix) => {
  expect(prefixOf(publicUrl)).toBe(prefix)
})

test.each([
  'https://example.com/api',
  'https://example.com/hosts/fettle',
  'https://example.com/fettle?x',
  'https://example.com/fettle#x',
  'https://example.com/fet%20tle',
  'https://example.com//fettle',
  'https://example.com/fettle"onload',
])('%s is refused with what was wanted', publicUrl => {
  expect(() => prefixOf(publicUrl)).toThrow(/^Cannot use publicUrl .*: wanted an? /)
})

test.each([
  ['/fettle', '/fettle/hosts/web1?x=1', '/hosts/web1?x=1'],
  ['/fettle', '/fettle', '/'],
  ['/fettle', '/fettle?x', '/?x'],
  ['/fettle', '/fettles', '/fettles'],
  ['/fettle', '/hosts/web1', '/hosts/web1'],
  ['', '/hosts/web1', '/hosts/web1'],
])('below %j %s is %s', (prefix, url, path) => {
  expect(withoutPrefix(prefix, url)).toBe(path)
})

test('any address stays one that begins with a slash', () => {
  fc.assert(fc.property(fc.string(), text => withoutPrefix('/fettle', `/${text}`).startsWith('/')))
})

const hostile = 'x href="/evil" action="/evil" <a href="/evil">'

/** An app with a page, a redirect, and what it knows of who asks. */
async function app(prefix: string) {
  const made = await createApp({ tls: undefined, prefix, isProxy: within(['192.0.2.0/24']), version: '1', failed: () => {} })
  made.get('/', async (_, reply) =>
    reply.type('text/html').send(html`<a href="/hosts/a">${hostile}</a><form action="/x"></form><a href="//else">`.toString()),
  )
  made.get('/go', async (_, reply) => reply.redirect('/sign-in?to=%2F', 303))
  made.get('/away', async (_, reply) => reply.redirect('https://login.example.com/', 303))
  made.get('/who', async ({ ip, host, protocol }) => ({ ip, host, protocol }))
  made.get('/json', async () => ({ text: ' href="/x"' }))
  return made
}

test('links, forms and redirects of pages go below the prefix, and nothing that a host says does', async () => {
  const prefixed = await app('/fettle')
  const { body } = await prefixed.inject('/fettle/')
  expect(body).toContain('<a href="/fettle/hosts/a">')
  expect(body).toContain('<form action="/fettle/x">')
  expect(body).toContain('<a href="//else">')
  expect(body).not.toContain('/fettle/evil')
  expect((await prefixed.inject('/fettle/go')).headers.location).toBe('/fettle/sign-in?to=%2F')
  expect((await prefixed.inject('/go')).headers.location).toBe('/fettle/sign-in?to=%2F')
  expect((await prefixed.inject('/away')).headers.location).toBe('https://login.example.com/')
  expect((await prefixed.inject('/json')).body).toBe('{"text":" href=\\"/x\\""}')
  expect((await (await app('')).inject('/')).body).toContain('<a href="/hosts/a">')
})

const told = {
  'x-forwarded-for': '203.0.113.9, 198.51.100.7',
  'x-forwarded-host': 'fettle.example.com',
  'x-forwarded-proto': 'https',
  host: 'inside:7300',
}

test('what a trusted proxy forwards is believed: the last address that is not its own', async () => {
  const { body } = await (await app('')).inject({ url: '/who', remoteAddress: '192.0.2.5', headers: told })
  expect(JSON.parse(body)).toEqual({ ip: '198.51.100.7', host: 'fettle.example.com', protocol: 'https' })
  const two = { ...told, 'x-forwarded-for': '203.0.113.9, 198.51.100.7, 192.0.2.77' }
  expect(JSON.parse((await (await app('')).inject({ url: '/who', remoteAddress: '192.0.2.5', headers: two })).body).ip).toBe('198.51.100.7')
})

test('what anybody else forwards is not', async () => {
  const { body } = await (await app('')).inject({ url: '/who', remoteAddress: '198.51.100.7', headers: told })
  expect(JSON.parse(body)).toEqual({ ip: '198.51.100.7', host: 'inside:7300', protocol: 'http' })
})
