import type { CustomValue } from '@fettle/catalog'

export type MetricKind = 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped'

/** One series of a text file. */
export type Series = {
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly value: NonNullable<CustomValue['value']>
  readonly kind: MetricKind | null
}

const kinds: readonly string[] = ['counter', 'gauge', 'histogram', 'summary', 'untyped']
const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const LABEL = /[a-zA-Z_][a-zA-Z0-9_]*/y
const BLANKS = /[ \t]*/y
/** Up to what ends a value or has to be unescaped. */
const PLAIN = /[^"\\\n]*/y
const FIELD = /[^ \t]+/y
const FLOAT = /^[-+]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][-+]?\d{1,5})?$/

/**
 * The series of a file in the Prometheus text format 0.0.4 ("Exposition formats" of the Prometheus documentation), in their order. As the textfile
 * collector of node_exporter does, it takes a file whole or not at all: half a file would look like a job that has nothing more to tell.
 * @throws Error naming the line
 */
export function parseExposition(text: string): Series[] {
  if (text === '') throw new Error('it is empty')
  // The last line of a file that is written in place comes last: without its end the file may be cut anywhere.
  if (!text.endsWith('\n')) throw new Error('its last line has no end: it may still be being written')
  const families = new Families()
  let number = 0
  for (const line of lines(text)) {
    number++
    try {
      families.take(line)
    } catch (error) {
      throw new Error(`line ${number}: ${error instanceof Error ? error.message : error}`)
    }
  }
  return families.series
}

/** One after the other, so that a file of nothing but ends of lines costs no list of them. */
function* lines(text: string): Generator<string> {
  let from = 0
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
    yield text.slice(from, end)
    from = end + 1
  }
}

class Families {
  readonly series: Series[] = []
  readonly #kinds = new Map<string, MetricKind>()
  readonly #helped = new Set<string>()
  /** Families that have series already. */
  readonly #begun = new Set<string>()
  readonly #seen = new Set<string>()

  take(line: string): void {
    const scan = new Scan(line)
    scan.skip(BLANKS)
    if (scan.isOver || scan.next('#')) return this.#comment(line)
    const name = scan.take(NAME, 'a metric name')
    const labels = labelsOf(scan)
    const value = numberOf(scan.value())
    if (!scan.isOver) throw new Error(scan.isNumber ? 'a timestamp: series of text files have none' : 'wanted nothing after the value')
    const key = `${name}\u0000${[...labels]
      .map(([label, said]) => `${label}\u0001${said}`)
      .sort()
      .join('\u0000')}`
    if (this.#seen.has(key)) throw new Error(`${name} comes twice with the same labels`)
    this.#seen.add(key)
    this.#begun.add(name)
    this.series.push({ name, labels, value, kind: this.#kindOf(name) })
  }

  /** `# HELP name text` and `# TYPE name kind`; anything else after a `#` is a remark. */
  #comment(line: string): void {
    const [, word, name, rest = ''] = /^[ \t]*#[ \t]+(HELP|TYPE)[ \t]+([^ \t]+)(?:[ \t]+(.*))?$/.exec(line) ?? []
    if (word === undefined || name === undefined) return
    if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) throw new Error(`${word} of no metric name`)
    if (word === 'HELP') {
      if (this.#helped.has(name)) throw new Error(`a second HELP of ${name}`)
      this.#helped.add(name)
      return
    }
    const kind = rest.trim().toLowerCase()
    if (kind === '') return
    if (!kinds.includes(kind)) throw new Error(`${name} is of no known type`)
    if (this.#kinds.has(name)) throw new Error(`a second TYPE of ${name}`)
    if (this.#begun.has(name)) throw new Error(`the TYPE of ${name} comes after its series`)
    this.#kinds.set(name, kind as MetricKind)
  }

  /** Series of histograms and summaries have the name of their family and an ending. */
  #kindOf(name: string): MetricKind | null {
    const own = this.#kinds.get(name)
    if (own) return own
    const family = this.#kinds.get(name.replace(/_(?:bucket|sum|count)$/, ''))
    return family === 'histogram' || family === 'summary' ? family : null
  }
}

function labelsOf(scan: Scan): Map<string, string> {
  const labels = new Map<string, string>()
  scan.skip(BLANKS)
  if (!scan.next('{')) return labels
  for (;;) {
    scan.skip(BLANKS)
    if (scan.next('}')) return labels
    const label = scan.take(LABEL, 'a label name or }')
    if (label === '__name__') throw new Error('__name__ is no label')
    scan.skip(BLANKS)
    if (!scan.next('=')) throw new Error(`wanted = after the label ${label}`)
    scan.skip(BLANKS)
    if (labels.has(label)) throw new Error(`the label ${label} comes twice`)
    labels.set(label, quotedOf(scan))
    scan.skip(BLANKS)
    if (!scan.next(',') && !scan.is('}')) throw new Error('wanted , or } after a label')
  }
}

/** The escapes of a label value are `\\`, `\"` and `\n`. */
function quotedOf(scan: Scan): string {
  if (!scan.next('"')) throw new Error('wanted a label value in double quotes')
  const parts: string[] = []
  for (;;) {
    parts.push(scan.skip(PLAIN))
    if (scan.next('"')) return parts.join('')
    if (!scan.next('\\')) throw new Error('a label value has no end')
    if (scan.next('n')) parts.push('\n')
    else if (scan.next('\\')) parts.push('\\')
    else if (scan.next('"')) parts.push('"')
    else throw new Error('an escape that there is not')
  }
}

function numberOf(text: string): Series['value'] {
  if (FLOAT.test(text)) {
    const value = Number(text)
    if (Number.isFinite(value)) return value
  }
  const word = text.toLowerCase()
  if (/^nan$/.test(word)) return 'NaN'
  if (/^\+?inf(inity)?$/.test(word)) return '+Inf'
  if (/^-inf(inity)?$/.test(word)) return '-Inf'
  throw new Error('wanted a number, NaN, +Inf or -Inf')
}

/** Reads a line from left to right. */
class Scan {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get isOver(): boolean {
    return this.#at >= this.#text.length
  }

  is(character: string): boolean {
    return this.#text[this.#at] === character
  }

  /** Passes the character where it is next. */
  next(character: string): boolean {
    if (!this.is(character)) return false
    this.#at++
    return true
  }

  /** What fits here; empty where nothing does. */
  skip(sticky: RegExp): string {
    sticky.lastIndex = this.#at
    const [found = ''] = sticky.exec(this.#text) ?? []
    this.#at += found.length
    return found
  }

  take(sticky: RegExp, wanted: string): string {
    const found = this.skip(sticky)
    if (found === '') throw new Error(`wanted ${wanted}`)
    return found
  }

  /** Up to the next blank. */
  value(): string {
    this.skip(BLANKS)
    return this.take(FIELD, 'a value')
  }

  /** Whether nothing but a whole number is left. */
  get isNumber(): boolean {
    return /^[ \t]+-?\d{1,30}$/.test(this.#text.slice(this.#at))
  }
}
