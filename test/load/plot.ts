import { numberText } from '../bench/figure.ts'

/** A line of a chart. */
export type Line = { readonly name: string; readonly points: readonly (readonly [x: number, y: number])[] }

/** One chart: what grows with what. @param limit a budget, drawn as a dashed line */
export type Chart = {
  readonly title: string
  readonly unit: string
  readonly x: string
  readonly lines: readonly Line[]
  readonly limit?: number | undefined
}

const WIDTH = 420
const HEIGHT = 250
const MARGIN = { left: 62, right: 16, top: 34, bottom: 58 }
const COLUMNS = 2
/** Told apart by people who see red and green alike (Okabe and Ito). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7']
const TICKS = 4

/** Charts beside each other as one SVG: no script, no font of its own, readable on white. */
export function svgOf(title: string, charts: readonly Chart[]): string {
  const rows = Math.ceil(charts.length / COLUMNS)
  const width = WIDTH * Math.min(COLUMNS, charts.length)
  const height = 36 + rows * HEIGHT
  const body = charts.map((chart, i) => {
    const [x, y] = [(i % COLUMNS) * WIDTH, 36 + Math.floor(i / COLUMNS) * HEIGHT]
    return `<g transform="translate(${x} ${y})">\n${chartOf(chart)}</g>\n`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="16" y="24" font-size="15" font-weight="bold">${escaped(title)}</text>
${body.join('')}</svg>
`
}

function chartOf({ title, unit, x, lines, limit }: Chart): string {
  const points = lines.flatMap(line => line.points)
  const xs = points.map(point => point[0])
  const [least, most] = [Math.min(...xs), Math.max(...xs)]
  const from = least > 0 && least < most / 4 ? 0 : least
  const step = ceiling((most - from) / TICKS || 1)
  const top = ceiling(Math.max(...points.map(point => point[1]), limit ?? 0))
  const inner = { width: WIDTH - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom }
  const px = (value: number) => MARGIN.left + ((value - from) / (most - from || 1)) * inner.width
  const py = (value: number) => MARGIN.top + inner.height - (Math.max(0, value) / top) * inner.height
  const grid = Array.from({ length: TICKS + 1 }, (_, i) => (top * i) / TICKS).map(
    value =>
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${round(py(value))}" y2="${round(py(value))}" stroke="#ddd"/>` +
      `<text x="${MARGIN.left - 6}" y="${round(py(value) + 4)}" text-anchor="end" fill="#444">${numberText(value)}</text>\n`,
  )
  const marks = Array.from({ length: TICKS + 1 }, (_, i) => (Math.ceil(from / step) + i) * step)
    .filter(value => value <= most)
    .map(
      value =>
        `<text x="${round(px(value))}" y="${HEIGHT - MARGIN.bottom + 16}" text-anchor="middle" fill="#444">${numberText(value)}</text>\n`,
    )
  const budget =
    limit === undefined
      ? ''
      : `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${round(py(limit))}" y2="${round(py(limit))}" stroke="#b00" stroke-dasharray="5 4"/>` +
        `<text x="${MARGIN.left + 4}" y="${round(py(limit) - 4)}" fill="#b00">budget ${numberText(limit)}</text>\n`
  const drawn = lines.map((line, i) => lineOf(line, COLOURS[i % COLOURS.length] ?? '#000', px, py))
  const legend = lines.length < 2 ? '' : lines.map((line, i) => legendOf(line.name, i)).join('')
  return `<text x="${MARGIN.left - 46}" y="20" font-weight="bold">${escaped(title)}${unit ? `, ${escaped(unit)}` : ''}</text>
${grid.join('')}${marks.join('')}<text x="${MARGIN.left + inner.width / 2}" y="${HEIGHT - MARGIN.bottom + 32}" text-anchor="middle" fill="#444">${escaped(x)}</text>
${budget}${drawn.join('')}${legend}`
}

function lineOf({ points }: Line, colour: string, px: (x: number) => number, py: (y: number) => number): string {
  const path = points.map(([x, y]) => `${round(px(x))},${round(py(y))}`).join(' ')
  // Dots where there are few points; a run of an hour is a line.
  const dots =
    points.length > 40 ? '' : points.map(([x, y]) => `<circle cx="${round(px(x))}" cy="${round(py(y))}" r="3" fill="${colour}"/>`).join('')
  return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${dots}\n`
}

function legendOf(name: string, i: number): string {
  const x = MARGIN.left + i * 110
  const y = HEIGHT - 10
  return `<rect x="${x}" y="${y - 9}" width="10" height="10" fill="${COLOURS[i % COLOURS.length]}"/><text x="${x + 14}" y="${y}">${escaped(name)}</text>\n`
}

/** The next round number above: 1, 2, 2.5 or 5 times a power of ten. */
function ceiling(value: number): number {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 2.5, 5, 10].find(step => step * power >= value * 0.999) ?? 10)
}

const round = (value: number) => Math.round(value * 10) / 10

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`)
}
