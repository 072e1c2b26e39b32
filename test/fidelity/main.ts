import process from 'node:process'
import { parseArgs } from 'node:util'
import { caseLists } from './cases/index.ts'
import { type Fidelity, measure, type Result } from './run.ts'
import { openSamples, SAMPLES } from './samples.ts'
import { healthier } from './spoilt.ts'

const HELP = `npm run fidelity: how truly every source reads captures of other people's machines

Usage: npm run fidelity [-- [--samples DIR] [--source SUBJECT/SOURCE] [--json] [--verbose] [--spoilt]]

Reads every sample as \`fettle-agent parse\` does and compares with what its MANIFEST states: right, refused (less is told than is known, with a
reason) or wrong. What is wrong is always shown; --verbose shows what is refused, and files that belong to no case. --spoilt cuts, translates
and damages every sample and shows what is then judged better than the whole one.

Exit codes: 0, or 1 where something is wrong, less than 90 % is right, or something spoilt is judged better, 2 where there are no samples.
`

const { values } = parseArgs({
  options: {
    samples: { type: 'string', default: SAMPLES },
    source: { type: 'string' },
    json: { type: 'boolean' },
    verbose: { type: 'boolean' },
    spoilt: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
})

process.exitCode = values.help ? help() : await run()

function help(): number {
  process.stdout.write(HELP)
  return 0
}

async function run(): Promise<number> {
  const samples = await openSamples(values.samples)
  if (!samples) {
    process.stderr.write(`Cannot measure: there is no MANIFEST.md in ${values.samples}; name a folder of samples with --samples\n`)
    return 2
  }
  if (values.spoilt) return tellSpoilt(await healthier(samples, caseLists, values.source))
  const fidelity = await measure(samples, caseLists)
  const results = fidelity.results.filter(({ source }) => values.source === undefined || source === values.source)
  process.stdout.write(values.json ? `${JSON.stringify({ ...fidelity, results }, null, 2)}\n` : told(results, fidelity))
  return count(results, 'wrong') > 0 || count(results, 'right') < 0.9 * results.length ? 1 : 0
}

function tellSpoilt(found: Awaited<ReturnType<typeof healthier>>): number {
  const lines = found.map(({ source, spoil, file, was, is }) => `${source} ${spoil}: ${file}\n  was ${was}\n  is  ${is}\n`)
  process.stdout.write(
    values.json ? `${JSON.stringify(found, null, 2)}\n` : `${lines.join('')}${found.length} are judged better than the whole\n`,
  )
  return found.length > 0 ? 1 : 0
}

function told(results: readonly Result[], { unaccounted }: Fidelity): string {
  const bySource = Object.entries(Object.groupBy(results, ({ source }) => source)).sort()
  const rows = [...bySource, ['all', results] as const].map(([source, of = []]) => row(source, of))
  const shown = results.filter(({ grade }) => grade === 'wrong' || (values.verbose && grade === 'refused'))
  const details = shown.map(({ grade, source, files, why }) => `${grade}: ${source} ${shortly(files)}\n  ${why}\n`)
  const rest = values.verbose ? unaccounted.map(file => `no case: ${file}\n`) : []
  return [
    `${'source'.padEnd(32)}${'right'.padStart(7)}${'refused'.padStart(9)}${'wrong'.padStart(7)}\n`,
    ...rows,
    `${unaccounted.length} files belong to no case\n`,
    ...details,
    ...rest,
  ].join('')
}

/** A tree of sysfs is hundreds of files. */
function shortly(files: readonly string[]): string {
  return files.length > 3 ? `${files.slice(0, 2).join(' ')} and ${files.length - 2} more` : files.join(' ')
}

function row(source: string, of: readonly Result[]): string {
  const cells = [count(of, 'right'), count(of, 'refused'), count(of, 'wrong')].map((n, index) => String(n).padStart([7, 9, 7][index] ?? 7))
  return `${source.padEnd(32)}${cells.join('')}\n`
}

function count(results: readonly Result[], grade: Result['grade']): number {
  return results.filter(result => result.grade === grade).length
}
