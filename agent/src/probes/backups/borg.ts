import type { FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import type { Host, RunOptions } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { type Archive, newestFirst, parseArchives, withArchives } from './borg-archives.ts'
import { naiveEnd, parseCheck, parseCreateLog } from './borg-log.ts'
import { byLogAlone, capturesOf, withProofs, withRun } from './evidence.ts'
import { fairShare, fileFor, forEachJob, freeFor, freeRatio, runFor } from './gather.ts'
import { blankJob, clip, type Job, Unanswered, unanswered } from './job.ts'
import {
  bareAddress,
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

/** All jobs together, ms; below the probe's deadline. */
const READ_MS = 108_000
/** borg asks for each listed archive's host: more would take long over ssh. */
const NEWEST = 200
const WITH_SIZES = 10
const BASE = '/var/cache/fettle/borg'

const borgJob = v.pipe(
  v.strictObject({
    name: jobName,
    repository: bareAddress,
    passphraseFile: v.optional(filePath),
    passphraseCommand: v.optional(plainText),
    credential: v.optional(credentialName),
    environmentFile: v.optional(filePath),
    password: refusedSecret,
    passphrase: refusedSecret,
    unencrypted: v.optional(v.boolean(), false),
    host: v.optional(plainText),
    archives: v.optional(plainText),
    sizes: v.optional(v.boolean(), true),
    every: v.optional(interval),
    log: v.optional(filePath),
    verify: v.optional(verification),
    restore: v.optional(v.strictObject({ marker: filePath })),
    base: v.optional(filePath, BASE),
    user: v.optional(plainText),
  }),
  v.check(
    job => [job.passphraseFile, job.passphraseCommand, job.credential].filter(given => given !== undefined).length <= 1,
    'wanted only one of passphraseFile, passphraseCommand and credential',
  ),
)
type BorgJob = v.InferOutput<typeof borgJob>

/**
 * Backups in borg repositories: the newest finished archive of this host. borg lists an archive after a run that missed a source too (it
 * ended with 1), so a job gives the `log` of its runs. borg takes a lock to list: where a backup runs, the job is unknown for the while.
 */
export default defineProbe<'backups', readonly BorgJob[]>({
  subject: 'backups',
  source: 'borg',
  platforms: ['linux', 'darwin'],
  every: '6h',
  timeout: '120s',
  heavy: true,
  privilege: 'reads the passphrase file of each job, and locks and reads local repositories; both belong to root as a rule',
  network: 'Only to repositories that `backups.borg` names; without any, none.',
  cost: '0.3 s of CPU a repository, none where only logs or markers are read',
  blind:
    'Whether a run was partial, without `log`; when the repository was last verified, without `verify`. borg prints times without a zone: the probe asks with TZ=UTC, and captures from elsewhere are read as UTC.',
  setting: {
    schema: jobs(borgJob),
    default: [],
    doc: 'borg repositories to watch. Passphrases stay in passphraseFile, passphraseCommand, credential or environmentFile, never here.',
    example: [
      {
        name: 'nightly',
        repository: 'ssh://backup@nas/./host',
        passphraseFile: '/etc/fettle/borg.passphrase',
        every: '1d',
        log: '/var/log/borg-create.log',
        verify: { log: '/var/log/borg-check.log' },
      },
    ],
  },
  inputs: {
    list: { from: 'borg list --json', recognise: text => /^\s*\{\s*"archives":/.test(text) && !hasStats(text) },
    info: {
      from: 'borg info --json --last 10',
      recognise: text => /^\s*\{\s*"(archives|cache)":/.test(text) && hasStats(text) && !hasCreated(text),
    },
    log: {
      from: 'log of borg create --json, --stats or --show-rc',
      recognise: text => hasCreated(text) || /^(Time \(end\): |Archive name: )/m.test(text.slice(0, 1e6)),
    },
    check: {
      from: 'log of borg check --verbose',
      recognise: text => /Starting (repository check|archive consistency check)|(no problems|errors) found/.test(text.slice(0, 1e6)),
    },
    verified: { from: 'marker written after a good borg check' },
    restored: { from: 'marker written after a restore test' },
    free: { from: 'free space of a local repository, {"size","free"} in bytes' },
  },
  parse(inputs, context) {
    return { jobs: context.options.length > 0 ? context.options.map(job => configured(job, inputs, context)) : found(inputs, context) }
  },
  async read(host, options) {
    if (options.length === 0) throw new Absent('no borg repository is configured')
    const timeoutMs = fairShare(options.length, 2, READ_MS)
    const all = await forEachJob(options, job => gather(host, job, timeoutMs))
    const inputs: Record<string, Captured[]> = {}
    for (const [input, captures] of all.flatMap(gathered => Object.entries(gathered)))
      inputs[input] = [...(inputs[input] ?? []), ...captures]
    return this.parse(inputs, { now: host.now(), hostname: host.hostname, options })
  },
})

const hasStats = (text: string): boolean => /"(original_size|total_unique_chunks)":/.test(text.slice(0, 1e6))
const hasCreated = (text: string): boolean => /"archive":\s?\{[^{}]{0,65536}?"(command_line|duration|id|name)":/.test(text.slice(0, 1e6))

async function gather(host: Host, job: BorgJob, timeoutMs: number): Promise<Record<string, Captured[]>> {
  const options: RunOptions = {
    timeoutMs,
    env: environment(job),
    ...(job.environmentFile === undefined ? {} : { envFile: job.environmentFile }),
    ...(job.user === undefined ? {} : { user: job.user }),
  }
  const which = job.archives === undefined ? [] : ['--glob-archives', job.archives]
  const common = ['--json', '--log-json', '--lock-wait', '5', ...which]
  const list = await runFor(
    host,
    job.name,
    ['borg', 'list', ...common, '--last', `${NEWEST}`, '--format', '{hostname}{end}', job.repository],
    options,
  )
  const wantsInfo = job.sizes && list.code === 0
  return {
    list: [list],
    info: wantsInfo ? [await runFor(host, job.name, ['borg', 'info', ...common, '--last', `${WITH_SIZES}`, job.repository], options)] : [],
    log: await fileFor(host, job.name, job.log),
    check: await fileFor(host, job.name, job.verify?.log),
    verified: await fileFor(host, job.name, job.verify?.marker),
    restored: await fileFor(host, job.name, job.restore?.marker),
    free: await freeFor(host, job.name, job.repository),
  }
}

/** Every question that borg would ask is answered with no: nobody is there to ask. */
function environment(job: BorgJob): Record<string, string> {
  const path = job.credential === undefined ? job.passphraseFile : credentialPath(job.credential)
  const command = path === undefined ? job.passphraseCommand : `cat ${quoted(path)}`
  return {
    TZ: 'UTC',
    BORG_BASE_DIR: job.base,
    BORG_RSH: 'ssh -oBatchMode=yes',
    BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: job.unencrypted ? 'yes' : 'no',
    BORG_RELOCATED_REPO_ACCESS_IS_OK: 'no',
    BORG_DISPLAY_PASSPHRASE: 'no',
    ...(command === undefined ? {} : { BORG_PASSCOMMAND: command }),
  }
}

/** borg takes its command apart like a shell. */
function quoted(path: string): string {
  return `'${path.replaceAll("'", `'"'"'`)}'`
}

function configured(job: BorgJob, inputs: Inputs, context: ParseContext<readonly BorgJob[]>): Job {
  const base: Job = {
    ...blankJob(job.name, 'borg'),
    destination: clip(job.repository),
    expectedEveryMs: job.every ?? null,
    destinationFreeRatio: freeRatio(capturesOf(inputs, 'free', job.name)[0]),
  }
  try {
    const [captured] = capturesOf(inputs, 'list', job.name)
    if (!captured) throw new Unanswered('there is no output of borg list')
    const all = parseArchives(captured, base.destination)
    const own = ownOf(all, job, context.hostname)
    const told = withArchives(base, own, sizesOf(inputs, job.name), context.now)
    // A listing cut at its newest archives does not count them all.
    const snapshots = all.length < NEWEST ? told.snapshots : null
    return complete(
      { ...told, snapshots, reason: own.length > 0 ? null : clip(nothingOf(all, job, context.hostname)) },
      own,
      inputs,
      job.name,
      context.now,
    )
  } catch (error) {
    return complete(unanswered(base, error), [], inputs, job.name, context.now)
  }
}

/** Names chosen by `archives` are the job's whatever the host, unless it names one. */
function ownOf(all: readonly Archive[], job: BorgJob, hostname: string): Archive[] {
  if (job.archives !== undefined && job.host === undefined) return [...all]
  const host = job.host ?? hostname
  const own = all.filter(one => one.hostname === host)
  if (own.length > 0 || all.length < NEWEST) return own
  throw new Unanswered(
    `none of the newest ${NEWEST} archives is of the host ${host}`,
    'Set archives to a pattern that chooses those of this job.',
  )
}

function nothingOf(all: readonly Archive[], job: BorgJob, hostname: string): string {
  if (all.length === 0) return job.archives === undefined ? 'the repository holds no archive' : `no archive is named like ${job.archives}`
  return `none of its ${all.length} archives is of the host ${job.host ?? hostname}: if backups are made under another name, set host or archives`
}

/** Sizes are an extra: where borg info could not tell, they are unknown and the rest stands. */
function sizesOf(inputs: Inputs, job: string | null): Archive[] {
  const [info] = capturesOf(inputs, 'info', job)
  if (!info) return []
  try {
    return parseArchives(info, null)
  } catch {
    return []
  }
}

function complete(job: Job, own: readonly Archive[], inputs: Inputs, name: string | null, now: number): Job {
  let told = job
  const [log] = capturesOf(inputs, 'log', name)
  if (log) {
    try {
      const [newest] = newestFirst(own)
      told = withRun(job, log, parseCreateLog(log, now), newest?.name ?? null)
    } catch (error) {
      told = { ...job, reason: job.reason ?? unanswered(job, error).reason }
    }
  }
  return withProofs(told, proofsOf(inputs, name), now)
}

function proofsOf(inputs: Inputs, name: string | null) {
  const [marker] = capturesOf(inputs, 'verified', name)
  const [restored] = capturesOf(inputs, 'restored', name)
  return { log: capturesOf(inputs, 'check', name)[0], marker, restored, verdict: parseCheck }
}

/** What captures alone tell, as under `parse`: a job for each host in them. */
function found(inputs: Inputs, context: ParseContext): FactTypes['backups']['jobs'] {
  const base = blankJob('borg', 'borg')
  if (sole(inputs, 'list')) return (inputs.list ?? []).flatMap(captured => ofCapture(base, captured, inputs, context.now)).slice(0, 128)
  const [info] = inputs.info ?? []
  // The newest few archives only: they do not tell how many there are.
  if (info)
    return ofCapture(base, info, inputs, context.now)
      .map(job => ({ ...job, snapshots: job.snapshots === 0 ? 0 : null }))
      .slice(0, 128)
  return [withoutArchives(base, inputs, context.now)]
}

function ofCapture(base: Job, captured: Captured, inputs: Inputs, now: number): Job[] {
  let all: Archive[]
  try {
    all = parseArchives(captured, null)
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error
    return [complete(unanswered(base, error), [], inputs, null, now)]
  }
  if (all.length === 0) return [complete({ ...base, snapshots: 0, reason: 'the repository holds no archive' }, [], inputs, null, now)]
  const hosts = [...new Set(all.map(one => one.hostname))]
  return hosts.map(host => {
    const own = all.filter(one => one.hostname === host)
    const job = {
      ...base,
      name: hosts.length === 1 ? base.name : clip(`borg ${host ?? 'of an unknown host'}`, 128),
      reason: 'times without a zone are read as UTC',
    }
    try {
      return complete(withArchives(job, own, sizesOf(inputs, null), now), own, inputs, null, now)
    } catch (error) {
      return unanswered(job, error)
    }
  })
}

function withoutArchives(base: Job, inputs: Inputs, now: number): Job {
  const log = sole(inputs, 'log')
  if (!log && !sole(inputs, 'check')) throw new Absent('no borg repository is configured')
  const job = log
    ? byLogAlone(base, log, { ...parseCreateLog(log, now), endedAt: naiveEnd(log) }, now)
    : unanswered(base, new Unanswered('a check does not tell when a backup was made'))
  return withProofs(job, proofsOf(inputs, null), now)
}
