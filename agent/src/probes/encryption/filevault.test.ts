import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Denied } from '../../probe.ts'
import { parseFileVault } from './filevault.ts'

const samples = new URL('../../../../../shared/samples/hardware_macos/', import.meta.url)
const given = (text: string) => [{ text, stderr: '', code: null, name: '', modifiedAt: null }]

/** Sentences of fdesetup, as its manual page and Apple's support pages show them. */
const sentences = [
  ['FileVault is On.\n', 'on', null],
  ['FileVault is Off.\n', 'off', null],
  ['FileVault is On.\nEncryption in progress: Percent completed = 41\n', 'encrypting', 0.4],
  ['Encryption in progress: Percent completed = 41.53\n', 'encrypting', 0.4],
  ['FileVault is Off.\nDecryption in progress: Percent completed = 7\n', 'decrypting', 0.05],
  ["FileVault is Off.\nDeferred enablement appears to be active for user 'ada'.\n", 'off', null],
  ['FileVault is Off, but will be enabled after the next restart.\n', 'off', null],
] as const

test.each(sentences)('%j is %s', (text, state, progressRatio) => {
  expect(parseFileVault({ status: given(text) }).volumes).toMatchObject([{ name: '/', role: 'system', state, progressRatio }])
})

test('what is cut off, translated or empty is not told', () => {
  for (const text of ['', 'FileVault is O', 'FileVault is On', 'FileVault ist aktiviert.\n', 'Error: something\n']) {
    expect(() => parseFileVault({ status: given(text) }), text).toThrow()
  }
  expect(() => parseFileVault({ status: given('Error: must be root\n') })).toThrow(Denied)
})

const lists = [
  ['kolide+launcher/ee/tables/execparsers/plist/test-data/diskutil-apfs.txt', ['on', 'on', 'on']],
  ['mikekazakov+nimble-commander/Source/Utility/tests/DiskUtility_UT.mm.g_APFSListExample10_14.plist', ['off', 'off']],
  ['mikekazakov+nimble-commander/Source/Utility/tests/DiskUtility_UT.mm.g_APFSListExample10_15.plist', ['on', 'on']],
] as const

test.each(existsSync(samples) ? lists : [])('a sample: %s', (name, states) => {
  expect(parseFileVault({ apfs: given(readFileSync(new URL(name, samples), 'utf8')) }).volumes.map(({ state }) => state)).toEqual(states)
})

test('fdesetup wins over the list for the system, and other volumes of its container are told', () => {
  const volume = (name: string, role: string, on: boolean) =>
    `<dict><key>Name</key><string>${name}</string><key>FileVault</key><${on}/><key>Roles</key><array>${role && `<string>${role}</string>`}</array></dict>`
  const apfs = given(
    `<plist version="1.0"><dict><key>Containers</key><array><dict><key>Volumes</key><array>${volume('Data', 'Data', true)}${volume('Work', '', false)}${volume('VM', 'VM', false)}</array></dict></array></dict></plist>`,
  )

  expect(parseFileVault({ status: given('FileVault is Off.\n'), apfs }).volumes).toMatchObject([
    { name: '/', state: 'off' },
    { name: 'Work', role: 'data', state: 'off' },
  ])
})
