import { type Frame, hostIdOf, newPrivateKey, publicKeyOf, signHello } from '@fettle/protocol'
import { expect, test } from 'vitest'
import { proves } from './proof.ts'

const privateKey = newPrivateKey()
const publicKey = publicKeyOf(privateKey)
const hostId = hostIdOf(publicKey)
const bound = { nonce: 'bm9uY2U=', session: 's', server: 'collector.test', hostId }
const hello: Frame<'hello'> = {
  type: 'hello',
  protocol: 1,
  hostId,
  agentVersion: '1',
  session: 's',
  signature: signHello(privateKey, bound),
  agentTime: 1,
  digests: {},
  lastSeq: 0,
}
const wrong = { ...hello, signature: signHello(newPrivateKey(), bound) }
const other = publicKeyOf(newPrivateKey())

test.each<[string, Frame<'hello'>, string | undefined, boolean]>([
  ['the key of the host', hello, publicKey, true],
  ['a signature of another key', wrong, publicKey, false],
  ['the key of another host', hello, other, false],
  ['a hostId that the key does not have', { ...hello, hostId: 'f'.repeat(32) }, publicKey, false],
  ['a host that nobody knows', hello, undefined, false],
  ['no key at all', hello, '', false],
])('%s', (_, shown, key, proven) => {
  expect(proves(shown, key, bound)).toBe(proven)
})

test('refusing a host that nobody knows takes as long as refusing one with a wrong signature', () => {
  const cases = [() => proves(wrong, publicKey, bound), () => proves(wrong, undefined, bound), () => proves(wrong, other, bound)]
  const times: number[][] = cases.map(() => [])
  // In turns, so that whatever else the machine does falls on all of them.
  for (let round = 0; round < 1_500; round++)
    for (const [i, refuse] of cases.entries()) {
      const started = process.hrtime.bigint()
      refuse()
      times[i]?.push(Number(process.hrtime.bigint() - started))
    }
  const medians = times.map(own => own.sort((a, b) => a - b)[own.length >> 1] ?? 0)
  expect(Math.max(...medians) / Math.min(...medians)).toBeLessThan(1.35)
})
