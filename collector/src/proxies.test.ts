import fc from 'fast-check'
import * as v from 'valibot'
import { expect, test } from 'vitest'
import { network, within } from './proxies.ts'

test.each([
  [['127.0.0.1'], '127.0.0.1', true],
  [['127.0.0.1'], '127.0.0.2', false],
  [['127.0.0.1'], '::ffff:127.0.0.1', true],
  [['10.0.0.0/8', 'fd00::/8'], '10.200.3.4', true],
  [['10.0.0.0/8', 'fd00::/8'], 'fd12::1', true],
  [['10.0.0.0/8', 'fd00::/8'], '11.0.0.1', false],
  [['0.0.0.0/0'], '::1', false],
  [[], '127.0.0.1', false],
  [['127.0.0.1'], '', false],
])('in %j is %s: %s', (networks, address, wanted) => {
  expect(within(networks)(address)).toBe(wanted)
})

test.each(['', 'proxy.example.com', '10.0.0.0/33', '::1/129', '10.0.0', '1.2.3.4/8/8'])('%j is no network', text => {
  expect(v.safeParse(network, text).success).toBe(false)
})

test('any text is a network or none, and any address is in it or not', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (text, address) => {
      v.safeParse(network, text)
      expect(typeof within([text])(address)).toBe('boolean')
    }),
  )
})
