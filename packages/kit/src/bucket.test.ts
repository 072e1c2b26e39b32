import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Bucket } from './bucket.ts'

test('a bucket gives its burst at once, then its rate', () => {
  const bucket = new Bucket({ perSecond: 10, burst: 3 }, 0)
  expect([0, 0, 0, 0].map(now => bucket.take(1, now))).toEqual([true, true, true, false])
  expect(bucket.waitMs(1, 0)).toBe(100)
  expect(bucket.take(1, 99)).toBe(false)
  expect(bucket.take(1, 100)).toBe(true)
})

test('a debt is paid back before anything is given again', () => {
  const bucket = new Bucket({ perSecond: 1, burst: 2 }, 0)
  expect(bucket.spend(5, 0)).toBe(-3)
  expect(bucket.take(1, 3_000)).toBe(false)
  expect(bucket.take(1, 4_000)).toBe(true)
})

test('whatever is asked when, never more than burst and rate together is given, also where a clock goes back', () => {
  const asked = fc.array(fc.tuple(fc.nat(500), fc.nat(2_000), fc.nat(300)), { maxLength: 60 })
  fc.assert(
    fc.property(asked, asks => {
      const bucket = new Bucket({ perSecond: 7, burst: 100 }, 0)
      let now = 0
      let latest = 0
      let given = 0
      for (const [forward, back, cost] of asks) {
        now = Math.max(0, now + forward - (back > 1_900 ? back : 0))
        latest = Math.max(latest, now)
        if (bucket.take(cost, now)) given += cost
      }
      expect(given).toBeLessThanOrEqual(100 + (latest / 1000) * 7 + 1e-6)
    }),
  )
})
