import { generateKeyPairSync, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hostIdOf, newPrivateKey, publicKeyOf, signHello, verifyHello } from './signing.ts'

const key = newPrivateKey()
const publicKey = publicKeyOf(key)
const bound = {
  nonce: 'bm9uY2U=',
  session: 'session',
  server: 'fettle.example.com',
  hostId: hostIdOf(publicKey),
  channel: 'Y2hhbm5lbA==',
}
const signature = signHello(key, bound)
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

describe('a signed hello', () => {
  test('is good for what it was signed for', () => {
    expect(verifyHello(publicKey, bound, signature)).toBe(true)
  })

  test.each(Object.keys(bound) as (keyof typeof bound)[])('is not good for another %s', field => {
    expect(verifyHello(publicKey, { ...bound, [field]: `${bound[field]}x` }, signature)).toBe(false)
  })

  test('is not good where text moved from one field to the next', () => {
    const shifted = { ...bound, nonce: `${bound.nonce}s`, session: bound.session.slice(1) }
    expect(verifyHello(publicKey, shifted, signature)).toBe(false)
  })

  test('is not good for another key', () => {
    expect(verifyHello(publicKeyOf(newPrivateKey()), bound, signature)).toBe(false)
  })

  test('any two different bounds have different signatures', () => {
    const bounds = fc.record({ nonce: fc.string(), session: fc.string(), server: fc.string(), hostId: fc.string(), channel: fc.string() })
    fc.assert(
      fc.property(bounds, bounds, (a, b) => {
        expect(verifyHello(publicKey, b, signHello(key, a))).toBe(JSON.stringify(a) === JSON.stringify(b))
      }),
      { numRuns: 50 },
    )
  })

  test.each([
    ['empty', ''],
    ['not base64', '💥'],
    ['too short', randomBytes(63).toString('base64')],
    ['too long', Buffer.concat([Buffer.from(signature, 'base64'), Buffer.alloc(1)]).toString('base64')],
    ['zeros', Buffer.alloc(64).toString('base64')],
  ])('with a signature that is %s is not good, and nothing is thrown', (_, wrong) => {
    expect(verifyHello(publicKey, bound, wrong)).toBe(false)
  })

  test.each([
    ['empty', ''],
    ['random', randomBytes(44).toString('base64')],
    ['cut', publicKey.slice(0, 20)],
    ['of another kind', rsa.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')],
  ])('with a key that is %s is not good, and nothing is thrown', (_, wrong) => {
    expect(verifyHello(wrong, bound, signature)).toBe(false)
  })

  test('with any key and any signature is not good, and nothing is thrown', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (anyKey, anySignature) => {
        expect(verifyHello(anyKey, bound, anySignature)).toBe(false)
        expect(verifyHello(publicKey, bound, anySignature)).toBe(false)
      }),
    )
  })
})

describe('an identity', () => {
  test('a key has one public key and one hostId, and no other key has them', () => {
    expect(publicKeyOf(key)).toBe(publicKey)
    expect(hostIdOf(publicKey)).toMatch(/^[0-9a-f]{32}$/)
    expect(hostIdOf(publicKeyOf(newPrivateKey()))).not.toBe(hostIdOf(publicKey))
  })

  test('a key of another kind is refused in words', () => {
    const pem = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    expect(() => publicKeyOf(pem)).toThrow('Cannot use a key of type rsa: wanted ed25519')
    expect(() => publicKeyOf('no key')).toThrow()
  })
})
