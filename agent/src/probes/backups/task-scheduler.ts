import * as v from 'valibot'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, needed, type ParseContext } from '../../probe.ts'
import { answerOf, isAnswer, partOf } from '../windows/answer.ts'
import type { Properties } from '../windows/properties.ts'
import { windowsTime } from '../windows/time.ts'
import { blankJob, clip, isFuture, type Job, Unanswered, unanswered } from './job.ts'
import { interval, jobName, jobs, plainText } from './options.ts'

const SCRIPT = 'backups/task-scheduler'
/** A task that never ran has 1999-11-30 for its last run, in local time: no task ran before this. */
const FIRST_RUN = Date.UTC(2000, 0, 1)
const CODES = 2 ** 32

/**
 * Results that are no exit codes; see "Task Scheduler Error and Success Constants" in Microsoft's documentation. All of them are successes of the
 * scheduler, and none of the backup.
 */
const SCHEDULER: { readonly [code: number]: string } = {
  267008: 'the task is ready to run, and has told no result',
  267009: 'the task runs now',
  267010: 'the task is disabled',
  267011: 'the task has never run',
  267012: 'the task will not run any more',
  267013: 'the task is not scheduled',
  267014: 'the last run was ended by a user',
  267015: 'the task has no trigger that is valid',
  267016: 'its trigger has no set time',
  267035: 'the task is registered, but not all of its triggers will start it',
  267036: 'the task is registered, but may fail to start: its user may not log on as a batch job',
  267045: 'the task is queued',
}
const RUNNING = 0x41301
const ENDED_BY_USER = 0x41306

const exitCode = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(CODES - 1))
const scheduledJob = v.strictObject({
  name: jobName,
  task: plainText,
  every: v.optional(interval),
  tool: v.optional(plainText, 'task-scheduler'),
  kind: v.optional(v.picklist(['backup', 'snapshot', 'sync']), 'backup'),
  good: v.optional(v.pipe(v.array(exitCode, 'wanted a list of exit codes'), v.minLength(1), v.maxLength(32)), [0]),
})
type ScheduledJob = v.InferOutput<typeof scheduledJob>

/** Backups that run as a scheduled task. The scheduler keeps the last run only: its start, and the exit code of what it started. */
export default defineProbe<'backups', readonly ScheduledJob[]>({
  subject: 'backups',
  source: 'task-scheduler',
  platforms: ['win32'],
  shares: 'powershell',
  every: '15m',
  timeout: '90s',
  privilege: 'LocalSystem or an administrator: tasks of others are invisible to anybody else.',
  blind:
    'What the task backed up, and whether its program tells failures by its exit code. When a run ended: a success counts from its start. Every run before the last.',
  setting: {
    schema: jobs(scheduledJob),
    default: [],
    doc: 'Backups that run as scheduled tasks: name or path of the task, and the exit codes that are a success (robocopy: 0 to 7).',
    example: [{ name: 'nightly', task: '\\Backups\\Nightly copy', every: '1d', good: [0, 1, 2, 3] }],
  },
  inputs: { answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'tasks') } },
  parse: parseTaskScheduler,

  async read(host: Host, options) {
    if (options.length === 0) throw new Absent('no scheduled task is configured as a backup')
    return parseTaskScheduler({ answer: [await host.powershell(SCRIPT)] }, { now: host.now(), hostname: host.hostname, options })
  },
})

/** Without configured jobs, as under `parse`, every task is told as one. @throws Absent, Denied, Error where the tasks cannot be read */
export function parseTaskScheduler(inputs: Inputs, { now, options }: ParseContext<readonly ScheduledJob[]>) {
  const answer = answerOf(needed(inputs, 'answer'))
  const tasks = partOf(answer, 'tasks')
  if (!tasks) throw new Error('Cannot read the scheduled tasks: the answer has no list')
  const cutOff = typeof answer.count === 'number' && answer.count > tasks.length
  if (options.length > 0) return { jobs: options.map(job => configured(job, tasks, now, cutOff ? 'more' : 'all')) }
  if (tasks.length === 0) throw new Absent('there is no scheduled task but those of Windows')
  return { jobs: tasks.slice(0, 128).map((task, index) => named(task, index, now)) }
}

function named(task: Properties, index: number, now: number): Job {
  const base = blankJob(clip(`${index + 1} ${task.get('path') ?? 'without a name'}`, 128), 'task-scheduler')
  return judged(base, () => byTask(base, task, [0], now))
}

function configured(job: ScheduledJob, tasks: readonly Properties[], now: number, listed: 'all' | 'more'): Job {
  const base: Job = { ...blankJob(job.name, job.tool), kind: job.kind, expectedEveryMs: job.every ?? null }
  return judged(base, () => byTask(base, taskOf(job.task, tasks, listed), job.good, now))
}

function judged(base: Job, tell: () => Job): Job {
  try {
    return tell()
  } catch (error) {
    return unanswered(base, error)
  }
}

/** The task of that path, or the only one of that name. @throws Unanswered where there is none, or more than one */
function taskOf(wanted: string, tasks: readonly Properties[], listed: 'all' | 'more'): Properties {
  const lower = wanted.toLowerCase()
  const found = tasks.filter(task => {
    const path = (task.get('path') ?? '').toLowerCase()
    return lower.includes('\\') ? path === (lower.startsWith('\\') ? lower : `\\${lower}`) : path.endsWith(`\\${lower}`)
  })
  const [task, other] = found
  if (other) throw new Unanswered(`more than one task is named ${wanted}`, 'Give its whole path, as \\Folder\\Name.')
  if (task) return task
  const hint = 'See Get-ScheduledTask for its path; the agent must run as LocalSystem to see the tasks of others.'
  throw new Unanswered(`${listed === 'all' ? 'there is no' : 'among the first 512 there is no'} task ${wanted}`, hint)
}

function byTask(base: Job, task: Properties, good: readonly number[], now: number): Job {
  const failed = task.get('failed')
  if (failed !== undefined) throw new Unanswered(`the scheduler does not tell of it: ${failed}`)
  const code = codeOf(task.get('result'))
  if (code === null) throw new Unanswered('the scheduler tells no result')
  const ranAt = windowsTime(task.get('lastrun'))
  const lastRunAt = ranAt !== null && ranAt >= FIRST_RUN ? ranAt : null
  if (lastRunAt !== null && isFuture(lastRunAt, now)) throw new Unanswered('its last run is in the future', 'Set the clock right.')
  const state = task.get('state') ?? ''
  const told: Job = { ...base, lastRunAt, warnings: warningsOf(task, state) }
  if (/^(running|4)$/i.test(state) || code === RUNNING) {
    const running: Job = { ...told, lastResult: 'running', runningSince: lastRunAt }
    return unanswered(running, new Unanswered('it runs now, and the scheduler keeps no run before', 'Let the job write a marker too.'))
  }
  if (code === ENDED_BY_USER || (SCHEDULER[code] === undefined && !good.includes(code))) {
    const said = SCHEDULER[code] ?? `the last run ended with ${shown(code)}`
    const ended: Job = { ...told, lastResult: 'failed', warnings: [said, ...told.warnings] }
    return unanswered(ended, new Unanswered(`${said}, and the scheduler keeps no run before`, 'Let the job write a marker too.'))
  }
  if (SCHEDULER[code] !== undefined) throw new Unanswered(SCHEDULER[code])
  if (lastRunAt === null) throw new Unanswered('the scheduler tells no time of its last run')
  return { ...told, lastResult: code === 0 ? 'success' : 'warnings', lastSuccessAt: lastRunAt }
}

function warningsOf(task: Properties, state: string): string[] {
  const missed = Number(task.get('missed') ?? 0)
  return [
    ...(/^(disabled|1)$/i.test(state) ? ['the task is disabled: nothing starts this backup'] : []),
    ...(Number.isFinite(missed) && missed > 0 ? [`${Math.min(missed, CODES)} runs were missed`] : []),
  ]
}

/** A result is a DWORD; some tools show it signed. */
function codeOf(text: string | undefined): number | null {
  if (text === undefined || !/^(-?\d{1,10}|0x[0-9a-f]{1,8})$/i.test(text)) return null
  const number = Number(text)
  if (number >= CODES || number < -CODES / 2) return null
  return number < 0 ? number + CODES : number
}

const shown = (code: number): string => (code < 256 ? `exit code ${code}` : `0x${code.toString(16)}`)
