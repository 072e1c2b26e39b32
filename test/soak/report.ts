import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { numberText } from '../bench/figure.ts'
import { svgOf } from '../load/plot.ts'
import { exitCodes } from '../load/verdict.ts'
import { type Trend, trendOf } from './trend.ts'
import { type Quantity, quantities, type Series, titles } from './watch.ts'

/** Growth that is too much, as a share an hour. Two minutes see only what grows fast: what warms up still is no leak. */
export const limits = { whole: 0.01, quick: 1 } as const

/** Trends by quantity; those with too few looks are left out. */
export type Trends = { readonly [Q in Quantity]?: Trend }

/** @param limit one of `limits` */
export function trendsOf(series: Series, limit: number): Trends {
  const told = Object.entries(series).flatMap(([name, points]) => {
    try {
      return [[name, trendOf(points, limit)] as const]
    } catch {
      return []
    }
  })
  return Object.fromEntries(told)
}

/** 1 where something surely grows; 2 where something cannot be told and was to be; else 0. @param hint a run that is too short to judge what is unclear */
export function codeOf(trends: Trends, hint: boolean): number {
  const verdicts = Object.values(trends).map(trend => trend.verdict)
  if (verdicts.length < Object.keys(quantities).length) return exitCodes.invalid
  if (verdicts.includes('grows')) return exitCodes.failed
  return verdicts.includes('unclear') && !hint ? exitCodes.invalid : exitCodes.met
}

const COLUMNS = ['what', 'mean', 'an hour', 'share an hour', 'give', 'limit', ''] as const

function rowsOf(trends: Trends, limit: number): string[][] {
  return (Object.entries(trends) as [Quantity, Trend][]).map(([name, { mean, perHour, share, give, verdict }]) => [
    titles[name],
    `${numberText(mean)} ${quantities[name]}`.trim(),
    `${numberText(perHour)} ${quantities[name]}`.trim(),
    `${numberText(100 * share)} %`,
    `± ${numberText(100 * give)} %`,
    `${100 * limit} %`,
    verdict,
  ])
}

export function trendsText(trends: Trends, limit: number): string {
  const rows = [[...COLUMNS], ...rowsOf(trends, limit)]
  const widths = COLUMNS.map((_, i) => Math.max(...rows.map(row => row[i]?.length ?? 0)))
  return `${rows
    .map(row =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`
}

export function trendsMarkdown(trends: Trends, limit: number): string {
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`
  return `${[line(COLUMNS), `|${COLUMNS.map(() => '---|').join('')}`, ...rowsOf(trends, limit).map(line)].join('\n')}\n`
}

/** Writes what is known so far: looks, trends and a plot. @param about in words */
export async function writeReport(folder: string, about: string, series: Series, trends: Trends): Promise<void> {
  const charts = (Object.entries(series) as [Quantity, Series[Quantity]][])
    .filter(([, points]) => points.length > 1)
    .map(([name, points]) => ({
      title: titles[name],
      unit: quantities[name],
      x: 'minutes',
      lines: [{ name: titles[name], points: points.map(([at, value]) => [at / 60, value] as const) }],
    }))
  await writeFile(join(folder, 'soak.json'), `${JSON.stringify({ about, trends, series }, null, 2)}\n`)
  if (charts.length > 0) await writeFile(join(folder, 'soak.svg'), svgOf(about, charts))
}
