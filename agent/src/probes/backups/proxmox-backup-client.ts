import type { FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, type ParseContext } from '../../probe.ts'
import { documentIn, type Json, numberOf, objectOf, wordOf } from '../loose-json.ts'
import { capturesOf } from './evidence.ts'
import { fairShare, forEachJob, runFor } from './gather.ts'
import { blankJob, clip, isFuture, type Job, learnedEvery, redact, Unanswered, unanswered } from './job.ts'
import { bareAddress, filePath, interval, jobName, jobs, plainText, refusedSecret } from './options.ts'

/** All jobs together, ms; below the probe's deadline. */
const READ_MS = 110_000
const MOST_GROUPS = 64

const pbsJob = v.strictObject({
  name: jobName,
  repository: bareAddress,
  namespace: v.optional(plainText),
  backupId: v.optional(v.pipe(v.string(), v.regex(/^\w[\w.-]{0,127}$/, 'wanted the identity of a backup'))),
  fingerprint: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-fA-F:]{95}$/, 'wanted a SHA-256 fingerprint'))),
  passwordFile: v.optional(filePath),
  environmentFile: v.optional(filePath),
  password: refusedSecret,
  every: v.optional(interval),
  user: v.optional(plainText),
})
type PbsJob = v.InferOutput<typeof pbsJob>

/**
 * Backups of this machine on a Proxmox Backup Server, by the snapshots of its `host/ID` there; see proxmox-backup-client(1). It asks over the network, so
 * only what is configured is asked. The time of a snapshot is when its run began.
 */
export default defineProbe<'backups', readonly PbsJob[]>({
  subject: 'backups',
  source: 'proxmox-backup-client',
  platforms: ['linux'],
  every: '6h',
  timeout: '120s',
  privilege: 'reads the password file of each job, which belongs to root as a rule',
  blind:
    'What a run left out, and runs that never reached the server. A snapshot that was never verified on the server is told as never verified.',
  setting: {
    schema: jobs(pbsJob, 32),
    default: [],
    doc: 'Repositories of Proxmox Backup Servers to ask (network). Passwords or tokens stay in passwordFile or environmentFile, never here.',
    example: [
      { name: 'nightly', repository: 'agent@pbs!fettle@backup.example.org:store', passwordFile: '/etc/fettle/pbs.token', every: '1d' },
    ],
  },
  inputs: {
    snapshots: {
      from: 'proxmox-backup-client snapshot list host/ID --output-format json',
      recognise: text => /"backup-(time|type|id)"\s*:/.test(text.slice(0, 65_536)) || /^\s*\[\s*\]\s*$/.test(text.slice(0, 100)),
    },
  },
  parse: parsePbs,

  async read(host, given) {
    if (given.length === 0) throw new Absent('no repository of a Proxmox Backup Server is configured')
    const timeoutMs = fairShare(given.length, 1, READ_MS)
    const snapshots = await forEachJob(given, job => ask(host, job, timeoutMs))
    return parsePbs({ snapshots }, { now: host.now(), hostname: host.hostname, options: given })
  },
})

function ask(host: Host, job: PbsJob, timeoutMs: number): Promise<Captured> {
  const namespace = job.namespace === undefined ? [] : ['--ns', job.namespace]
  const argv = [
    'proxmox-backup-client',
    'snapshot',
    'list',
    `host/${job.backupId ?? host.hostname}`,
    ...namespace,
    '--output-format',
    'json',
  ]
  return runFor(host, job.name, argv, {
    timeoutMs,
    env: {
      PBS_REPOSITORY: job.repository,
      ...(job.passwordFile === undefined ? {} : { PBS_PASSWORD_FILE: job.passwordFile }),
      ...(job.fingerprint === undefined ? {} : { PBS_FINGERPRINT: job.fingerprint }),
    },
    ...(job.environmentFile === undefined ? {} : { envFile: job.environmentFile }),
    ...(job.user === undefined ? {} : { user: job.user }),
  })
}

/** A snapshot of a group. `isWhole`: its manifest is there, which is written last. */
type Snapshot = {
  readonly group: string
  readonly at: number
  readonly bytes: number | null
  readonly isWhole: boolean
  readonly verified: 'ok' | 'failed' | null
  readonly verifiedAt: number | null
}

/** @throws Error where nothing is configured and a list cannot be read; of a configured job it is the job that is unknown */
export function parsePbs(inputs: Inputs, context: ParseContext<readonly PbsJob[]>): FactTypes['backups'] {
  if (context.options.length > 0) return { jobs: context.options.map(job => configured(job, inputs, context)) }
  const captures = inputs.snapshots ?? []
  if (captures.length === 0) throw new Error('Cannot judge without the input snapshots')
  const groups = Map.groupBy(captures.flatMap(snapshotsIn), one => one.group)
  return { jobs: [...groups].slice(0, MOST_GROUPS).map(([group, own]) => judged(blankJob(group, 'proxmox-backup'), own, context.now)) }
}

function configured(job: PbsJob, inputs: Inputs, { now, hostname }: ParseContext<readonly PbsJob[]>): Job {
  const base = { ...blankJob(job.name, 'proxmox-backup'), destination: clip(redact(job.repository)), expectedEveryMs: job.every ?? null }
  try {
    const [captured] = capturesOf(inputs, 'snapshots', job.name)
    if (!captured) throw new Unanswered('there is no list of its snapshots')
    const group = `host/${job.backupId ?? hostname}`
    const own = snapshotsIn(captured).filter(one => one.group === group)
    return judged({ ...base, reason: own.length === 0 ? `the server has no snapshot of ${clip(group, 100)}` : null }, own, now)
  } catch (error) {
    return unanswered(base, error)
  }
}

/** @throws Unanswered where the client said why it has no list, Error where a snapshot is none */
function snapshotsIn({ text, stderr, code }: Captured): Snapshot[] {
  if ((code !== null && code !== 0) || text.trim() === '')
    throw new Unanswered(
      clip(redact(stderr), 300) || 'proxmox-backup-client printed nothing',
      'Run the same command as the same user, and see what it wants.',
    )
  const list = documentIn(text)
  if (!Array.isArray(list)) throw new Error('Cannot find snapshots in this JSON: wanted a list')
  return list.map(entry => snapshotOf(objectOf(entry) ?? {}))
}

function snapshotOf(raw: Json): Snapshot {
  const [type, id, seconds] = [wordOf(raw['backup-type']), wordOf(raw['backup-id']), numberOf(raw['backup-time'])]
  if (type === undefined || id === undefined || seconds === null || !(seconds > 0) || seconds > 1e11)
    throw new Error('Cannot read a snapshot without type, identity and time')
  const verification = objectOf(raw.verification)
  const state = wordOf(verification?.state)
  const bytes = numberOf(raw.size)
  return {
    group: `${type}/${id}`,
    at: seconds * 1000,
    bytes: bytes !== null && bytes >= 0 ? bytes : null,
    isWhole: bytes !== null,
    verified: state === 'ok' || state === 'failed' ? state : null,
    verifiedAt: startOf(wordOf(verification?.upid) ?? ''),
  }
}

/** `UPID:node:pid:pstart:task:STARTTIME:…`, in hexadecimal seconds; on a Backup Server a task has a number of its own before its time. */
function startOf(upid: string): number | null {
  const [, digits] = /^UPID:[^:]{1,64}:[0-9A-F]{8,16}:[0-9A-F]{8,16}:[0-9A-F]{8,16}:([0-9A-F]{8,9}):/i.exec(upid) ?? []
  return digits === undefined ? null : Number.parseInt(digits, 16) * 1000
}

function judged(job: Job, snapshots: readonly Snapshot[], now: number): Job {
  const sorted = [...snapshots].sort((a, b) => b.at - a.at)
  const good = sorted.filter(one => one.isWhole)
  const [last] = sorted
  if (last && isFuture(last.at, now))
    return unanswered(job, new Unanswered('the newest snapshot is from the future', 'Set the clock right, here or where the backup ran.'))
  const isOpen = last !== undefined && !last.isWhole
  return {
    ...job,
    reason: isOpen ? 'the newest snapshot has no manifest: its run goes on, or was broken off' : job.reason,
    lastRunAt: last?.at ?? null,
    lastResult: last && !isOpen ? 'success' : null,
    lastSuccessAt: good[0]?.at ?? null,
    sourceBytes: isOpen ? null : (last?.bytes ?? null),
    earlierBytes: isOpen ? [] : good.slice(1, 11).flatMap(one => one.bytes ?? []),
    snapshots: good.length,
    learnedEveryMs: learnedEvery(good.map(one => one.at)),
    verify: verifyOf(good),
  }
}

/** One snapshot that failed spoils the group: those after it may share its chunks. */
function verifyOf(good: readonly Snapshot[]): Job['verify'] {
  if (good.length === 0) return null
  const failed = good.find(one => one.verified === 'failed')
  if (failed) return { at: failed.verifiedAt, result: 'failed', detail: `the snapshot of ${new Date(failed.at).toISOString()}` }
  const verified = good.filter(one => one.verified === 'ok')
  if (verified.length === 0) return { at: null, result: 'never', detail: null }
  const times = verified.flatMap(one => one.verifiedAt ?? [])
  return { at: times.length === 0 ? null : Math.max(...times.slice(0, 1_000)), result: 'ok', detail: null }
}
