import * as v from 'valibot'
import { type Host, HostError, TimedOut } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { told, untilHostError } from '../gather.ts'
import { parseReport, withReports } from './duplicati-report.ts'
import { capturesOf, withProofs } from './evidence.ts'
import { DID_NOT_RUN, fileFor, forEachJob } from './gather.ts'
import { blankJob, clip, isFuture, type Job, Unanswered, unanswered } from './job.ts'
import { isUnfinished, matchesGlob } from './listing.ts'
import { filePath, interval, jobName, jobs, plainText } from './options.ts'

/** Newest reports of a folder that are read. */
const NEWEST = 30
const MOST_ENTRIES = 2_000
/** Where it keeps what it knows, or is installed. */
const PLACES = [
  '/usr/lib/duplicati',
  '/usr/bin/duplicati',
  '/usr/bin/duplicati-server',
  '/opt/duplicati',
  '/root/.config/Duplicati',
  '/var/lib/duplicati',
  '/Applications/Duplicati.app',
  'C:\\Program Files\\Duplicati 2',
  'C:\\ProgramData\\Duplicati',
]

const duplicatiJob = v.strictObject({
  name: jobName,
  report: filePath,
  glob: v.optional(plainText, '*'),
  every: v.optional(interval),
  verify: v.optional(v.strictObject({ marker: filePath })),
  restore: v.optional(v.strictObject({ marker: filePath })),
})
type DuplicatiJob = v.InferOutput<typeof duplicatiJob>

/**
 * Backups of duplicati, by the reports that a script after each run keeps (`run-script-after`, `$DUPLICATI__RESULTFILE`): a file, or a folder of them, which
 * tells the last success after a failure too. Its databases are not read: they belong to a running server, their layout is its own affair, and they hold
 * the credentials of all destinations. Where it is and no report is configured, that is told as unknown.
 */
export default defineProbe<'backups', readonly DuplicatiJob[]>({
  subject: 'backups',
  source: 'duplicati',
  platforms: ['linux', 'darwin', 'win32'],
  every: '15m',
  timeout: '60s',
  privilege: 'reads the reports, which belong to the user of duplicati',
  blind:
    'Backups without a report: nothing is known of them. Runs that were killed, until the last report is too old. Proved on documented reports only, never on a live duplicati.',
  setting: {
    schema: jobs(duplicatiJob),
    default: [],
    doc: 'Reports of duplicati, one entry for each backup: the file, or the folder that a script puts them into.',
    example: [{ name: 'documents', report: '/var/lib/duplicati-reports/documents', glob: '*.json', every: '1d' }],
  },
  inputs: {
    report: {
      from: 'report of duplicati: $DUPLICATI__RESULTFILE, JSON or text',
      recognise: text => /"(ParsedResult|MainOperation)"\s?:|^(ParsedResult|Failed): /m.test(text.slice(0, 1e5)),
    },
    place: { from: 'where duplicati was found, a path' },
    verified: { from: 'marker written after a good duplicati test' },
    restored: { from: 'marker written after a restore test' },
  },
  parse(inputs, context) {
    if (context.options.length > 0) return { jobs: context.options.map(job => judge(job, inputs, context)) }
    const place = sole(inputs, 'place')
    return { jobs: place ? [notConfigured(place.text)] : alone(inputs, context) }
  },
  async read(host, options) {
    const context = { now: host.now(), hostname: host.hostname, options }
    if (options.length === 0) return this.parse({ place: [told('place', await place(host))] }, context)
    const all = await forEachJob(options, async job => ({
      report: await reports(host, job),
      verified: await fileFor(host, job.name, job.verify?.marker),
      restored: await fileFor(host, job.name, job.restore?.marker),
    }))
    const inputs = {
      report: all.flatMap(one => one.report),
      verified: all.flatMap(one => one.verified),
      restored: all.flatMap(one => one.restored),
    }
    return this.parse(inputs, context)
  },
})

/** @throws Absent where nothing of duplicati is here */
async function place(host: Host): Promise<string> {
  for (const path of PLACES) {
    if (path.startsWith('/') === (host.platform === 'win32')) continue
    if (await untilHostError(host.realpath(path, { missing: undefined }))) return path
  }
  throw new Absent('duplicati is not installed')
}

function notConfigured(path: string): Job {
  const hint =
    'Let a script after each run keep its report and set backups.duplicati to it, or disable backups/duplicati and watch a marker.'
  return unanswered(
    blankJob('duplicati', 'duplicati'),
    new Unanswered(`duplicati is at ${clip(path, 200)}, and no report of it is configured`, hint),
  )
}

async function reports(host: Host, job: DuplicatiJob): Promise<Captured[]> {
  const path = job.report
  try {
    await reach(host, path)
    const found = await host.stat(path, { missing: null })
    if (found?.kind !== 'directory') return await fileFor(host, job.name, path)
    const names = (await host.list(path)).filter(name => !isUnfinished(name) && matchesGlob(job.glob, name))
    if (names.length > MOST_ENTRIES) throw new Error(`more than ${MOST_ENTRIES} reports fit: give a narrower glob, or remove old ones`)
    const files = await Promise.all(
      names.map(async name => ({ name, at: (await host.stat(`${path}/${name}`, { missing: null }))?.modifiedAt ?? 0 })),
    )
    const newest = files.sort((a, b) => b.at - a.at).slice(0, NEWEST)
    return (await Promise.all(newest.map(({ name }) => fileFor(host, job.name, `${path}/${name}`)))).flat()
  } catch (error) {
    const reason =
      error instanceof HostError ? `${error.path} may not be read (${error.code})` : error instanceof Error ? error.message : String(error)
    return [{ ...told(job.name, ''), stderr: reason, code: DID_NOT_RUN }]
  }
}

/** A child asks first: a dead network mount hangs whoever touches it. What is not there is told better by what comes after. */
async function reach(host: Host, path: string): Promise<void> {
  try {
    await host.statfs(path)
  } catch (error) {
    if (error instanceof TimedOut) throw error
  }
}

function judge(job: DuplicatiJob, inputs: Inputs, { now }: ParseContext): Job {
  const base: Job = { ...blankJob(job.name, 'duplicati'), expectedEveryMs: job.every ?? null }
  const proofs = {
    marker: capturesOf(inputs, 'verified', job.name)[0],
    restored: capturesOf(inputs, 'restored', job.name)[0],
    verdict: () => undefined,
  }
  try {
    return withProofs(ofReports(base, capturesOf(inputs, 'report', job.name), now), proofs, now)
  } catch (error) {
    return withProofs(unanswered(base, error), proofs, now)
  }
}

/** A failed run has no time in its report: that of its file is when it was written. */
function ofReports(base: Job, captures: readonly Captured[], now: number): Job {
  const unread = captures.find(captured => captured.code === DID_NOT_RUN)
  if (unread)
    throw new Unanswered(
      unread.stderr || 'its report has not been written yet',
      'See that the script after the run writes it, and the agent may read it.',
    )
  if (captures.length === 0) throw new Unanswered('there is no report yet', 'See that the script after the run writes it.')
  const all = captures.map(captured => {
    const report = parseReport(captured)
    const written = captured.modifiedAt !== null && !isFuture(captured.modifiedAt, now) ? Math.round(captured.modifiedAt) : null
    return report.result === 'failed' && report.endedAt === null ? { ...report, endedAt: report.begunAt ?? written } : report
  })
  return withReports(base, all, now)
}

/** What captures alone tell, as under `parse`: a job for each backup that the reports name. */
function alone(inputs: Inputs, { now }: ParseContext): Job[] {
  const captures = inputs.report ?? []
  if (captures.length === 0) throw new Absent('duplicati is not installed')
  const groups = new Map<string, Captured[]>()
  for (const captured of captures) {
    const name = clip(parseReport(captured).backup ?? '', 100) || 'duplicati'
    groups.set(name, [...(groups.get(name) ?? []), { ...captured, modifiedAt: null }])
  }
  return [...groups].slice(0, 128).map(([name, own]) => {
    const base = blankJob(name, 'duplicati')
    try {
      return ofReports(base, own, now)
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
      return unanswered(base, error)
    }
  })
}
