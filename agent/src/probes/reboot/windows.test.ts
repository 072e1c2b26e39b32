import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import reboot from './windows.ts'

type Fact = FactTypes['reboot']
const keys = { RebootRequired: false, RebootPending: false, RebootInProgress: false, PackagesPending: false }
const answer = (own: object = {}, more: object = {}) =>
  JSON.stringify({
    keys: { ...keys, ...own },
    readable: true,
    renames: [],
    agent: { required: false },
    names: { active: 'PC1', wanted: 'PC1' },
    ...more,
  })
const read = (own: object = {}, more: object = {}) => factOf<Fact>(reboot, { answer: answer(own, more) })

test.each([
  ['nothing waits', {}, {}, false, []],
  ['Windows Update waits', { RebootRequired: true }, {}, true, ['update']],
  ['component servicing waits', { RebootPending: true }, {}, true, ['update']],
  ['only the agent of Windows Update says so', {}, { agent: { required: true } }, true, ['update']],
  ['a new name waits', {}, { names: { active: 'PC1', wanted: 'PC2' } }, true, ['rename']],
  ['files to be renamed are named, and prove nothing', {}, { renames: ['\\??\\C:\\x.dll'] }, false, ['other']],
  ['keys that cannot be read leave it unknown', {}, { readable: false }, null, []],
])('%s', (_, own, more, required, kinds) => {
  const fact = read(own, more)
  expect([fact.required, fact.reasons.map(({ kind }) => kind)]).toEqual([required, kinds])
})

test('an export with a key of proof says yes, and one without says nothing', () => {
  const key = 'HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WindowsUpdate\\Auto Update'
  expect(factOf<Fact>(reboot, { registry: `${key}\\RebootRequired\r\n` }).required).toBe(true)
  expect(() => factOf(reboot, { registry: `${key}\r\n` })).toThrow('none of the keys')
})

test('any text gives a fact or an error', () => {
  survives(reboot, 'answer', [answer()])
  survives(reboot, 'registry', ['HKEY_LOCAL_MACHINE\\SOFTWARE\\X\\RebootPending\r\n'])
})
