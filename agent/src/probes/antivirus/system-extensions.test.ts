import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { runProbe } from '../../runner.ts'
import probe, { parseSystemExtensions } from './system-extensions.ts'

// Written after systemextensionsctl(8) and public transcripts of it on macOS 13 to 26: there is no macOS here.
const SCAN = 'com.sophos.endpoint.scanextension'
const row = (team: string, bundle: string, state = 'activated enabled', stars = '*\t*') =>
  `${stars}\t${team}\t${bundle} (10.7.8/1)\tSome name\t[${state}]`
const sophos = (state?: string, stars?: string) => row('2H5GFH3774', SCAN, state, stars)
const defender = (state?: string) => row('UBF8T346G9', 'com.microsoft.wdav.epsext', state)
const list = (...rows: string[]) =>
  `${rows.length} extension(s)\n--- com.apple.system_extension.endpoint_security (Go to 'System Settings' to modify these)\nenabled\tactive\tteamID\tbundleID (version)\tname\t[state]\n${rows.join('\n')}\n`
const ps = (...bundles: string[]) =>
  `/sbin/launchd\n/usr/libexec/logd\n${bundles.map(bundle => `/Library/SystemExtensions/6A2CBFCC-6183-4815-B7C0-C995FDA8639B/${bundle}.systemextension/Contents/MacOS/${bundle}\n`).join('')}`
const read = (text: string, processes?: string) =>
  parseSystemExtensions({ list: given(text), ...(processes === undefined ? {} : { processes: given(processes) }) }).products

test('an extension that is allowed and runs protects as far as macOS tells', () => {
  expect(read(list(sophos()), ps(SCAN))).toMatchObject([
    { name: 'Sophos Endpoint (system extension)', vendor: 'Sophos', running: true, realtime: null, degraded: null, version: '10.7.8/1' },
  ])
})

test('one that waits for the user sees nothing', () => {
  expect(read(list(sophos('activated waiting for user', '\t')), ps())).toMatchObject([
    { running: false, realtime: false, degraded: expect.stringContaining('waiting for user') },
  ])
})

test('one that is allowed and does not run is told, and without ps nobody knows', () => {
  expect(read(list(sophos()), ps())).toMatchObject([{ running: false, degraded: expect.stringContaining('does not run') }])
  expect(read(list(sophos()))).toMatchObject([{ running: null, realtime: null }])
  expect(read(list(sophos()), 'ps: command not found')).toMatchObject([{ running: null }])
})

test('a product that has a source of its own is only told where macOS keeps it from looking', () => {
  expect(read(list(defender()), ps('com.microsoft.wdav.epsext'))).toEqual([])
  expect(read(list(defender('activated waiting for user')), ps())).toMatchObject([{ vendor: 'Microsoft', running: false }])
})

test('a version that waits to be removed is none', () => {
  const old = sophos('terminated waiting to uninstall on reboot', '\t')
  expect(read(list(old, sophos()), ps(SCAN))).toMatchObject([{ running: true }])
  expect(() => read(list(old), ps())).toThrow(expect.objectContaining({ name: 'Absent' }))
})

test('an extension of the network is no guard', () => {
  const text = list(row('2H5GFH3774', 'com.sophos.endpoint.networkextension')).replace('endpoint_security', 'network_extension')
  expect(() => read(text)).toThrow(expect.objectContaining({ name: 'Absent' }))
})

test('half a list is refused, and so is none', () => {
  const text = list(sophos(), defender('activated waiting for user'))
  expect(() => read(text.slice(0, text.indexOf('UBF8')))).toThrow('1 rows of 2')
  for (const other of ['', 'Usage:\n', '0 extension(s)\n']) expect(() => read(other)).toThrow()
})

test('read asks macOS and ps', async () => {
  const commands = { 'systemextensionsctl list': { text: list(sophos()) }, 'ps -axo comm=': { text: ps(SCAN) } }
  expect(await runProbe(probe, hostOf(machine({ commands })), undefined, 3_600_000)).toMatchObject({
    outcome: 'ok',
    data: { products: [{ running: true }] },
  })
  expect(await runProbe(probe, hostOf(machine()), undefined, 3_600_000)).toMatchObject({ outcome: 'absent' })
})

test('any text gives a fact or an error', () => {
  alwaysEnds(probe, [list(sophos(), defender()), ps(SCAN)])
  for (const text of huge) for (const name of Object.keys(probe.inputs)) outcomeOf(probe, { [name]: given(text), list: given(text) })
})
