import { pinOf } from '@fettle/protocol'
import { beforeAll, describe, expect, test } from 'vitest'
import { startListener, type TestAuthority, testAuthority } from '../../test/kit/certificates.ts'
import { nextAuthorities, readAuthority, WrongPin } from './authorities.ts'

let present: TestAuthority
let next: TestAuthority
let leaf: string
beforeAll(async () => {
  present = await testAuthority('Present')
  next = await testAuthority('Next')
  leaf = (await present.sign()).certificate.split(/(?<=-----END CERTIFICATE-----\n)/)[0] ?? ''
})

describe('authorities that a collector tells', () => {
  test('are kept as it told them, where one of them vouched for it', () => {
    const told = [next.certificate, present.certificate]
    expect(nextAuthorities(told, [present.certificate])).toEqual(told)
    expect(nextAuthorities([present.certificate], [`${present.certificate}${next.certificate}`])).toEqual([present.certificate])
  })

  test.each<[string, () => readonly string[] | undefined, () => readonly string[]]>([
    ['nothing', () => undefined, () => [present.certificate]],
    ['others only', () => [next.certificate], () => [present.certificate]],
    ['any, where the system vouched for it', () => [next.certificate], () => []],
    ['a certificate that is no authority', () => [present.certificate, leaf], () => [present.certificate]],
    ['half of one', () => [present.certificate, next.certificate.slice(0, 200)], () => [present.certificate]],
    ['a key in place of one', () => [present.certificate, '-----BEGIN PRIVATE KEY-----'], () => [present.certificate]],
  ])('are left as they are where it tells %s', (_, told, known) => {
    expect(nextAuthorities(told(), known())).toBeUndefined()
  })
})

describe('the authority of a pin', () => {
  test('is found in what a listener shows, by a handshake alone', async () => {
    const { certificate, key } = await present.sign()
    const listener = await startListener({ cert: certificate, key })
    try {
      expect(await readAuthority(`${listener.url}/agent`, pinOf(present.certificate))).toBe(present.certificate)
      await expect(readAuthority(`${listener.url}/agent`, pinOf(next.certificate))).rejects.toThrow(WrongPin)
      // A pin of the server's own key is none of an authority: it would be worth nothing after the next renewal.
      await expect(readAuthority(`${listener.url}/agent`, pinOf(certificate))).rejects.toThrow(WrongPin)
      expect([listener.calls(), listener.heard()]).toEqual([3, ''])
    } finally {
      await listener.stop()
    }
  })

  test('is not asked for in plain text', async () => {
    await expect(readAuthority('ws://127.0.0.1:1/agent', pinOf(present.certificate))).rejects.toThrow('begins with wss://')
  })
})
