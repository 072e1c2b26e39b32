import type { CustomRange, CustomValue } from '@fettle/catalog'
import { measurementOf } from './entry.ts'

/** Most measurements of one plug-in. */
const MOST = 100
/** A label that is longer is none, characters. */
const LONGEST_LABEL = 1024
const NUMBER = '[-+]?(?:\\d{1,30}(?:\\.\\d{0,30})?|\\.\\d{1,30})(?:[eE][-+]?\\d{1,3})?'
const MEASURED = new RegExp(`^(${NUMBER})([a-zA-Z%µ°/]{0,16})$`)
const BARE = new RegExp(`^${NUMBER}$`)

/** Measurements of a plug-in, and how many tokens are none or too many. */
export type Perfdata = { readonly values: CustomValue[]; readonly left: number }

/**
 * `'label'=value[unit];[warn];[crit];[min];[max]`, space separated; see "Performance data" in the Monitoring Plugins Development Guidelines. A quote
 * in a label is doubled, `U` is a value that is not known. What cannot be read is left out and counted: the status does not stand on it.
 */
export function parsePerfdata(text: string): Perfdata {
  const values: CustomValue[] = []
  let left = 0
  let at = 0
  while (at < text.length) {
    if (isBlank(text[at])) {
      at++
      continue
    }
    const label = text[at] === "'" ? quotedLabel(text, at) : plainLabel(text, at)
    const end = endOfWord(text, label?.end ?? at)
    const value = label === undefined ? undefined : measured(label.name, text.slice(label.end, end))
    if (value !== undefined && values.length < MOST) values.push(value)
    else left++
    at = end
  }
  return { values, left }
}

type Label = { readonly name: string /** Where the value begins. */; readonly end: number }

function quotedLabel(text: string, start: number): Label | undefined {
  let from = start + 1
  let name = ''
  for (;;) {
    const quote = text.indexOf("'", from)
    if (quote < 0 || quote - start > LONGEST_LABEL) return undefined
    name += text.slice(from, quote)
    if (text[quote + 1] !== "'") return text[quote + 1] === '=' ? { name, end: quote + 2 } : undefined
    name += "'"
    from = quote + 2
  }
}

function plainLabel(text: string, start: number): Label | undefined {
  const word = text.slice(start, endOfWord(text, start))
  const equals = word.indexOf('=')
  return equals > 0 ? { name: word.slice(0, equals), end: start + equals + 1 } : undefined
}

function endOfWord(text: string, start: number): number {
  let end = start
  while (end < text.length && !isBlank(text[end])) end++
  return end
}

const isBlank = (character: string | undefined): boolean =>
  character === ' ' || character === '\t' || character === '\n' || character === '\r'

function measured(name: string, told: string): CustomValue | undefined {
  const [first = '', warning, critical, minimum, maximum] = told.split(';')
  const [, number, unit = ''] = MEASURED.exec(first) ?? []
  const value = number === undefined ? null : finite(number)
  if (name.trim() === '' || (value === null && first !== 'U')) return undefined
  const isCounter = unit === 'c'
  return measurementOf(name, value, {
    kind: isCounter ? 'counter' : null,
    unit: unit === '' || isCounter ? null : unit,
    warning: parseRange(warning),
    critical: parseRange(critical),
    minimum: bareNumber(minimum),
    maximum: bareNumber(maximum),
  })
}

/**
 * A range: `10` is 0 to 10, `10:` from 10 on, `~:10` up to 10, `10:20` between, and `@` in front makes bad what lies inside. Null where there is none,
 * or it cannot be read.
 */
export function parseRange(text: string | undefined): CustomRange | null {
  if (text === undefined || text === '') return null
  const inside = text.startsWith('@')
  const [first = '', second, ...more] = text.slice(inside ? 1 : 0).split(':')
  if (more.length > 0) return null
  if (second === undefined) {
    const to = bareNumber(first)
    return to === null ? null : { from: 0, to, inside }
  }
  const from = first === '~' ? null : first === '' ? 0 : bareNumber(first)
  const to = second === '' ? null : bareNumber(second)
  if ((from === null && first !== '~') || (to === null && second !== '')) return null
  return from !== null && to !== null && from > to ? null : { from, to, inside }
}

function bareNumber(text: string | undefined): number | null {
  return text !== undefined && BARE.test(text) ? finite(text) : null
}

function finite(text: string): number | null {
  const number = Number(text)
  return Number.isFinite(number) ? number : null
}
