import { bad, type Check, defineCheck, type Limit, sinceTiers, tiers } from '../../check.ts'
import { age, days, hours } from '../../duration.ts'
import { type Answer, type Finding, notApplicable, ok, unknown, worstOr } from '../../finding.ts'
import type { FactsBySubject } from '../../view.ts'
import type { BackupJob } from './facts.ts'
import { overdueAfter, overdueThresholds } from './overdue.ts'

const jobs = ({ backups }: FactsBySubject) => backups.flatMap(fact => fact.data.jobs)
/** A snapshot on the same disk, or a copy that follows deletions, is no backup. */
const real = (facts: FactsBySubject) => jobs(facts).filter(job => job.kind === 'backup')
/** Sources that can know of no backup: where one cannot be read, nothing about backups is hidden. `backups-missing` asks for them all the same. */
const besides: readonly string[] = ['snapper', 'timeshift', 'btrfs-snapshots', 'zfs-snapshots', 'vss', 'onedrive']
/** A server that pulls what others hold has backups, and none of its own. */
const isOwn = (job: BackupJob): boolean => job.protects === undefined || job.protects === 'this'
const named = (job: BackupJob): string => `${job.tool} ${job.name}`

/** Judges each real backup job; one that could not be asked is unknown, with its own reason. */
const perJob = (facts: FactsBySubject, judge: (job: BackupJob) => Answer): Answer =>
  worstOr(
    'no backup job is known',
    real(facts).map(job => blindness(job) ?? judge(job)),
  )

/** Why a job could not be asked; undefined where it could. */
const blindness = (job: BackupJob): Answer | undefined =>
  job.standing === 'unknown' ? unknown(`${named(job)}: ${job.reason ?? 'it could not be asked'}`, job.hint ?? undefined) : undefined

export const backupsLate = defineCheck({
  name: 'backups-late',
  subject: 'backups',
  besides,
  title: 'The last good backup is too old',
  unit: 'milliseconds',
  thresholds: overdueThresholds,
  why: 'The age of the last good backup is what would be lost. With a known interval T the tiers are T and 2 T, each plus the larger of 2 h and 10 %; one missed run warns, two are critical (Checkmk 26/50 h, Veeam 30/48 h). Without, the limits of the role hold.',
  remedy: 'See why the job does not run or does not finish; then run it now.',
  blind: 'Whether the backup can be restored: try it. Time in which a laptop was switched off counts too.',

  evaluate: (facts, limit, now, { role }) =>
    perJob(facts, job => {
      const evidence = {
        job: job.name,
        tool: job.tool,
        destination: job.destination,
        lastSuccessAt: job.lastSuccessAt,
        lastResult: job.lastResult,
      }
      if (job.lastSuccessAt === null) return bad(limit, `${named(job)} has never backed up`, evidence)
      return sinceTiers(job.lastSuccessAt, now, overdueAfter(job, role, limit), {
        reason: value => `${named(job)}: last good backup ${value} ago`,
        evidence,
      })
    }),
})

export const backupsFailed = defineCheck({
  name: 'backups-failed',
  subject: 'backups',
  besides,
  title: 'The last backup run went wrong',
  unit: 'count',
  thresholds: { warning: 1, critical: 2 },
  why: 'One failure is told, a second in a row means that nobody mended it. A run with warnings left something out.',
  remedy: 'Read the warnings, mend the cause (missing path, lock, space, password), run the job again.',

  // A failure is told also by a source that keeps only the last run, so that nobody knows what was before.
  evaluate: (facts, limit, now, { previous }) =>
    worstOr(
      'no backup job is known',
      real(facts).map(job => (job.lastResult === 'failed' ? undefined : blindness(job)) ?? lastRun(job, limit, now, previous)),
    ),
})

/** How long after the last success another run may be told before it counts as one that brought none, ms. */
const SAME_RUN = hours(1)

function lastRun(job: BackupJob, limit: Limit, now: number, previous: Finding | undefined): Answer {
  const evidence = {
    job: job.name,
    tool: job.tool,
    lastRunAt: job.lastRunAt,
    lastResult: job.lastResult,
    warnings: job.warnings.slice(0, 5),
  }
  const detail = job.warnings[0] ? `: ${job.warnings[0]}` : ''
  if (job.lastResult === 'running' || job.runningSince !== null) {
    if (job.lastSuccessAt === null) return unknown(`${named(job)} runs now and has never finished well`)
    return ok(`${named(job)} runs now`, { carry: carried(job, previous) })
  }
  if (job.lastResult === 'warnings') {
    const tier = limit.warning === undefined ? {} : { warning: limit.warning }
    return bad(tier, `${named(job)} left something out${detail}`, evidence)
  }
  const fruitless = job.lastRunAt !== null && job.lastSuccessAt !== null && job.lastRunAt > job.lastSuccessAt + SAME_RUN
  if (job.lastResult !== 'failed' && !fruitless) {
    if (job.lastResult === 'success') return ok('the last run of every job went well')
    return job.lastSuccessAt === null
      ? unknown(`no run of ${named(job)} is known`)
      : notApplicable(`${named(job)} does not tell how its runs end`)
  }
  const { runs, carry } = failures(job, now, previous)
  const reason = (value: string) => `${named(job)}: ${value === '1' ? 'the last run' : `the last ${value} runs`} failed${detail}`
  return { ...tiers(runs, limit, { say: String, reason, evidence }), carry }
}

/** Failed runs in a row as far as they were seen: a run is told apart by its time. */
function failures(job: BackupJob, now: number, previous: Finding | undefined) {
  const before = previous?.carry?.[named(job)]
  const lastSeen = previous?.carry?.[`${named(job)} run`]
  const at = job.lastRunAt ?? lastSeen ?? now
  const runs =
    before === undefined ? (job.lastSuccessAt === null && job.standing === 'known' ? 2 : 1) : at === lastSeen ? before : before + 1
  return { runs, carry: { [named(job)]: runs, [`${named(job)} run`]: at } }
}

function carried(job: BackupJob, previous: Finding | undefined) {
  const kept = [named(job), `${named(job)} run`].flatMap(name => {
    const value = previous?.carry?.[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return kept.length === 0 ? undefined : Object.fromEntries(kept)
}

export const backupsMissing = defineCheck({
  name: 'backups-missing',
  subject: 'backups',
  title: 'The machine has no backup',
  unit: 'state',
  thresholds: { default: { warning: 1 }, server: { critical: 1 } },
  sources: 'any',
  whenAbsent: 'evaluate',
  why: 'A machine without a backup is one theft, fire or ransom note from loss. Snapshots on the same disk and synchronized folders are no backups, and backups of other machines that are kept here save nothing of this one.',
  remedy: 'Set up a backup, and tell the agent where it is; lift the limit for machines that hold nothing.',
  blind: 'Backups of a virtual machine made by its host, and tools that the agent does not know: use a marker file for these.',

  evaluate(facts, limit) {
    const known = real(facts).filter(isOwn)
    if (known.length > 0) return ok(known.length === 1 ? 'one backup job is known' : `${known.length} backup jobs are known`)
    const untold = real(facts).find(job => job.protects === 'unknown')
    if (untold) return unknown(`whether ${named(untold)} backs up this machine too is not known`, 'Let the agent read its configuration.')
    const others = jobs(facts).map(job => ({ job: named(job), kind: job.kind }))
    return bad(limit, `no backup is known: ${insteadOf(others, facts)}`, others.slice(0, 20))
  },
})

/** What there is where there is no backup: copies that are none, tools that have no job, or no tool at all. */
function insteadOf(others: readonly { readonly job: string; readonly kind: BackupJob['kind'] }[], { backups }: FactsBySubject): string {
  const first = (kind: BackupJob['kind']) => others.find(other => other.kind === kind)?.job
  const [foreign, snapshot, sync] = [first('backup'), first('snapshot'), first('sync')]
  const kinds = [
    foreign && `backups of other machines (${foreign})`,
    snapshot && `snapshots on the machine itself (${snapshot})`,
    sync && `copies that follow deletions (${sync})`,
  ].filter(Boolean)
  if (kinds.length > 0) return `only ${kinds.join(' and ')}, which are none`
  if (backups.length === 0) return 'no backup tool was found'
  return `${backups.map(fact => fact.source).join(', ')} ${backups.length === 1 ? 'has' : 'have'} no job`
}

export const backupsVerify = defineCheck({
  name: 'backups-verify',
  subject: 'backups',
  besides,
  title: 'The backup is damaged or was not verified',
  unit: 'milliseconds',
  thresholds: { warning: days(35) },
  why: 'A repository that nobody checks is found damaged on the day of the restore. A check that failed is critical at once.',
  remedy:
    "Run the tool's own check (`restic check`, `borg check`, verify job) monthly; if it failed, make a new backup elsewhere before repairing.",
  blind: 'Tools that leave no trace of their checks are not judged.',

  evaluate: (facts, limit, now) =>
    worstOr(
      'no backup job is known',
      real(facts).map(job => verified(job, limit, now)),
    ),
})

function verified(job: BackupJob, limit: Limit, now: number): Answer {
  const { verify } = job
  const evidence = { job: job.name, tool: job.tool, ...verify }
  // A damaged repository often cannot be listed any more: what its check found stands all the same.
  if (verify?.result === 'failed') {
    return { status: 'critical', reason: `${named(job)}: verification failed${verify.detail ? `: ${verify.detail}` : ''}`, evidence }
  }
  const blind = blindness(job)
  if (blind) return blind
  if (!verify) return notApplicable(`nothing is known of any verification of ${named(job)}`)
  if (verify.result === 'never') return bad(limit, `${named(job)} was never verified`, evidence)
  if (verify.at === null) return unknown(`when ${named(job)} was verified is not known`)
  return sinceTiers(verify.at, now, limit, { reason: value => `${named(job)} was verified ${value} ago`, evidence })
}

/** Runs before the last that are needed to know what is usual. */
const ENOUGH_RUNS = 3
/** Growth over the usual size that is told: the backup holds this many times as much. */
const GROWN = 4

export const backupsSize = defineCheck({
  name: 'backups-size',
  subject: 'backups',
  besides,
  title: 'The backup holds much less or more than usual',
  unit: 'ratio',
  thresholds: { warning: 0.5, critical: 1 },
  why: 'An empty mount that is backed up well is a disaster. The tiers are the share by which the last run is smaller than the median of those before; four times the median warns too.',
  remedy: 'See whether all paths were there, and whether someone filled or encrypted them.',

  evaluate: (facts, limit) =>
    perJob(facts, job => {
      if (job.sourceBytes === null) return notApplicable(`${named(job)} does not tell its size`)
      const evidence = { job: job.name, tool: job.tool, sourceBytes: job.sourceBytes, earlierBytes: job.earlierBytes }
      if (job.sourceBytes === 0) return bad(limit, `${named(job)}: the last backup is empty`, evidence)
      const usual = median(job.earlierBytes)
      if (usual === null) return notApplicable(`${named(job)} has too few runs to know what is usual`)
      if (usual > 0 && job.sourceBytes >= usual * GROWN && limit.warning !== undefined) {
        return { status: 'warning', reason: `${named(job)} holds ${Math.round(job.sourceBytes / usual)} times as much as usual`, evidence }
      }
      return tiers(usual === 0 ? 0 : 1 - job.sourceBytes / usual, limit, {
        say: value => `${Math.round(Math.max(0, value) * 100)} %`,
        reason: value => `${named(job)} is ${value} smaller than usual`,
        evidence,
      })
    }),
})

function median(sizes: readonly number[]): number | null {
  if (sizes.length < ENOUGH_RUNS) return null
  return [...sizes].sort((a, b) => a - b)[Math.floor(sizes.length / 2)] ?? null
}

export const backupsDestinationFull = defineCheck({
  name: 'backups-destination-full',
  subject: 'backups',
  besides,
  title: 'The place of the backups is almost full',
  unit: 'ratio',
  thresholds: { warning: 0.85, critical: 0.95 },
  hysteresis: 0.02,
  why: 'A backup that finds no room fails, and often cannot even forget old ones any more.',
  remedy: 'Forget and prune old snapshots, or enlarge the destination.',

  evaluate: (facts, limit) =>
    perJob(facts, job => {
      if (job.destinationFreeRatio === null) return notApplicable(`the free space of ${named(job)} is not known`)
      return tiers(1 - job.destinationFreeRatio, limit, {
        say: used => `${Math.round(used * 100)} %`,
        reason: value => `the destination of ${named(job)} is ${value} full`,
        evidence: { job: job.name, tool: job.tool, destination: job.destination, freeRatio: job.destinationFreeRatio },
      })
    }),
})

export const backupsRunningLong = defineCheck({
  name: 'backups-running-long',
  subject: 'backups',
  besides,
  title: 'A backup runs for more than a day',
  unit: 'milliseconds',
  thresholds: { warning: hours(24), critical: hours(48) },
  why: 'A run that does not end hangs, and keeps the next ones from starting (Veeam: 86,400 s).',
  remedy: 'See what it waits for: a lock, a network, a snapshot; stop it and run it again.',

  evaluate: (facts, limit, now) =>
    perJob(facts, job => {
      if (job.runningSince === null) return ok('no backup runs too long')
      const reason = (value: string) => `${named(job)} runs since ${value}`
      return sinceTiers(job.runningSince, now, limit, {
        reason,
        evidence: { job: job.name, since: age(Math.max(0, now - job.runningSince)) },
      })
    }),
})

export const backupsChecks: readonly Check[] = [
  backupsLate,
  backupsFailed,
  backupsMissing,
  backupsVerify,
  backupsSize,
  backupsDestinationFull,
  backupsRunningLong,
]
