import { posix } from 'node:path'
import * as v from 'valibot'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { untilHostError } from '../gather.ts'
import { linesOf } from '../lines.ts'
import { byLogAlone, capturesOf, withProofs } from './evidence.ts'
import { DID_NOT_RUN, fileFor, forEachJob } from './gather.ts'
import { blankJob, clip, type Job, Unanswered, unanswered } from './job.ts'
import { filePath, interval, jobName, jobs, plainText } from './options.ts'
import { parseBackupLog } from './restic-log.ts'
import { type ProfileJob, parseMetricsFile, parseStatusFile } from './resticprofile-status.ts'

/** Where resticprofile looks for its configuration, as far as it is nobody's own; its documentation, "Path". */
const FOLDERS = [
  '/etc/resticprofile',
  '/etc/restic',
  '/etc',
  '/usr/local/etc/resticprofile',
  '/usr/local/etc/restic',
  '/usr/local/etc',
  '/root/.config/resticprofile',
]
const NAMES = ['profiles.yaml', 'profiles.yml', 'profiles.toml', 'profiles.conf', 'profiles.json', 'profiles.hcl']
const PROGRAMS = ['/usr/bin/resticprofile', '/usr/local/bin/resticprofile', '/opt/homebrew/bin/resticprofile']
const MOST_FILES = 8

const statusJob = v.strictObject({
  name: jobName,
  status: filePath,
  profiles: v.optional(v.pipe(v.array(plainText), v.maxLength(32, 'wanted at most 32 profiles')), []),
  every: v.optional(interval),
  restore: v.optional(v.strictObject({ marker: filePath })),
})
type StatusJob = v.InferOutput<typeof statusJob>

/**
 * Backups that resticprofile runs, by the status file that it writes after each of them (`status-file`), or by its metrics file. No repository is opened
 * and no password is needed. The files hold the last run alone: after a failure nobody knows when the last good one was, unless backups/restic asks.
 */
export default defineProbe<'backups', readonly StatusJob[]>({
  subject: 'backups',
  source: 'resticprofile',
  platforms: ['linux', 'darwin', 'win32'],
  every: '15m',
  timeout: '30s',
  privilege: 'reads the status file, and the configuration to find it; both belong to root as a rule',
  blind:
    'Runs that were killed or never began, until the last is too old. After a failed run the last good one. Sizes, without extended-status. Profiles whose configuration no file in /etc names, unless their status file is configured.',
  setting: {
    schema: jobs(statusJob),
    default: [],
    doc: 'Status files of resticprofile, or its metrics files; without any, those that a configuration in /etc names. Each profile is a job.',
    example: [{ name: 'resticprofile', status: '/var/lib/resticprofile/status.json', profiles: ['default'], every: '1d' }],
  },
  inputs: {
    status: { from: 'status-file of a profile', recognise: text => /^\s*\{\s*"profiles"\s?:/.test(text.slice(0, 4096)) },
    metrics: { from: 'prometheus-save-to-file of a profile', recognise: text => /^resticprofile_backup_/m.test(text.slice(0, 1e5)) },
    log: {
      from: 'log of a backup',
      recognise: text => /^snapshot [0-9a-f]{8,64} saved$|"message_type":\s?"summary"/m.test(text.slice(0, 1e6)),
    },
    configuration: {
      from: `${FOLDERS[0]}/profiles.yaml`,
      recognise: text => /^[ \t]{0,80}"?status-file"?[ \t]{0,20}[:=]/m.test(text.slice(0, 1e5)),
    },
    restored: { from: 'marker written after a restore test' },
  },
  parse(inputs, context) {
    if (context.options.length > 0) return { jobs: context.options.flatMap(job => judge(job, inputs, context)).slice(0, 128) }
    return { jobs: distinct(alone(inputs, context)).slice(0, 128) }
  },
  async read(host, options) {
    const context = { now: host.now(), hostname: host.hostname, options }
    if (options.length === 0) return this.parse(await found(host), context)
    const all = await forEachJob(options, async job => ({
      status: await fileFor(host, job.name, job.status),
      restored: await fileFor(host, job.name, job.restore?.marker),
    }))
    return this.parse({ status: all.flatMap(one => one.status), restored: all.flatMap(one => one.restored) }, context)
  },
})

/** Configurations, and the status files that they name. @throws Absent where neither resticprofile nor a configuration of it is here */
async function found(host: Host): Promise<Inputs> {
  const paths = host.platform === 'win32' ? [] : FOLDERS.flatMap(folder => NAMES.map(name => `${folder}/${name}`))
  const configuration: Captured[] = []
  const status: Captured[] = []
  for (const path of paths) {
    const [captured] = await fileFor(host, path, path)
    if (!captured || (captured.code === DID_NOT_RUN && captured.stderr === '')) continue
    if (captured.code !== DID_NOT_RUN && !/restic|repository|status-file/.test(captured.text)) continue
    configuration.push(captured)
    for (const file of statusFilesOf(captured.text, path)) if (file.startsWith('/')) status.push(...(await fileFor(host, file, file)))
  }
  if (configuration.length > 0) return { configuration, status }
  const places = await Promise.all(PROGRAMS.map(path => untilHostError(host.realpath(path, { missing: undefined }))))
  if (places.every(place => place === undefined)) throw new Absent('resticprofile is not installed')
  return { configuration: [] }
}

/** `status-file` in YAML, TOML, JSON or HCL; a relative one is beside its configuration, and what has a variable in it cannot be known: then empty. */
function statusFilesOf(text: string, path: string): string[] {
  const isMoved = /^[ \t]{0,80}"?base-dir"?[ \t]{0,20}[:=]/m.test(text)
  const files = linesOf(text).flatMap(line => {
    const file = /^[ \t]{0,80}"?status-file"?\s{0,20}[:=]\s{0,20}["']?([^"',#]{1,500}?)["']?\s{0,20},?\s{0,20}(?:#.*)?$/
      .exec(line)?.[1]
      ?.trim()
    return file === undefined ? [] : [file]
  })
  return [...new Set(files)].slice(0, MOST_FILES).map(file => {
    if (/[{$~%]/.test(file)) return ''
    if (posix.isAbsolute(file)) return file
    return isMoved ? '' : posix.join(posix.dirname(path), file)
  })
}

function judge(job: StatusJob, inputs: Inputs, { now }: ParseContext): Job[] {
  const [captured] = capturesOf(inputs, 'status', job.name)
  const base: Job = { ...blankJob(job.name, 'resticprofile'), expectedEveryMs: job.every ?? null }
  const proofs = { restored: capturesOf(inputs, 'restored', job.name)[0], verdict: () => undefined }
  try {
    const all = profilesIn(captured, now)
    const wanted = job.profiles.length > 0 ? job.profiles : all.map(one => one.profile)
    if (wanted.length === 0) throw new Unanswered('its status file tells of no profile yet')
    return wanted.map(profile => {
      const name = wanted.length === 1 ? job.name : clip(`${job.name} ${profile}`, 128)
      const told =
        all.find(one => one.profile === profile)?.job ??
        unanswered(base, new Unanswered(`its status file does not tell of the profile ${clip(profile, 100)}`))
      const { verify } = told
      return { ...withProofs({ ...told, verify: null }, proofs, now), verify, name, expectedEveryMs: base.expectedEveryMs }
    })
  } catch (error) {
    return [unanswered(base, error)]
  }
}

/** @throws Unanswered where the file could not be read, Error where it is none */
function profilesIn(captured: Captured | undefined, now: number): ProfileJob[] {
  if (!captured) throw new Unanswered('there is no status file')
  if (captured.code === DID_NOT_RUN)
    throw new Unanswered(
      captured.stderr || 'its status file has not been written yet',
      'See that status is the status-file of the profile, and the agent may read it.',
    )
  return captured.text.trimStart().startsWith('{') ? parseStatusFile(captured, now) : parseMetricsFile(captured, now)
}

/** What was found, or what captures alone tell. */
function alone(inputs: Inputs, { now }: ParseContext): Job[] {
  const told = [...(inputs.status ?? []), ...(inputs.metrics ?? [])]
  if (told.length === 0 && !inputs.configuration) return ofLog(sole(inputs, 'log'), now)
  const jobs = told.flatMap(captured => {
    const base = blankJob('resticprofile', 'resticprofile')
    if (captured.code !== DID_NOT_RUN) return profilesIn(captured, now).map(one => one.job)
    return [unanswered(base, new Unanswered(captured.stderr || `its status file ${clip(captured.name, 200)} has not been written yet`))]
  })
  return [...jobs, ...(inputs.configuration ?? []).flatMap(captured => untold(captured, told.length))]
}

/** A configuration that names no status file that can be found. */
function untold(captured: Captured, found: number): Job[] {
  const base = blankJob('resticprofile', 'resticprofile')
  if (captured.code === DID_NOT_RUN) return [unanswered(base, new Unanswered(captured.stderr))]
  const files = statusFilesOf(captured.text, captured.name)
  if (files.length > 0 && !files.includes('') && found > 0) return []
  const reason = files.length === 0 ? 'its configuration names no status-file' : 'where its status file is cannot be told'
  return [unanswered(base, new Unanswered(reason, 'Set status-file in the profiles, and backups.resticprofile to where it is.'))]
}

/** The same profile in two files is two jobs. */
function distinct(all: readonly Job[]): Job[] {
  const names = all.map(job => job.name)
  return all.map((job, index) => (names.indexOf(job.name) < index ? { ...job, name: clip(`${job.name} ${index + 1}`, 128) } : job))
}

function ofLog(log: Captured | undefined, now: number): Job[] {
  if (!log) throw new Absent('resticprofile is not installed')
  return [byLogAlone(blankJob('resticprofile', 'resticprofile'), log, parseBackupLog(log, now), now)]
}
