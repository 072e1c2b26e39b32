import { mkdirSync, mkdtempSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { endAll, killAtExit, ownFolder } from '../bench/children.ts'
import { thisMachine } from '../bench/machine.ts'
import { progress } from '../bench/progress.ts'
import { type Result, readResults, resultsMarkdown, resultText, writeResult } from './results.ts'
import type { Scenario } from './scenario.ts'
import { agents } from './scenarios/agents.ts'
import { cold } from './scenarios/cold.ts'
import { many } from './scenarios/many.ts'
import { rolling } from './scenarios/rolling.ts'
import { shards } from './scenarios/shards.ts'
import { storm } from './scenarios/storm.ts'
import { exitCodeOf, exitCodes, type Outcome } from './verdict.ts'
import { type Options, World } from './world.ts'

const scenarios: readonly Scenario[] = [agents, many, storm, rolling, cold, shards]
/** One scenario ends after this, ms. */
const LONGEST_MS = { quick: 5 * 60_000, whole: 40 * 60_000 }
const USAGE_EXIT = 64

const HELP = `npm run load -- [--quick] [--only NAME]... [options]

Puts simulated fleets of Linux servers, Windows and macOS machines on real collectors and a real Redis, and measures.
Exit code: 0 all as expected; 1 an expectation or a budget was missed; 2 the measurement is not valid, whatever it shows.

  --only NAME    only this one: ${scenarios.map(({ name }) => name).join(', ')}
  --quick        some hundred hosts for some seconds: whether it works, not how much
  --hosts LIST   in place of the scenario's: 1000,5000,10000 (agents takes each as a step, the others the first)
  --rate N       reports a second of one host; default 0.05
  --seconds N    how long each step is measured; default 60
  --ramp N       connections opened a second; default 500
  --seed N       of the fleet; default 1
  --tls          agents, scrapes: everything over TLS
  --bad-day      some hosts send rubbish, stall, are cut, flap; laptops come and go (agents)
  --profile      what the CPU of the collector does, beside each result
  --cache DIR    keys of the agents and what Redis held: the next run over the same fleet need not enrol (agents)
  --out DIR      results, plots and profiles; default .fettle-load
  --report       measures nothing: shows all results that are in --out
  --json | --markdown
`

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
    hosts: { type: 'string' },
    rate: { type: 'string', default: '0.05' },
    seconds: { type: 'string' },
    ramp: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    tls: { type: 'boolean', default: false },
    'bad-day': { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    cache: { type: 'string' },
    out: { type: 'string', default: '.fettle-load' },
    report: { type: 'boolean', default: false },
    json: { type: 'boolean' },
    markdown: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
})
const numbers = [values.rate, values.seconds ?? '60', values.ramp, values.seed, ...(values.hosts?.split(',') ?? [])].map(Number)
const wrong =
  values.only?.find(name => !scenarios.some(one => one.name === name)) ??
  (numbers.every(one => one > 0) ? undefined : 'a number that is none')
if (values.help || wrong !== undefined) {
  if (wrong !== undefined) process.stderr.write(`Cannot run ${JSON.stringify(wrong)}: wanted a scenario and numbers above 0\n\n`)
  process.stdout.write(HELP)
  process.exit(wrong === undefined ? 0 : USAGE_EXIT)
}

const options: Options = {
  quick: values.quick,
  seed: Number(values.seed),
  ramp: Number(values.ramp),
  tls: values.tls,
  hosts: values.hosts?.split(',').map(Number),
  rate: Number(values.rate),
  seconds: Number(values.seconds ?? (values.quick ? '8' : '60')),
  profile: values.profile,
  cache: values.cache,
  out: values.out,
  knobs: values['bad-day'] ? 'bad-day' : 'good',
}
const machine = thisMachine()
const results: Result[] = values.report ? await readResults(options.out) : []
if (!values.report) {
  // Everything that is written by anyone below here is in one folder, and goes with it.
  process.env.TMPDIR = ownFolder(mkdtempSync(join(tmpdir(), 'fettle-load-')))
  mkdirSync(options.out, { recursive: true })
  killAtExit()
  for (const scenario of scenarios.filter(({ name }) => !values.only || values.only.includes(name))) results.push(await measured(scenario))
  await endAll()
}
if (values.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`)
else process.stdout.write(values.markdown ? resultsMarkdown(results) : results.map(resultText).join('\n'))
process.exit(results.some(result => result.aborted) ? exitCodes.invalid : exitCodeOf(results))

/** Runs one scenario, bounded; what it gave is on the disk whatever ends it. */
async function measured(scenario: Scenario): Promise<Result> {
  const about = { machine, quick: options.quick, loadBefore: loadavg()[0] ?? 0, at: Date.now(), variant: options.tls ? '-tls' : '' }
  const started = performance.now()
  const world = new World(options)
  const bound = options.quick ? LONGEST_MS.quick : LONGEST_MS.whole
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took longer than ${bound / 60_000} minutes`)), bound)
    process.once('SIGTERM', () => reject(new Error('SIGTERM')))
    process.once('SIGINT', () => reject(new Error('SIGINT')))
  })
  let aborted: string | undefined
  const outcome = await Promise.race([scenario.run(world), over]).catch((error: Error): Outcome => {
    aborted = error.message
    progress(`${scenario.name} ends before its end: ${error.stack ?? error.message}`)
    return { scenario: scenario.name, figures: world.soFar, expectations: [], invalid: [error.message], notes: [] }
  })
  clearTimeout(timer)
  await world.end()
  const result = { ...outcome, ...about, ...(aborted === undefined ? {} : { aborted }) }
  progress(`${scenario.name} took ${Math.round((performance.now() - started) / 1000)} s; see ${await writeResult(options.out, result)}`)
  return result
}
