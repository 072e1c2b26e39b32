import { basename, dirname } from 'node:path'
import * as v from 'valibot'
import { type Host, HostError, TimedOut } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { capturesOf } from './evidence.ts'
import { DID_NOT_RUN, forEachJob, freeFor, freeRatio } from './gather.ts'
import { blankJob, isFuture, type Job, learnedEvery, Unanswered, unanswered } from './job.ts'
import { type Entry, holding, isUnfinished, listingLine, matchesGlob, parseFstab, parseListing, parseMountinfo } from './listing.ts'
import { filePath, interval, jobName, jobs, plainText } from './options.ts'
import { parseRecord, type RunRecord } from './record.ts'

/** A folder with more fitting entries wants a narrower pattern. */
const MOST_ENTRIES = 2_000
/** Records are short; what is larger is a backup itself. */
const LARGEST_RECORD = 64 * 1024

const markerJob = v.strictObject({
  name: jobName,
  path: filePath,
  glob: v.optional(plainText),
  every: v.optional(interval),
  minBytes: v.optional(v.pipe(v.number('wanted a number of bytes'), v.minValue(0)), 1),
  filesystem: v.optional(v.strictObject({ mountPoint: v.optional(filePath), type: v.optional(plainText) })),
  tool: v.optional(plainText, 'marker'),
  kind: v.optional(v.picklist(['backup', 'snapshot', 'sync']), 'backup'),
})
type MarkerJob = v.InferOutput<typeof markerJob>

/**
 * Backups that leave a file behind: a dump in a folder, or a marker that the job writes when it is done, bare or with a record
 * `{"started","finished","exit","bytes","files"}` in it. An empty file is a failed dump, unless `minBytes: 0` says that it is a bare marker.
 */
export default defineProbe<'backups', readonly MarkerJob[]>({
  subject: 'backups',
  source: 'marker',
  platforms: ['linux', 'darwin', 'win32'],
  every: '15m',
  timeout: '60s',
  privilege: 'reads the folders that hold the backups; they belong to root as a rule',
  blind: 'Whether what is in the file can be restored. The time of a bare file is what its file system says.',
  setting: {
    schema: jobs(markerJob),
    default: [],
    doc: 'Files or folders that backups leave behind. In a folder the newest entry that fits glob counts; *.tmp, *.part and hidden files do not.',
    example: [
      {
        name: 'database',
        path: '/mnt/nas/dumps',
        glob: 'db-*.sql.gz',
        every: '1d',
        minBytes: 1000,
        filesystem: { mountPoint: '/mnt/nas' },
      },
      { name: 'rsync', path: '/var/lib/backup/last-run.json', every: '1d', tool: 'rsync', kind: 'sync' },
    ],
  },
  inputs: {
    record: {
      from: 'the marker that the job writes',
      recognise: text => /^\s*\{[\s\S]{0,2000}"(started|finished|exit|lastSuccess)"/.test(text.slice(0, LARGEST_RECORD)),
    },
    listing: {
      from: "find PATH -maxdepth 1 -printf '%y %s %T@ %f\\n'",
      recognise: text => /^[a-zA-Z] \d{1,16} \d{1,14}(\.\d{1,10})? .+$/.test(text.slice(0, 4096).split('\n')[0] ?? ''),
    },
    mounts: { from: '/proc/self/mountinfo', recognise: text => /^\d{1,9} \d{1,9} \d{1,9}:\d{1,9} \//.test(text) },
    fstab: { from: '/etc/fstab' },
    free: { from: 'free space where the backups are, {"size","free"} in bytes' },
  },
  parse(inputs, context) {
    if (context.options.length > 0) return { jobs: context.options.map(job => judge(job, inputs, context)) }
    if (!sole(inputs, 'record') && !sole(inputs, 'listing')) throw new Absent('no backup marker is configured')
    return { jobs: [alone(inputs, context)] }
  },
  async read(host, options) {
    if (options.length === 0) throw new Absent('no backup marker is configured')
    const all = await forEachJob(options, job => gather(host, job))
    const inputs: Record<string, Captured[]> = {}
    for (const [input, captures] of all.flatMap(gathered => Object.entries(gathered)))
      inputs[input] = [...(inputs[input] ?? []), ...captures]
    // Looked at last: what is mounted on demand is mounted by now.
    for (const [input, path] of [['mounts', '/proc/self/mountinfo'] as const, ['fstab', '/etc/fstab'] as const]) {
      const captured = await host.captured(path, { missing: null })
      if (captured) inputs[input] = [captured]
    }
    return this.parse(inputs, { now: host.now(), hostname: host.hostname, options })
  },
})

/** A child asks for the free space first: a dead network mount hangs whoever touches it. */
async function gather(host: Host, job: MarkerJob): Promise<Record<string, Captured[]>> {
  try {
    await reach(host, job.path)
    const path = await host.realpath(job.path, { missing: null })
    if (path === null) return { listing: [await missing(host, job)] }
    const found = await host.stat(path)
    const free = await freeFor(host, job.name, path)
    if (found.kind === 'directory') return { listing: [told(job, await listed(host, path, job))], free }
    const line = listingLine({ kind: 'f', size: found.size, modifiedAt: found.modifiedAt, name: basename(path) })
    const record = found.size > 0 && found.size <= LARGEST_RECORD ? [{ ...(await host.captured(path)), name: job.name }] : []
    return { listing: [told(job, line)], record, free }
  } catch (error) {
    const denied = error instanceof HostError && (error.code === 'EACCES' || error.code === 'EPERM')
    const reason = denied ? `${error.path} may not be read (${error.code})` : error instanceof Error ? error.message : String(error)
    return { listing: [{ text: '', stderr: reason, code: DID_NOT_RUN, name: job.name, modifiedAt: null }] }
  }
}

async function reach(host: Host, path: string): Promise<void> {
  try {
    await host.statfs(path)
  } catch (error) {
    // A path that is not there fails here as well, and is told better below.
    if (error instanceof TimedOut) throw error
  }
}

const told = (job: MarkerJob, text: string): Captured => ({ text, stderr: '', code: 0, name: job.name, modifiedAt: null })

/** Nothing written yet, if only the folder for it is there; else the place is missing, and nobody knows. */
async function missing(host: Host, job: MarkerJob): Promise<Captured> {
  const folder = dirname(job.path)
  if ((await host.realpath(folder, { missing: null })) !== null) return told(job, '')
  throw new Error(`the folder ${folder} is not there`)
}

async function listed(host: Host, path: string, job: MarkerJob): Promise<string> {
  const names = (await host.list(path)).filter(name => fits(job, name))
  if (names.length > MOST_ENTRIES) throw new Error(`more than ${MOST_ENTRIES} entries of ${path} fit: give a narrower glob`)
  const lines = await Promise.all(
    names.map(async name => {
      // What vanishes while it is looked at is gone.
      const found = await host.stat(`${path}/${name}`, { missing: null })
      if (!found || found.kind === 'link' || found.kind === 'other') return ''
      return listingLine({ kind: found.kind === 'directory' ? 'd' : 'f', size: found.size, modifiedAt: found.modifiedAt, name })
    }),
  )
  return lines.join('')
}

function fits(job: Pick<MarkerJob, 'glob'>, name: string): boolean {
  return !isUnfinished(name) && (job.glob === undefined || matchesGlob(job.glob, name))
}

function judge(job: MarkerJob, inputs: Inputs, context: ParseContext): Job {
  const base: Job = {
    ...blankJob(job.name, job.tool),
    kind: job.kind,
    destination: job.path.slice(0, 512),
    expectedEveryMs: job.every ?? null,
    destinationFreeRatio: freeRatio(capturesOf(inputs, 'free', job.name)[0]),
  }
  try {
    mustBeMounted(job, inputs)
    const [listing] = capturesOf(inputs, 'listing', job.name)
    if (!listing) throw new Unanswered('there is no listing of its path')
    if (listing.code === DID_NOT_RUN) throw new Unanswered(listing.stderr, 'See that the path is there and the agent may read it.')
    const [record] = capturesOf(inputs, 'record', job.name)
    const entries = parseListing(listing.text)
    const run = record ? parseRecord(record.text) : null
    const isFile = entries.length === 1 && entries[0]?.name === basename(job.path)
    if (run && isFile) return byRecord(base, run, entries[0]?.modifiedAt ?? null, job.tool, context.now)
    return byEntries(base, entries, { job, isFile, now: context.now })
  } catch (error) {
    return unanswered(base, error)
  }
}

/** What is written into an empty mount point is on the wrong disk, and what is missing there is not missing. */
function mustBeMounted(job: MarkerJob, inputs: Inputs): void {
  const captured = sole(inputs, 'mounts')
  const wanted = job.filesystem
  if (!captured) {
    if (wanted) throw new Unanswered('what is mounted cannot be told on this machine')
    return
  }
  const mounts = parseMountinfo(captured.text)
  const points = mounts.map(mount => mount.point)
  const expected = wanted?.mountPoint?.replace(/(.)\/$/, '$1')
  const planned = holding(parseFstab(sole(inputs, 'fstab')?.text ?? ''), job.path)
  for (const point of [expected, planned]) {
    if (point !== undefined && !points.includes(point)) throw new Unanswered(`its target is not mounted: ${point}`, `Mount ${point}.`)
  }
  if (wanted?.type === undefined) return
  const point = expected ?? holding(points, job.path)
  const type = mounts.findLast(mount => mount.point === point)?.type
  if (type !== wanted.type)
    throw new Unanswered(`its target ${point ?? ''} is ${type ?? 'nothing'}, not ${wanted.type}`, 'Mount the right file system there.')
}

type Judging = { readonly job: Pick<MarkerJob, 'glob' | 'minBytes'>; readonly isFile: boolean; readonly now: number }

function byEntries(base: Job, entries: readonly Entry[], { job, isFile, now }: Judging): Job {
  const fitting = entries.filter(entry => isFile || fits(job, entry.name)).sort((a, b) => b.modifiedAt - a.modifiedAt)
  const [newest] = fitting
  if (!newest) return { ...base, snapshots: isFile ? null : 0, reason: 'nothing is there yet' }
  if (isFuture(newest.modifiedAt, now))
    throw new Unanswered('the newest entry is from the future', 'Set the clock right, here or where the backup is stored.')
  const isWhole = (entry: Entry) => entry.kind === 'd' || entry.size >= job.minBytes
  const good = fitting.filter(isWhole)
  const sizes = good.filter(entry => entry.kind !== 'd').map(entry => entry.size)
  const isDump = !isFile || newest.size > LARGEST_RECORD
  return {
    ...base,
    lastRunAt: time(newest.modifiedAt),
    lastResult: isWhole(newest) ? 'success' : 'failed',
    lastSuccessAt: good[0] ? time(good[0].modifiedAt) : null,
    sourceBytes: isDump && newest.kind !== 'd' ? newest.size : null,
    snapshots: isFile ? null : good.length,
    earlierBytes: isDump ? sizes.slice(isWhole(newest) ? 1 : 0).slice(0, 10) : [],
    learnedEveryMs: isFile ? null : learnedEvery(good.map(entry => entry.modifiedAt)),
    warnings: isWhole(newest) ? [] : [`${newest.name.slice(0, 200)} has ${newest.size} bytes, at least ${job.minBytes} are wanted`],
  }
}

/** A file dated 1970 or before has lost its time. */
function time(at: number): number {
  if (at <= 0) throw new Unanswered('the newest entry has no time')
  return at
}

/**
 * restic ends with 3 and borg with 1 when something was left out, rsync with 24 when files vanished while it read; whatever else is not 0 is a failure: rsync
 * ends with 23 where one file could not be read, and where none of the source was there.
 */
function resultOf(exit: number | null, tool: string): Job['lastResult'] {
  if (exit === null || exit === 0) return 'success'
  const isPartial =
    (tool === 'restic' && exit === 3) ||
    (tool === 'rsync' && exit === 24) ||
    (tool === 'borg' && (exit === 1 || (exit >= 100 && exit <= 127)))
  return isPartial ? 'warnings' : 'failed'
}

function byRecord(base: Job, record: RunRecord, modifiedAt: number | null, tool: string, now: number): Job {
  const isRunning = record.startedAt !== null && record.finishedAt === null && record.exit === null
  const endedAt = isRunning ? null : (record.finishedAt ?? modifiedAt)
  for (const at of [record.startedAt, endedAt, record.lastSuccessAt]) {
    if (at !== null && isFuture(at, now))
      throw new Unanswered('its record has a time in the future', 'Set the clock right, here or where the backup ran.')
  }
  const result = isRunning ? 'running' : resultOf(record.exit, tool)
  const isGood = result === 'success' || result === 'warnings'
  if (isGood && endedAt === null) throw new Unanswered('its record does not say when it finished')
  return {
    ...base,
    lastRunAt: endedAt ?? record.startedAt,
    lastResult: result,
    lastSuccessAt: isGood ? endedAt : record.lastSuccessAt,
    runningSince: isRunning ? record.startedAt : null,
    durationMs: record.startedAt !== null && endedAt !== null && endedAt >= record.startedAt ? endedAt - record.startedAt : null,
    sourceBytes: record.bytes,
    files: record.files,
    reason: isGood || record.lastSuccessAt !== null ? null : 'its record does not say when it last went well',
    warnings: result === 'failed' || result === 'warnings' ? [`it ended with ${record.exit}`] : [],
  }
}

/** What a marker or listing alone tells, as under `parse`. */
function alone(inputs: Inputs, context: ParseContext): Job {
  const base = blankJob('marker', 'marker')
  const record = sole(inputs, 'record')
  const listing = sole(inputs, 'listing')
  try {
    if (listing) return byEntries(base, parseListing(listing.text), { job: { minBytes: 1 }, isFile: false, now: context.now })
    const run = parseRecord(record?.text ?? '')
    if (run) return byRecord(base, run, record?.modifiedAt ?? null, 'marker', context.now)
    if (!record || record.modifiedAt === null) throw new Unanswered('the marker is no record, and its time is not known')
    const entry = { kind: 'f', size: Buffer.byteLength(record.text), modifiedAt: record.modifiedAt, name: 'marker' }
    return byEntries(base, [entry], { job: { minBytes: 1 }, isFile: true, now: context.now })
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error
    return unanswered(base, error)
  }
}
