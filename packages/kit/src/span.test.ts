import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseDuration } from './span.ts'

test.each([
  ['250ms', 250],
  ['30s', 30_000],
  ['5m', 300_000],
  ['5min', 300_000],
  ['6h', 21_600_000],
  ['1d', 86_400_000],
  ['1.5h', 5_400_000],
  [' 2 d ', 172_800_000],
  ['0s', 0],
])('%s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each(['', '5', 's', '-5s', '5 weeks', '1e3s', '5M', '1h30m', '.5h', '0x10s', 'Infinitys'])(
  '%j is refused with what was wanted',
  text => {
    expect(() => parseDuration(text)).toThrow(/Cannot read the duration ".*": wanted a number and ms, s, m, h or d/)
  },
)

test('any text is a finite number of ms from 0 or refused', () => {
  const nearly = fc
    .tuple(fc.string({ unit: fc.constantFrom('1', '9', '.', ' ', '-') }), fc.constantFrom('s', 'ms', 'd', '', 'x'))
    .map(parts => parts.join(''))
  fc.assert(
    fc.property(fc.oneof(fc.string(), nearly), text => {
      let ms = 0
      try {
        ms = parseDuration(text)
      } catch (error) {
        expect((error as Error).message).toContain('Cannot read the duration')
      }
      expect(ms).toBeGreaterThanOrEqual(0)
      expect(Number.isFinite(ms)).toBe(true)
    }),
  )
  expect(() => parseDuration(`${'9'.repeat(400)}d`)).toThrow('Cannot read the duration')
})
