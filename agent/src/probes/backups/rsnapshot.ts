import { basename } from 'node:path'
import * as v from 'valibot'
import { Absent, type Captured, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { capturesOf, withProofs } from './evidence.ts'
import { DID_NOT_RUN, forEachJob, freeRatio } from './gather.ts'
import { blankJob, clip, isFuture, type Job, learnedEvery, Unanswered, unanswered, warningList } from './job.ts'
import { holding, parseFstab, parseListing, parseMountinfo } from './listing.ts'
import { filePath, interval, jobName, jobs, verification } from './options.ts'
import { parseRsnapshotConfig, type RsnapshotConfig } from './rsnapshot-config.ts'
import { clockOf, parseLogfile, parseSystemLog, type Run, runsOf } from './rsnapshot-log.ts'
import { common, found, gather, JOURNAL, PLACES } from './rsnapshot-machine.ts'

const rsnapshotJob = v.strictObject({
  name: jobName,
  config: filePath,
  every: v.optional(interval),
  verify: v.optional(verification),
  restore: v.optional(v.strictObject({ marker: filePath })),
})
type RsnapshotJob = v.InferOutput<typeof rsnapshotJob>

/**
 * Backups that rsnapshot(1) makes: how its runs ended, by its own log or by what it told the system's. The newest snapshot alone is no proof: rsnapshot
 * gives it the time of the run even where the run ended with errors. Snapshots on the file system of what they are of are told as `snapshot`.
 */
export default defineProbe<'backups', readonly RsnapshotJob[]>({
  subject: 'backups',
  source: 'rsnapshot',
  platforms: ['linux', 'darwin'],
  every: '15m',
  timeout: '60s',
  privilege: 'reads rsnapshot.conf, the log and snapshot_root, which belong to root, and the system journal',
  blind:
    'Whether a script among its sources, or a name that is an alias of the machine, saves the machine itself. Runs without a log, where the journal has forgotten them. Whether snapshot_root is another disk, or only another file system of the same.',
  setting: {
    schema: jobs(rsnapshotJob, 16),
    default: [],
    doc: 'Configurations of rsnapshot; without any, /etc/rsnapshot.conf is found of itself.',
    example: [{ name: 'rsnapshot', config: '/etc/rsnapshot.conf', every: '4h' }],
  },
  inputs: {
    log: {
      from: '/var/log/rsnapshot.log',
      recognise: text =>
        /^\[[\w/:-]{19,20}\] (?:WARNING: )?\S{0,200}rsnapshot [^:]{1,400}: (?:started|completed|ERROR: )/m.test(text.slice(0, 1e5)),
    },
    journal: { from: JOURNAL.join(' '), recognise: text => /^\{.{0,2000}"MESSAGE"\s?:\s?".{0,300}rsnapshot/m.test(text.slice(0, 1e5)) },
    config: { from: '/etc/rsnapshot.conf', recognise: text => /^(snapshot_root|config_version)\t/m.test(text.slice(0, 1e5)) },
    snapshots: { from: "find SNAPSHOT_ROOT -mindepth 1 -maxdepth 1 -printf '%y %s %T@ %f\\n'" },
    place: { from: 'realpath SNAPSHOT_ROOT' },
    lock: { from: 'lockfile: its time and what the process that holds it runs as' },
    zone: { from: "name of the machine's time zone" },
    mounts: { from: '/proc/self/mountinfo' },
    fstab: { from: '/etc/fstab' },
    free: { from: 'free space of snapshot_root, {"size","free"} in bytes' },
    verified: { from: 'marker written after a verification' },
    restored: { from: 'marker written after a restore test' },
    other: { from: 'rsnapshot configtest', recognise: text => /^Syntax OK\s*$/.test(text.slice(0, 100)) },
  },
  parse(inputs, context) {
    if (context.options.length > 0) return { jobs: context.options.map(job => judge(job, inputs, context)) }
    const names = [...new Set([...(inputs.config ?? []), ...(inputs.log ?? []), ...(inputs.journal ?? [])].map(({ name }) => name))]
    if (names.length === 0 && sole(inputs, 'other'))
      return {
        jobs: [unanswered(blankJob('rsnapshot', 'rsnapshot'), new Unanswered('that a configuration is in order tells nothing of backups'))],
      }
    if (names.length === 0) throw new Absent('rsnapshot is not installed')
    return { jobs: [judge({ name: 'rsnapshot', config: '' }, merged(inputs), context)] }
  },
  async read(host, options) {
    const wanted = options.length > 0 ? options : await found(host)
    const context = { now: host.now(), hostname: host.hostname, options: wanted }
    if (wanted.length === 0) return { jobs: [] }
    const inputs: Record<string, Captured[]> = {}
    for (const gathered of [await common(host), ...(await forEachJob(wanted, job => gather(host, job)))])
      for (const [input, captures] of Object.entries(gathered)) inputs[input] = [...(inputs[input] ?? []), ...captures]
    return this.parse(inputs, context)
  },
})

/** Under `parse` all files are of one job. */
function merged(inputs: Inputs): Inputs {
  return Object.fromEntries(
    Object.entries(inputs).map(([input, all]) => [input, all.map(captured => ({ ...captured, name: 'rsnapshot' }))]),
  )
}

function judge(job: RsnapshotJob, inputs: Inputs, context: ParseContext): Job {
  const of = (input: string) => capturesOf(inputs, input, job.name)
  const [captured] = of('config')
  const base: Job = { ...blankJob(job.name, 'rsnapshot'), expectedEveryMs: job.every ?? null, protects: 'unknown' }
  const proofs = { marker: of('verified')[0], restored: of('restored')[0], verdict: () => undefined }
  if (captured?.code === DID_NOT_RUN)
    return unanswered(base, new Unanswered(captured.stderr, `See that ${job.config} is there and the agent may read it.`))
  const config = captured ? parseRsnapshotConfig(captured.text) : null
  const onSame = config ? sourceBeside(config, of('place')[0]?.text, sole(inputs, 'mounts')?.text) : undefined
  const known: Job = {
    ...base,
    kind: onSame === undefined ? 'backup' : 'snapshot',
    protects: protectedBy(config, context.hostname),
    destination: config?.root ? clip(config.root) : null,
    destinationFreeRatio: freeRatio(of('free')[0]),
    reason: onSame === undefined ? elsewhere(config, context.hostname) : clip(`its snapshots lie on the same file system as ${onSame}`),
  }
  try {
    if (config) mustBeMounted(config, inputs)
    return withProofs(withRuns(known, config, job, inputs, context.now), proofs, context.now)
  } catch (error) {
    return withProofs(unanswered(known, error), proofs, context.now)
  }
}

/** A source on the file system that holds the snapshots; undefined where there is none, or what is mounted is not known. */
function sourceBeside({ root, locals }: RsnapshotConfig, place: string | undefined, mounts: string | undefined): string | undefined {
  const devices = new Map(
    (mounts ?? '')
      .split('\n')
      .map(line => line.split(' '))
      .map(([, , device, , point]) => [point ?? '', device]),
  )
  const deviceOf = (path: string) => devices.get(holding([...devices.keys()], path) ?? '')
  const own = root === null ? undefined : deviceOf(place ?? root)
  return own === undefined ? undefined : locals.find(source => deviceOf(source) === own)
}

/** Whose data its sources are: a server that only pulls from others saves nothing of its own. */
function protectedBy(config: RsnapshotConfig | null, hostname: string): Job['protects'] {
  if (!config) return 'unknown'
  const short = (name: string) => name.toLowerCase().split('.')[0]
  const isOwn = (name: string) => /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1)$/.test(name) || short(name) === short(hostname)
  if (config.locals.length > 0 || config.hosts.some(isOwn)) return 'this'
  return config.hosts.length > 0 && !config.hasMore ? 'others' : 'unknown'
}

function elsewhere(config: RsnapshotConfig | null, hostname: string): string | null {
  return protectedBy(config, hostname) === 'others' ? 'none of its sources is a path of this machine' : null
}

/** What is missing from an empty mount point is not missing. */
function mustBeMounted({ root }: RsnapshotConfig, inputs: Inputs): void {
  const mounts = sole(inputs, 'mounts')
  if (root === null || !mounts) return
  const planned = holding(parseFstab(sole(inputs, 'fstab')?.text ?? ''), root)
  if (planned !== undefined && !parseMountinfo(mounts.text).some(({ point }) => point === planned))
    throw new Unanswered(`snapshot_root is not mounted: ${planned}`, `Mount ${planned}.`)
}

function withRuns(
  base: Job,
  config: RsnapshotConfig | null,
  { name, config: path }: Pick<RsnapshotJob, 'name' | 'config'>,
  inputs: Inputs,
  now: number,
): Job {
  const [listing] = capturesOf(inputs, 'snapshots', name)
  if (listing?.code === DID_NOT_RUN)
    throw new Unanswered(
      `snapshot_root cannot be read: ${listing.stderr}`,
      'See that its disk is mounted and the agent may read it; or rsnapshot has never run.',
    )
  const entries = listing ? parseListing(listing.text) : null
  const levels = config?.levels ?? []
  const kept = entries?.filter(entry => levels.some(level => entry.name.startsWith(`${level}.`))) ?? null
  const job = { ...base, snapshots: kept?.length ?? null }
  const runs = runsIn(inputs, name).filter(run => isOf(run, path))
  const backsUp = config ? (config.isSyncFirst ? 'sync' : levels[0]) : backupIn(runs)
  const own = runs.filter(run => run.command === backsUp)
  if (own.length === 0) return withoutRuns(job, entries, config, now)
  return byRuns(job, own, { running: runningOf(inputs, name, backsUp ?? ''), rotations: runs.filter(run => run.command !== backsUp), now })
}

/** Several configurations may share a log: a run of another one backs up other things. Captures alone have no path. */
function isOf({ config }: Run, path: string): boolean {
  if (path === '') return true
  if (config === null) return PLACES.includes(path)
  return config.startsWith('/') ? config === path : basename(config) === basename(path)
}

/** Its own log where it keeps one that tells, else the system's. */
function runsIn(inputs: Inputs, name: string): Run[] {
  const zone = sole(inputs, 'zone')?.text.trim() ?? null
  const logs = capturesOf(inputs, 'log', name)
  const unread = logs.find(log => log.code === DID_NOT_RUN && log.stderr !== '')
  if (unread) throw new Unanswered(unread.stderr, 'Let the agent read the log of rsnapshot.')
  const own = runsOf(logs.flatMap(log => parseLogfile(log.text, clockOf(zone))))
  if (own.length > 0) return own
  const system = capturesOf(inputs, 'journal', name)
  return runsOf(system.flatMap(one => (one.code === null || one.code === 0 ? parseSystemLog(one.text) : [])))
}

/** Without a configuration: `sync` where it is run, else the level that ran most often. */
function backupIn(runs: readonly Run[]): string | undefined {
  if (runs.some(run => run.command === 'sync')) return 'sync'
  const counts = new Map<string, number>()
  for (const { command } of runs) counts.set(command, (counts.get(command) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0]
}

function withoutRuns(
  job: Job,
  entries: readonly { readonly name: string; readonly modifiedAt: number }[] | null,
  config: RsnapshotConfig | null,
  now: number,
): Job {
  const newest = config?.isSyncFirst ? '.sync' : `${config?.levels[0] ?? ''}.0`
  const at = entries?.find(entry => entry.name === newest)?.modifiedAt
  if (entries && entries.length === 0) return { ...job, reason: job.reason ?? 'there is no snapshot yet' }
  const hint = 'Set logfile in rsnapshot.conf (loglevel 3), or keep the journal over restarts.'
  const blind = new Unanswered('no log tells how its runs ended, and the newest snapshot has the time of a failed run too', hint)
  return unanswered({ ...job, lastRunAt: at !== undefined && at > 0 && !isFuture(at, now) ? Math.round(at) : null }, blind)
}

type Around = { readonly running: number | null; readonly rotations: readonly Run[]; readonly now: number }

function byRuns(job: Job, runs: readonly Run[], { running, rotations, now }: Around): Job {
  const last = runs.at(-1)
  const good = runs.filter(run => run.result === 'success' || run.result === 'warnings')
  const times = good.flatMap(run => run.endedAt ?? [])
  const at = last?.endedAt ?? last?.startedAt ?? null
  const success = good.at(-1)?.endedAt ?? null
  const isOpen = last?.result === 'open'
  const told: Job = {
    ...job,
    lastRunAt: at,
    lastResult: running !== null ? 'running' : isOpen || !last ? 'failed' : (last.result as Job['lastResult']),
    runningSince: running,
    durationMs: last?.startedAt && last.endedAt && last.endedAt >= last.startedAt ? last.endedAt - last.startedAt : null,
    learnedEveryMs: learnedEvery(times),
    warnings: warningList([
      ...(isOpen && running === null ? ['its last run was broken off'] : []),
      ...(last?.notes ?? []),
      ...unrotated(rotations),
    ]),
  }
  if (at === null)
    return unanswered(
      told,
      new Unanswered('the times of its log have no zone', 'Give --input zone=FILE with its name, such as Europe/Berlin.'),
    )
  if ([at, success].some(time => time !== null && isFuture(time, now)))
    return unanswered(told, new Unanswered('its log has times in the future', 'Set the clock right.'))
  if (success === null && job.snapshots === 0) return { ...told, reason: told.reason ?? 'there is no snapshot yet' }
  if (success === null)
    return unanswered(
      told,
      new Unanswered('no run that went well is in its log', 'Look for the cause in the log; an older log may tell more.'),
    )
  return { ...told, lastSuccessAt: success }
}

/** Levels whose last rotation failed: backups go on, and old ones are not kept as wanted. */
function unrotated(runs: readonly Run[]): string[] {
  const last = new Map(runs.map(run => [run.command, run]))
  return [...last.values()]
    .filter(run => run.result === 'failed')
    .map(run => `rsnapshot ${run.command} failed: ${run.notes.at(-1) ?? 'no reason is told'}`)
}

/** Since when the command runs, by the lock that it holds; null where it does not run. */
function runningOf(inputs: Inputs, name: string, command: string): number | null {
  const [, at = '', line = ''] = /^(\d+) (.+)$/s.exec(capturesOf(inputs, 'lock', name)[0]?.text ?? '') ?? []
  return line.split(' ').includes(command) && Number(at) > 0 ? Number(at) : null
}
