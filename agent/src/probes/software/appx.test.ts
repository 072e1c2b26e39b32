import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import appx from './appx.ts'

type Fact = FactTypes['software']
// Written from the documentation of Get-AppxPackage.
const one = {
  Name: 'Microsoft.WindowsCalculator',
  Version: '11.2405.2.0',
  Architecture: 'X64',
  Publisher: 'CN=Microsoft Corporation, O=Microsoft Corporation, L=Redmond, S=Washington, C=US',
  Status: 'Ok',
}
const answer = (...packages: object[]) => JSON.stringify({ packages })

test('a package is told by identity, with version, architecture and organisation', () => {
  expect(factOf<Fact>(appx, { answer: answer(one) })).toEqual({
    packages: [
      { name: 'Microsoft.WindowsCalculator', version: '11.2405.2.0', arch: 'x64', origin: 'Microsoft Corporation', installedAt: null },
    ],
    total: 1,
    broken: [],
    unseen: null,
  })
})

test('a package that Windows would repair is half installed', () => {
  expect(factOf<Fact>(appx, { answer: answer({ ...one, Status: 'Modified, NeedsRemediation' }) }).broken).toEqual([one.Name])
})

test('the list that a person prints is read, and never taken for that of all users', () => {
  const list =
    'Name              : Microsoft.A\nPublisher         : CN=Contoso\nArchitecture      : Neutral\nVersion           : 1.0.0.0\nPackageFullName   : Microsoft.A_1\n'
  expect(factOf<Fact>(appx, { list: `${list}\n${list.replaceAll('Microsoft.A', 'Microsoft.B')}` })).toMatchObject({
    packages: [{ name: 'Microsoft.A', arch: 'neutral' }, { name: 'Microsoft.B' }],
    unseen: expect.stringContaining('other users'),
  })
})

test('no packages, no rights and no module are told apart', () => {
  const failed = (error: object) => () => factOf(appx, { answer: JSON.stringify({ error }) })
  expect(() => factOf(appx, { answer: answer() })).toThrow('Cannot believe')
  expect(failed({ hr: '0x80070005', msg: 'Access is denied.' })).toThrow(expect.objectContaining({ name: 'Denied' }))
  expect(failed({ hr: '0x80131501', msg: 'x', id: 'CommandNotFoundException' })).toThrow(expect.objectContaining({ name: 'Absent' }))
})

test('the machine is asked in a process of its own', async () => {
  const m = machine({ commands: { 'powershell software/appx': { text: answer(one) } } })
  expect(await appx.read(hostOf(m), undefined)).toMatchObject({ total: 1 })
})

test('any text gives a fact or an error', () => survives(appx, 'answer', [answer(one)]))
