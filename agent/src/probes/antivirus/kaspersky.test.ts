import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, around, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { Absent } from '../../probe.ts'
import kaspersky, { parseKaspersky } from './kaspersky.ts'

const NOW = Date.UTC(2026, 5, 15)
// Written from the vendor's administration guide of `kesl-control --app-info`.
const info = `Name:                                     Kaspersky Endpoint Security 12.1 for Linux
Version:                                  12.1.0.1297
License information:                      The key is valid
Application license expiration date:      2027-03-01 00:00:00
Last release date of databases:           2026-06-14 04:47:00
Application databases loaded:             Yes
KSN state:                                Off
File Threat Protection:                   Available and running
`
const unit = given('Id=kesl.service\nLoadState=loaded\nActiveState=active\n')
const read = (text: string, more: object = { unit }) => parseKaspersky({ info: given(text), ...more }, around(NOW, undefined)).products[0]

test('protection, databases and licence', () => {
  expect(read(info)).toMatchObject({
    version: '12.1.0.1297',
    running: true,
    realtime: true,
    signaturesAt: new Date(2026, 5, 14, 4, 47).getTime(),
    degraded: null,
  })
})

const cases = [
  ['stopped', 'Available and running', 'Available and stopped', { realtime: false }],
  ['no licence', 'Available and running', 'Unavailable due to license limitation', { realtime: false }],
  [
    'databases gone',
    'loaded:             Yes',
    'loaded:             No',
    { signaturesCurrent: false, degraded: expect.stringContaining('not loaded') },
  ],
  ['licence ended', '2027-03-01', '2025-03-01', { degraded: expect.stringContaining('ended on 2025') }],
  ['key expired', 'The key is valid', 'The key is expired', { degraded: expect.stringContaining('expired') }],
  ['another date', '2026-06-14', '14.06.2026', { signaturesAt: null }],
] as const

test.each(cases)('%s', (_, from, to, wanted) => {
  expect(read(info.replace(from, to))).toMatchObject(wanted)
})

test('a service that is down, and half an answer', () => {
  expect(read(info, { unit: given('Id=kesl.service\nLoadState=loaded\nActiveState=failed\n') })).toMatchObject({
    running: false,
    realtime: false,
  })
  expect(read(info.slice(0, info.indexOf('File')), {})).toMatchObject({ running: null, realtime: null })
  for (const text of ['', 'Name: x\nVersion: 1', 'Cannot connect']) expect(() => read(text)).toThrow()
})

test('a machine without it', async () => {
  await expect(kaspersky.read(hostOf(machine()), undefined)).rejects.toThrow(Absent)
})

test('any text is a fact or an error', () => {
  alwaysEnds(kaspersky, [info])
  for (const one of huge) expect(outcomeOf(kaspersky, { info: given(one) })).toBeInstanceOf(Error)
})
