/** Objects of JSON whose shape is the tool's word: every field is to be asked for. */
export type Json = { readonly [key: string]: unknown }

/**
 * The JSON document of an output that may have lines of talk before and after it. Spaces of other kinds (BOM, NULs at the end) are ignored.
 * @throws Error where there is none, or where it ends too early
 */
export function documentIn(text: string): unknown {
  const clean = text.replace(/^\uFEFF/, '')
  const start = /^[ \t]*[[{]/m.exec(clean)
  if (!start) throw new Error(`Cannot read JSON: found ${clean.trim() === '' ? 'an empty text' : `"${clean.trim().slice(0, 60)}"`}`)
  const from = clean.slice(start.index)
  const end = Math.max(from.lastIndexOf('}'), from.lastIndexOf(']'))
  return JSON.parse(from.slice(0, end + 1))
}

/** An object; undefined for anything else. */
export function objectOf(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
}

/** The objects of a list, or the values of an object; none for anything else. */
export function objectsOf(value: unknown): Json[] {
  const entries = Array.isArray(value) ? value : Object.values(objectOf(value) ?? {})
  return entries.map(objectOf).filter(entry => entry !== undefined)
}

/** Text or a number as text; undefined for anything else and for empty texts. */
export function wordOf(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}

/** A number, or a text that is one and nothing else; null for anything else. */
export function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'string' || !/^\s*[-+]?\d{1,25}(\.\d{1,10})?\s*$/.test(value)) return null
  return Number(value)
}
