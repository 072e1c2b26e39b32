import type { CustomValue } from '@fettle/catalog'
import * as v from 'valibot'
import { durationOf } from './asking.ts'
import { detailsOf, measurementOf, oneLine } from './entry.ts'

/** Most measurements of one document. */
const MOST = 100

const line = v.pipe(v.string('wanted text'), v.regex(/\S/, 'wanted text that is not empty'))
const number = v.pipe(v.number('wanted a number'), v.finite('wanted a finite number'))
const measurement = v.object({
  name: line,
  /** null: not known. */
  value: v.nullable(number),
  unit: v.nullish(v.string('wanted text'), null),
})

/** What a drop-in prints. Keys that are not known are ignored. */
const document = v.object({
  /** What it is called; the name of the executable by default. */
  name: v.optional(line),
  status: v.picklist(['ok', 'warning', 'critical', 'unknown'], 'wanted ok, warning, critical or unknown'),
  /** One line for a person. */
  text: line,
  /** More lines. */
  details: v.nullish(v.string('wanted text'), null),
  /** Of when it is, where that is not now: ISO 8601 with its zone. */
  at: v.nullish(
    v.pipe(v.string('wanted a time like 2026-06-15T12:00:00Z'), v.check(isTime, 'wanted a time like 2026-06-15T12:00:00Z')),
    null,
  ),
  /** How old `at` may be, in place of the configured age. */
  maxAge: v.optional(
    v.pipe(
      v.string('wanted a duration like 26h'),
      v.check(text => (durationOf(text) ?? 0) > 0, 'wanted a duration like 26h'),
    ),
  ),
  /** Short for one measurement called `value`. */
  value: v.optional(v.nullable(number)),
  unit: v.nullish(v.string('wanted text'), null),
  values: v.optional(v.array(measurement, 'wanted a list of {name, value, unit?}'), []),
})

/** A document as an entry has it. */
export type Read = {
  readonly name?: string
  readonly status: 'ok' | 'warning' | 'critical' | 'unknown'
  readonly text: string
  readonly details: string | null
  readonly at: number | null
  readonly maxAgeMs: number | undefined
  readonly values: CustomValue[]
  readonly left: number
}

/** The one JSON document that a drop-in prints. @throws Error telling what is wrong and where */
export function readDocument(text: string): Read {
  if (text.trim() === '') throw new Error('it printed nothing: wanted one JSON document')
  const told = v.safeParse(document, jsonOf(text))
  if (!told.success) {
    const [issue] = told.issues
    const place = v.getDotPath(issue)
    throw new Error(`Cannot read its document${place ? ` at ${place}` : ''}: ${issue.message}`)
  }
  const { name, status, details, at, maxAge, value, unit, values } = told.output
  const all = [...(value === undefined ? [] : [{ name: 'value', value, unit }]), ...values]
  return {
    ...(name === undefined ? {} : { name }),
    status,
    text: oneLine(told.output.text),
    details: details === null ? null : detailsOf(details),
    at: at === null ? null : Date.parse(at),
    maxAgeMs: maxAge === undefined ? undefined : durationOf(maxAge),
    values: all
      .slice(0, MOST)
      .map(one => measurementOf(one.name, one.value, { unit: one.unit === null ? null : oneLine(one.unit, 32) || null })),
    left: Math.max(0, all.length - MOST),
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`Cannot read what it printed: wanted one JSON document, not ${JSON.stringify(oneLine(text, 60))}`)
  }
}

/** A time without its zone would be read in that of the agent. */
function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/.test(text) && Date.parse(text) > 0
}
