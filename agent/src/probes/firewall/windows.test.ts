import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import firewall from './windows.ts'

type Fact = FactTypes['firewall']
const profile = (Name: string, Enabled = 'True') => ({ Name, Enabled, DefaultInboundAction: 'NotConfigured' })
const answer = (more: object = {}) =>
  JSON.stringify({
    profiles: [profile('Domain'), profile('Private'), profile('Public', 'False')],
    networks: [{ category: 'Private' }],
    service: { state: 'Running' },
    ...more,
  })
const read = (text: string) => factOf<Fact>(firewall, { answer: text }).profiles

test('each profile tells whether it filters and whether a network uses it', () => {
  expect(read(answer()).map(({ name, enabled, inUse, inbound }) => [name, enabled, inUse, inbound])).toEqual([
    ['domain', true, false, 'drop'],
    ['private', true, true, 'drop'],
    ['public', false, false, 'drop'],
  ])
})

test('a stopped service filters nothing, whatever the profiles say', () => {
  expect(read(answer({ service: { state: 'Stopped' } })).map(({ enabled }) => enabled)).toEqual([false, false, false])
})

test('a service that could not be asked leaves "on" unknown', () => {
  expect(read(answer({ service: { error: { hr: '0x80041003', msg: 'no' } } })).map(({ enabled }) => enabled)).toEqual([null, null, false])
})

test('networks that could not be told leave the use unknown', () => {
  expect(read(answer({ networks: { error: { hr: '0x80041003', msg: 'no' } } })).map(({ inUse }) => inUse)).toEqual([null, null, null])
})

const key = 'HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\FirewallPolicy\\PublicProfile'
test.each([
  ['off in the local policy is off', `\r\n${key}\r\n    EnableFirewall    REG_DWORD    0x0\r\n`, false],
  [
    'on in the local policy is not proved: a group policy could override it',
    `\r\n${key}\r\n    EnableFirewall    REG_DWORD    0x1\r\n`,
    null,
  ],
])('%s', (_, registry, enabled) => {
  expect(factOf<Fact>(firewall, { registry }).profiles).toMatchObject([{ name: 'public', enabled }])
})

test('any text gives a fact or an error', () => {
  survives(firewall, 'answer', [answer()])
  survives(firewall, 'registry', [`${key}\r\n    EnableFirewall    REG_DWORD    0x1\r\n`])
  survives(firewall, 'profiles', ['Name : Domain\nEnabled : True\nDefaultInboundAction : Block\n'])
})
