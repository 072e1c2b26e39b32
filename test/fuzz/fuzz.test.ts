import { describe, expect, test } from 'vitest'
import { seeded } from './mutate.ts'
import { parsers } from './parsers.ts'
import { readers } from './readers.ts'
import { routes } from './routes.ts'
import { fuzz } from './run.ts'

describe('what others wrote, spoilt', () => {
  test('is read or refused by every reader of frames, signatures, enrolments and configurations', async () => {
    const { found, runs } = await fuzz(readers, { seconds: 4, seed: 1 })
    expect(found).toEqual([])
    expect(runs).toBeGreaterThan(500)
  })

  test('is answered by every route, and never with a failure of the collector', async () => {
    const target = await routes()
    const { found, runs } = await fuzz([target], { seconds: 4, seed: 2 })
    await target.close?.()
    expect(found).toEqual([])
    expect(runs).toBeGreaterThan(200)
  })

  test('is read or refused by every parser of every source', async () => {
    const { found, runs } = await fuzz(parsers, { seconds: 8, seed: 3 })
    expect(found).toEqual([])
    expect(runs).toBeGreaterThan(parsers.length)
  })
})

test('a reader that falls is found, with a seed that finds it again', async () => {
  const fragile = {
    name: 'fragile',
    corpus: ['{"a":1}'],
    read(text: string) {
      if (text.includes('__proto__')) throw new Error('it fell')
    },
  }
  const { found } = await fuzz([fragile], { seconds: 5, seed: 7 })
  expect(found).toMatchObject([{ target: 'fragile', why: expect.stringContaining('it fell') }])
  const again = await fuzz([{ ...fragile, corpus: ['{"a":1}'] }], { seconds: 5, seed: 7 })
  expect(again.found[0]?.text).toBe(found[0]?.text)
})

test('a reader that hangs is found', async () => {
  const slow = {
    name: 'slow',
    corpus: ['x'],
    read: () => {
      for (const ends = performance.now() + 8_100; performance.now() < ends; );
    },
  }
  const { found } = await fuzz([slow], { seconds: 1, seed: 1 })
  expect(found[0]?.why).toContain('it took')
})

test('random numbers come again with their seed, and are spread', () => {
  const draw = (seed: number) => {
    const random = seeded(seed)
    return Array.from({ length: 1_000 }, () => random.int(10))
  }
  expect(draw(5)).toEqual(draw(5))
  expect(draw(5)).not.toEqual(draw(6))
  for (let digit = 0; digit < 10; digit++) expect(draw(5).filter(one => one === digit).length).toBeGreaterThan(50)
})
