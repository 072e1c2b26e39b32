import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import securityCenter from './security-center.ts'

type Fact = FactTypes['antivirus']
const answer = (...products: object[]) => JSON.stringify({ products })
const first = (productState: number, more: object = {}) =>
  factOf<Fact>(securityCenter, { answer: answer({ displayName: 'Some Antivirus', productState, ...more }) }).products[0]

// The states stand in reports of many machines; Microsoft publishes no table.
test.each([
  [397568, { running: true, realtime: true, signaturesCurrent: true, degraded: null }],
  [397584, { running: true, realtime: true, signaturesCurrent: false }],
  [393472, { running: false, realtime: false, signaturesCurrent: true }],
  [266240, { running: true, realtime: true, signaturesCurrent: true }],
  [262144, { running: false, realtime: false }],
  [0x042000, { running: true, realtime: false, degraded: 'snoozed' }],
  [0x043000, { realtime: false, degraded: 'expired' }],
])('the state %i is decoded', (state, wanted) => {
  expect(first(state)).toMatchObject(wanted)
})

test('a product whose program is gone protects nobody', () => {
  expect(first(397568, { programThere: false })).toMatchObject({
    running: false,
    realtime: false,
    degraded: 'its program is not there any more',
  })
})

test('Defender that is off beside another product stands aside', () => {
  const text = answer({ displayName: 'Some Antivirus', productState: 266240 }, { displayName: 'Windows Defender', productState: 393472 })
  expect(factOf<Fact>(securityCenter, { answer: text }).products.map(product => product.passive)).toEqual([null, true])
})

test('a server has no Security Center: absent, and not "no antivirus"', () => {
  const text = '{"error":{"hr":"0x80131500","msg":"Invalid namespace","id":"HRESULT 0x8004100e,GetCimInstanceCommand"}}'
  expect(() => factOf(securityCenter, { answer: text })).toThrow(expect.objectContaining({ name: 'Absent' }))
})

test('any text gives a fact or an error', () => {
  survives(securityCenter, 'answer', [answer({ displayName: 'A', productState: 266240 })])
  survives(securityCenter, 'products', ['displayName : A\nproductState : 266240\n\n', '[{"displayName":"A","productState":1}]'])
})
