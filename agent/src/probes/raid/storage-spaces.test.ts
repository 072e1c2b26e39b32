import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import spaces from './storage-spaces.ts'

type Fact = FactTypes['raid']
const pool = { FriendlyName: 'Pool', HealthStatus: '0', OperationalStatus: [2], IsReadOnly: 'False', IsPrimordial: 'False' }
const disk = { FriendlyName: 'Data', HealthStatus: '0', OperationalStatus: [2], ResiliencySettingName: 'Mirror' }
const answer = (own: object = {}) => JSON.stringify({ pools: [pool], virtualDisks: [{ ...disk, ...own }] })

// Numbers of MSFT_VirtualDisk, by its documentation.
test.each([
  ['healthy', {}, 'ok'],
  ['a warning', { HealthStatus: '1', OperationalStatus: [3] }, 'degraded'],
  ['unhealthy', { HealthStatus: '2' }, 'failed'],
  ['healthy and being repaired', { OperationalStatus: [11] }, 'degraded'],
  ['healthy and degraded at once', { OperationalStatus: [2, 3] }, 'degraded'],
  ['a health that nobody knows', { HealthStatus: '5' }, 'unknown'],
])('%s', (_, own, state) => {
  expect(factOf<Fact>(spaces, { answer: answer(own) }).arrays.find(({ name }) => name === 'Data')).toMatchObject({ state, level: 'mirror' })
})

test('the primordial pool alone is no pool', () => {
  expect(() => factOf(spaces, { answer: '{"pools":[],"virtualDisks":[]}' })).toThrow(expect.objectContaining({ name: 'Absent' }))
})

test('virtual disks that may not be read are a missing right, and no healthy pool', () => {
  const text = JSON.stringify({ pools: [pool], virtualDisks: { error: { hr: '0x80041003', msg: 'Access denied' } } })
  expect(() => factOf(spaces, { answer: text })).toThrow(expect.objectContaining({ name: 'Denied' }))
})

test('any text gives a fact or an error', () => {
  survives(spaces, 'answer', [answer()])
  survives(spaces, 'listed', [
    'FriendlyName  HealthStatus  IsPrimordial\n------------  ------------  ------------\nPool          Healthy       False\n',
  ])
})
