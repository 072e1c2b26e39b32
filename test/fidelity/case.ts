/** What a value must be: itself, a test of it, or the same for a part of an object; lists are compared whole, in their order. */
export type Expected =
  | null
  | string
  | number
  | boolean
  | ((actual: never) => boolean)
  | readonly Expected[]
  | { readonly [field: string]: Expected }

/** Some captures of one moment, and what they truly say by somebody who is not this program. */
export type Case = {
  /** `subject/source` */
  readonly source: string
  /** Paths under the folder of samples; sorted to inputs by what they hold. */
  readonly files: readonly string[]
  /** Files whose input is named, as `--input NAME=FILE`. */
  readonly named?: readonly { readonly input: string; readonly file: string }[]
  /** Exit code of the tool, where it is known. */
  readonly code?: number
  /** When it was captured, ISO 8601; default: the newest file's time. */
  readonly now?: string
  readonly hostname?: string
  readonly reading: Reading
}

/**
 * The right reading. `ok` with the part of the fact that is known from elsewhere; the other outcomes where a capture shows that there is no such
 * thing, or that it could not be told: then every outcome named is right.
 */
export type Reading = { readonly ok: Expected } | { readonly outcomes: readonly ('absent' | 'denied' | 'failed' | 'timeout')[] }

/** Files that no source reads, and why not. */
export type LeftOut = { readonly files: RegExp; readonly why: string }

/** The cases of one domain. */
export type CaseList = {
  readonly domain: string
  readonly cases: (samples: Samples) => readonly Case[]
  readonly leftOut: readonly LeftOut[]
}

/** The folder of samples: what is in it, and what its manifest says each file reads. */
export type Samples = {
  readonly root: string
  /** Every file, as a path under the folder, sorted. */
  readonly files: readonly string[]
  /** What the manifest states of a file; empty where nothing. */
  reading(file: string): string
}
