import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { runProbe } from '../../runner.ts'
import hardening, { parseMacHardening } from './macos.ts'

const samples = new URL(
  '../../../../../shared/samples/hardware_macos/kolide+launcher/ee/tables/apple_silicon_security_policy/test-data/',
  import.meta.url,
)
const now = Date.UTC(2026, 10, 22)
const given = (text: string) => [{ text, stderr: '', code: null, name: '', modifiedAt: null }]
const plist = (inside: string) => given(`<plist version="1.0">${inside}</plist>`)
const parse = (inputs: Parameters<typeof parseMacHardening>[0]) => parseMacHardening(inputs, { now, hostname: 'mac', options: undefined })
const custom =
  'System Integrity Protection status: unknown (Custom Configuration).\n\nConfiguration:\n\tApple Internal: disabled\n\tKext Signing: disabled\n'

/** Texts written from the manual pages of csrutil, spctl, systemsetup, sysadminctl, launchctl and bputil. */
const cases = [
  ['sip', 'System Integrity Protection status: enabled.\n', 'sip', 'on'],
  ['sip', 'System Integrity Protection status: disabled.\n', 'sip', 'off'],
  ['sip', custom, 'sip', 'partial'],
  ['gatekeeper', 'assessments enabled\n', 'gatekeeper', 'on'],
  ['gatekeeper', 'assessments disabled\n', 'gatekeeper', 'off'],
  ['remote', 'Remote Login: On\n', 'no_remote_login', 'off'],
  ['remote', 'Remote Login: Off\n', 'no_remote_login', 'on'],
  ['disabled', '\tdisabled services = {\n\t\t"com.openssh.sshd" => disabled\n\t}\n', 'no_remote_login', 'on'],
  ['disabled', '\tdisabled services = {\n\t\t"com.openssh.sshd" => false\n\t}\n', 'no_remote_login', 'off'],
  ['lock', '2026-11-22 screenLock is off\n', 'screen_lock', 'off'],
  ['lock', 'screenLock delay is immediate\n', 'screen_lock', 'on'],
  ['lock', 'screenLock delay is 14400 seconds\n', 'screen_lock', 'partial'],
  ['policy', 'Local policy:\nSecurity Mode:               Full       (smb0): absent\n', 'secure_boot', 'on'],
  ['policy', 'Local policy:\nSecurity Mode:               Permissive (smb1): true\n', 'secure_boot', 'off'],
  ['bridge', 'Controller:\n      Boot Policy:\n          Secure Boot: Reduced Security\n', 'secure_boot', 'partial'],
] as const

test.each(cases)('%s %j', (input, text, name, state) => {
  expect(parse({ [input]: given(text) }).controls).toMatchObject([{ name, state }])
})

test('automatic login is off where its key is missing, and nothing is said without the file', () => {
  const file = (inside: string) => plist(`<dict><key>lastUserName</key><string>ada</string>${inside}</dict>`)

  expect(parse({ login: file('') }).controls).toMatchObject([{ name: 'no_automatic_login', state: 'on' }])
  expect(parse({ login: file('<key>autoLoginUser</key><string>ada</string>') }).controls).toMatchObject([{ state: 'off' }])
})

test('XProtect whose data is older than three months is only partly on', () => {
  const bundle = plist(
    '<dict><key>CFBundleIdentifier</key><string>com.apple.XProtect</string><key>CFBundleShortVersionString</key><string>5360</string></dict>',
  )
  const history = (date: string) =>
    plist(
      `<array><dict><key>date</key><date>${date}</date><key>displayName</key><string>XProtectPlistConfigData</string><key>processName</key><string>softwareupdated</string></dict></array>`,
    )

  expect(parse({ bundle, history: history('2026-11-01T00:00:00Z') }).controls).toMatchObject([{ name: 'xprotect', state: 'on' }])
  expect(parse({ bundle, history: history('2026-05-01T00:00:00Z') }).controls).toMatchObject([{ state: 'partial' }])
  expect(parse({ bundle, history: history('2027-05-01T00:00:00Z'), gatekeeper: given('assessments enabled\n') }).controls[1]).toMatchObject(
    { state: 'unknown' },
  )
})

test('XProtect of a version that is known to be old is only partly on, whenever it came', () => {
  const bundle = (version: string) =>
    plist(
      `<dict><key>CFBundleIdentifier</key><string>com.apple.XProtect</string><key>CFBundleShortVersionString</key><string>${version}</string></dict>`,
    )
  const then = Date.UTC(2026, 8, 1)

  expect(parse({ bundle: bundle('5337') }).controls).toMatchObject([{ name: 'xprotect', state: 'partial' }])
  expect(parse({ bundle: bundle('5356') }).controls).toMatchObject([{ state: 'on' }])
  expect(parseMacHardening({ bundle: bundle('5337') }, { now: then, hostname: 'mac', options: undefined }).controls).toMatchObject([
    { state: 'on' },
  ])
})

test('XProtect tells itself since macOS 15 when its data came', () => {
  const own = (version: string, date: string) => given(`Version: ${version} Installed: ${date} 08:53:39 +0000\n`)

  expect(parse({ xprotect: own('5370', '2026-11-10') }).controls).toMatchObject([
    { name: 'xprotect', state: 'on', detail: 'version 5370 of 2026-11-10' },
  ])
  expect(parse({ xprotect: own('5370', '2026-05-28') }).controls).toMatchObject([{ state: 'partial' }])
  expect(() => parse({ xprotect: given('Version: 5370 Installed: gestern\n') })).toThrow()
})

test('device management decides over the screen lock', () => {
  const saver = plist('<dict><key>askForPassword</key><integer>0</integer></dict>')

  expect(parse({ lock: given('screenLock delay is immediate\n'), saver }).controls).toMatchObject([{ state: 'off' }])
})

test('what cannot be read is unknown beside what can, and an error alone', async () => {
  const mac = machine({
    commands: {
      'csrutil status': { text: 'System Integrity Protection status: enabled.\n' },
      'spctl --status': { text: 'Bewertungen aktiviert\n' },
    },
  })

  expect(await runProbe(hardening, hostOf(mac), undefined, 0)).toMatchObject({
    outcome: 'ok',
    data: { controls: expect.arrayContaining([expect.objectContaining({ name: 'gatekeeper', state: 'unknown' })]) },
  })
  expect(() => parse({ gatekeeper: given('Bewertungen aktiviert\n') })).toThrow()
})

test.each(existsSync(samples) ? readdirSync(samples) : [])('a sample without a security mode is refused: %s', name => {
  expect(() => parse({ policy: given(readFileSync(new URL(name, samples), 'utf8')) })).toThrow()
})

test('a Mac with neither T2 nor Apple silicon cannot have Secure Boot', () => {
  const bridge = [{ text: '', stderr: '', code: 0, name: '', modifiedAt: null }]

  expect(parse({ bridge }).controls).toMatchObject([{ name: 'secure_boot', state: 'absent' }])
})
