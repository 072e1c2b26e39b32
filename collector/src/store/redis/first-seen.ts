import { createHash } from 'node:crypto'
import { FIRST_SEEN_DAYS, FIRST_SEEN_KEPT, nameOfUpdate } from '../store.ts'
import type { Run } from './members.ts'

/** Sub-hashes that the updates are spread over, each with a hash tag of its own. For ever the same. */
export const SHARDS = 16
/** Updates asked for by one script call. */
const PAGE = 500
const PERIOD_MS = FIRST_SEEN_DAYS * 24 * 3600 * 1000

/**
 * When the fleet first saw updates. Kept in one hash a shard and period of 400 days; what is asked for moves into the present period, and a hash ends
 * two periods after its beginning, so that what no host has is forgotten 400 to 800 days after it was seen last.
 */
export async function firstSeen(run: Run, prefix: string, updates: ReadonlyMap<string, number>, now: number): Promise<Map<string, number>> {
  const [period, before] = periodsAt(now)
  const endsIn = Math.ceil(((period + 2) * PERIOD_MS - now) / 1000)
  const held = new Map<string, number>()
  await Promise.all(
    pagesByShard(updates).map(async ({ shard, page }) => {
      const args = page.flatMap(([update, time]) => [nameOfUpdate(update), time])
      const times = await run('firstSeen', `${prefix}{s${shard}}:seen:`, [period, before, endsIn, FIRST_SEEN_KEPT / SHARDS, ...args])
      for (const [i, [update]] of page.entries()) held.set(update, Number((times as string[])[i]))
    }),
  )
  return held
}

/** The period of a time, and the one before it: no older ones are kept. @param now epoch ms */
export function periodsAt(now: number): readonly [number, number] {
  const period = Math.floor(now / PERIOD_MS)
  return [period, period - 1]
}

function pagesByShard(updates: ReadonlyMap<string, number>): { shard: number; page: [string, number][] }[] {
  const shards = new Map<number, [string, number][]>()
  for (const entry of updates) {
    // By the name that it is kept by: a backup knows no other.
    const shard = shardOf(nameOfUpdate(entry[0]))
    const entries = shards.get(shard) ?? []
    shards.set(shard, entries)
    entries.push(entry)
  }
  return [...shards].flatMap(([shard, entries]) => {
    const starts = Array.from({ length: Math.ceil(entries.length / PAGE) }, (_, page) => page * PAGE)
    return starts.map(start => ({ shard, page: entries.slice(start, start + PAGE) }))
  })
}

function shardOf(update: string): number {
  return (createHash('sha1').update(update).digest()[0] ?? 0) % SHARDS
}
