import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import registry from './registry.ts'

type Fact = FactTypes['software']
// Written from the documentation of the Uninstall key; what the script answers has the same names.
const git = {
  DisplayName: 'Git',
  DisplayVersion: '2.47.0',
  Publisher: 'The Git Development Community',
  InstallDate: '20241021',
  view: 'Registry64',
}
const answer = (entries: object[], absent: number | null = 0) => JSON.stringify({ entries, users: { loaded: 1, absent } })
const read = (entries: object[], absent?: number | null) => factOf<Fact>(registry, { answer: answer(entries, absent) })

test('a program is told with version, publisher, view and day', () => {
  expect(read([git])).toEqual({
    packages: [
      { name: 'Git', version: '2.47.0', arch: '64-bit', origin: 'The Git Development Community', installedAt: Date.UTC(2024, 9, 21) },
    ],
    total: 1,
    broken: null,
    unseen: null,
  })
})

test.each([
  ['an update of a program', { ParentKeyName: 'Git' }],
  ['an update of Windows', { ReleaseType: 'Security Update' }],
  ['a key without a name', { DisplayName: '' }],
])('%s is no program', (_, more) => {
  expect(read([git, { ...git, DisplayVersion: '1', ...more }]).total).toBe(1)
})

test('what hides from the settings is installed no less', () => {
  expect(read([git, { ...git, DisplayName: 'Hidden remote control', SystemComponent: '1' }]).total).toBe(2)
})

test('what several users have is one program, and what both views hold are two', () => {
  const user = { ...git, view: 'user' }
  expect(read([user, user]).total).toBe(1)
  expect(read([git, { ...git, view: 'Registry32' }]).packages.map(({ arch }) => arch)).toEqual(['32-bit', '64-bit'])
})

test('users who are not logged in make the list one that does not hold all', () => {
  expect(read([git], 1).unseen).toBe('programs of a user who is not logged in')
  expect(read([git], 3).unseen).toBe('programs of 3 users who are not logged in')
  expect(read([git], null).unseen).not.toBeNull()
})

test('a version that is no version, or a day that may be a month, is not known', () => {
  expect(read([{ ...git, DisplayVersion: 'Not Found', InstallDate: '10/11/2024' }]).packages[0]).toMatchObject({
    version: null,
    installedAt: null,
  })
})

test('an empty registry is not believed', () => {
  expect(() => read([])).toThrow('Cannot believe')
  expect(() => factOf(registry, { answer: '{"users":{}}' })).toThrow('no entries')
  expect(() => factOf(registry, { answer: '' })).toThrow('blocked')
})

const reg = [
  'Windows Registry Editor Version 5.00',
  '',
  '[HKEY_LOCAL_MACHINE\\SOFTWARE\\WOW6432Node\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\7-Zip]',
  '"DisplayName"="7-Zip 24.08"',
  '"DisplayVersion"="24.08"',
  '',
  '[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\KB1]',
  '"NoModify"=dword:00000001',
  '',
].join('\r\n')

test('an export and a list of objects are read, and never taken for whole', () => {
  const exported = factOf<Fact>(registry, { registry: reg })
  expect(exported.packages).toMatchObject([{ name: '7-Zip 24.08', version: '24.08', arch: '32-bit' }])
  expect(exported.unseen).not.toBeNull()
  const query =
    '\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\7-Zip\r\n    DisplayName    REG_SZ    7-Zip 24.08\r\n    DisplayVersion    REG_SZ    24.08\r\n    NoModify    REG_DWORD    0x1\r\n'
  expect(factOf<Fact>(registry, { registry: query }).packages).toMatchObject([{ name: '7-Zip 24.08', version: '24.08' }])
  expect(factOf<Fact>(registry, { objects: '[{"name":"Mesh Agent","version":"Not Found"}]' })).toMatchObject({
    packages: [{ name: 'Mesh Agent', version: null }],
    unseen: expect.any(String),
  })
})

test('the machine is asked in one script', async () => {
  const m = machine({ commands: { 'powershell software/registry': { text: answer([git]) } } })
  expect(await registry.read(hostOf(m), undefined)).toMatchObject({ total: 1 })
})

test('any text gives a fact or an error', () => {
  survives(registry, 'answer', [answer([git])])
  survives(registry, 'registry', [reg])
  survives(registry, 'objects', ['[{"name":"a","version":"1"}]'])
})
