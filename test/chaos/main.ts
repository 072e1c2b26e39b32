import { parseArgs } from 'node:util'
import '../kit/readers.ts'
import type { Case } from './case.ts'
import { cases } from './cases.ts'
import { type Outcome, tableText, writeTable } from './table.ts'
import { World } from './world.ts'

/** The whole run ends by itself after this, ms. */
const LONGEST_MS = 10 * 60_000
/** One case ends after this, ms. */
const CASE_MS = 200_000

const HELP = `npm run chaos [-- --only NAME]... [-- --json] [-- --jobs N]

Breaks a real Redis, real collectors, real agents, networks, disks and clocks, and looks whether anything is lost. Up to ten minutes.
What was kept goes into the table of RELIABILITY.md. Needs Linux and root (it mounts small disks).

  --only NAME   only this case: ${cases.map(({ name }) => name).join(', ')}
  --jobs N      so many at the same time; default 3, since most of the time is waiting
  --json        what was seen, as JSON
`

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    jobs: { type: 'string', default: '3' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
})
const strange = values.only?.find(name => !cases.some(one => one.name === name))
if (values.help || strange !== undefined) {
  if (strange !== undefined) process.stderr.write(`There is no case ${JSON.stringify(strange)}\n\n`)
  process.stdout.write(HELP)
  process.exit(strange === undefined ? 0 : 64)
}

const worlds = new Set<World>()
const endAll = () => Promise.all([...worlds].map(world => world.end().catch(() => {})))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void endAll().then(() => process.exit(130)))
const bound = setTimeout(() => {
  process.stderr.write(`Cannot go on: the run took longer than ${LONGEST_MS / 60_000} minutes\n`)
  void endAll().then(() => process.exit(2))
}, LONGEST_MS)

const waiting = cases.filter(({ name }) => !values.only || values.only.includes(name))
const outcomes = new Map<Case, Outcome>()
const queue = [...waiting]
const worker = async () => {
  for (let next = queue.shift(); next; next = queue.shift()) outcomes.set(next, await tried(next))
}
await Promise.all(Array.from({ length: Number(values.jobs) }, worker))
clearTimeout(bound)

const inOrder = waiting.flatMap(one => outcomes.get(one) ?? [])
if (values.json) process.stdout.write(`${JSON.stringify(inOrder, null, 2)}\n`)
else process.stdout.write(tableText(inOrder))
await writeTable(
  inOrder.filter(({ kept }) => kept),
  cases.map(({ name }) => name),
)
process.exit(inOrder.every(({ kept }) => kept) ? 0 : 3)

async function tried(one: Case): Promise<Outcome> {
  const { name, fault, promise, quick } = one
  const world = new World()
  worlds.add(world)
  const started = performance.now()
  process.stderr.write(`${name}: ${fault}\n`)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took longer than ${CASE_MS / 1000} s`)), CASE_MS)
  })
  try {
    const seen = await Promise.race([one.run(world), late])
    process.stderr.write(`${name}: kept, ${Math.round((performance.now() - started) / 1000)} s\n`)
    return { name, fault, promise, quick, kept: true, seen, tookMs: Math.round(performance.now() - started) }
  } catch (error) {
    process.stderr.write(`${name}: NOT KEPT: ${(error as Error).message}\n`)
    return { name, fault, promise, quick, kept: false, seen: (error as Error).message, tookMs: Math.round(performance.now() - started) }
  } finally {
    clearTimeout(timer)
    await world.end().catch(() => {})
    worlds.delete(world)
  }
}
