import { mutated, seeded } from './mutate.ts'
import type { Target } from './target.ts'

/** One input may take this long on a busy machine, ms: a reader that hangs is a reader that can be made to hang. */
const SLOW_MS = 8_000

/** What was found: an input that made its reader do what it never may. */
export type Found = { readonly target: string; readonly seed: number; readonly text: string; readonly why: string }

export type Outcome = { readonly runs: number; readonly found: readonly Found[] }

/** Feeds every target in turns until the time is over; of each only the first thing found is kept. */
export async function fuzz(
  targets: readonly Target[],
  { seconds, seed }: { readonly seconds: number; readonly seed: number },
): Promise<Outcome> {
  const found = new Map<string, Found>()
  const ends = performance.now() + seconds * 1000
  let runs = 0
  for (let round = 0; performance.now() < ends && found.size < targets.length; round++) {
    for (const target of targets) {
      if (performance.now() >= ends) break
      if (found.has(target.name)) continue
      // A seed of its own for each input, so that one alone can be run again.
      const own = (seed + round * 7919) >>> 0
      const random = seeded(own)
      // Every text of the corpus is read as it is first.
      const text = target.corpus[round] ?? mutated(target.corpus, random)
      const why = await tried(target, text, () => random.int(2 ** 32) / 2 ** 32)
      if (why) found.set(target.name, { target: target.name, seed: own, text, why })
      runs++
    }
    await new Promise<void>(resolve => setImmediate(resolve))
  }
  return { runs, found: [...found.values()] }
}

async function tried(target: Target, text: string, random: () => number): Promise<string | undefined> {
  const started = performance.now()
  try {
    await target.read(text, random)
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
  const took = performance.now() - started
  return took > SLOW_MS ? `it took ${Math.round(took)} ms` : undefined
}
