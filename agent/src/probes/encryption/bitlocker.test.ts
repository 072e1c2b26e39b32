import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import bitlocker from './bitlocker.ts'

type Fact = FactTypes['encryption']
const answer = (volume: object) =>
  JSON.stringify({ systemDrive: 'C:', volumes: [{ DriveLetter: 'C:', VolumeType: '0', EncryptionMethod: '7', ...volume }] })
const state = (ConversionStatus: string, ProtectionStatus: string) =>
  factOf<Fact>(bitlocker, { answer: answer({ ConversionStatus, ProtectionStatus }) }).volumes[0]?.state

// Numbers of Win32_EncryptableVolume, by its documentation.
test.each([
  ['1', '1', 'on'],
  ['1', '0', 'suspended'],
  ['0', '0', 'off'],
  ['2', '0', 'encrypting'],
  ['3', '1', 'decrypting'],
  ['4', '1', 'encrypting'],
  ['1', '2', 'unknown'],
])('conversion %s with protection %s is %s', (conversion, protection, wanted) => {
  expect(state(conversion, protection)).toBe(wanted)
})

test('a protector on a decrypted volume encrypts nothing', () => {
  const text =
    'MountPoint : C:\nVolumeStatus : FullyDecrypted\nProtectionStatus : Off\nVolumeType : OperatingSystem\nKeyProtector : {Tpm}\n'
  expect(factOf<Fact>(bitlocker, { volumes: text }).volumes).toMatchObject([
    { role: 'system', state: 'off', detail: 'prepared with {Tpm}, and not encrypted' },
  ])
})

test('an encrypted volume of which the protection is cut off is no answer', () => {
  expect(() => factOf(bitlocker, { volumes: 'MountPoint : C:\nVolumeStatus : FullyEncrypted\n' })).toThrow('protection status')
})

test('a language that is not known is refused, not guessed', () => {
  const text = 'Volume C: [Système]\n[Volume du système d’exploitation]\n\n    État de la conversion :   Intégralement chiffré\n'
  expect(() => factOf(bitlocker, { manageBde: text })).toThrow('Cannot read')
})

test('nobody but an administrator is told', () => {
  const text = '{"error":{"hr":"0x80131500","msg":"Access denied","id":"HRESULT 0x80041003,GetCimInstanceCommand"}}'
  expect(() => factOf(bitlocker, { answer: text })).toThrow(expect.objectContaining({ name: 'Denied' }))
})

test('any text gives a fact or an error', () => {
  survives(bitlocker, 'answer', [answer({ ConversionStatus: '1', ProtectionStatus: '1' })])
  survives(bitlocker, 'manageBde', [
    'Volume C: [W]\n[OS Volume]\n\n    Conversion Status:    Fully Encrypted\n    Protection Status:    Protection On\n',
  ])
  survives(bitlocker, 'volumes', ['MountPoint : C:\nVolumeStatus : FullyEncrypted\nProtectionStatus : On\n'])
})
