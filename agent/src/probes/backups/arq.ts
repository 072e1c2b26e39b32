import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, defineProbe, Failed, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { type Dict, dictOf, numberIn, textIn } from '../property-list.ts'
import { capturesOf } from './evidence.ts'
import { fairShare, forEachJob, runFor } from './gather.ts'
import { blankJob, clip, destinationOf, isFuture, type Job, Unanswered, unanswered } from './job.ts'

const ARQC = '/Applications/Arq.app/Contents/Resources/arqc'
const MOST_PLANS = 64
/** What all activities may take together, ms. */
const WHOLE_MS = 60_000
const UUID = /^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/
/** Seconds since 1970 have ten digits until 2286: what is larger is milliseconds. */
const SECONDS_END = 1e10

/**
 * Arq 7, by its own command line: its plans, and the latest activity of each; see "arqc" in Arq's documentation. Arq counts the errors of a run and does
 * not say here whether it made a restore point all the same.
 */
export default defineProbe({
  subject: 'backups',
  source: 'arq',
  platforms: ['darwin'],
  every: '30m',
  timeout: '90s',
  privilege: 'root; where an app password is set, arqc may want it, and the plans stay unknown',
  blind: 'Every run before the latest of a plan. Whether a run with errors made a restore point. Whether it can be restored.',
  inputs: {
    plans: {
      from: `${ARQC} listBackupPlans`,
      recognise: text => /^(UUID=[0-9A-Fa-f-]{36}\t|total backup plans: \d)/m.test(text.slice(0, 100_000)),
    },
    activity: {
      from: `${ARQC} latestBackupActivityJSON UUID`,
      recognise: text => /"finishedTime"\s*:/.test(text.slice(0, 20_000)) && /"errorCount"\s*:/.test(text.slice(0, 20_000)),
    },
  },
  parse: parseArq,

  async read(host: Host) {
    const plans = await host.run([ARQC, 'listBackupPlans'], { timeoutMs: 15_000 }).catch(error => {
      if (error instanceof NotInstalled) throw new Absent('Arq is not installed')
      throw error
    })
    const found = plansOf(plans)
    const timeoutMs = fairShare(found.length, 1, WHOLE_MS)
    const activity = await forEachJob(found, ({ id }) => runFor(host, id, [ARQC, 'latestBackupActivityJSON', id], { timeoutMs }))
    return parseArq({ plans: [plans], activity }, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

type Plan = { readonly id: string; readonly name: string; readonly destination: string | null }

/** @throws Failed where the plans cannot be listed, Error where neither plans nor an activity are given */
export function parseArq(inputs: Inputs, { now }: ParseContext): FactTypes['backups'] {
  const plans = sole(inputs, 'plans')
  if (!plans) {
    const activities = inputs.activity ?? []
    if (activities.every(({ text }) => text.trim() === '')) throw new Error('Cannot judge Arq without what arqc prints')
    return {
      jobs: activities
        .slice(0, MOST_PLANS)
        .map((captured, index) => jobOf({ id: '', name: `Arq ${index + 1}`, destination: null }, captured, now)),
    }
  }
  const found = plansOf(plans)
  const names = new Map<string, number>()
  for (const { name } of found) names.set(name, (names.get(name) ?? 0) + 1)
  const jobs = found.map(plan => {
    const name = (names.get(plan.name) ?? 0) > 1 ? `${cut(plan.name, 80)} ${plan.id}` : plan.name
    return jobOf({ ...plan, name }, capturesOf(inputs, 'activity', plan.id)[0], now)
  })
  return { jobs }
}

/** `UUID=…<tab>name="…"<tab>storage location="…"` a plan, and their number at the end. @throws Failed where it is not whole */
function plansOf({ text, stderr, code }: Captured): Plan[] {
  const total = /^total backup plans: (\d{1,4})\s*$/m.exec(text)?.[1]
  if (total === undefined || (code ?? 0) !== 0)
    throw new Failed(
      `arqc does not list the plans of Arq: ${cut(stderr || text, 150) || 'nothing was printed'}`,
      'Open Arq once, accept its licence, and see whether `arqc listBackupPlans` asks for a password.',
    )
  const plans = [...text.matchAll(/^UUID=([^\t\n]{36})\tname="([^\t\n]{0,300})"\tstorage location="([^\t\n]{0,1000})"\s*$/gm)].flatMap(
    ([, id = '', name = '', location = '']) =>
      UUID.test(id) ? [{ id, name: clip(name, 128) || id, destination: destinationOf(location) || null }] : [],
  )
  if (plans.length !== Number(total))
    throw new Failed(`arqc lists ${plans.length} of ${total} plans`, 'See what `arqc listBackupPlans` prints.')
  return plans.slice(0, MOST_PLANS)
}

function jobOf({ name, destination }: Plan, captured: Captured | undefined, now: number): Job {
  const base: Job = { ...blankJob(name, 'arq'), destination }
  try {
    return judged(base, activityOf(captured), now)
  } catch (error) {
    return unanswered(base, error)
  }
}

/** @throws Unanswered where arqc printed no activity; text before the JSON is left out */
function activityOf(captured: Captured | undefined): Dict {
  if (!captured) throw new Unanswered('arqc was not asked for its latest activity')
  const text = captured.text.slice(0, 1_000_000)
  const start = text.indexOf('{')
  if (start < 0) throw new Unanswered(`arqc tells no activity: ${clip(captured.stderr || text, 150) || 'nothing was printed'}`)
  let value: unknown
  try {
    value = JSON.parse(text.slice(start))
  } catch {
    throw new Unanswered('the activity that arqc printed is cut off')
  }
  const activity = dictOf(value)
  if (!activity || numberIn(activity.errorCount) === null || typeof activity.aborted !== 'boolean')
    throw new Unanswered('the activity that arqc printed tells neither errors nor whether it was stopped')
  return activity
}

function judged(base: Job, activity: Dict, now: number): Job {
  const [created, finished] = [timeOf(activity.createdTime), timeOf(activity.finishedTime)]
  if (finished !== null && isFuture(finished, now)) throw new Unanswered('its last run ended in the future', 'Set the clock right.')
  if (finished === null) {
    const running: Job = { ...base, lastRunAt: created, lastResult: 'running', runningSince: created }
    return unanswered(running, new Unanswered('it runs now, or has never ended a run, and arqc tells of no run before'))
  }
  const told: Job = {
    ...base,
    lastRunAt: finished,
    durationMs: created !== null && finished >= created ? finished - created : null,
    sourceBytes: sizeOf(activity.countOfBytes),
    addedBytes: sizeOf(activity.countOfBytesUploaded),
    files: sizeOf(activity.countOfFiles),
  }
  if (activity.aborted === true) {
    const why = textIn(activity.abortReason)
    const warnings = [clip(`the last run was stopped${why === null ? '' : `: ${why}`}`, 300)]
    return unanswered(
      { ...told, lastResult: 'failed', warnings },
      new Unanswered('its last run was stopped, and arqc tells of none before'),
    )
  }
  const errors = numberIn(activity.errorCount) ?? 0
  if (errors !== 0) {
    const left: Job = { ...told, lastResult: 'warnings', warnings: [`the last run ended with ${errors} errors`] }
    return unanswered(
      left,
      new Unanswered('arqc does not tell whether a run with errors made a restore point', 'Read the log of the run in Arq.'),
    )
  }
  return { ...told, lastResult: 'success', lastSuccessAt: finished }
}

/** Seconds or milliseconds since 1970; null for 0, which stands for "not yet". */
function timeOf(value: unknown): number | null {
  const number = numberIn(value)
  if (number === null || number <= 0 || number > 8.64e15) return null
  return Math.round(number < SECONDS_END ? number * 1000 : number)
}

function sizeOf(value: unknown): number | null {
  const number = numberIn(value)
  return number !== null && number >= 0 ? number : null
}
