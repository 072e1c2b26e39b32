import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { Absent, Denied } from '../../probe.ts'
import bitdefender, { parseBitdefender } from './bitdefender.ts'

// Written from the vendor's guide of `bduitool get ps`.
const status = `Product version: 7.2.0.200100
Last product update: 2026-06-01 at 02:00:00 GMT-3
New product update available: no
Engines version: 7.98000
Last security content update: 2026-06-14 at 23:30:00 GMT-3
New security content available: no
Features:
  - Antimalware status: On
  - NetworkMonitor status: Off
`
const read = (text: string) => parseBitdefender({ status: given(text) }).products[0]

test('scanner on, content dated in its own zone', () => {
  expect(read(status)).toMatchObject({
    version: '7.2.0.200100',
    running: true,
    realtime: null,
    signaturesVersion: '7.98000',
    signaturesAt: Date.UTC(2026, 5, 15, 2, 30),
    signaturesCurrent: null,
  })
})

test('off, behind, or in a zone without a number', () => {
  expect(read(status.replace('Antimalware status: On', 'Antimalware status: Off'))).toMatchObject({ running: false, realtime: false })
  expect(read(status.replace('content available: no', 'content available: yes'))).toMatchObject({ signaturesCurrent: false })
  expect(read(status.replace('23:30:00 GMT-3', '23:30:00 CEST'))).toMatchObject({ signaturesAt: null })
})

test('half an answer is none', () => {
  for (let length = 0; length < status.indexOf('status: On') + 9; length += 5) expect(() => read(status.slice(0, length))).toThrow()
  expect(() => read('bduitool must be run as root')).toThrow(Denied)
})

test('a machine without it', async () => {
  await expect(bitdefender.read(hostOf(machine()), undefined)).rejects.toThrow(Absent)
})

test('any text is a fact or an error', () => {
  alwaysEnds(bitdefender, [status])
  for (const one of huge) expect(outcomeOf(bitdefender, { status: given(one) })).toBeInstanceOf(Error)
})

const sample = new URL(
  '../../../../../shared/samples/security_linux/glpi-project+glpi-agent/resources/linux/antivirus/bduitool-7.0.3.2239',
  import.meta.url,
)

test.each(existsSync(sample) ? [sample] : [])('a sample: %s', url => {
  expect(read(readFileSync(url, 'utf8'))).toMatchObject({
    version: '7.0.3.2239',
    running: true,
    signaturesVersion: '7.95171',
    signaturesAt: Date.UTC(2023, 7, 24, 9, 44, 37),
  })
})
