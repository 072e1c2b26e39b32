import { createHash } from 'node:crypto'
import { parseDuration } from '@fettle/kit'
import { limits } from '@fettle/protocol'

const MINUTE = 60_000
/** How far ahead the runs of a cron expression are looked for, ms. */
const HORIZON = limits.everyMs + 24 * 60 * MINUTE
/** A run of a cron expression comes at most this much later than written, ms, so that a fleet does not beat in step. */
const MOST_CRON_SPREAD = 10 * MINUTE

/** When a probe runs. */
export type Cadence = {
  /** The longest time between two runs, ms: what staleness is judged by. */
  readonly everyMs: number
  /** The first run after `from`, epoch ms, moved by a share 0..1 that is the machine's own. With one share, multiples of an interval meet. */
  next(from: number, share: number): number
}

/** A duration such as `5m`, or a cron expression of five fields in local time. @throws telling what was wanted */
export async function readCadence(every: string): Promise<Cadence> {
  return every.trim().includes(' ') ? cronCadence(every) : durationCadence(every)
}

function durationCadence(every: string): Cadence {
  const everyMs = parseDuration(every)
  if (everyMs < 1000 || everyMs > limits.everyMs) throw new Error(`Cannot run something every ${every}: wanted between 1s and 7d`)
  return {
    everyMs,
    next: (from, share) => {
      // One distance for all intervals, not a share of each: what runs every hour then meets what runs every quarter of it.
      const offset = Math.floor(share * limits.everyMs) % everyMs
      return (Math.floor((from - offset) / everyMs) + 1) * everyMs + offset
    },
  }
}

/** Only loaded where somebody uses it: most machines do not. */
async function cronCadence(expression: string): Promise<Cadence> {
  const { createTask, validate } = await import('node-cron')
  if (expression.trim().split(/\s+/).length !== 5 || !validate(expression)) {
    throw new Error(`Cannot read the cron expression ${JSON.stringify(expression)}: wanted five fields, like "30 3 * * *"`)
  }
  const task = createTask(expression, () => {})
  const following = (from: number) => firstMatch(from, time => task.match(new Date(time)))
  const everyMs = longestGap(expression, following)
  return {
    everyMs,
    next: (from, share) => {
      const spread = Math.min(MOST_CRON_SPREAD, everyMs / 20) * share
      return (following(from - spread) ?? from + everyMs) + spread
    },
  }
}

function firstMatch(from: number, matches: (time: number) => boolean): number | undefined {
  for (let time = (Math.floor(from / MINUTE) + 1) * MINUTE; time <= from + HORIZON; time += MINUTE) if (matches(time)) return time
  return undefined
}

/** Looked for from a fixed Monday on, over two weeks: the same for every start. */
function longestGap(expression: string, following: (from: number) => number | undefined): number {
  const start = Date.UTC(2024, 0, 1)
  let gap = 0
  let last = start
  while (last < start + 2 * limits.everyMs) {
    const time = following(last)
    if (time === undefined || time - last > limits.everyMs) {
      throw new Error(`Cannot use the cron expression ${JSON.stringify(expression)}: wanted a run at least every 7 days`)
    }
    if (last > start) gap = Math.max(gap, time - last)
    last = time
  }
  return gap
}

/** A machine's own share 0..1 of an interval: the same at every start, another for each machine and probe. */
export function shareOf(hostId: string, key: string): number {
  return createHash('sha256').update(`${hostId} ${key}`).digest().readUInt32BE() / 2 ** 32
}
