import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import accounts from './windows.ts'

type Fact = FactTypes['accounts']
// Written from the documentation of IADsGroup, Win32_UserAccount and of well-known SIDs.
const PC = 'S-1-5-21-1-2-3'
const users = [
  { Name: 'Administrateur', SID: `${PC}-500`, Disabled: true, PasswordRequired: true },
  { Name: 'ann', SID: `${PC}-1001`, Disabled: false, PasswordRequired: true },
  { Name: 'Guest', SID: `${PC}-501`, Disabled: true, PasswordRequired: false },
]
const members = [
  { Path: 'WinNT://WORKGROUP/PC/Administrateur', Class: 'User', SID: `${PC}-500` },
  { Path: 'WinNT://WORKGROUP/PC/ann', Class: 'User', SID: `${PC}-1001` },
  { Path: 'WinNT://CONTOSO/Domain Admins', Class: 'Group', SID: 'S-1-5-21-9-9-9-512' },
  { Path: 'WinNT://S-1-5-21-9-9-9-1190', Class: 'User', SID: 'S-1-5-21-9-9-9-1190' },
  { Path: 'WinNT://S-1-12-1-5-6-7-8', Class: 'User', SID: 'S-1-12-1-5-6-7-8' },
]
const answer = (more: object = {}) => JSON.stringify({ group: { Name: 'Administrateurs' }, members, second: null, users, ...more })
const read = (more?: object) => factOf<Fact>(accounts, { answer: answer(more) })

test('local, domain, orphaned and Entra members are told apart by their SIDs', () => {
  expect(read().administrators).toEqual([
    { name: 'Administrateur', via: 'Administrateurs: built-in account', enabled: false },
    { name: 'ann', via: 'Administrateurs: local account', enabled: true },
    { name: 'CONTOSO\\Domain Admins', via: 'Administrateurs: domain group', enabled: null },
    { name: 'S-1-5-21-9-9-9-1190', via: 'Administrateurs: account unknown', enabled: null },
    { name: 'S-1-12-1-5-6-7-8', via: 'Administrateurs: Entra account or role', enabled: null },
  ])
})

test('what Windows never tells is not told as good', () => {
  expect(read()).toMatchObject({ emptyPasswords: null, passwordless: null, untold: ['superusers', 'emptyPasswords', 'passwordless'] })
})

test('an account that can be used and need not have a password is named; one that is disabled is not', () => {
  expect(read().mayBeEmpty).toEqual([])
  expect(read({ users: [...users, { Name: 'kiosk', SID: `${PC}-1002`, Disabled: false, PasswordRequired: false }] }).mayBeEmpty).toEqual([
    'kiosk',
  ])
  expect(read({ users: null }).mayBeEmpty).toBeNull()
})

test('where ADSI fails, the cmdlet answers', () => {
  const failed = { error: { hr: '0x80070035', msg: 'The network path was not found.' } }
  const second = [{ Name: 'PC\\ann', SID: `${PC}-1001`, Source: 'Local' }]
  expect(read({ members: failed, second }).administrators).toMatchObject([{ name: 'ann', enabled: true }])
  expect(() => read({ members: failed, second: failed })).toThrow('network path')
})

test('nobody, or a member without a SID, is not believed', () => {
  expect(() => read({ members: [] })).toThrow('Cannot believe')
  expect(() => read({ members: [{ Path: 'WinNT://x' }] })).toThrow('no SID')
  expect(() => read({ users: [{ Name: 'x', SID: `${PC}-5` }] })).toThrow('Cannot read a local account')
})

const net =
  'Aliasname        Administratoren\r\nBeschreibung     x\r\n\r\nMitglieder\r\n\r\n-------------------------------------------------------------------------------\r\nAdministrator\r\nCONTOSO\\Domänen-Admins\r\nDer Befehl wurde erfolgreich ausgeführt.\r\n\r\n'
const table =
  'ObjectClass Name                 PrincipalSource\r\n----------- ----                 ---------------\r\nUser        PC\\ann               Local\r\nGroup       CONTOSO\\Domain Admins ActiveDirectory\r\n'

test('what net and the cmdlet print is read, in any language, and only where it is whole', () => {
  expect(factOf<Fact>(accounts, { members: net }).administrators.map(({ name }) => name)).toEqual([
    'Administrator',
    'CONTOSO\\Domänen-Admins',
  ])
  expect(factOf<Fact>(accounts, { members: table }).administrators.map(({ name }) => name)).toEqual(['PC\\ann', 'CONTOSO\\Domain Admins'])
  expect(() => factOf(accounts, { members: net.slice(0, net.indexOf('Der')) })).toThrow('not whole')
})

test('the machine is asked in one script', async () => {
  const m = machine({ commands: { 'powershell accounts/windows': { text: answer() } } })
  expect(await accounts.read(hostOf(m), undefined)).toMatchObject({ administratorCount: 5 })
})

test('any text gives a fact or an error', () => {
  survives(accounts, 'answer', [answer()])
  survives(accounts, 'members', [net, table])
})
