/** How a figure is told: its number is in this unit. */
export type Unit = 'MB' | 'KB' | '%' | 's' | 'ms' | '1/s' | 'bytes' | ''

/** What DESIGN section 12 demands of a figure: of its value, or of its ratio to the baseline. */
export type Budget = { readonly of: 'value' | 'ratio'; readonly bound: 'most' | 'least'; readonly limit: number }

/** One line of the table. */
export type Figure = {
  /** Which part of the bench it belongs to. */
  readonly group: string
  readonly what: string
  readonly value: number
  readonly unit: Unit
  /** Taken in the same run, in the same unit. */
  readonly baseline?: { readonly name: string; readonly value: number }
  readonly budget?: Budget
  /** What a reader must know to believe it. */
  readonly note?: string
}

/** A figure's value over its baseline's; undefined where there is none. */
export function ratioOf({ value, baseline }: Figure): number | undefined {
  return baseline && baseline.value > 0 ? value / baseline.value : undefined
}

/** Whether the budget is kept; undefined where there is none, or its ratio cannot be told. */
export function kept(figure: Figure): boolean | undefined {
  const { budget } = figure
  const judged = budget?.of === 'ratio' ? ratioOf(figure) : figure.value
  if (!budget || judged === undefined) return undefined
  return budget.bound === 'most' ? judged <= budget.limit : judged >= budget.limit
}

/** Three significant digits, thousands apart, never an exponent. */
export function numberText(value: number): string {
  if (value === 0) return '0'
  const magnitude = Math.floor(Math.log10(Math.abs(value)))
  if (magnitude >= 3) return Math.round(value).toLocaleString('en')
  return value.toFixed(Math.min(4, Math.max(0, 2 - magnitude)))
}

const withUnit = (value: number, unit: Unit): string => `${numberText(value)}${unit === '' ? '' : unit === '%' ? ' %' : ` ${unit}`}`

function budgetText({ budget, unit }: Figure): string {
  if (!budget) return ''
  const sign = budget.bound === 'most' ? '≤' : '≥'
  return budget.of === 'ratio' ? `${sign} ${budget.limit} ×` : `${sign} ${withUnit(budget.limit, unit)}`
}

const COLUMNS = ['what', 'measured', 'baseline', 'ratio', 'budget', ''] as const

function cells(figure: Figure): string[] {
  const { what, value, unit, baseline } = figure
  const ratio = ratioOf(figure)
  const verdict = kept(figure)
  return [
    what,
    withUnit(value, unit),
    baseline ? `${withUnit(baseline.value, unit)} ${baseline.name}` : '',
    ratio === undefined ? '' : `${numberText(ratio)} ×`,
    budgetText(figure),
    verdict === undefined ? '' : verdict ? 'kept' : 'MISSED',
  ]
}

/** The table for a terminal, a block a group. */
export function tableText(figures: readonly Figure[]): string {
  const rows = figures.map(cells)
  const widths = COLUMNS.map((column, i) => Math.max(column.length, ...rows.map(row => [...(row[i] ?? '')].length)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd()
  const out: string[] = []
  for (const [i, figure] of figures.entries()) {
    if (figure.group !== figures[i - 1]?.group) out.push('', figure.group.toUpperCase(), line(COLUMNS))
    out.push(line(rows[i] ?? []))
  }
  return `${[...out, ...notesOf(figures).map(note => `  ${note}`)].join('\n')}\n`
}

/** The same as Markdown, for the README. */
export function tableMarkdown(figures: readonly Figure[]): string {
  const out: string[] = []
  for (const [i, figure] of figures.entries()) {
    if (figure.group !== figures[i - 1]?.group)
      out.push('', `**${figure.group}**`, '', `| ${COLUMNS.join(' | ')} |`, `|${COLUMNS.map(() => '---|').join('')}`)
    out.push(`| ${cells(figure).join(' | ')} |`)
  }
  return `${[...out, '', ...notesOf(figures).map(note => `- ${note}`)].join('\n')}\n`
}

function notesOf(figures: readonly Figure[]): string[] {
  return [...new Set(figures.flatMap(({ what, note }) => (note ? [`${what}: ${note}`] : [])))]
}
