import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { Failed } from '../../probe.ts'
import { runProbe } from '../../runner.ts'
import softwareupdate, { parseSoftwareUpdate } from './softwareupdate.ts'

const samples = new URL(
  '../../../../../shared/samples/updates_macos/kolide+launcher/ee/tables/execparsers/softwareupdate/test-data/',
  import.meta.url,
)
const now = Date.UTC(2026, 10, 22)
const given = (text: string) => [{ text, stderr: '', code: null, name: '', modifiedAt: null }]
const plist = (inside: string) => given(`<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0">${inside}</plist>\n`)
const version = (release: string) =>
  plist(`<dict><key>ProductBuildVersion</key><string>22E261</string><key>ProductVersion</key><string>${release}</string></dict>`)
const parse = (inputs: Parameters<typeof parseSoftwareUpdate>[0]) =>
  parseSoftwareUpdate(inputs, { now, hostname: 'mac', options: { scan: false } })

/** Written from softwareupdate(8) and Apple's support pages: rows as macOS 13 and later print them. */
const row = (title: string, release: string, more = 'Recommended: YES, Action: restart, ') =>
  `* Label: ${title}-22X1\n\tTitle: ${title}, Version: ${release}, Size: 868648KiB, ${more}\n`
const listing = (...rows: readonly string[]) =>
  given(`Software Update Tool\n\nSoftware Update found the following new or updated software:\n${rows.join('')}`)
const none = 'Software Update Tool\n\nFinding available software\nNo new software available.\n'

test('a major upgrade stands apart from an update of the same release, and a rapid response is for security', () => {
  const list = listing(
    row('macOS Ventura 13.3.1', '13.3.1'),
    row('macOS Tahoe 26.1', '26.1'),
    row('macOS Rapid Security Response', '13.3.1 (a)'),
    row('Command Line Tools for Xcode', '14.3', 'Recommended: YES, '),
  )

  const { pending, classified } = parse({ list, version: version('13.3') })

  expect(pending.map(({ class: kind, restart }) => [kind, restart])).toEqual([
    ['security', true],
    ['feature', true],
    ['security', true],
    ['quality', false],
  ])
  expect(classified).toBe(true)
})

test('without the running release nobody can tell an upgrade from an update', () => {
  expect(parse({ list: listing(row('macOS Ventura 13.3.1', '13.3.1')) })).toMatchObject({
    classified: false,
    pending: [{ class: 'other' }],
  })
})

test('the rows of macOS 10.14 are read', () => {
  const list = given(
    'Software Update found the following new or updated software:\n   * Security Update 2021-004-10.14.6\n\tSecurity Update 2021-004 (10.14.6), 1655294K [recommended] [restart]\n',
  )

  expect(parse({ list }).pending).toMatchObject([{ candidate: '10.14.6', class: 'security', restart: true }])
})

test.each([
  'Software Update Tool\n\n[Scan finished with error: Error Domain=NSURLErrorDomain Code=-1009]\n',
  "Software Update Tool\n\nFinding available software\nCan't connect to the Apple Software Update server\n",
])('wrong green 8: an error with nothing listed is no news, neither good nor bad', text => {
  expect(() => parse({ list: given(text) })).toThrow(Failed)
})

test('an empty list that nobody confirms, a cut row and another language are refused', () => {
  expect(() => parse({ list: given('Software Update Tool\n\n') })).toThrow()
  expect(() => parse({ list: given('* Label: macOS Ventura 13.3.1-22E261\n') })).toThrow(/cut off/)
  expect(() => parse({ list: given('Softwareupdate-Werkzeug\n\nKeine neue Software verfügbar.\n') })).toThrow()
})

test('only a scan made for the listing counts as a look just now', () => {
  expect(parse({ list: given(none) }).lastCheckAt).toBe(now)
  expect(parse({ list: given(none.replace('Finding available software\n', '')) }).lastCheckAt).toBeNull()
})

test('the settings tell the last scan, what is automatic, and nothing where a key is missing', () => {
  const settings = plist(
    '<dict><key>LastSuccessfulDate</key><date>2026-11-20T10:00:00Z</date><key>AutomaticallyInstallMacOSUpdates</key><true/></dict>',
  )
  const managed = plist('<dict><key>AutomaticallyInstallMacOSUpdates</key><false/></dict>')

  const noScan = none.replace('Finding available software\n', '')

  expect(parse({ list: given(noScan), settings })).toMatchObject({ lastCheckAt: Date.UTC(2026, 10, 20, 10), automatic: { enabled: true } })
  expect(parse({ list: given(none), settings, managed }).automatic.enabled).toBe(false)
  expect(parse({ list: given(none), settings: plist('<dict><key>x</key><true/></dict>') }).automatic.enabled).toBeNull()
})

test('a delay that device management sets is named', () => {
  const managed = plist(
    '<dict><key>forceDelayedSoftwareUpdates</key><true/><key>enforcedSoftwareUpdateDelay</key><integer>90</integer></dict>',
  )

  expect(parse({ list: given(none), managed })).toMatchObject({
    managedBy: 'device management hides updates for 90 days',
    deferralDays: 90,
  })
})

test('a delay of upgrades alone hides no update that mends security', () => {
  const managed = plist(
    '<dict><key>forceDelayedMajorSoftwareUpdates</key><true/><key>enforcedSoftwareUpdateMajorOSDeferredInstallDelay</key><integer>60</integer></dict>',
  )
  const fact = parse({ list: given(none), managed })

  expect(fact.managedBy).toBe('device management hides upgrades for 60 days')
  expect(fact.deferralDays).toBeUndefined()
})

test('a delay without days is that of Apple, and one that is not switched on is none', () => {
  expect(parse({ list: given(none), managed: plist('<dict><key>forceDelayedSoftwareUpdates</key><true/></dict>') }).deferralDays).toBe(30)
  const off = plist('<dict><key>forceDelayedSoftwareUpdates</key><false/><key>enforcedSoftwareUpdateDelay</key><integer>9</integer></dict>')
  expect(parse({ list: given(none), managed: off })).toMatchObject({ managedBy: null })
})

// Written after the keys that Apple's SoftwareUpdate frameworks and public audits (mSCP) read; no Mac is here.
const declared = (settings: string, declarations = '') =>
  plist(
    `<dict><key>SUCorePersistedStatePolicyFields</key><dict><key>SUCoreDDMDeclarationGlobalSettings</key><dict>${settings}</dict><key>Declarations</key><dict>${declarations}</dict></dict></dict>`,
  )

test('declarative management wins over settings, and its delay is told', () => {
  const settings = plist('<dict><key>AutomaticallyInstallMacOSUpdates</key><true/></dict>')
  const own = '<key>automaticallyInstallOSUpdates</key><integer>0</integer><key>minorOSDeferralPeriod</key><integer>14</integer>'
  const target =
    '<key>a</key><dict><key>TargetOSVersion</key><string>26.6.2</string><key>TargetLocalDateTime</key><string>2026-12-01T18:00:00</string></dict>'

  expect(parse({ list: given(none), settings, declared: declared(own, target) })).toMatchObject({
    automatic: { enabled: false },
    deferralDays: 14,
    managedBy: 'device management hides updates for 14 days; macOS 26.6.2 is to be installed by 2026-12-01',
  })
})

test('Background Security Improvements that are switched off are told', () => {
  const off = declared('<key>enableRapidSecurityResponse</key><false/>')
  expect(parse({ list: given(none), declared: off }).automatic.detail).toBe('Background Security Improvements off')
})

test('data of XProtect is no installation of updates', () => {
  const entry = (name: string, date: string) =>
    `<dict><key>date</key><date>${date}</date><key>displayName</key><string>${name}</string><key>processName</key><string>softwareupdated</string></dict>`
  const history = plist(
    `<array>${entry('XProtectPlistConfigData', '2026-11-21T00:00:00Z')}${entry('macOS 13.3.1', '2026-10-01T00:00:00Z')}</array>`,
  )

  expect(parse({ list: given(none), history }).lastInstallAt).toBe(Date.UTC(2026, 9, 1))
})

test('the cached result speaks where there is no list', () => {
  const item =
    '<dict><key>Display Name</key><string>macOS Sequoia 15.5</string><key>Display Version</key><string>15.5</string><key>Identifier</key><string>MSU_15.5</string></dict>'
  const settings = plist(`<dict><key>RecommendedUpdates</key><array>${item}</array></dict>`)

  expect(parse({ settings, version: version('15.4') }).pending).toMatchObject([{ name: 'MSU_15.5', candidate: '15.5', class: 'security' }])
  expect(() => parse({ settings: plist('<dict><key>LastUpdatesAvailable</key><integer>0</integer></dict>') })).toThrow(/RecommendedUpdates/)
})

test('a Mac is asked without a scan, so that nothing uses the network', async () => {
  const path = '/System/Library/CoreServices/SystemVersion.plist'
  const mac = machine({
    files: { [path]: 'binary' },
    commands: {
      [`plutil -convert xml1 -o - ${path}`]: { text: version('13.3')[0]?.text ?? '' },
      'softwareupdate --list --no-scan': { text: none },
    },
  })

  const fact = await runProbe(softwareupdate, hostOf(mac), { scan: false }, 0)

  expect(fact).toMatchObject({ outcome: 'ok', data: { pending: [] } })
  expect(mac.ran).not.toContain('softwareupdate --list')
})

const wanted = [
  ['beta-update-available-noscan.txt', [{ name: 'macOS Ventura 13.3 Beta 3-22E5236f', candidate: '13.3', restart: true }]],
  ['update-available-noscan.txt', [{ name: 'macOS Ventura 13.3.1-22E261', restart: true }]],
  ['update-available-scan.txt', [{ name: 'macOS Ventura 13.3.1-22E261', restart: true }]],
  ['no-update-available-scan.txt', []],
] as const

test.each(existsSync(samples) ? wanted : [])('a sample: %s', (name, pending) => {
  expect(parse({ list: given(readFileSync(new URL(name, samples), 'utf8')) }).pending).toMatchObject(pending)
})
