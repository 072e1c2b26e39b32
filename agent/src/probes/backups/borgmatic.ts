import * as v from 'valibot'
import type { Host, RunOptions } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { told } from '../gather.ts'
import { type Archive, newestFirst, withArchives } from './borg-archives.ts'
import { parseBorgmaticCheck, parseBorgmaticLog } from './borgmatic-log.ts'
import { type Answer, parseRepositories, type Repository } from './borgmatic-repositories.ts'
import { capturesOf, withProofs, withRun } from './evidence.ts'
import { fairShare, fileFor, forEachJob, runFor } from './gather.ts'
import { blankJob, clip, type Job, Unanswered, unanswered } from './job.ts'
import { filePath, interval, jobName, jobs, plainText, verification } from './options.ts'

/** All jobs together, ms; below the probe's deadline. */
const READ_MS = 150_000
/** borg asks for each listed archive's host: more would take long over ssh. */
const NEWEST = 200
const WITH_SIZES = 10
const MOST_JOBS = 128
/** Where borgmatic looks of itself, beside the home of a user. */
const CONFIGURATIONS = '/etc/borgmatic/config.yaml'
const FOLDER = '/etc/borgmatic.d'

const borgmaticJob = v.strictObject({
  name: jobName,
  config: v.optional(filePath),
  host: v.optional(plainText),
  anyHost: v.optional(v.boolean(), false),
  every: v.optional(interval),
  log: v.optional(filePath),
  verify: v.optional(verification),
  restore: v.optional(v.strictObject({ marker: filePath })),
  sizes: v.optional(v.boolean(), true),
  environmentFile: v.optional(filePath),
  home: v.optional(filePath, '/root'),
  user: v.optional(plainText),
})
type BorgmaticJob = v.InferOutput<typeof borgmaticJob>

/**
 * Backups that borgmatic makes: the newest archive of this host in each repository of its configuration. borgmatic is asked only where a job names it,
 * since it opens the repositories, with the passphrases of its own configuration; else what is configured is told as unknown. Times of its files below
 * `checks` are not taken for verifications: some versions write them after a check that found damage.
 */
export default defineProbe<'backups', readonly BorgmaticJob[]>({
  subject: 'backups',
  source: 'borgmatic',
  platforms: ['linux', 'darwin'],
  every: '6h',
  timeout: '180s',
  heavy: true,
  privilege: 'runs borgmatic as root or as `user`: it reads its configuration and opens its repositories',
  blind:
    'Whether a run was partial, without `log` of verbosity 1; when the repository was last verified, without `verify`. Hooks that borgmatic runs before any action run for this as well.',
  setting: {
    schema: jobs(borgmaticJob),
    default: [],
    doc: 'borgmatic to be asked, by configuration file; without config all that it finds of itself. Each repository is a job. Uses the network where a repository is remote.',
    example: [
      {
        name: 'borgmatic',
        config: '/etc/borgmatic/config.yaml',
        every: '1d',
        log: '/var/log/borgmatic.log',
        verify: { log: '/var/log/borgmatic-check.log' },
      },
    ],
  },
  inputs: {
    list: { from: 'borgmatic list --json', recognise: text => isJson(text) && !hasStats(text) },
    info: { from: `borgmatic info --json --last ${WITH_SIZES}`, recognise: text => isJson(text) && hasStats(text) },
    log: {
      from: 'log of borgmatic create, verbosity 1',
      recognise: text => /: Creating archive$|: (?:Successfully ran|Error running) configuration file$/m.test(text.slice(0, 1e6)),
    },
    check: {
      from: 'log of borgmatic check, verbosity 1',
      recognise: text => /Starting (repository check|archive consistency check)/.test(text),
    },
    verified: { from: 'marker written after a good check' },
    restored: { from: 'marker written after a restore test' },
    configuration: { from: `paths of ${CONFIGURATIONS} and ${FOLDER}/*.yaml, a line each` },
  },
  parse(inputs, context) {
    if (context.options.length > 0) return { jobs: context.options.flatMap(job => configured(job, inputs, context)).slice(0, MOST_JOBS) }
    const found = sole(inputs, 'configuration')
    return { jobs: found ? notAsked(found.text) : alone(inputs, context) }
  },
  async read(host, options) {
    const context = { now: host.now(), hostname: host.hostname, options }
    if (options.length === 0) return this.parse({ configuration: [told('configuration', await configurations(host))] }, context)
    const timeoutMs = fairShare(options.length, 2, READ_MS)
    const action = listAction(await runFor(host, '', ['borgmatic', '--version'], { timeoutMs: 15_000 }))
    const inputs: Record<string, Captured[]> = {}
    for (const gathered of await forEachJob(options, job => gather(host, job, action, timeoutMs)))
      for (const [input, captures] of Object.entries(gathered)) inputs[input] = [...(inputs[input] ?? []), ...captures]
    return this.parse(inputs, context)
  },
})

const isJson = (text: string): boolean =>
  /^[ \t]{0,80}\[\s{0,200}\{\s{0,200}"(archives|cache|encryption|repository)":/m.test(text.slice(0, 1e5))
const hasStats = (text: string): boolean => /"(original_size|total_unique_chunks)":/.test(text.slice(0, 1e6))

/** @throws Absent where neither borgmatic nor a configuration of it is here */
async function configurations(host: Host): Promise<string> {
  const here = (path: string) => host.realpath(path, { missing: null })
  const single = (await here(CONFIGURATIONS)) === null ? [] : [CONFIGURATIONS]
  const names = (await host.list(FOLDER, { missing: [] })).filter(name => /\.ya?ml$/.test(name) && !name.startsWith('.'))
  const all = [...single, ...names.map(name => `${FOLDER}/${name}`)]
  if (all.length > 0) return all.join('\n')
  const places = await Promise.all(['/usr/bin/borgmatic', '/usr/local/bin/borgmatic', '/root/.local/bin/borgmatic'].map(here))
  if (places.every(place => place === null)) throw new Absent('borgmatic is not installed')
  return ''
}

function notAsked(text: string): Job[] {
  const paths = text.split('\n').filter(path => path !== '')
  return paths.slice(0, MOST_JOBS).map(path => {
    const short = path.replace(/^.*\/borgmatic(\.d)?\//, '').replace(/\.ya?ml$/, '')
    const base = blankJob(short === 'config' ? 'borgmatic' : `borgmatic ${short}`, 'borgmatic')
    const hint = 'Set backups.borgmatic with this config so that it is asked, or disable backups/borgmatic and watch its unit or a marker.'
    return unanswered(base, new Unanswered(`${clip(path, 256)} is there, and borgmatic is not asked unless it is configured`, hint))
  })
}

async function gather(host: Host, job: BorgmaticJob, action: string, timeoutMs: number): Promise<Record<string, Captured[]>> {
  const options: RunOptions = {
    timeoutMs,
    env: { TZ: 'UTC', BORG_RSH: 'ssh -oBatchMode=yes', ...(job.user === undefined ? { HOME: job.home } : {}) },
    ...(job.environmentFile === undefined ? {} : { envFile: job.environmentFile }),
    ...(job.user === undefined ? {} : { user: job.user }),
  }
  // Else it writes to the system's log whatever it does.
  const borgmatic = ['borgmatic', '--log-file', '/dev/null', ...(job.config === undefined ? [] : ['--config', job.config])]
  const list = await runFor(host, job.name, [...borgmatic, action, '--json', '--last', `${NEWEST}`, '--format', '{hostname}{end}'], options)
  const wantsInfo = job.sizes && list.code === 0
  return {
    list: [list],
    info: wantsInfo ? [await runFor(host, job.name, [...borgmatic, 'info', '--json', '--last', `${WITH_SIZES}`], options)] : [],
    log: await fileFor(host, job.name, job.log),
    check: await fileFor(host, job.name, job.verify?.log),
    verified: await fileFor(host, job.name, job.verify?.marker),
    restored: await fileFor(host, job.name, job.restore?.marker),
  }
}

/** Listing a repository became an action of its own: `repo-list` since 1.9. */
function listAction({ text }: Captured): 'list' | 'repo-list' {
  const [, major = '0', minor = '0'] = /^(\d{1,4})\.(\d{1,4})/.exec(text.trim()) ?? []
  return Number(major) > 1 || Number(minor) >= 9 ? 'repo-list' : 'list'
}

function configured(job: BorgmaticJob, inputs: Inputs, context: ParseContext): Job[] {
  const base: Job = { ...blankJob(job.name, 'borgmatic'), expectedEveryMs: job.every ?? null }
  try {
    const [captured] = capturesOf(inputs, 'list', job.name)
    if (!captured) throw new Unanswered('there is no output of borgmatic')
    const host = job.anyHost ? null : (job.host ?? context.hostname)
    return ofAnswer(base, parseRepositories(captured), inputs, { job: job.name, host, now: context.now })
  } catch (error) {
    return [withProofs(unanswered(base, error), proofsOf(inputs, job.name), context.now)]
  }
}

type Asked = { readonly job: string | null; readonly host: string | null; readonly now: number }

/** A job for each repository, and one for those that could not be asked. */
function ofAnswer(base: Job, answer: Answer, inputs: Inputs, asked: Asked): Job[] {
  const { repositories, refused } = answer
  if (repositories.length === 0 && !refused) throw new Unanswered('borgmatic knows no repository')
  const names = namesOf(base.name, repositories, refused === null)
  const sizes = sizesOf(inputs, asked.job)
  const known = repositories.map((one, index) => {
    const job = { ...base, name: names[index] ?? base.name, destination: one.location }
    return ofRepository(job, one, sizes, inputs, asked)
  })
  const others = refused ? [unanswered({ ...base, name: clip(`${base.name} (others)`, 128) }, refused)] : []
  return [...known, ...others]
}

function namesOf(name: string, repositories: readonly Repository[], isAll: boolean): string[] {
  if (repositories.length === 1 && isAll) return [name]
  const shorts = repositories.map(
    ({ label, location }, index) => label ?? location?.split('/').findLast(part => part !== '') ?? `${index + 1}`,
  )
  return shorts.map((short, index) => clip(`${name} ${short}${shorts.indexOf(short) < index ? ` ${index + 1}` : ''}`, 128))
}

function ofRepository(job: Job, repository: Repository, sizes: readonly Archive[], inputs: Inputs, asked: Asked): Job {
  try {
    const own = ownOf(repository, asked.host)
    const listed = withArchives(job, own, sizes, asked.now)
    // A listing cut at its newest archives does not count them all.
    const snapshots = repository.archives.length < NEWEST ? listed.snapshots : null
    const reason = own.length > 0 ? null : clip(nothingOf(repository, asked.host))
    return complete({ ...listed, snapshots, reason }, own, repository, inputs, asked)
  } catch (error) {
    return complete(unanswered(job, error), [], repository, inputs, asked)
  }
}

/** Where no archive tells its host, all are taken: a listing without hosts cannot be divided. */
function ownOf({ archives }: Repository, host: string | null): readonly Archive[] {
  if (host === null) return archives
  const own = archives.filter(one => one.hostname === host)
  if (own.length > 0 || archives.length === 0) return own
  if (archives.some(one => one.hostname === null))
    throw new Unanswered('the archives do not tell which host they are of', 'Set anyHost: true if the repository is of this machine alone.')
  if (archives.length >= NEWEST) throw new Unanswered(`none of the newest ${NEWEST} archives is of the host ${host}`)
  return own
}

function nothingOf({ archives }: Repository, host: string | null): string {
  if (archives.length === 0) return 'the repository holds no archive'
  return `none of its ${archives.length} archives is of the host ${host}: if backups are made under another name, set host`
}

/** Sizes are an extra: where they could not be told, they are unknown and the rest stands. */
function sizesOf(inputs: Inputs, job: string | null): Archive[] {
  const [info] = capturesOf(inputs, 'info', job)
  if (!info) return []
  try {
    return parseRepositories(info).repositories.flatMap(one => one.archives)
  } catch {
    return []
  }
}

function complete(job: Job, own: readonly Archive[], { label, location }: Repository, inputs: Inputs, asked: Asked): Job {
  let whole = job
  const [log] = capturesOf(inputs, 'log', asked.job)
  if (log) {
    try {
      const [newest] = newestFirst(own)
      const names = [label, location].filter(name => name !== null)
      whole = withRun(job, log, parseBorgmaticLog(log, names, asked.now), newest?.name ?? null)
    } catch (error) {
      whole = { ...job, reason: job.reason ?? unanswered(job, error).reason }
    }
  }
  return withProofs(whole, proofsOf(inputs, asked.job), asked.now)
}

/** A log of a check may be of several repositories: what fails in one is told of all, since nobody knows which. */
function proofsOf(inputs: Inputs, job: string | null) {
  const [marker] = capturesOf(inputs, 'verified', job)
  const [restored] = capturesOf(inputs, 'restored', job)
  return { log: capturesOf(inputs, 'check', job)[0], marker, restored, verdict: parseBorgmaticCheck }
}

/** What captures alone tell, as under `parse`. */
function alone(inputs: Inputs, { now }: ParseContext): Job[] {
  const base = blankJob('borgmatic', 'borgmatic')
  const asked = { job: null, host: null, now }
  const captured = sole(inputs, 'list') ?? sole(inputs, 'info')
  const log = sole(inputs, 'log')
  if (captured) {
    try {
      const all = ofAnswer(base, parseRepositories(captured), inputs, asked)
      const isCut = !sole(inputs, 'list')
      return all.slice(0, MOST_JOBS).map(job => ({
        ...job,
        snapshots: isCut && job.snapshots !== 0 ? null : job.snapshots,
        reason: job.reason ?? 'times without a zone are read as UTC, and archives of any host are counted',
      }))
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
      return [withProofs(unanswered(base, error), proofsOf(inputs, null), now)]
    }
  }
  if (!log && !sole(inputs, 'check') && !sole(inputs, 'verified')) throw new Absent('borgmatic is not configured')
  const run = log ? withRun(base, { ...log, modifiedAt: null }, parseBorgmaticLog(log, [], now), null) : base
  const reason = 'a log without the list of archives does not tell when the last good backup was'
  return [withProofs(unanswered(run, new Unanswered(reason)), proofsOf(inputs, null), now)]
}
