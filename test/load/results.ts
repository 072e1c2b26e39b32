import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { kept, ratioOf, tableMarkdown, tableText } from '../bench/figure.ts'
import { type Machine, machineText } from '../bench/machine.ts'
import { isMet, type Outcome } from './verdict.ts'

/** What one scenario gave, with what it was taken on: one file each, so that runs on several days make one table. */
export type Result = Outcome & {
  readonly machine: Machine
  readonly quick: boolean
  /** Work of others on the machine when it began: load average over a minute. */
  readonly loadBefore: number
  /** Epoch ms. */
  readonly at: number
  readonly variant: string
  /** Why the run ended before its end; left out where it did not. */
  readonly aborted?: string | undefined
}

const fileOf = ({ scenario, variant }: Result) => `${scenario}${variant}.json`

/** Writes a result, whole or not: what was measured before an abort is worth looking at. */
export async function writeResult(folder: string, result: Result): Promise<string> {
  await mkdir(folder, { recursive: true })
  const figures = result.figures.map(figure => ({ ...figure, ratio: ratioOf(figure), kept: kept(figure) }))
  const file = join(folder, fileOf(result))
  await writeFile(file, `${JSON.stringify({ ...result, figures }, null, 2)}\n`)
  return file
}

/** Every result in a folder, in the order of the scenarios' names. */
export async function readResults(folder: string): Promise<Result[]> {
  const names = (await readdir(folder).catch(() => [])).filter(name => name.endsWith('.json')).sort()
  return Promise.all(names.map(async name => JSON.parse(await readFile(join(folder, name), 'utf8')) as Result))
}

/** For a terminal: figures, then what was expected, then what was seen besides. */
export function resultText(result: Result): string {
  const lines = result.expectations.map(({ what, met, seen }) => `  ${met ? 'met   ' : 'MISSED'}  ${what} (${seen})`)
  const invalid = result.invalid.map(why => `  INVALID ${why}`)
  return [aboutOf(result), tableText(result.figures), ...lines, ...invalid, ...result.notes.map(note => `  ${note}`), ''].join('\n')
}

/** For the README. */
export function resultsMarkdown(results: readonly Result[]): string {
  return results.map(result => [`${aboutOf(result)}`, tableMarkdown(result.figures), ...expectedOf(result), ''].join('\n')).join('\n')
}

function expectedOf({ expectations, invalid, notes }: Result): string[] {
  const missed = expectations.filter(one => !one.met).map(({ what, seen }) => `- **missed**: ${what} (${seen})`)
  const met = expectations.filter(one => one.met).map(one => one.what)
  return [
    ...(met.length > 0 ? [`- met: ${met.join('; ')}`] : []),
    ...missed,
    ...invalid.map(why => `- **not valid**: ${why}`),
    ...notes.map(note => `- ${note}`),
  ]
}

function aboutOf(result: Result): string {
  const { machine, quick, loadBefore, aborted, invalid } = result
  const hints = [
    ...(quick ? ['quick run: small and short, its numbers are only a hint'] : []),
    ...(loadBefore > machine.cores ? [`the machine had other work (load ${loadBefore.toFixed(1)})`] : []),
    ...(aborted ? [`ended before its end: ${aborted}`] : []),
  ]
  const verdict = invalid.length > 0 ? 'not valid' : isMet(result) ? 'met' : 'missed'
  return `Measured on ${machineText(machine)}${hints.map(hint => `; ${hint}`).join('')}: ${verdict}.`
}
