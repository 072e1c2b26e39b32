import type { FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import type { Host, RunOptions } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { byLogAlone, capturesOf, withProofs, withRun } from './evidence.ts'
import { fairShare, fileFor, forEachJob, freeFor, freeRatio, runFor } from './gather.ts'
import { blankJob, clip, type Job, Unanswered, unanswered } from './job.ts'
import {
  Address,
  address,
  credentialName,
  credentialPath,
  filePath,
  interval,
  jobName,
  jobs,
  plainText,
  refusedSecret,
  verification,
} from './options.ts'
import { parseBackupLog, parseCheck } from './restic-log.ts'
import { parseSnapshots, type Snapshot, withSnapshots } from './restic-snapshots.ts'
import { isSnapshotTable } from './restic-table.ts'

/** All jobs together, ms; below the probe's deadline, so that one dead server leaves the others known. */
const READ_MS = 110_000
/** More sets of paths than this in one repository are told as one job. */
const MOST_PATH_SETS = 4
const MOST_JOBS = 32
const CACHE = '/var/cache/fettle/restic'

const resticJob = v.pipe(
  v.strictObject({
    name: jobName,
    repository: v.optional(address),
    repositoryFile: v.optional(filePath),
    passwordFile: v.optional(filePath),
    passwordCommand: v.optional(plainText),
    credential: v.optional(credentialName),
    environmentFile: v.optional(filePath),
    password: refusedSecret,
    host: v.optional(plainText),
    paths: v.optional(v.array(filePath)),
    tags: v.optional(v.array(plainText)),
    every: v.optional(interval),
    log: v.optional(filePath),
    verify: v.optional(verification),
    restore: v.optional(v.strictObject({ marker: filePath })),
    cache: v.optional(filePath, CACHE),
    user: v.optional(plainText),
  }),
  v.check(job => (job.repository === undefined) !== (job.repositoryFile === undefined), 'wanted one of repository and repositoryFile'),
  v.check(
    job => [job.passwordFile, job.passwordCommand, job.credential].filter(given => given !== undefined).length <= 1,
    'wanted only one of passwordFile, passwordCommand and credential',
  ),
  v.check(
    job => [job.passwordFile, job.passwordCommand, job.credential, job.environmentFile].some(given => given !== undefined),
    'wanted passwordFile, passwordCommand or credential (or environmentFile with RESTIC_PASSWORD_FILE in it)',
  ),
)
type ResticJob = v.InferOutput<typeof resticJob>

/**
 * Backups in restic repositories: the newest snapshot of this host and these paths. restic before 0.17 ends with 0 when a source is
 * missing, so a job names its `paths` or gives the `log` of its runs. See restic's manual, "Scripting".
 */
export default defineProbe<'backups', readonly ResticJob[]>({
  subject: 'backups',
  source: 'restic',
  platforms: ['linux', 'darwin', 'win32'],
  every: '6h',
  timeout: '120s',
  heavy: true,
  privilege: 'reads the password file of each job and, for local repositories, the repository; both belong to root as a rule',
  network: 'Only to repositories that `backups.restic` names; without any, none.',
  cost: '0.4 s of CPU a repository (deriving the key), none where only logs or markers are read',
  blind:
    'Whether a run was partial, without `paths` or `log`; when the repository was last verified, without `verify`; sizes before restic 0.17.',
  setting: {
    schema: jobs(resticJob, MOST_JOBS),
    default: [],
    doc: 'restic repositories to watch. Passwords stay in passwordFile, passwordCommand, credential or environmentFile, never here.',
    example: [
      {
        name: 'nightly',
        repository: 'sftp:backup@nas:/srv/restic',
        passwordFile: '/etc/fettle/restic.password',
        paths: ['/etc', '/home', '/srv'],
        every: '1d',
        log: '/var/log/restic-backup.json',
        verify: { log: '/var/log/restic-check.log' },
      },
    ],
  },
  inputs: {
    snapshots: {
      from: 'restic snapshots --json',
      recognise: text => /^\s*(\[\s*(\]|\{"(time|group_key)")|null\s*$)/.test(text) || isSnapshotTable(text),
    },
    log: {
      from: 'log of restic backup, with --json or without',
      recognise: text =>
        /"message_type":\s*"(status|verbose_status|summary|error)"/.test(text.slice(0, 65536)) && !isCheck(text)
          ? true
          : isPlainBackup(text),
    },
    check: { from: 'log of restic check', recognise: isCheck },
    verified: { from: 'marker written after a good restic check' },
    restored: { from: 'marker written after a restore test' },
    free: { from: 'free space of a local repository, {"size","free"} in bytes' },
    other: {
      from: 'restic stats --json, restic list locks, restic version: they tell nothing of a backup',
      recognise: text =>
        /^\{"total_size":|^[0-9a-f]{64}\s|^restic \d/.test(text.slice(0, 1024)) ||
        /^(keep \d+ snapshots:|to repack: .*|snapshot [0-9a-f]{8,64} of \[.*)$/m.test(text.slice(0, 65_536)),
    },
  },
  parse(inputs, context) {
    return { jobs: context.options.length > 0 ? context.options.flatMap(job => configured(job, inputs, context)) : found(inputs, context) }
  },
  async read(host, options) {
    if (options.length === 0) throw new Absent('no restic repository is configured')
    const timeoutMs = fairShare(options.length, 1, READ_MS)
    const all = await forEachJob(options, job => gather(host, job, timeoutMs))
    const inputs: Record<string, Captured[]> = {}
    for (const [input, captures] of all.flatMap(gathered => Object.entries(gathered)))
      inputs[input] = [...(inputs[input] ?? []), ...captures]
    return this.parse(inputs, { now: host.now(), hostname: host.hostname, options })
  },
})

function isCheck(text: string): boolean {
  return /^(check all packs|no errors were found|Fatal: repository contains errors)$|"num_errors":/m.test(text.slice(0, 1024 * 1024))
}

function isPlainBackup(text: string): boolean {
  return /^(snapshot [0-9a-f]{8,64} saved|start backup on \[.*|using parent snapshot .*|Added to the repo(sitory)?: .*)$/m.test(
    text.slice(0, 1024 * 1024),
  )
}

/** Everything that tells of one job. The address goes by the environment, since it may hold a secret and everybody sees command lines. */
async function gather(host: Host, job: ResticJob, timeoutMs: number): Promise<Record<string, Captured[]>> {
  const repository = job.repository && Address.of(job.repository).reveal()
  const argv = [
    'restic',
    'snapshots',
    '--json',
    '--no-lock',
    '--host',
    job.host ?? host.hostname,
    '--cache-dir',
    `${job.cache}/${job.name}`,
  ]
  if (job.repositoryFile !== undefined) argv.push('--repository-file', job.repositoryFile)
  const options: RunOptions = {
    timeoutMs,
    env: { ...passwordOf(job), ...(repository === undefined ? {} : { RESTIC_REPOSITORY: repository }) },
    ...(job.environmentFile === undefined ? {} : { envFile: job.environmentFile }),
    ...(job.user === undefined ? {} : { user: job.user }),
  }
  return {
    snapshots: [await runFor(host, job.name, argv, options)],
    log: await fileFor(host, job.name, job.log),
    check: await fileFor(host, job.name, job.verify?.log),
    verified: await fileFor(host, job.name, job.verify?.marker),
    restored: await fileFor(host, job.name, job.restore?.marker),
    free: await freeFor(host, job.name, repository),
  }
}

function passwordOf(job: ResticJob): Record<string, string> {
  if (job.passwordCommand !== undefined) return { RESTIC_PASSWORD_COMMAND: job.passwordCommand }
  const path = job.credential === undefined ? job.passwordFile : credentialPath(job.credential)
  return path === undefined ? {} : { RESTIC_PASSWORD_FILE: path }
}

function configured(job: ResticJob, inputs: Inputs, context: ParseContext<readonly ResticJob[]>): Job[] {
  const base: Job = {
    ...blankJob(job.name, 'restic'),
    destination: job.repository ? Address.of(job.repository).shown : null,
    expectedEveryMs: job.every ?? null,
    destinationFreeRatio: freeRatio(capturesOf(inputs, 'free', job.name)[0]),
  }
  const wanted = { host: job.host ?? context.hostname, paths: job.paths, tags: job.tags }
  const answer = attempt(base, () => {
    const [captured] = capturesOf(inputs, 'snapshots', job.name)
    if (!captured) throw new Unanswered('there is no output of restic snapshots')
    const all = parseSnapshots(captured, base.destination)
    const own = all.filter(one => one.hostname === wanted.host && (job.tags ?? []).every(tag => one.tags.includes(tag)))
    const sets = job.paths ? [] : bySource(own)
    if (sets.length < 2 || sets.length > MOST_PATH_SETS) {
      const reason = sets.length > 1 ? `any of ${sets.length} sets of paths counts; name the job's paths to watch them` : null
      return [{ job: withSnapshots({ ...base, reason }, all, wanted, context.now), ids: idsOf(own) }]
    }
    return sets.map(set => ({
      job: withSnapshots({ ...base, name: clip(`${job.name} ${set[0]?.paths.join(',') ?? ''}`, 128) }, set, wanted, context.now),
      ids: idsOf(set),
    }))
  })
  return answer.map(told => complete(told, answer, inputs, job.name, context.now))
}

type Told = { readonly job: Job; readonly ids: readonly string[] }

function attempt(base: Job, tell: () => Told[]): Told[] {
  try {
    return tell()
  } catch (error) {
    return [{ job: unanswered(base, error), ids: [] }]
  }
}

/** Snapshot ids, newest first. */
function idsOf(snapshots: readonly Snapshot[]): string[] {
  return [...snapshots].sort((a, b) => b.at - a.at).map(one => one.id)
}

/** Snapshots by host and paths: each is a series of its own. The newest series first. */
function bySource(snapshots: readonly Snapshot[]): Snapshot[][] {
  const series = new Map<string, Snapshot[]>()
  for (const one of [...snapshots].sort((a, b) => b.at - a.at)) {
    const key = JSON.stringify([one.hostname, [...one.paths].sort()])
    const known = series.get(key)
    if (known) known.push(one)
    else series.set(key, [one])
  }
  return [...series.values()]
}

/** Adds what logs and markers tell. A log that names a snapshot belongs to the series that holds it. */
function complete(told: Told, all: readonly Told[], inputs: Inputs, name: string | null, now: number): Job {
  let { job } = told
  const [log] = capturesOf(inputs, 'log', name)
  if (log) {
    try {
      const run = parseBackupLog(log, now)
      const holds = (one: Told) => run.made !== null && one.ids.some(id => id.startsWith(run.made ?? ''))
      if (holds(told) || !all.some(holds)) job = withRun(job, log, run, told.ids[0] ?? null)
    } catch (error) {
      job = { ...job, reason: job.reason ?? unanswered(job, error).reason }
    }
  }
  const [marker] = capturesOf(inputs, 'verified', name)
  const [restored] = capturesOf(inputs, 'restored', name)
  return withProofs(job, { log: capturesOf(inputs, 'check', name)[0], marker, restored, verdict: parseCheck }, now)
}

/** What captures alone tell, as under `parse`: a job for each host and set of paths in them. */
function found(inputs: Inputs, context: ParseContext): FactTypes['backups']['jobs'] {
  const base = blankJob('restic', 'restic')
  const captures = inputs.snapshots ?? []
  if (captures.length === 0) return [withoutSnapshots(base, inputs, context.now)]
  const told = captures.flatMap(captured => ofCapture(base, captured, context.now))
  return told.slice(0, 128).map(one => complete(one, told, inputs, null, context.now))
}

function ofCapture(base: Job, captured: Captured, now: number): Told[] {
  let all: Snapshot[]
  try {
    all = parseSnapshots(captured, null)
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error
    return [{ job: unanswered(base, error), ids: [] }]
  }
  const series = bySource(all)
  const reason = isSnapshotTable(captured.text) ? 'times without a zone are read as UTC' : null
  if (series.length === 0) return [{ job: { ...base, snapshots: 0, reason: 'the repository holds no snapshot' }, ids: [] }]
  return series.flatMap(set => {
    const [newest] = set
    const name = series.length === 1 || !newest ? base.name : clip(`${newest.hostname}:${newest.paths.join(',')}`, 128)
    return attempt({ ...base, name }, () => [
      { job: withSnapshots({ ...base, name, reason }, set, { host: newest?.hostname ?? '' }, now), ids: idsOf(set) },
    ])
  })
}

function withoutSnapshots(base: Job, inputs: Inputs, now: number): Job {
  const log = sole(inputs, 'log')
  const check = sole(inputs, 'check')
  if (!log && !check && !sole(inputs, 'other')) throw new Absent('no restic repository is configured')
  const job = log
    ? byLogAlone(base, log, parseBackupLog(log, now), now)
    : unanswered(base, new Unanswered('this output does not tell when a backup was made'))
  return withProofs(job, { log: check, marker: sole(inputs, 'verified'), restored: sole(inputs, 'restored'), verdict: parseCheck }, now)
}
