import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Something that reads what others wrote. */
export type Target = {
  readonly name: string
  /** Texts that it reads, or nearly. */
  readonly corpus: readonly string[]
  /** Reads a text as it would come. @throws where it does what it never may: that is found */
  read(text: string, random: () => number): unknown
  close?(): Promise<unknown>
}

/** Texts of `corpus/NAME`, one a file, written by hand. */
export function corpusOf(name: string): string[] {
  const folder = join(import.meta.dirname, 'corpus', name)
  return readdirSync(folder)
    .sort()
    .map(file => readFileSync(join(folder, file), 'utf8'))
}

/** Passes where reading gives a value, or an error that the reader is meant to throw. @throws what else it threw */
export function refusesOnly(isMeant: (error: Error) => boolean, read: () => unknown): void {
  try {
    read()
  } catch (error) {
    if (!(error instanceof Error) || !isMeant(error)) throw error
  }
  if (Object.keys(Object.prototype).length > 0) throw new Error('Object.prototype was changed')
}
