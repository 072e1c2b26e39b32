import type { Captured } from '../../probe.ts'
import { told } from '../gather.ts'
import { blankJob, isFuture, type Job, learnedEvery, Unanswered, unanswered } from './job.ts'

/** Snapshots on the machine itself: what all sources of them share. They undo a mistake and survive neither the disk nor the machine: no backup. */

/** A job of snapshots of which only the name is known. */
export function blankSnapshots(name: string, tool: string): Job {
  return { ...blankJob(name, tool), kind: 'snapshot' }
}

/** The job with its snapshots, by the times at which they were made, epoch ms. One from the future makes the job unknown. */
export function withTimes(job: Job, times: readonly number[], now: number): Job {
  const newest = times.reduce((latest, time) => Math.max(latest, time), 0)
  const counted = { ...job, snapshots: times.length }
  if (isFuture(newest, now))
    return unanswered(counted, new Unanswered('the newest snapshot is from the future', 'Set the clock of the machine.'))
  return {
    ...counted,
    reason: job.reason ?? (times.length === 0 ? 'there is no snapshot yet' : null),
    lastRunAt: newest === 0 ? null : newest,
    lastSuccessAt: newest === 0 ? null : newest,
    learnedEveryMs: learnedEvery(times),
  }
}

/** What was not looked at, and why, as a capture: `parse` tells it as an unknown job. */
export function notLookedAt(what: string, reason: string): Captured {
  return { ...told(what, ''), stderr: reason, code: NOT_LOOKED }
}

const NOT_LOOKED = -2

/** Whether a capture says that nobody looked; see `notLookedAt`. */
export function wasNotLookedAt(captured: Captured): boolean {
  return captured.code === NOT_LOOKED
}

/** A time as these tools write it with UTC asked for, `2026-11-22 09:14:47`, epoch ms. @throws Error for any other form: a translated date is not guessed at */
export function utcTime(text: string, what: string): number {
  const [, day = '', clock = ''] = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)$/.exec(text.trim()) ?? []
  const time = Date.parse(`${day}T${clock}Z`)
  if (!(time > 0))
    throw new Error(`Cannot read the time of ${what}: found ${JSON.stringify(text.slice(0, 40))}, wanted YYYY-MM-DD hh:mm:ss in UTC`)
  return time
}
