import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { endAll, killAtExit, ownFolder } from '../bench/children.ts'
import { machineText, thisMachine } from '../bench/machine.ts'
import { pause, progress } from '../bench/progress.ts'
import { BAD_DAY } from '../load/simulator/mischief.ts'
import { exitCodes } from '../load/verdict.ts'
import { World } from '../load/world.ts'
import { codeOf, limits, trendsMarkdown, trendsOf, trendsText, writeReport } from './report.ts'
import { look, noSeries, type Quantity } from './watch.ts'

/** What fills up by design is full after so many reports of each host: the store keeps 500 transitions and 256 KiB. */
const FILLING_REPORTS = 500
/** They are acknowledged within this, ms. */
const FILLING_MS = 20 * 60_000
/** Looks of a run; memory is looked at after a collection, which costs the collector some milliseconds. */
const LOOKS = 360
const SHORTEST_STEP_S = 2
/** Longest run, h. */
const MOST_HOURS = 7 * 24
/** Share of the time, after everything is full, in which the collector still settles. */
const SETTLING = 0.2
const QUICK = { hours: 2 / 60, hosts: 60, rate: 0.5, filling: 8 }
const USAGE_EXIT = 64

const HELP = `npm run soak -- --hours N [options]

Runs a collector and a Redis under a fleet that reports, comes and goes and misbehaves, and looks whether anything grows: memory, heap, descriptors,
keys and memory of Redis. Fails over ${100 * limits.whole} % an hour, by regression over the time after all that is bounded is full.
Exit code: 0 nothing grows; 1 something does; 2 it cannot be told.

  --hours N     how long, after the filling; default 1
  --hosts N     default 200
  --rate N      reports a second of one host; default 0.2
  --quick       two minutes after a filling of one: whether it works; fails only over ${100 * limits.quick} % an hour
  --leak N      the collector keeps so many bytes more a second: whether the run finds it
  --out DIR     looks, trends and plot; default .fettle-load
  --markdown
`

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '1' },
    hosts: { type: 'string' },
    rate: { type: 'string' },
    quick: { type: 'boolean', default: false },
    leak: { type: 'string', default: '0' },
    out: { type: 'string', default: '.fettle-load' },
    markdown: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
})
const hours = values.quick ? QUICK.hours : Number(values.hours)
const hosts = Number(values.hosts ?? (values.quick ? QUICK.hosts : 200))
const rate = Number(values.rate ?? (values.quick ? QUICK.rate : 0.2))
const leak = Number(values.leak)
const limit = values.quick ? limits.quick : limits.whole
const right = hours > 0 && hours <= MOST_HOURS && hosts > 0 && rate > 0 && leak >= 0
if (values.help || !right) {
  if (!right)
    process.stderr.write(`Cannot run for ${values.hours} h with ${hosts} hosts: wanted numbers above 0, at most ${MOST_HOURS} h\n\n`)
  process.stdout.write(HELP)
  process.exit(right ? 0 : USAGE_EXIT)
}

process.env.TMPDIR = ownFolder(mkdtempSync(join(tmpdir(), 'fettle-soak-')))
mkdirSync(values.out, { recursive: true })
killAtExit()
let ending: string | undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (ending = signal))

const options = { quick: values.quick, seed: 1, ramp: 100, tls: false, hosts: undefined, rate, seconds: 0, profile: false } as const
const world = new World({ ...options, cache: undefined, out: values.out, knobs: 'bad-day' })
const series = noSeries()
const about = `Soak of ${hours < 1 ? `${Math.round(hours * 60)} minutes` : `${hours} h`}, ${hosts} hosts, ${hosts * rate} reports/s${leak > 0 ? `, a leak of ${leak} bytes/s on purpose` : ''}`
let code: number
try {
  await run()
  code = codeOf(trendsOf(series, limit), values.quick)
} catch (error) {
  process.stderr.write(`Cannot go on: ${(error as Error).stack}\n`)
  code = exitCodes.invalid
}
const trends = trendsOf(series, limit)
await writeReport(values.out, about, series, trends)
await world.end()
await endAll()
process.stdout.write(`${about}, on ${machineText(thisMachine())}${ending ? `; ended by ${ending}` : ''}\n\n`)
process.stdout.write(values.markdown ? trendsMarkdown(trends, limit) : trendsText(trends, limit))
process.exit(ending ? exitCodes.invalid : code)

async function run(): Promise<void> {
  const redis = await world.redis()
  const collector = await world.collector({ store: redis.url })
  const simulator = world.simulator()
  await simulator.make(hosts)
  await simulator.connect(await world.way([collector]), options.ramp)
  await simulator.settle(120_000)
  const filling = values.quick ? QUICK.filling : 5
  progress(`soak: ${FILLING_REPORTS * hosts} reports fill what is bounded`)
  await simulator.pace(filling * hosts)
  for (let left = FILLING_REPORTS * hosts, until = performance.now() + FILLING_MS; left > 0 && !ending; ) {
    if (performance.now() > until) throw new Error(`${left} reports that fill the store were not acknowledged in time`)
    await pause(1)
    left -= (await simulator.told()).acked
  }
  await simulator.pace(rate * hosts)
  const naughty = await simulator.misbehave(BAD_DAY)
  if (leak > 0) await collector.worker.call('leak', { bytesPerSecond: leak })
  progress(`soak: ${naughty} hosts come and go or misbehave; everything settles, then ${Math.round(hours * 60)} minutes count`)
  for (let left = hours * 3600 * SETTLING; left > 0 && !ending; left--) await pause(1)
  // The first look pays for what all share.
  await look(collector, redis)
  const started = performance.now()
  const step = Math.max(SHORTEST_STEP_S, (hours * 3600) / LOOKS)
  for (let n = 1; !ending; n++) {
    const at = (performance.now() - started) / 1000
    if (at > hours * 3600) break
    for (const [name, value] of Object.entries(await look(collector, redis))) series[name as Quantity].push([at, value])
    // What is known so far is on the disk, whatever ends the run.
    if (n % 10 === 0) await writeReport(values.out, about, series, trendsOf(series, limit))
    await pause(Math.max(0, n * step - (performance.now() - started) / 1000))
  }
}
