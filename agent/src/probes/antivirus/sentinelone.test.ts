import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { Absent, Denied } from '../../probe.ts'
import sentinelone, { parseSentinelone } from './sentinelone.ts'

// Written from published examples of sentinelctl on the three systems.
const linux =
  'Agent state                 Enabled\nConnectivity                On\nAgent version               23.4.2.14\nDFI library version         4.5.6\n'
const windows = `Disable State: Not disabled by the user
SentinelMonitor is loaded
Self-Protection status: On
Monitor Build id: 22.2.4.558+0123456789abcdef
SentinelAgent is loaded
SentinelAgent is running as PPL
Mitigation policy: quarantineThreat
`
const mac = 'Agent\n   Version:        24.1.2.7444\n   Ready:          yes\n   Protection:     enabled\n'
const read = (text: string) => parseSentinelone({ sentinelctl: given(text) }).products[0]

const cases = [
  ['Linux', linux, { version: '23.4.2.14', running: true, realtime: true, degraded: null }],
  ['Linux with colons', linux.replaceAll(/ {3,}/g, ': '), { version: '23.4.2.14', running: true, realtime: true, degraded: null }],
  ['Linux, disabled', linux.replace('Enabled', 'Disabled'), { running: false, realtime: false }],
  ['Linux, cut off from its console', linux.replace('On', 'Off'), { running: true, degraded: 'not connected to its console' }],
  ['Windows', windows, { version: '22.2.4.558+0123456789abcdef', running: true, realtime: true, tamperProtection: true, degraded: null }],
  ['Windows, agent down', windows.replace('SentinelAgent is loaded', 'SentinelAgent is not loaded'), { running: false, realtime: false }],
  ['Windows, half', windows.slice(0, windows.indexOf('SentinelAgent')), { running: null, realtime: null }],
  ['Windows, by the user', windows.replace('Not disabled', 'Disabled'), { running: false, degraded: expect.stringContaining('Disabled') }],
  ['Windows, only looks', windows.replace('quarantineThreat', 'none'), { degraded: expect.stringContaining('only detects') }],
  ['macOS', mac, { version: '24.1.2.7444', running: true, realtime: true }],
  ['macOS, off', mac.replace('enabled', 'disabled'), { realtime: false, degraded: 'protection is disabled' }],
  ['macOS, half', mac.slice(0, mac.indexOf('Protection')), { realtime: null }],
  ['its version alone', 'SentinelOne 24.1.2.7444\n', { version: '24.1.2.7444', running: null, realtime: null }],
] as const

test.each(cases)('%s', (_, text, wanted) => {
  expect(read(text)).toMatchObject(wanted)
})

test('others than root, silence and another machine', async () => {
  expect(() => read('This command must be run as root')).toThrow(Denied)
  expect(() => read('')).toThrow()
  expect(() => read('Agent state: Enab')).toThrow()
  await expect(sentinelone.read(hostOf(machine()), undefined)).rejects.toThrow(Absent)
})

test('on Linux three commands make one answer', async () => {
  const [state, link, version] = linux.split('\n')
  const ctl = '/opt/sentinelone/bin/sentinelctl'
  const host = hostOf(
    machine({
      commands: {
        [`${ctl} control status`]: { text: state ?? '' },
        [`${ctl} management status`]: { text: link ?? '' },
        [`${ctl} version`]: { text: version ?? '' },
      },
    }),
  )
  expect(await sentinelone.read(host, undefined)).toMatchObject({ products: [{ version: '23.4.2.14', running: true, degraded: null }] })
})

test('any text is a fact or an error', () => {
  alwaysEnds(sentinelone, [linux, windows, mac])
  for (const one of huge) expect(outcomeOf(sentinelone, { sentinelctl: given(one) })).toBeInstanceOf(Error)
})
