import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import w32time from './w32time.ts'

type Fact = FactTypes['clock']
const NOW = Date.UTC(2026, 10, 1, 12, 30)

// After the documentation of `w32tm /query /status /verbose`; the labels are made German to show that they do not matter.
const text = (own: Record<string, string> = {}) =>
  Object.entries({
    Sprungindikator: '0(Keine Warnung)',
    Stratum: '4 (Sekundärreferenz)',
    Präzision: '-23 (119.209ns pro Tick)',
    Stammverzögerung: '0,0296267s',
    Stammabweichung: '0.0448955s',
    Referenz: '0x28779426 (Quell-IP: 40.119.148.38)',
    'Letzte Synchronisierung': '16.09.2026 12:47:56',
    Quelle: 'time.windows.com,0x8',
    Abrufintervall: '7 (128s)',
    Phasenversatz: '0,0130039s',
    Taktfrequenz: '0.0156250s',
    Computerstatus: '2 (Synchronisieren)',
    Flags: '0 (Kein)',
    Rolle: '0 (Kein)',
    Fehler: '0 (OK)',
    Dauer: '65.8834592s',
    ...own,
  })
    .map(([label, value]) => `${label}: ${value}\r\n`)
    .join('')
const read = (own: Record<string, string> = {}) => factOf<Fact>(w32time, { status: text(own) }, NOW)

test('a clock that is kept is told in any language', () => {
  expect(read()).toMatchObject({
    synchronized: true,
    reference: 'time.windows.com',
    stratum: 4,
    offsetSeconds: 0.01,
    lastSyncAt: Date.UTC(2026, 10, 1, 12),
  })
})

test.each([
  ['leap indicator 3', { Sprungindikator: '3(nicht synchronisiert)' }],
  ['stratum 0', { Stratum: '0 (nicht angegeben)' }],
  ['the own clock as source', { Quelle: 'Local CMOS Clock' }],
  ['an error at the last try', { Fehler: '2 (veraltet)' }],
  ['days without an answer', { Dauer: '864000.5s' }],
])('%s is not synchronised', (_, own) => {
  expect(read(own)).toMatchObject({ synchronized: false, offsetSeconds: null })
})

test('the short form does not tell how the last try ended, so it proves nothing good', () => {
  const short = text().split('\r\n').slice(0, 9).join('\r\n')
  expect(factOf<Fact>(w32time, { status: short }, NOW).synchronized).toBeNull()
})

test.each([
  ['The following error occurred: Access is denied. (0x80070005)', 'Denied'],
  ['The following error occurred: The service has not been started. (0x80070426)', 'Absent'],
  ['', 'Error'],
])('%s', (status, name) => {
  expect(() => factOf(w32time, { status })).toThrow(expect.objectContaining({ name }))
})

test('any text gives a fact or an error', () => survives(w32time, 'status', [text()]))
