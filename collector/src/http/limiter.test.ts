import { describe, expect, test } from 'vitest'
import { Limiter } from './limiter.ts'

let now = 0
const limiter = (most?: number) => new Limiter({ burst: 3, perSecond: 0.5 }, () => now, most)
const takes = (one: Limiter, identity: string, times: number) => Array.from({ length: times }, () => one.take(identity))

describe('a limiter', () => {
  test('lets a burst through, then tells how long to wait, then as many as time brings', () => {
    const one = limiter()

    expect(takes(one, 'token:a', 4)).toEqual([0, 0, 0, 2_000])
    now += 1_999
    expect(one.take('token:a')).toBe(1)
    now += 1
    expect(takes(one, 'token:a', 2)).toEqual([0, 2_000])
  })

  test('bounds each identity alone', () => {
    const one = limiter()
    takes(one, 'token:a', 4)

    expect(one.take('token:b')).toBe(0)
    expect([one.wait('token:a'), one.wait('token:b'), one.wait('token:c')]).toEqual([2_000, 0, 0])
  })

  test('never gives more than a burst, however long nobody came', () => {
    const one = limiter()
    takes(one, 'token:a', 4)
    now += 86_400_000

    expect(takes(one, 'token:a', 4)).toEqual([0, 0, 0, 2_000])
  })

  test('who comes under ever new names gets one bucket for all of them, and nobody is forgotten for it', () => {
    const one = limiter(100)
    takes(one, 'token:a', 4)

    const answers = Array.from({ length: 10_000 }, (_, i) => one.take(`name-${i}`))

    expect(answers.filter(wait => wait === 0)).toHaveLength(99 + 3)
    expect(one.size).toBeLessThanOrEqual(101)
    expect(one.wait('token:a')).toBe(2_000)
  })

  test('a full table takes new identities again once the old ones have their leave back', () => {
    const one = limiter(10)
    for (let i = 0; i < 20; i++) one.take(`name-${i}`)
    now += 60_000

    expect(takes(one, 'somebody', 4)).toEqual([0, 0, 0, 2_000])
    expect(one.size).toBe(1)
  })
})
