import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseMacSystem } from './macos.ts'

const samples = new URL('../../../../../shared/samples/', import.meta.url)
const given = (...texts: readonly string[]) => texts.map(text => ({ text, stderr: '', code: null, name: '', modifiedAt: null }))
const parse = (inputs: Parameters<typeof parseMacSystem>[0]) => parseMacSystem(inputs, { now: 0, hostname: 'mac', options: undefined })
/** Written from sysctl(8), pmset(1) and Apple's support pages. */
const version = (release: string, more = '') =>
  `<plist version="1.0"><dict><key>ProductName</key><string>macOS</string><key>ProductVersion</key><string>${release}</string><key>ProductBuildVersion</key><string>22F82</string>${more}</dict></plist>`
const sysctl = given(
  'hw.model: Mac14,2\nhw.memsize: 17179869184\nhw.ncpu: 8\nkern.hv_vmm_present: 0\nkern.boottime: { sec = 1795000000, usec = 1 } Wed Nov 18 10:26:40 2026\n',
)

test('release, build, boot, memory; a battery makes a laptop of a model that is only a number', () => {
  const battery = given("Now drawing from 'AC Power'\n -InternalBattery-0 (id=1)\t100%; charged; 0:00 remaining present: true\n")

  expect(parse({ version: given(version('13.4.1')), sysctl, battery })).toMatchObject({
    os: { type: 'darwin', id: 'macos', version: '13.4.1', build: '22F82' },
    bootedAt: 1_795_000_000_000,
    virtualization: { kind: 'none' },
    memoryBytes: 17_179_869_184,
    role: 'laptop',
  })
  expect(parse({ version: given(version('13.4.1')), sysctl }).role).toBe('desktop')
})

test('a Rapid Security Response shows in the version, and 26 is newer than 15', () => {
  const response = version('13.4.1', '<key>ProductVersionExtra</key><string>(a)</string>')

  expect(parse({ version: given(version('13.4.1'), response) }).os.version).toBe('13.4.1 (a)')
  expect(parse({ version: given(version('15.6'), version('26.0')) }).os.version).toBe('26.0')
})

test('nothing that names a Mac is an error', () => {
  expect(() => parse({ sysctl: given('net.inet.ip.ttl: 64\n') })).toThrow()
  expect(() => parse({ version: given('<plist version="1.0"><dict/></plist>') })).toThrow(/ProductVersion/)
})

const captures = [
  [
    'updates_macos/macadmins+osquery-extension/tables/macosrsr/test_SystemVersion.plist',
    'version',
    { os: { version: '13.3.1', build: '22E261' } },
  ],
  [
    'hardware_macos/kellyjonbrazil+jc/tests/fixtures/osx-10.14.6/sysctl-a.out',
    'sysctl',
    { bootedAt: 1_592_836_479_000, memoryBytes: 17_179_869_184, cpu: { logical: 8 } },
  ],
  [
    'hardware_macos/puppetlabs+facter/spec/fixtures/system_profiler',
    'hardware',
    { os: { version: '10.15.2', build: '19C57' }, hardware: { model: 'MacBookPro11,4', serial: '123456789AAA' } },
  ],
  [
    'updates_macos/glpi-project+glpi-agent/resources/macos/system_profiler/11.0-apple-M1',
    'hardware',
    { os: { version: '11.2.3' }, cpu: { model: 'Apple M1' }, role: 'laptop' },
  ],
  [
    'hardware_macos/glpi-project+glpi-agent/resources/macos/ioreg/IOPlatformExpertDevice',
    'platform',
    { hardware: { model: 'MacBook2,1', serial: 'W87305UMYA8' } },
  ],
] as const

test.each(existsSync(samples) ? captures : [])('a sample: %s', (name, input, wanted) => {
  expect(parse({ [input]: given(readFileSync(new URL(name, samples), 'utf8')) })).toMatchObject(wanted)
})
