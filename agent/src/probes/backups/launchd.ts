import * as v from 'valibot'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, type ParseContext } from '../../probe.ts'
import { capturesOf } from './evidence.ts'
import { fileFor, forEachJob, runFor } from './gather.ts'
import { blankJob, clip, type Job, Unanswered, unanswered } from './job.ts'
import { filePath, interval, jobName, jobs, plainText } from './options.ts'
import { verifiedByMarker } from './record.ts'

const COMMAND_MS = 10_000
/** Longest text that is a description of one job, characters. */
const LONGEST = 256 * 1024

const label = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][\w.-]{0,250}$/, 'wanted the label of a launchd job'))
const domain = v.pipe(v.string(), v.regex(/^(system|(gui|user)\/\d{1,10})$/, 'wanted system, gui/UID or user/UID'))

const launchdJob = v.strictObject({
  name: jobName,
  label,
  domain: v.optional(domain, 'system'),
  marker: v.optional(filePath),
  every: v.optional(interval),
  tool: v.optional(plainText, 'launchd'),
  kind: v.optional(v.picklist(['backup', 'snapshot', 'sync']), 'backup'),
})
type LaunchdJob = v.InferOutput<typeof launchdJob>

/**
 * Backups that run as a launchd job; see `print` in launchctl(1). launchd tells how the last run ended since the job was loaded, never when: only a
 * marker that the job writes dates a success.
 */
export default defineProbe<'backups', readonly LaunchdJob[]>({
  subject: 'backups',
  source: 'launchd',
  platforms: ['darwin'],
  every: '15m',
  timeout: '60s',
  privilege: 'root for jobs of other users; a marker in a folder that macOS guards needs Full Disk Access',
  blind:
    'When a job ran: launchd does not tell, so without a marker its success is unknown. Every run before the last, and those before the boot.',
  setting: {
    schema: jobs(launchdJob),
    default: [],
    doc: 'Backups that run as launchd jobs: the label, and the marker that the job writes when it went well (a file as of backups.marker).',
    example: [{ name: 'nightly', label: 'com.example.backup', marker: '/var/db/backup.json', every: '1d' }],
  },
  inputs: {
    print: { from: 'launchctl print system/LABEL', recognise: isPrint },
    marker: { from: 'the marker of the job' },
  },
  parse(inputs, context) {
    if (context.options.length > 0) return { jobs: context.options.map(job => judge(job, inputs, context)) }
    const printed = inputs.print ?? []
    if (printed.length === 0) throw new Absent('no launchd job is configured as a backup')
    if (printed.every(({ text, stderr }) => `${text}${stderr}`.trim() === ''))
      throw new Error('Cannot judge a job of which launchctl printed nothing')
    return { jobs: printed.slice(0, 128).map((captured, index) => alone(captured, index)) }
  },
  async read(host, options) {
    if (options.length === 0) throw new Absent('no launchd job is configured as a backup')
    const all = await forEachJob(options, job => gather(host, job))
    const inputs = { print: all.map(({ print }) => print), marker: all.flatMap(({ marker }) => marker) }
    return this.parse(inputs, { now: host.now(), hostname: host.hostname, options })
  },
})

function isPrint(text: string): boolean {
  return /^\S{1,300} = \{\s*$/m.test(text.slice(0, 4_000)) && /^\t(state|runs|last exit code) = /m.test(text.slice(0, LONGEST))
}

async function gather(host: Host, job: LaunchdJob) {
  const print = await runFor(host, job.name, ['launchctl', 'print', `${job.domain}/${job.label}`], { timeoutMs: COMMAND_MS })
  return { print, marker: await fileFor(host, job.name, job.marker) }
}

/** What `launchctl print` tells of one job's last run. */
type Run = {
  readonly isRunning: boolean
  /** How often it ran since it was loaded; null where not told. */
  readonly runs: number | null
  /** How the last run ended; null where none has ended since the job was loaded. */
  readonly end: { readonly isGood: boolean; readonly said: string } | null
}

/** Lines of the job itself: those of a deeper brace belong to its coalitions and endpoints. @throws Unanswered where they are not those of a job */
function runOf(captured: Captured | undefined, name: string): Run {
  if (!captured) throw new Unanswered('there is no output of launchctl print')
  const said = `${captured.stderr}\n${captured.text.slice(0, 4_000)}`
  if (/Could not find (service|domain)/i.test(said))
    throw new Unanswered(`launchd knows no job ${name}`, 'See launchctl list for its label, and launchctl print for its domain.')
  if (captured.text.length > LONGEST) throw new Unanswered('what launchctl printed is too long for a job')
  if (captured.code !== null && captured.code !== 0)
    throw new Unanswered(`launchctl: ${clip(captured.stderr, 200) || `ended with ${captured.code}`}`)
  const lines = ownLines(captured.text)
  const state = lines.get('state')
  if (state === undefined) throw new Unanswered('launchctl tells no state of the job')
  const runs = /^\d{1,12}$/.test(lines.get('runs') ?? '') ? Number(lines.get('runs')) : null
  return { isRunning: state === 'running', runs, end: endOf(lines) }
}

function ownLines(text: string): Map<string, string> {
  const lines = new Map<string, string>()
  let depth = 0
  for (const raw of text.split('\n')) {
    const line = raw.trim()
    if (line === '}') depth--
    const [, key, value] = /^([a-z][a-z ()]{0,60}?) = ([^{]{1,300})$/.exec(line) ?? []
    if (depth === 1 && key !== undefined && value !== undefined && !lines.has(key)) lines.set(key, value.trim())
    if (line.endsWith('{')) depth++
  }
  if (depth !== 0) throw new Unanswered('what launchctl printed is cut off')
  return lines
}

/** `0`, `78: EX_CONFIG`, `(never exited)`; a signal stands in its place, as `Killed: 9`. Both may be there: then the signal is the later word. */
function endOf(lines: ReadonlyMap<string, string>): Run['end'] {
  const signal = lines.get('last terminating signal')
  if (signal !== undefined) return { isGood: false, said: `the last run was ended by a signal (${clip(signal, 60)})` }
  const code = lines.get('last exit code')
  if (code === undefined || code === '(never exited)') return null
  const number = /^(-?\d{1,10})(?:: [A-Z_]{1,40})?$/.exec(code)?.[1]
  if (number === undefined) throw new Unanswered(`launchctl tells a last exit code that cannot be read: ${clip(code, 60)}`)
  return { isGood: Number(number) === 0, said: `the last run ended with exit code ${clip(code, 60)}` }
}

function judge(job: LaunchdJob, inputs: Inputs, { now }: ParseContext): Job {
  const base: Job = { ...blankJob(job.name, job.tool), kind: job.kind, expectedEveryMs: job.every ?? null }
  try {
    const run = runOf(capturesOf(inputs, 'print', job.name)[0], job.label)
    return dated(told(base, run), run, capturesOf(inputs, 'marker', job.name)[0], now)
  } catch (error) {
    return unanswered(base, error)
  }
}

function alone(captured: Captured, index: number): Job {
  const base = blankJob(`launchd ${index + 1}`, 'launchd')
  try {
    const name = /^(?:[\w/]{1,40}\/)?([\w.-]{1,200}) = \{/.exec(captured.text)?.[1]
    const run = runOf(captured, name ?? 'of that label')
    return dated(told(name === undefined ? base : { ...base, name: clip(`${index + 1} ${name}`, 128) }, run), run, undefined, 0)
  } catch (error) {
    return unanswered(base, error)
  }
}

function told(base: Job, { isRunning, end }: Run): Job {
  if (isRunning) return { ...base, lastResult: 'running' }
  return end === null ? base : { ...base, lastResult: end.isGood ? 'success' : 'failed', warnings: end.isGood ? [] : [end.said] }
}

/** The job with its last success, which only a marker dates. */
function dated(job: Job, run: Run, marker: Captured | undefined, now: number): Job {
  if (marker) return byMarker(job, verifiedByMarker(marker, now))
  const reason =
    job.lastResult === 'failed'
      ? 'its last run failed, and launchd does not tell when one went well'
      : run.runs === 0 || (run.end === null && !run.isRunning)
        ? 'it has not run since it was loaded, and launchd tells nothing of before'
        : 'launchd does not tell when its jobs run'
  return unanswered(job, new Unanswered(reason, 'Let the job write a marker when it went well, and give it here as `marker`.'))
}

function byMarker(job: Job, { at, result, detail }: ReturnType<typeof verifiedByMarker>): Job {
  if (result === 'ok' && at === null) throw new Unanswered('the marker has no time')
  if (result === 'ok') return { ...job, lastRunAt: at, lastSuccessAt: at }
  if (result === 'never') return { ...job, reason: 'its marker has not been written yet' }
  return { ...job, lastRunAt: at, lastResult: 'failed', warnings: [...job.warnings, `by its marker ${detail ?? 'it failed'}`] }
}
