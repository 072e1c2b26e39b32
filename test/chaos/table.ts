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

const rowOf = ({ name, fault, promise, seen, quick }: Outcome) => `| ${fault} | ${promise} | ${seen} | \`${name}\`${quick ? '' : ' ✱'} |`
const nameIn = (row: string) => /\| `([a-z-]+)`(?: ✱)? \|$/.exec(row)?.[1]

/** Puts what this run saw into the table: its rows take the place of older ones. @param order names of all cases; rows of others go */
export async function writeTable(outcomes: readonly Outcome[], order: readonly string[]): Promise<void> {
  const text = await readFile(FILE, 'utf8')
  const [before = '', rest = ''] = text.split(BEGIN)
  const [table = '', after = ''] = rest.split(END)
  const rows = new Map(table.split('\n').map(row => [nameIn(row), row]))
  for (const outcome of outcomes) rows.set(outcome.name, rowOf(outcome))
  const head = ['| fault | what is promised | what was seen | case |', '| --- | --- | --- | --- |']
  const kept = order.flatMap(name => rows.get(name) ?? [])
  await writeFile(FILE, `${before}${BEGIN}\n\n${[...head, ...kept].join('\n')}\n\n${END}${after}`)
}
