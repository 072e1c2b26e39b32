import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { agent } from './agent.ts'
import { endAll, endWithProcess, ownFolder } from './children.ts'
import { exposition } from './exposition.ts'
import { type Figure, kept, ratioOf, tableMarkdown, tableText } from './figure.ts'
import { idle } from './idle.ts'
import { ingest } from './ingest.ts'
import { machineText, thisMachine } from './machine.ts'
import { progress } from './progress.ts'

const parts = { exposition, ingest, idle, agent } as const

const HELP = `npm run bench -- [--quick] [--only NAME]... [--json | --markdown]

Measures what Fettle costs, each figure against a baseline of the same run.

  --quick       fewer connections and hosts, shorter: two minutes; the whole takes up to twenty
  --only NAME   only this part: ${Object.keys(parts).join(', ')}
  --json        figures as JSON
  --markdown    tables as Markdown
`

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    json: { type: 'boolean' },
    markdown: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
})
const strange = values.only?.find(name => !Object.hasOwn(parts, name))
if (values.help || strange !== undefined) {
  if (strange !== undefined) process.stderr.write(`There is no part ${JSON.stringify(strange)}\n\n`)
  process.stdout.write(HELP)
  process.exit(strange === undefined ? 0 : 64)
}

// Everything that is written by anyone below here is in one folder, and goes with it.
process.env.TMPDIR = ownFolder(mkdtempSync(join(tmpdir(), 'fettle-bench-')))
endWithProcess()
const started = performance.now()
const figures: Figure[] = []
try {
  for (const [name, measure] of Object.entries(parts))
    if (!values.only || values.only.includes(name)) figures.push(...(await measure(values.quick)))
} finally {
  await endAll()
}
progress(`took ${Math.round((performance.now() - started) / 1000)} s`)
const machine = thisMachine()
const about = `${machineText(machine)}${values.quick ? '; quick run: short and small, its numbers are only a hint' : ''}`
if (values.json) {
  const told = figures.map(figure => ({ ...figure, ratio: ratioOf(figure), kept: kept(figure) }))
  process.stdout.write(`${JSON.stringify({ machine, quick: values.quick, figures: told }, null, 2)}\n`)
} else process.stdout.write(values.markdown ? `Measured on ${about}.\n${tableMarkdown(figures)}` : `${about}\n${tableText(figures)}`)
