import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Backoff } from './backoff.ts'

const BASE = 1_000
const CAP = 60_000
/** Delays of the first tries where chance always gives `random`. */
function delays(random: number, count: number, atLeast = 0): number[] {
  const backoff = new Backoff(BASE, CAP, () => random)
  return Array.from({ length: count }, () => backoff.next(atLeast))
}

describe('backoff', () => {
  test('doubles its ceiling up to the cap, and stays there for ever', () => {
    expect(delays(1, 9)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
    expect(delays(1, 2_000).at(-1)).toBe(CAP)
  })

  test('is spread from nothing to the ceiling, from the first try on and at the cap', () => {
    expect(delays(0, 100)).toEqual(Array(100).fill(0))
    expect(delays(0.5, 9)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
  })

  test('is never under what the other end asked for, and spreads that as well', () => {
    expect(delays(0, 1, 5_000)).toEqual([5_000])
    expect(delays(1, 1, 5_000)).toEqual([7_500])
    expect(delays(1, 1, 600_000)).toEqual([900_000])
  })

  test('waits no longer than it has not worked: of ten thousand that lost it for 15 s, the last is back within as long again', () => {
    for (let i = 0; i < 10_000; i++) {
      const backoff = new Backoff(BASE, 300_000)
      let at = 0
      while (at < 15_000) at += backoff.next(0, at)
      expect(at).toBeLessThanOrEqual(30_000)
    }
  })

  test('starts anew when things work again', () => {
    const backoff = new Backoff(BASE, CAP, () => 1)
    for (let i = 0; i < 20; i++) backoff.next()
    backoff.reset()
    expect(backoff.next()).toBe(BASE)
  })

  test('is a whole number of ms within its bounds, whatever chance gives', () => {
    const chance = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(chance, fc.nat(1_000_000), (given, atLeast) => {
        const left = [...given]
        const backoff = new Backoff(BASE, CAP, () => left.shift() ?? 0)
        for (const _ of given) {
          const delay = backoff.next(atLeast)
          expect(Number.isInteger(delay)).toBe(true)
          expect(delay).toBeGreaterThanOrEqual(atLeast)
          expect(delay).toBeLessThanOrEqual(Math.ceil(atLeast + Math.max(CAP, atLeast / 2)))
        }
      }),
    )
  })
})
