import type { FactTypes, SubjectName } from '@fettle/catalog'

/** Kinds of machines of a mixed fleet. */
export const kinds = ['linux-server', 'captured-server', 'windows-server', 'windows-desktop', 'windows-laptop', 'mac-laptop'] as const
export type Kind = (typeof kinds)[number]

/** One made-up machine. Everything of it follows from its index and the seed of its fleet. */
export type Member = {
  readonly index: number
  readonly kind: Kind
  readonly instance: string
  readonly labels: Readonly<Record<string, string>>
  /** A laptop is closed and opened again. */
  readonly comesAndGoes: boolean
  /** Seeds what it says. */
  readonly seed: number
}

/** Facts by key `subject/source`. */
export type Told = { readonly [key in `${SubjectName}/${string}`]?: FactTypes[SubjectName] }

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
export const GIB = 2 ** 30
