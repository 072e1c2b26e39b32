import { type CustomEntry, type CustomValue, type FactTypes, MOST_ENTRIES, MOST_VALUES } from '@fettle/catalog'
import * as v from 'valibot'
import type { Captured, Inputs } from '../../probe.ts'

/** The pieces that drop-ins, plug-ins and text files are told with. */

/** Longest parts of an entry, characters; as the schema of the subject has them. */
const longest = { name: 128, text: 512, details: 2048 } as const

/** An entry that says nothing yet. */
export function entryOf(name: string, more: Partial<CustomEntry>): CustomEntry {
  return {
    name: oneLine(name, longest.name),
    status: 'unknown',
    text: '',
    details: null,
    reason: null,
    hint: null,
    at: null,
    maxAgeMs: null,
    values: [],
    left: 0,
    ...more,
  }
}

/** An entry whose answer could not be had or read: unknown, and why. */
export function unreadable(name: string, reason: string, hint: string | null = null): CustomEntry {
  return entryOf(name, { reason: oneLine(reason), hint: hint === null ? null : oneLine(hint) })
}

/** A measurement that tells nothing but its number. */
export function measurementOf(name: string, value: CustomValue['value'], more: Partial<CustomValue> = {}): CustomValue {
  return {
    name: oneLine(name, longest.name),
    labels: '',
    kind: null,
    value,
    unit: null,
    warning: null,
    critical: null,
    minimum: null,
    maximum: null,
    ...more,
  }
}

/** One line without control characters, cut with a count of what is left out. */
export function oneLine(text: string, most: number = longest.text): string {
  return cut(printable(text.slice(0, most * 8).replace(/\s+/g, ' ')).trim(), text.length, most)
}

/** The lines after the first, cut likewise; null where there are none. */
export function detailsOf(text: string): string | null {
  const clean = printable(text.slice(0, longest.details * 2)).trim()
  return clean === '' ? null : cut(clean, text.length, longest.details)
}

function cut(clean: string, whole: number, most: number): string {
  if (clean.length <= most) return clean
  const note = ` … (${Math.max(whole, clean.length)} characters)`
  return `${clean.slice(0, most - note.length).toWellFormed()}${note}`
}

function printable(text: string): string {
  return text.toWellFormed().replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
}

/** The fact of such entries, within the limits of the schema: what is left out is counted. */
export function factOf(entries: readonly CustomEntry[]): FactTypes['custom'] {
  let room = MOST_VALUES
  const kept = entries.slice(0, MOST_ENTRIES).map(entry => {
    const values = entry.values.slice(0, room)
    room -= values.length
    return { ...entry, values, left: entry.left + entry.values.length - values.length }
  })
  return { entries: kept, more: Math.max(0, entries.length - MOST_ENTRIES) }
}

/** Each entry under a name of its own: a second one of a name is unknown, whatever it says. */
export function distinct(entries: readonly CustomEntry[]): CustomEntry[] {
  const seen = new Set<string>()
  return entries.map(entry => {
    let { name } = entry
    for (let n = 2; seen.has(name); n++) name = `${entry.name.slice(0, longest.name - 8)} (${n})`
    seen.add(name)
    return name === entry.name
      ? entry
      : unreadable(name, `there is another entry of the name ${entry.name}`, 'Give each a name of its own.')
  })
}

const refusal = v.object({ reason: v.string(), hint: v.nullable(v.string()) })

/** Why something was not run or read, as an input of the parsers: `{"reason","hint"}`. */
export function refused(name: string, reason: string, hint: string | null): Captured {
  return { text: JSON.stringify({ reason, hint }), stderr: '', code: null, name, modifiedAt: null }
}

/** The entries of what was refused. */
export function refusedEntries(inputs: Inputs): CustomEntry[] {
  return (inputs.refused ?? []).map(({ name, text }) => {
    const told = v.safeParse(refusal, parsed(text))
    return told.success ? unreadable(baseName(name), told.output.reason, told.output.hint) : unreadable(baseName(name), 'it was refused')
  })
}

/** The recogniser of such an input. */
export const isRefusal = (text: string): boolean => text.length < 4096 && v.is(refusal, parsed(text))

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The last part of a path: what an entry is called. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
