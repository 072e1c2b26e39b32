import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { Absent } from '../../probe.ts'
import carbonBlack, { parseCarbonBlack } from './carbon-black.ts'

// Written from the vendor's documentation of RepCLI.
const status = `General Info:
\tSensor Version: 2.15.0.2000000
\tQuarantine: No
Sensor Status:
\tState: Enabled
Cloud Status:
\tRegistered: Yes
\tProxy: No
`
const read = (text: string) => parseCarbonBlack({ repcli: given(text) }).products[0]

const cases = [
  ['enabled and registered', status, { version: '2.15.0.2000000', running: true, realtime: true, degraded: null }],
  ['bypassed', status.replace('Enabled', 'Bypass'), { running: true, realtime: false, degraded: expect.stringContaining('Bypass') }],
  ['disabled', status.replace('Enabled', 'Disabled'), { running: false, realtime: false }],
  [
    'not registered',
    status.replace('Registered: Yes', 'Registered: No'),
    { realtime: false, degraded: expect.stringContaining('not registered') },
  ],
  ['quarantined', status.replace('Quarantine: No', 'Quarantine: Yes'), { degraded: expect.stringContaining('quarantined') }],
  ['half', status.slice(0, status.indexOf('Cloud')), { running: null, realtime: null }],
] as const

test.each(cases)('%s', (_, text, wanted) => {
  expect(read(text)).toMatchObject(wanted)
})

test('without a state there is no answer', async () => {
  for (const text of ['', 'Sensor Version: 1.2.3', status.slice(0, status.indexOf('abled'))]) expect(() => read(text)).toThrow()
  await expect(carbonBlack.read(hostOf(machine()), undefined)).rejects.toThrow(Absent)
})

test('any text is a fact or an error', () => {
  alwaysEnds(carbonBlack, [status])
  for (const one of huge) expect(outcomeOf(carbonBlack, { repcli: given(one) })).toBeInstanceOf(Error)
})

const sample = new URL(
  '../../../../../shared/samples/security_linux/kolide+launcher/ee/tables/execparsers/repcli/test-data/repcli_linux.txt',
  import.meta.url,
)

test.each(existsSync(sample) ? [sample] : [])('a sample: %s', url => {
  expect(read(readFileSync(url, 'utf8'))).toMatchObject({ version: '2.14.0.1234321', running: true, realtime: true, degraded: null })
})
