import * as v from 'valibot'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { capturesOf } from './evidence.ts'
import { forEachJob, runFor } from './gather.ts'
import { blankJob, clip, isFuture, type Job, learnedEvery, Unanswered, unanswered } from './job.ts'
import { interval, jobName, jobs, plainText } from './options.ts'
import { type End, endsOf, messageIds, parseJournal, parseUnits, timestamp, type Unit } from './unit.ts'

const COMMAND_MS = 15_000
const NEWEST = 60
const PROPERTIES = [
  'Id',
  'LoadState',
  'ActiveState',
  'SubState',
  'Type',
  'Result',
  'ExecMainCode',
  'ExecMainStatus',
  'ExecMainStartTimestamp',
  'ExecMainExitTimestamp',
  'LastTriggerUSec',
].join(',')

const unitName = (suffix: string) =>
  v.pipe(
    v.string(),
    v.regex(/^[A-Za-z0-9:_][\w:.\\@-]{0,250}$/, 'wanted the name of a unit'),
    v.transform(name => (/\.(service|timer)$/.test(name) ? name : `${name}${suffix}`)),
  )

const systemdJob = v.strictObject({
  name: jobName,
  unit: unitName('.service'),
  timer: v.optional(unitName('.timer')),
  every: v.optional(interval),
  tool: v.optional(plainText, 'systemd'),
  kind: v.optional(v.picklist(['backup', 'snapshot', 'sync']), 'backup'),
})
type SystemdJob = v.InferOutput<typeof systemdJob>

/**
 * Backups that run as a systemd unit. What `systemctl show` says is since boot: a unit that has not run since then has "Result=success" too.
 * So the journal's messages of the manager (PID 1) are asked as well, and where they tell of no run either, the job is unknown.
 */
export default defineProbe<'backups', readonly SystemdJob[]>({
  subject: 'backups',
  source: 'systemd',
  platforms: ['linux'],
  every: '15m',
  timeout: '60s',
  privilege: 'reads the system journal: root, or the group systemd-journal',
  blind:
    'What the unit backed up, and where to. After a reboot without a persistent journal: the last run. Exit codes that SuccessExitStatus= turns into success are told as warnings.',
  setting: {
    schema: jobs(systemdJob),
    default: [],
    doc: 'Backups that run as systemd units: the unit, and the timer that starts it.',
    example: [{ name: 'borgmatic', unit: 'borgmatic.service', timer: 'borgmatic.timer', every: '1d' }],
  },
  inputs: {
    unit: {
      from: 'TZ=UTC systemctl show UNIT',
      recognise: text => /^(ActiveState|LoadState|Result)=/m.test(text.slice(0, 1e6)) && !isTimer(text),
    },
    timer: { from: 'TZ=UTC systemctl show TIMER', recognise: isTimer },
    journal: {
      from: 'journalctl -o json _PID=1 UNIT=…',
      recognise: text => /^\{.{0,4000}"__REALTIME_TIMESTAMP"/.test(text.slice(0, 8192)),
    },
  },
  parse(inputs, context) {
    if (context.options.length > 0) return { jobs: context.options.map(job => judge(job, inputs, context)) }
    return { jobs: alone(inputs, context) }
  },
  async read(host, options) {
    if (options.length === 0) throw new Absent('no backup unit is configured')
    const all = await forEachJob(options, job => gather(host, job))
    const inputs: Record<string, Captured[]> = {}
    for (const [input, captures] of all.flatMap(gathered => Object.entries(gathered)))
      inputs[input] = [...(inputs[input] ?? []), ...captures]
    return this.parse(inputs, { now: host.now(), hostname: host.hostname, options })
  },
})

function isTimer(text: string): boolean {
  return /^(LastTriggerUSec=.|Id=.{1,250}\.timer$)/m.test(text.slice(0, 1e6))
}

async function gather(host: Host, job: SystemdJob): Promise<Record<string, Captured[]>> {
  const options = { timeoutMs: COMMAND_MS, env: { TZ: 'UTC' } }
  const show = (unit: string) => runFor(host, job.name, ['systemctl', 'show', '--no-pager', '-p', PROPERTIES, '--', unit], options)
  const unit = await show(job.unit)
  if (unit.code !== 0) return { unit: [unit] }
  const ids = Object.keys(messageIds).map(id => `MESSAGE_ID=${id}`)
  const fields = '--output-fields=MESSAGE_ID,UNIT,JOB_RESULT,EXIT_CODE,EXIT_STATUS'
  const journalctl = ['journalctl', '--no-pager', '-q', '-o', 'json', '-n', `${NEWEST}`, fields, '_PID=1', `UNIT=${job.unit}`, ...ids]
  return {
    unit: [unit],
    timer: job.timer === undefined ? [] : [await show(job.timer)],
    journal: [await runFor(host, job.name, journalctl, options)],
  }
}

type Given = { readonly unit: Captured | undefined; readonly timer: Captured | undefined; readonly journal: Captured | undefined }

function judge(job: SystemdJob, inputs: Inputs, context: ParseContext): Job {
  const base: Job = { ...blankJob(job.name, job.tool), kind: job.kind, expectedEveryMs: job.every ?? null }
  const of = (input: string) => capturesOf(inputs, input, job.name)[0]
  try {
    return byUnit(base, unitOf({ unit: of('unit') }), { unit: of('unit'), timer: of('timer'), journal: of('journal') }, context.now)
  } catch (error) {
    return unanswered(base, error)
  }
}

/** @throws Unanswered where systemd does not run, or there is no such unit to speak of */
function unitOf({ unit: captured }: Pick<Given, 'unit'>): Unit {
  if (!captured) throw new Unanswered('there is no output of systemctl show')
  const said = `${captured.stderr}\n${captured.text}`
  if (/not been booted with systemd|Failed to connect to bus/.test(said)) {
    throw new Unanswered('systemd does not run here', 'Watch this backup by a marker that it writes.')
  }
  if (captured.code !== null && captured.code !== 0)
    throw new Unanswered(`systemctl: ${captured.stderr.trim().split('\n')[0] ?? `ended with ${captured.code}`}`)
  const [unit] = parseUnits(captured.text)
  if (!unit) throw new Unanswered('systemctl show printed nothing')
  return unit
}

function byUnit(base: Job, unit: Unit, given: Given, now: number): Job {
  const load = unit.get('LoadState')
  const id = unit.get('Id') ?? 'the unit'
  if (load === 'not-found') throw new Unanswered(`there is no unit ${id}`, 'See systemctl list-units --type=service for its name.')
  if (load !== 'loaded') throw new Unanswered(`the unit ${id} is ${load ?? 'in a state that is not told'}`, `See systemctl status ${id}.`)
  const timer = timerOf(given.timer)
  const ends = journalEnds(given.journal, unit)
  const run = currentRun(unit)
  const last = latest(run.end, ends.at(-1))
  const lastGood = latest(
    run.end?.isGood ? run.end : undefined,
    ends.findLast(end => end.isGood && !contradicts(run.end, end)),
  )
  const triggeredAt = timer ? timestamp(timer, 'LastTriggerUSec') : null
  for (const at of [last?.at, triggeredAt, run.runningSince]) {
    if (at && isFuture(at, now)) throw new Unanswered('its last run is in the future', 'Set the clock right.')
  }
  const result = run.isRunning ? 'running' : last === undefined ? null : !last.isGood ? 'failed' : last.isClean ? 'success' : 'warnings'
  const told: Job = {
    ...base,
    lastRunAt: maxOf(run.startedAt, last?.at ?? null, triggeredAt),
    lastResult: result,
    lastSuccessAt: lastGood?.at ?? null,
    runningSince: run.isRunning ? run.runningSince : null,
    durationMs: run.durationMs,
    learnedEveryMs: learnedEvery(ends.filter(end => end.isGood).map(end => end.at)),
    warnings: [...timerWarnings(timer, given.timer), ...(last && result !== 'success' && result !== 'running' ? [said(unit, last)] : [])],
  }
  if (lastGood) return told
  const why = new Unanswered(
    'it has not run well since boot, and the journal does not tell when it did before',
    'Keep the journal over reboots (Storage=persistent), or watch a marker.',
  )
  // A failure is known to be one, whatever was before.
  return result === 'failed' ? { ...told, reason: why.message } : unanswered(told, why)
}

function said(unit: Unit, last: End): string {
  const what = last.isGood ? 'it counts as a success, and a process of it did not end with 0' : 'its last run failed'
  return clip(`${what}: Result=${unit.get('Result') ?? '?'}, status ${unit.get('ExecMainStatus') ?? '?'}`)
}

type Current = {
  readonly isRunning: boolean
  readonly runningSince: number | null
  readonly startedAt: number | null
  readonly end: End | undefined
  readonly durationMs: number | null
}

/** What the unit's properties say of its run since boot; without an exit there is no end, whatever Result says. */
function currentRun(unit: Unit): Current {
  const startedAt = timestamp(unit, 'ExecMainStartTimestamp')
  const exitedAt = timestamp(unit, 'ExecMainExitTimestamp')
  const active = unit.get('ActiveState')
  const isRunning =
    active === 'activating' ||
    active === 'reloading' ||
    active === 'deactivating' ||
    (active === 'active' && unit.get('SubState') !== 'exited')
  const hasFailed = active === 'failed' || (unit.get('Result') ?? 'success') !== 'success'
  // 1 is CLD_EXITED of wait(2): a run ended by SIGTERM is a success to systemd, and no backup.
  const isExit = unit.get('ExecMainCode') === '1'
  const isOver = !isRunning && (exitedAt !== null || hasFailed)
  const at = exitedAt ?? startedAt
  const end = isOver && at !== null ? { at, isGood: !hasFailed && isExit, isClean: unit.get('ExecMainStatus') === '0' } : undefined
  const durationMs = !isRunning && startedAt !== null && exitedAt !== null && exitedAt >= startedAt ? exitedAt - startedAt : null
  return { isRunning, runningSince: isRunning ? startedAt : null, startedAt, end, durationMs }
}

/** The journal's word for the run that the properties know better. */
function contradicts(known: End | undefined, end: End): boolean {
  return known !== undefined && !known.isGood && Math.abs(known.at - end.at) < 60_000
}

/** The later; of two words for one run the properties', which come first. */
function latest(known: End | undefined, journal: End | undefined): End | undefined {
  if (!known || !journal) return known ?? journal
  return journal.at > known.at + 60_000 ? journal : known
}

function journalEnds(journal: Captured | undefined, unit: Unit): End[] {
  if (!journal || (journal.code !== null && journal.code !== 0)) return []
  const events = parseJournal(journal.text).filter(event => event.unit === '' || event.unit === unit.get('Id'))
  return endsOf(events, unit.get('Type') === 'oneshot')
}

function timerOf(captured: Captured | undefined): Unit | undefined {
  return captured && (captured.code === null || captured.code === 0) ? parseUnits(captured.text)[0] : undefined
}

function timerWarnings(timer: Unit | undefined, captured: Captured | undefined): string[] {
  if (!captured) return []
  if (!timer) return ['its timer cannot be told']
  const id = clip(timer.get('Id') ?? 'its timer', 260)
  if (timer.get('LoadState') !== 'loaded') return [`there is no timer ${id}: nothing starts this backup`]
  return timer.get('ActiveState') === 'active' ? [] : [`the timer ${id} is not active: nothing starts this backup`]
}

function maxOf(...times: readonly (number | null)[]): number | null {
  const known = times.filter(time => time !== null)
  return known.length === 0 ? null : Math.max(...known)
}

/** What captures alone tell, as under `parse`: a job for each unit in them. */
function alone(inputs: Inputs, context: ParseContext): Job[] {
  const captured = sole(inputs, 'unit')
  if (!captured) throw new Absent('no backup unit is configured')
  const base = blankJob('systemd', 'systemd')
  const given = { unit: captured, timer: sole(inputs, 'timer'), journal: sole(inputs, 'journal') }
  try {
    unitOf(given)
  } catch (error) {
    if (error instanceof Unanswered) return [unanswered(base, error)]
    throw error
  }
  return parseUnits(captured.text)
    .slice(0, 128)
    .map((unit, index) => {
      const job = { ...base, name: clip(unit.get('Id') ?? `systemd ${index + 1}`, 128) }
      try {
        return byUnit(job, unit, given, context.now)
      } catch (error) {
        return unanswered(job, error)
      }
    })
}
