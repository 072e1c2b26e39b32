import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import hardening from './windows.ts'

type Fact = FactTypes['hardening']
const answer = (more: object = {}) =>
  JSON.stringify({
    tpm: { TpmPresent: true, TpmEnabled: true, TpmActivated: true, SpecVersion: '2.0, 0, 1.38' },
    guard: { status: '2', configured: [1, 2], running: [1, 2] },
    smb: { EnableSMB1Protocol: false },
    ...more,
  })
const states = (fact: Fact) => Object.fromEntries(fact.controls.map(({ name, state }) => [name, state]))
const read = (more: object = {}) => states(factOf<Fact>(hardening, { answer: answer(more) }))

test.each([
  ['TPM, memory integrity and no SMB 1', {}, { tpm: 'on', hvci: 'on', no_smb1: 'on' }],
  ['configured is not running', { guard: { status: '1', configured: [2], running: [0] } }, { hvci: 'partial' }],
  ['SMB 1 is spoken', { smb: { EnableSMB1Protocol: true } }, { no_smb1: 'off' }],
  ['a missing TPM is absent', { tpm: { TpmPresent: false } }, { tpm: 'absent' }],
  ['a TPM that is not told enabled is not on', { tpm: { TpmPresent: true } }, { tpm: 'unknown' }],
  [
    'what may not be asked is unknown, and the rest is told',
    { tpm: { error: { hr: '0x80041003', msg: 'Access denied' } } },
    { tpm: 'unknown', hvci: 'on' },
  ],
])('%s', (_, more, wanted) => {
  expect(read(more)).toMatchObject(wanted)
})

const key = (path: string, ...values: string[]) => `\r\nHKEY_LOCAL_MACHINE\\${path}\r\n${values.map(value => `    ${value}\r\n`).join('')}`

test.each([
  [
    'Secure Boot',
    key('SYSTEM\\CurrentControlSet\\Control\\SecureBoot\\State', 'UEFISecureBootEnabled    REG_DWORD    0x1'),
    { secure_boot: 'on' },
  ],
  ['UAC off', key('SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System', 'EnableLUA    REG_DWORD    0x0'), { uac: 'off' }],
  [
    'UAC that never asks',
    key(
      'SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System',
      'EnableLUA    REG_DWORD    0x1',
      'ConsentPromptBehaviorAdmin    REG_DWORD    0x0',
    ),
    { uac: 'partial' },
  ],
  [
    'automatic login',
    key('SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon', 'AutoAdminLogon    REG_SZ    1'),
    { no_automatic_login: 'off' },
  ],
  [
    'Remote Desktop with network level authentication',
    key('SYSTEM\\CurrentControlSet\\Control\\Terminal Server', 'fDenyTSConnections    REG_DWORD    0x0') +
      key('SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp', 'UserAuthentication    REG_DWORD    0x1'),
    { no_remote_login: 'partial' },
  ],
  [
    'LSA protection that is not set is unknown',
    key('SYSTEM\\CurrentControlSet\\Control\\Lsa', 'LimitBlankPasswordUse    REG_DWORD    0x1'),
    { lsa_protection: 'unknown' },
  ],
])('%s', (_, registry, wanted) => {
  expect(states(factOf<Fact>(hardening, { registry }))).toMatchObject(wanted)
})

test('a value that an export leaves out proves nothing', () => {
  const registry =
    key('SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon', 'Shell    REG_SZ    explorer.exe') +
    key('SYSTEM\\CurrentControlSet\\Control\\Lsa', 'RunAsPPL    REG_DWORD    0x1')
  expect(states(factOf<Fact>(hardening, { registry }))).toEqual({ lsa_protection: 'on' })
})

test('a machine that was asked for a key it lacks has a BIOS, and one without AutoAdminLogon logs nobody in', async () => {
  const asked = (path: string, text: string) => ({ [`reg.exe query HKLM\\${path} /reg:64`]: { text, code: text === '' ? 1 : 0 } })
  const m = machine({
    commands: {
      'powershell hardening/windows': { text: '' },
      ...asked('SYSTEM\\CurrentControlSet\\Control\\SecureBoot\\State', ''),
      ...asked('SYSTEM\\CurrentControlSet\\Control\\Lsa', key('SYSTEM\\CurrentControlSet\\Control\\Lsa', 'RunAsPPL    REG_DWORD    0x1')),
      ...asked('SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System', ''),
      ...asked(
        'SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon',
        key('SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon', 'Shell    REG_SZ    explorer.exe'),
      ),
      ...asked('SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Explorer', ''),
      ...asked('SOFTWARE\\Policies\\Microsoft\\Windows\\System', ''),
      ...asked('SYSTEM\\CurrentControlSet\\Control\\Terminal Server', ''),
      ...asked('SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp', ''),
      ...asked('SYSTEM\\CurrentControlSet\\Services\\mrxsmb10', ''),
      // What stands above the keys that are not there, and does not list them.
      ...asked('SYSTEM\\CurrentControlSet\\Control\\SecureBoot', ''),
      ...asked('SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations', ''),
      ...asked('SYSTEM\\CurrentControlSet\\Control', key('SYSTEM\\CurrentControlSet\\Control\\Lsa')),
      ...asked('SYSTEM\\CurrentControlSet\\Services', key('SYSTEM\\CurrentControlSet\\Services\\Tcpip')),
      ...asked(
        'SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies',
        key('SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\Explorer'),
      ),
      ...asked('SOFTWARE\\Microsoft\\Windows\\CurrentVersion', key('SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies')),
      ...asked('SOFTWARE\\Policies\\Microsoft\\Windows', key('SOFTWARE\\Policies\\Microsoft\\Windows\\WindowsUpdate')),
    },
  })
  const fact = (await hardening.read(hostOf(m), undefined)) as Fact
  expect(states(fact)).toMatchObject({ secure_boot: 'absent', no_automatic_login: 'on', lsa_protection: 'on', tpm: 'unknown' })
})

test('any text gives a fact or an error', () => {
  survives(hardening, 'answer', [answer()])
  survives(hardening, 'registry', [key('SYSTEM\\CurrentControlSet\\Control\\Lsa', 'RunAsPPL    REG_DWORD    0x1')])
  survives(hardening, 'tpm', ['TpmPresent : True\nTpmReady : True\n'])
})
