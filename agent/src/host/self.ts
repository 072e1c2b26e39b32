import { readFileSync } from 'node:fs'
import { stuckProcesses } from './run.ts'

/** Clock ticks of proc_pid_stat(5): 100 a second on every platform that Linux runs on (USER_HZ). */
const TICKS = 100

/** What the system says of this process. */
export type Own = {
  /** Version of Node. */
  readonly runtime: string
  readonly residentBytes: number
  /** Agent and finished children, seconds; without the children where the system does not count them. */
  readonly cpuSeconds: number
  /** Processes that could not be killed at their deadline. */
  readonly stuck: number
}

/** Reads the cost of this process. */
export function readOwn(): Own {
  const own = process.resourceUsage()
  const cpuSeconds = ticksOf() ?? (own.userCPUTime + own.systemCPUTime) / 1e6
  return { runtime: process.version, residentBytes: process.memoryUsage.rss(), cpuSeconds, stuck: stuckProcesses() }
}

/** utime, stime, cutime and cstime: fields 14 to 17, counted after the command's closing parenthesis. */
function ticksOf(): number | undefined {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const sum = fields
      .slice(11, 15)
      .map(Number)
      .reduce((total, ticks) => total + ticks, 0)
    return Number.isFinite(sum) ? sum / TICKS : undefined
  } catch {
    return undefined
  }
}
