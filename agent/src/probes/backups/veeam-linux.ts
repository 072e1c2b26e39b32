import type { FactTypes } from '@fettle/catalog'
import { type Host, HostError } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, type Inputs, type ParseContext } from '../../probe.ts'
import { blankJob, clip, isFuture, type Job, learnedEvery, Unanswered, unanswered } from './job.ts'

const LOGS = '/var/log/veeam/Backup'
const PROGRAM = '/usr/bin/veeamconfig'
const MOST_JOBS = 32
/** Sessions of a job that are looked at, newest first. */
const MOST_SESSIONS = 12
/** The status stands near the end of a log. */
const TAIL_BYTES = 32_768
const HOUR = 3_600_000
/** A session whose log was not written to for so long does not run any more. */
const SILENT_MS = 6 * HOUR
/** Lines that follow the status are written within so long, ms. */
const AFTER_STATUS_MS = 120_000

const STATUS = /^\[(\d\d)\.(\d\d)\.(\d{4}) (\d\d:\d\d:\d\d)(?:\.\d{1,6})?\].{0,200}\bJOB STATUS: ([A-Z]{2,20})\b/gm
const RESULTS: Readonly<Record<string, Job['lastResult']>> = { SUCCESS: 'success', WARNING: 'warnings', FAILED: 'failed' }
const ROW = /^(\S.{0,126}?)\s{1,40}(\S{1,40})\s{1,40}\{[0-9a-fA-F-]{36}\}\s{1,40}(\w{1,30})\b/

/**
 * Jobs of Veeam Agent for Linux, by the line `JOB STATUS` that each session leaves at the end of its log: the table of `veeamconfig session list` cuts
 * names off and tells local times. The log's own time is local too, so when it ended is when its file was last written, as far as the two agree.
 */
export default defineProbe({
  subject: 'backups',
  source: 'veeam-linux',
  platforms: ['linux'],
  every: '1h',
  timeout: '2m',
  privilege: 'root: the logs belong to it',
  blind: 'Sizes, and what a session left out. Jobs that a Backup & Replication server runs without the agent.',
  inputs: {
    log: { from: `${LOGS}/JOB/Session_*/Job.log`, recognise: text => /\bJOB STATUS: [A-Z]|lpbcore\|/.test(text.slice(-TAIL_BYTES)) },
    sessions: { from: 'veeamconfig session list', recognise: text => /^Job name\s+Type\s+ID\b/m.test(text.slice(0, 65_536)) },
  },
  parse: parseVeeamLinux,

  async read(host: Host) {
    const jobs = await listed(host, LOGS)
    if (jobs === null) {
      await host.stat(PROGRAM, { missing: new Absent('Veeam Agent is not installed') })
      return { jobs: [] }
    }
    const log: Captured[] = []
    for (const job of jobs.slice(0, MOST_JOBS)) log.push(...(await logsOf(host, `${LOGS}/${job}`)))
    return log.length === 0 ? { jobs: [] } : parseVeeamLinux({ log }, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

async function listed(host: Host, folder: string): Promise<string[] | null> {
  try {
    return await host.list(folder, { missing: null })
  } catch (error) {
    if (!(error instanceof HostError)) throw error
    if (error.code === 'ENOTDIR') return []
    if (error.code === 'EACCES' || error.code === 'EPERM')
      throw new Denied('the logs of Veeam Agent belong to root', 'Run the agent as root.')
    throw error
  }
}

/** Names begin with the time, so the newest sessions are the last. */
async function logsOf(host: Host, folder: string): Promise<Captured[]> {
  const sessions = ((await listed(host, folder)) ?? []).filter(name => /^Session_\d{8}_\d{6}/.test(name) && !name.endsWith('.gz'))
  const found: Captured[] = []
  for (const session of sessions.slice(-MOST_SESSIONS).reverse()) {
    const path = `${folder}/${session}/Job.log`
    const log = await host.stat(path, { missing: null })
    if (!log) continue
    const tail = await host.run(['tail', '-c', String(TAIL_BYTES), path], { timeoutMs: 10_000 })
    found.push({ ...tail, name: path, modifiedAt: log.modifiedAt })
  }
  return found
}

type Session = { readonly job: string; readonly result: Job['lastResult']; readonly at: number | null; readonly isOver: boolean }

/** @throws Error where a log or table is none */
export function parseVeeamLinux(inputs: Inputs, { now }: ParseContext): FactTypes['backups'] {
  const logs = inputs.log ?? []
  const tables = inputs.sessions ?? []
  if (logs.length + tables.length === 0) throw new Error('Cannot judge without the input log')
  const byJob = Map.groupBy(
    logs.map(log => sessionOf(log, now)),
    session => session.job,
  )
  const jobs = [...byJob].map(([name, sessions]) => jobOf(name, sessions, now))
  return { jobs: [...jobs, ...tables.flatMap(({ text }) => tableJobs(text))].slice(0, 128) }
}

function sessionOf({ text, stderr, name, modifiedAt }: Captured, now: number): Session {
  if (text.trim() === '') throw new Error(`Cannot read a log of Veeam Agent: ${clip(stderr, 200) || 'it is empty'}`)
  const job = /([^/]{1,128})\/Session_[^/]{1,200}\/Job\.log$/.exec(name)?.[1] ?? 'Veeam Agent'
  const last = [...text.slice(-TAIL_BYTES).matchAll(STATUS)].at(-1)
  if (!last) {
    if (!/^\[\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d/m.test(text.slice(-TAIL_BYTES)))
      throw new Error('Cannot find a log of Veeam Agent in this text')
    const runs = modifiedAt !== null && now - modifiedAt < SILENT_MS && !isFuture(modifiedAt, now)
    return { job, result: runs ? 'running' : 'failed', at: modifiedAt, isOver: !runs }
  }
  const [, day, month, year, clock, status = ''] = last
  const local = Date.parse(`${year}-${month}-${day}T${clock}Z`)
  return { job, result: RESULTS[status] ?? null, at: agreed(local, modifiedAt), isOver: true }
}

/** The file's time where it differs from the local one by what may be the offset of a zone; null where the file was touched or copied since. */
function agreed(local: number, modifiedAt: number | null): number | null {
  if (modifiedAt === null || !(local > 0)) return null
  const ahead = local - modifiedAt
  const quarter = HOUR / 4
  const off = (((ahead + AFTER_STATUS_MS) % quarter) + quarter) % quarter
  return Math.abs(ahead) <= 15 * HOUR && off <= AFTER_STATUS_MS + 1_000 ? modifiedAt : null
}

function jobOf(name: string, sessions: readonly Session[], now: number): Job {
  const job = blankJob(name, 'veeam')
  // As they were read, the newest is the first.
  const [last] = sessions
  const over = sessions.filter(session => session.isOver)
  const good = over.filter(session => session.result === 'success' || session.result === 'warnings')
  const told = { ...job, lastRunAt: over[0]?.at ?? null, lastResult: last?.result ?? null }
  const times = good.flatMap(session => session.at ?? [])
  if (times.some(time => isFuture(time, now)) || (last?.at != null && isFuture(last.at, now)))
    return unanswered({ ...told, lastRunAt: null }, new Unanswered('a session ended in the future', 'Set the clock of the machine.'))
  if (good.length > 0 && times.length === 0)
    return unanswered(told, new Error('when its session ended is not known: the log tells a local time, and its file was written to later'))
  if (good.length === 0 && sessions.length >= MOST_SESSIONS)
    return { ...told, warnings: [`none of the last ${sessions.length} sessions went well`] }
  return {
    ...told,
    lastSuccessAt: times[0] ?? null,
    learnedEveryMs: learnedEvery(times),
    warnings: over[0]?.result === 'failed' ? ['the last session failed, or was broken off'] : [],
  }
}

const STATES: Readonly<Record<string, Job['lastResult']>> = {
  Success: 'success',
  Warning: 'warnings',
  Failed: 'failed',
  Running: 'running',
}

/** The first row of a job is its newest session; times are local, so the age is not known. */
function tableJobs(text: string): Job[] {
  const rows = text.split('\n').flatMap(line => ROW.exec(line.slice(0, 1_000)) ?? [])
  const newest = new Map<string, string>()
  for (let at = 0; at + 3 < rows.length; at += 4) if (!newest.has(rows[at + 1] ?? '')) newest.set(rows[at + 1] ?? '', rows[at + 3] ?? '')
  if (newest.size === 0 && !/^Total amount: 0\b/m.test(text)) throw new Error('Cannot find sessions in this list of Veeam Agent')
  return [...newest].map(([name, state]) =>
    unanswered(
      { ...blankJob(name, 'veeam'), lastResult: STATES[state] ?? null },
      new Error('the list tells local times, without their zone'),
    ),
  )
}
