import fc from 'fast-check'
import { expect, test } from 'vitest'
import { daysOf, windowsTime } from './time.ts'

const day = Date.UTC(2024, 5, 4, 8, 6, 27)

test.each([
  ['2024-06-04T08:06:27.0000000Z', day],
  ['/Date(1717488387000)/', day],
  ['20240604080627.000000+000', day],
  ['20240604010627.000000-420', day],
  ['Tue, 04 Jun 2024 08:06:27 GMT', day],
  ['6/4/2024 8:06:27 AM', day],
  ['2024/06/04 08:06:27', day],
  ['04.06.2024 08:06:27', day],
  ['2024-06-04 08:06:27', day],
  // Day and month could be either way round: the older one counts.
  ['04/06/2024 08:06:27', Date.UTC(2024, 3, 6, 8, 6, 27)],
  ['25/06/2024 08:06:27', Date.UTC(2024, 5, 25, 8, 6, 27)],
])('%s', (text, wanted) => {
  expect(windowsTime(text)).toBe(wanted)
})

test.each([
  '',
  '12/31/1600 4:00:00 PM',
  '01/01/1601 00:00:00',
  '1899-12-30T00:00:00Z',
  '0001-01-01T00:00:00',
  'N/A',
  'INFINITE',
  '13:00',
  '2024-06-04 25 Uhr',
])('%s is no time', text => {
  expect(windowsTime(text)).toBeNull()
})

test.each([
  ['0', 0],
  ['266', 266],
  ['65535', null],
  ['4294967295', null],
  ['', null],
])('an age of %s days', (text, wanted) => {
  expect(daysOf(text)).toBe(wanted)
})

test('any text is a time or none', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 100 }), text => {
      const at = windowsTime(text)
      expect(at === null || Number.isFinite(at)).toBe(true)
    }),
  )
})
