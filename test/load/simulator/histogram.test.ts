import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quantile } from '../../bench/statistics.ts'
import { Histogram } from './histogram.ts'

const times = fc.array(fc.double({ min: 0.02, max: 1e5, noNaN: true }), { minLength: 1, maxLength: 200 })

test('a quantile of counted times is that of the times themselves, to a per cent', () => {
  fc.assert(
    fc.property(times, fc.constantFrom(0.01, 0.5, 0.9, 0.99, 1), (values, share) => {
      const histogram = new Histogram()
      for (const value of values) histogram.record(value)
      const exact = quantile(values, share)
      expect(Math.abs(histogram.quantile(share) / exact - 1)).toBeLessThan(0.011)
    }),
  )
})

test('the times of two processes together are those of one', () => {
  fc.assert(
    fc.property(times, times, (a, b) => {
      const [one, other, both] = [new Histogram(), new Histogram(), new Histogram()]
      for (const value of a) one.record(value)
      for (const value of b) other.record(value)
      for (const value of [...a, ...b]) both.record(value)
      one.add(other.counted)
      expect(one.quantile(0.99)).toBe(both.quantile(0.99))
      expect(one.size).toBe(a.length + b.length)
    }),
  )
})
