import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import macos from './macos.ts'

type Fact = FactTypes['software']
// Written from what system_profiler(8) of macOS 14 prints.
const chrome = {
  _name: 'Google Chrome',
  arch_kind: 'arch_arm_i64',
  lastModified: '2024-05-01T10:00:00Z',
  obtained_from: 'identified_developer',
  path: '/Applications/Google Chrome.app',
  signed_by: ['Developer ID Application: Google LLC (EQHXZ8M8AV)', 'Developer ID Certification Authority', 'Apple Root CA'],
  version: '124.0.6367.119',
}
const json = (...items: object[]) => JSON.stringify({ SPApplicationsDataType: items })
const text =
  'Applications:\n\n    Google Chrome:\n\n      Version: 124.0\n      Kind: Universal\n      Location: /Applications/Google Chrome.app\n\n    Odd: name:\n\n      Versión: 2\n'

test('an application is told with version, architecture and who signed it', () => {
  const fact = factOf<Fact>(macos, { profile: json(chrome), folders: chrome.path })
  expect(fact).toEqual({
    packages: [
      { name: 'Google Chrome', version: '124.0.6367.119', arch: 'universal', origin: 'Google LLC (EQHXZ8M8AV)', installedAt: null },
    ],
    total: 1,
    broken: null,
    unseen: null,
  })
})

test('what lies in the folder of applications and not in the report is added, and says that Spotlight is blind', () => {
  const fact = factOf<Fact>(macos, { profile: json(chrome), folders: `${chrome.path}\n/Applications/TeamViewer.app` })
  expect(fact.packages.map(({ name, version }) => [name, version])).toEqual([
    ['Google Chrome', '124.0.6367.119'],
    ['TeamViewer', null],
  ])
  expect(fact.unseen).toContain('lacks 1')
})

test('an empty report beside an empty folder is not believed', () => {
  expect(() => factOf(macos, { profile: json(), folders: '' })).toThrow('Cannot believe')
  expect(() => factOf(macos, { profile: '{"SPHardwareDataType":[]}' })).toThrow('was not asked')
})

test('the report for people is read in other languages, and never taken for whole', () => {
  const fact = factOf<Fact>(macos, { profile: text })
  expect(fact.packages.map(({ name, version }) => [name, version])).toEqual([
    ['Google Chrome', '124.0'],
    ['Odd: name', '2'],
  ])
  expect(fact.unseen).not.toBeNull()
})

test('the machine: the report, and the folders beside it', async () => {
  const commands = { 'system_profiler -json SPApplicationsDataType': { text: json(chrome) } }
  const files = { '/Applications/Google Chrome.app/Contents/Info.plist': '', '/Applications/Utilities/Terminal.app/x': '' }
  expect(await macos.read(hostOf(machine({ commands, files })), undefined)).toMatchObject({ total: 2, unseen: expect.any(String) })
})

test('any text gives a fact or an error', () => survives(macos, 'profile', [json(chrome), text]))
