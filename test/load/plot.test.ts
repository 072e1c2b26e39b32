import { describe, expect, test } from 'vitest'
import { svgOf } from './plot.ts'

const chart = {
  title: 'memory <of> "one" & all',
  unit: 'MB',
  x: 'hosts',
  limit: 300,
  lines: [
    { name: 'plain', points: [[1000, 90] as const, [15_000, 240] as const] },
    { name: 'TLS', points: [[1000, 100] as const, [15_000, 290] as const] },
  ],
}

describe('a plot', () => {
  const svg = svgOf('How cost grows', [chart, chart, chart])

  test('is one SVG in which each line of each chart has its points, its name and the budget', () => {
    expect(svg.match(/<polyline /g)).toHaveLength(6)
    expect(svg.match(/<circle /g)).toHaveLength(12)
    expect(svg.match(/>TLS</g)).toHaveLength(3)
    expect(svg.match(/budget 300/g)).toHaveLength(3)
  })

  test('holds no number that is none, and no text that would be markup', () => {
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
    expect(svg).not.toContain('<of>')
    expect(svg).toContain('&#60;of&#62;')
  })

  test('of one point, or of nothing but zeros, is drawn as well', () => {
    expect(svgOf('t', [{ ...chart, lines: [{ name: 'a', points: [[5, 0]] }], limit: undefined }])).not.toMatch(/NaN|Infinity/)
  })

  test('draws what is higher higher', () => {
    const [low, high] = [
      ...svgOf('t', [
        {
          ...chart,
          lines: [
            {
              name: 'a',
              points: [
                [1, 10],
                [2, 20],
              ],
            },
          ],
        },
      ]).matchAll(/cy="([\d.]+)"/g),
    ]
    expect(Number(high?.[1])).toBeLessThan(Number(low?.[1]))
  })
})
