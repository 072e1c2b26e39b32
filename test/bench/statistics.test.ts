import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Figure, kept, numberText, ratioOf } from './figure.ts'
import { median, quantile, seeded } from './statistics.ts'
import { FrameReader } from './wire.ts'

describe('statistics of the bench', () => {
  test('the median is the middle, of an even number the mean of the middle two', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 3, 2])).toBe(2.5)
  })

  test('a quantile is a value that was measured, by nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i)
    expect(quantile(values, 0.5)).toBe(50)
    expect(quantile(values, 0.99)).toBe(99)
    expect(quantile([7], 0.99)).toBe(7)
  })

  test('nothing measured gives no number', () => {
    expect(() => median([])).toThrow('no values')
    expect(() => quantile([], 0.5)).toThrow('no values')
  })

  test('the same seed makes the same fleet', () => {
    const [one, other] = [seeded(5), seeded(5)]
    expect([one(), one(), one()]).toEqual([other(), other(), other()])
    expect(seeded(6)()).not.toBe(seeded(5)())
  })
})

describe('a figure', () => {
  const figure: Figure = { group: 'g', what: 'w', value: 60, unit: 'MB', baseline: { name: 'b', value: 50 } }

  test('is judged by its value or by its ratio, at most or at least', () => {
    expect(ratioOf(figure)).toBe(1.2)
    expect(kept({ ...figure, budget: { of: 'ratio', bound: 'most', limit: 1.5 } })).toBe(true)
    expect(kept({ ...figure, budget: { of: 'value', bound: 'most', limit: 20 } })).toBe(false)
    expect(kept({ ...figure, budget: { of: 'value', bound: 'least', limit: 20 } })).toBe(true)
  })

  test('without a baseline or a budget is not judged', () => {
    expect(kept(figure)).toBeUndefined()
    expect(kept({ ...figure, baseline: { name: 'b', value: 0 }, budget: { of: 'ratio', bound: 'most', limit: 1 } })).toBeUndefined()
  })

  test('is told with three digits', () => {
    expect([0, 0.01234, 1.234, 123.4, 123_456].map(numberText)).toEqual(['0', '0.0123', '1.23', '123', '123,456'])
  })
})

describe('bytes on the wire', () => {
  test('are counted by type of frame however TCP cuts them', () => {
    const payload = Buffer.from(`{"type":"beat","seq":1,"pad":"${'x'.repeat(300)}"}`)
    const head = Buffer.from([0x81, 126, payload.length >> 8, payload.length & 255])
    const wire = Buffer.concat([
      Buffer.from('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
      head,
      payload,
      Buffer.from([0x89, 0]),
      head,
      payload,
    ])
    fc.assert(
      fc.property(fc.array(fc.nat(wire.length), { maxLength: 10 }), cuts => {
        const seen: [string, number][] = []
        const reader = new FrameReader((type, bytes) => seen.push([type, bytes]))
        const edges = [0, ...cuts.sort((a, b) => a - b), wire.length]
        for (const [i, edge] of edges.slice(1).entries()) reader.push(wire.subarray(edges[i], edge))
        expect(seen).toEqual([
          ['beat', payload.length],
          ['control', 0],
          ['beat', payload.length],
        ])
      }),
    )
  })

  test('of a masked frame are the payload, its type read through the mask', () => {
    const payload = Buffer.from('{"type":"report"}')
    const mask = Buffer.from([1, 2, 3, 4])
    const masked = payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0))
    const seen: [string, number][] = []
    new FrameReader((type, bytes) => seen.push([type, bytes])).push(
      Buffer.concat([Buffer.from('\r\n\r\n'), Buffer.from([0x81, 0x80 | payload.length]), mask, masked]),
    )
    expect(seen).toEqual([['report', 17]])
  })
})
