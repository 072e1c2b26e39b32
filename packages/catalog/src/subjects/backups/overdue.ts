import { type Limit, limitFor, type Thresholds } from '../../check.ts'
import { days, hours } from '../../duration.ts'
import type { Role } from '../../view.ts'
import type { BackupJob } from './facts.ts'

/** Where no interval is known. Laptops and desktops are off at night and at weekends. */
export const overdueThresholds: Thresholds = {
  default: { warning: hours(26), critical: hours(50) },
  desktop: { warning: days(3), critical: days(10) },
  laptop: { warning: days(3), critical: days(10) },
}

/** An interval learned from rarer successes than this is a habit, not a schedule: it may not excuse itself. */
const LONGEST_LEARNED = days(8)

/**
 * The ages, ms, from which the last success of a job is late. With a known interval T: T and 2 T, each plus the larger of 2 h and 10 % of T;
 * never sooner than the role's own limit where machines are switched off. A tier that was configured stands above both.
 * @param limit the role's limit, as configured
 */
export function overdueAfter(job: BackupJob, role: Role, limit: Limit = limitFor(overdueThresholds, role)): Limit {
  const learned = job.learnedEveryMs !== null && job.learnedEveryMs <= LONGEST_LEARNED ? job.learnedEveryMs : null
  const every = job.expectedEveryMs ?? learned
  if (every === null) return limit
  const slack = Math.max(hours(2), every / 10)
  const usual = limitFor(overdueThresholds, role)
  const tier = (name: keyof Limit, own: number): Limit => {
    const given = limit[name]
    if (given === undefined) return {}
    if (given !== usual[name]) return { [name]: given }
    return { [name]: role === 'server' ? own : Math.max(given, own) }
  }
  return { ...tier('warning', every + slack), ...tier('critical', 2 * every + slack) }
}
