import { type FactTypes, MOST_PENDING } from '@fettle/catalog'
import { type Captured, Failed } from '../../probe.ts'
import { cut } from '../gather.ts'

type UpdatesFact = FactTypes['updates']
export type PendingUpdate = UpdatesFact['pending'][number]

const LONGEST = { name: 200, version: 128, origin: 256, problem: 500 }
const MOST_BAD_SOURCES = 64

/** An update with only what the source told; what it did not tell is null, and its class `other`. */
export function waiting(name: string, told: Partial<Omit<PendingUpdate, 'name'>> = {}): PendingUpdate {
  const { installed = null, candidate = null, origin = null } = told
  return {
    class: 'other',
    severity: null,
    published: null,
    withheld: null,
    restart: null,
    ...told,
    name: cut(name, LONGEST.name),
    installed: bounded(installed, LONGEST.version),
    candidate: bounded(candidate, LONGEST.version),
    origin: bounded(origin, LONGEST.origin),
  }
}

function bounded(text: string | null, longest: number): string | null {
  return text === null ? null : cut(text, longest) || null
}

/** A fact within the schema's limits, with null for all that was not told. Security comes first, so that a cut list loses the lesser. */
export function updatesOf(told: Partial<UpdatesFact> & Pick<UpdatesFact, 'pending' | 'classified'>): UpdatesFact {
  const rank = (update: PendingUpdate) => (update.class === 'security' ? 0 : 1)
  const pending = told.pending.toSorted((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  return {
    lastCheckAt: null,
    lastInstallAt: null,
    lastInstallSucceeded: null,
    automatic: { enabled: null, detail: null, lastRunAt: null },
    managedBy: null,
    ...told,
    lastCheckError: bounded(told.lastCheckError ?? null, LONGEST.problem),
    broken: bounded(told.broken ?? null, LONGEST.problem),
    badSources: [...new Set(told.badSources ?? [])].map(text => cut(text, LONGEST.problem)).slice(0, MOST_BAD_SOURCES),
    pending: pending.slice(0, MOST_PENDING),
    more: (told.more ?? 0) + Math.max(0, pending.length - MOST_PENDING),
  }
}

/** A time of the source as epoch ms; null for none, for sentinels, and for what lies more than a day ahead of the machine's clock. */
export function timeOf(milliseconds: number | null | undefined, now: number): number | null {
  if (milliseconds === null || milliseconds === undefined || !Number.isFinite(milliseconds)) return null
  return milliseconds > 86_400_000 && milliseconds <= now + 86_400_000 ? Math.floor(milliseconds) : null
}

/** Newest modification among captures: when something was last fetched. */
export function newestOf(captures: readonly Captured[] | undefined, now: number): number | null {
  const times = (captures ?? []).flatMap(({ modifiedAt }) => timeOf(modifiedAt, now) ?? [])
  return times.length > 0 ? Math.max(...times) : null
}

/** The lines of a command's text. @throws Error where a capture of unknown origin stops in the middle of a line: what is missing may be an update */
export function wholeLines(captured: Captured): string[] {
  const { text, code } = captured
  if (text.includes('\0')) throw new Error('Cannot read the text: it holds NUL characters')
  if (code === null && text !== '' && !text.endsWith('\n')) throw new Error('Cannot trust the text: it ends in the middle of a line')
  return text.split('\n').map(line => line.replace(/\r$/, ''))
}

/** A JSON value. @throws Failed with the tool's own words where it printed an error in its place */
export function jsonOf(captured: Captured, hint: string): unknown {
  try {
    return JSON.parse(captured.text)
  } catch {
    const said = cut(captured.stderr || captured.text, 200)
    throw new Failed(`Cannot read ${cut(captured.name, 60)} as JSON: ${said || 'it printed nothing'}`, hint)
  }
}

/** An object of JSON; undefined where the value is none. */
export function objectOf(value: unknown): { readonly [key: string]: unknown } | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as { readonly [key: string]: unknown }) : undefined
}

/** The objects of a JSON list. @throws Error where an entry is none: what is passed over might be an update */
export function objectsOf(value: readonly unknown[]): { readonly [key: string]: unknown }[] {
  return value.map(entry => {
    const object = objectOf(entry)
    if (!object) throw new Error('Cannot read an entry of the list: it is no object')
    return object
  })
}

/** Text of JSON; null where the value is none or empty. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : null
}
