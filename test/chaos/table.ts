import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Case } from './case.ts'

/** What came of a case. */
export type Outcome = Omit<Case, 'run'> & { readonly kept: boolean; readonly seen: string; readonly tookMs: number }

const FILE = join(import.meta.dirname, '../../RELIABILITY.md')
const BEGIN = '<!-- chaos:begin -->'
const END = '<!-- chaos:end -->'

/** For a terminal. */
export function tableText(outcomes: readonly Outcome[]): string {
  return outcomes
    .map(({ name, kept, seen, tookMs }) => `${kept ? 'kept    ' : 'NOT KEPT'} ${name} (${Math.round(tookMs / 1000)} s): ${seen}\n`)
    .join('')
}

/** Rows of RELIABILITY.md. */
export function tableMarkdown(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(
    ({ name, fault, promise, seen, quick }) => `| ${fault} | ${promise} | ${seen} | \`${name}\`${quick ? '' : ' ✱'} |`,
  )
  return ['| fault | what is promised | what was seen | case |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

/** Puts the table of this run in its place. */
export async function writeTable(outcomes: readonly Outcome[]): Promise<void> {
  const text = await readFile(FILE, 'utf8')
  const [before, rest = ''] = text.split(BEGIN)
  const [, after = ''] = rest.split(END)
  await writeFile(FILE, `${before}${BEGIN}\n\n${tableMarkdown(outcomes)}\n\n${END}${after}`)
}
