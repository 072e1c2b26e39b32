import { describe, expect, test } from 'vitest'
import { seeded } from '../bench/statistics.ts'
import { type Point, trendOf } from './trend.ts'

const LIMIT = 0.01
/** Looks every ten seconds for an hour: 100 MB, growing so much an hour, noisy by so much. */
function hour(growth: number, noise: number, alike = 0): Point[] {
  const random = seeded(7)
  let drift = 0
  return Array.from({ length: 360 }, (_, i) => {
    drift = alike * drift + noise * (random() - 0.5)
    return [i * 10, 100 + (growth * i) / 360 + drift] as const
  })
}

describe('a trend over an hour', () => {
  test.each([
    ['a level line', hour(0, 0), 'steady'],
    ['noise without growth', hour(0, 4), 'steady'],
    ['half a per cent', hour(0.5, 1), 'steady'],
    ['two per cent', hour(2, 1), 'grows'],
    ['two per cent in noise', hour(2, 2), 'grows'],
    ['what shrinks', hour(-5, 1), 'steady'],
    ['noise that wanders slowly, and might be a trend', hour(0, 8, 0.98), 'unclear'],
  ] as const)('%s is %s', (_, points, verdict) => expect(trendOf(points, LIMIT).verdict).toBe(verdict))

  test('is told as growth an hour, and as a share', () => {
    const { perHour, share, mean } = trendOf(hour(2, 0), LIMIT)
    expect(perHour).toBeCloseTo(2, 5)
    expect(share).toBeCloseTo(perHour / mean, 8)
  })

  test('is not told of a few looks', () => {
    expect(() => trendOf(hour(1, 0).slice(0, 5), LIMIT)).toThrow('wanted at least 8')
  })
})
