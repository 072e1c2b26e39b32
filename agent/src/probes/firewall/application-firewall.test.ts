import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { Denied } from '../../probe.ts'
import { runProbe } from '../../runner.ts'
import firewall, { parseApplicationFirewall } from './application-firewall.ts'

const samples = new URL('../../../../../shared/samples/', import.meta.url)
const given = (text: string) => [{ text, stderr: '', code: null, name: '', modifiedAt: null }]
const TOOL = '/usr/libexec/ApplicationFirewall/socketfilterfw'

/** Texts from socketfilterfw's own help and Apple's support pages. */
test.each([
  ['Firewall is disabled. (State = 0)\n', false, null],
  ['Firewall is enabled. (State = 1)\nFirewall stealth mode is off\n', true, null],
  ['Firewall is enabled. (State = 2)\nStealth mode enabled\n', true, 'drop'],
] as const)('%j', (text, enabled, inbound) => {
  expect(parseApplicationFirewall({ state: given(text) }).profiles).toMatchObject([{ name: 'application', enabled, inbound }])
})

test('a state that contradicts its number, or has none, is refused', () => {
  for (const text of [
    'Firewall is enabled. (State = 0)',
    'Firewall is disabled. (State = 1)',
    'Firewall is enabled. (State = 9)',
    'Firewall is enabled. (Sta',
    '',
  ]) {
    expect(() => parseApplicationFirewall({ state: given(text) }), text).toThrow()
  }
  expect(() => parseApplicationFirewall({ state: given('Must be root to change settings.') })).toThrow(Denied)
})

test('wrong green 9: com.apple.alf.plist is never believed, neither its presence nor its absence', async () => {
  const alf = '<plist version="1.0"><dict><key>globalstate</key><integer>1</integer></dict></plist>'
  expect(() => parseApplicationFirewall({ state: given(alf) })).toThrow(/no evidence/)

  const mac = machine({
    commands: {
      [`${TOOL} --getglobalstate`]: { text: 'Firewall is enabled. (State = 1)\n' },
      [`${TOOL} --getstealthmode`]: { text: 'Firewall stealth mode is on\n' },
    },
  })
  expect(await runProbe(firewall, hostOf(mac), undefined, 0)).toMatchObject({
    outcome: 'ok',
    data: { profiles: [{ enabled: true, detail: 'stealth mode on' }] },
  })
})

test('"allow all" of system_profiler means off', () => {
  const report = (state: string) =>
    given(JSON.stringify({ SPFirewallDataType: [{ _name: 'spfirewall_settings', spfirewall_globalstate: state }] }))

  expect(parseApplicationFirewall({ profile: report('spfirewall_globalstate_allow_all') }).profiles[0]?.enabled).toBe(false)
  expect(parseApplicationFirewall({ profile: report('spfirewall_globalstate_limit_connections') }).profiles[0]?.enabled).toBe(true)
  expect(parseApplicationFirewall({ profile: report('spfirewall_globalstate_block_all') }).profiles[0]?.inbound).toBe('drop')
  expect(() => parseApplicationFirewall({ profile: report('spfirewall_globalstate_new') })).toThrow()
})

const kolide = 'security_macos/kolide+launcher/ee/tables/execparsers/socketfilterfw/test-data'
const captures = [
  ['manual/security_macos/socketfilterfw_blockall.txt', 'state', true],
  ['manual/security_macos/socketfilterfw_off.txt', 'state', false],
  ['manual/security_macos/socketfilterfw_on.txt', 'state', true],
  ['manual/security_macos/socketfilterfw_not_root.txt', 'state', null],
  ['manual/security_macos/spfirewall_off.json', 'profile', false],
  ['manual/security_macos/spfirewall_on.json', 'profile', true],
  [`${kolide}/data.txt`, 'state', true],
  [`${kolide}/malformed.txt`, 'state', null],
  [`${kolide}/apps.txt`, 'state', null],
  [`${kolide}/empty.txt`, 'state', null],
] as const

test.each(existsSync(samples) ? captures : [])('a sample: %s', (name, input, enabled) => {
  const parse = () => parseApplicationFirewall({ [input]: given(readFileSync(new URL(name, samples), 'utf8')) })
  if (enabled === null) expect(parse).toThrow()
  else expect(parse().profiles).toMatchObject([{ enabled }])
})
