import type { DatabaseSync } from 'node:sqlite'
import { FIRST_SEEN_DAYS, FIRST_SEEN_KEPT, nameOfUpdate } from '../store.ts'

const DAY_MS = 24 * 3600 * 1000

/** When the fleet first saw updates; runs inside a transaction. Once a day it forgets what no host confirmed for `FIRST_SEEN_DAYS`. */
export function createFirstSeen(database: DatabaseSync): (updates: ReadonlyMap<string, number>, now: number) => Map<string, number> {
  const held = database.prepare('SELECT at, confirmed_day FROM first_seen WHERE name = ?')
  const put = database.prepare(
    `INSERT INTO first_seen (name, at, confirmed_day) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET at = min(at, excluded.at), confirmed_day = max(confirmed_day, excluded.confirmed_day)`,
  )
  const count = database.prepare('SELECT count(*) AS kept FROM first_seen')
  const forget = database.prepare('DELETE FROM first_seen WHERE confirmed_day < ?')
  let forgotten = -1
  let room = 0

  function startDay(day: number): void {
    if (day === forgotten) return
    forget.run(day - FIRST_SEEN_DAYS)
    forgotten = day
    room = FIRST_SEEN_KEPT - Number(count.get()?.kept)
  }

  return (updates, now) => {
    const day = Math.floor(now / DAY_MS)
    startDay(day)
    const times = new Map<string, number>()
    for (const [update, at] of updates) {
      const name = nameOfUpdate(update)
      const row = held.get(name) as { at: number; confirmed_day: number } | undefined
      times.set(update, Math.min(at, row?.at ?? at))
      if (row && row.at <= at && row.confirmed_day >= day) continue
      if (!row && room-- <= 0) continue
      put.run(name, at, day)
    }
    return times
  }
}
