import * as v from 'valibot'
import type { Host, RunOptions } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { told } from '../gather.ts'
import { capturesOf, withProofs } from './evidence.ts'
import { fairShare, fileFor, forEachJob, freeFor, freeRatio, runFor } from './gather.ts'
import { blankJob, clip, type Job, Unanswered, unanswered } from './job.ts'
import { type KopiaSnapshot, kopiaRefusal, parseKopiaSnapshots, parseKopiaStatus, withKopiaSnapshots } from './kopia-snapshots.ts'
import { filePath, interval, jobName, jobs, plainText, refusedSecret } from './options.ts'

/** All jobs together, ms; below the probe's deadline. */
const READ_MS = 110_000
const NEWEST = 100
const MOST_JOBS = 64
const PROGRAMS = [
  '/usr/bin/kopia',
  '/usr/local/bin/kopia',
  '/opt/homebrew/bin/kopia',
  '/snap/bin/kopia',
  'C:\\Program Files\\KopiaUI\\resources\\server\\kopia.exe',
]
/** Where the connection of root is kept. */
const CONFIGURATIONS = [
  '/root/.config/kopia/repository.config',
  '/var/root/Library/Application Support/kopia/repository.config',
  '/app/config/repository.config',
]

const kopiaJob = v.strictObject({
  name: jobName,
  config: v.optional(filePath),
  command: v.optional(filePath),
  host: v.optional(plainText),
  paths: v.optional(v.pipe(v.array(plainText), v.maxLength(32, 'wanted at most 32 paths')), []),
  every: v.optional(interval),
  environmentFile: v.optional(filePath),
  password: refusedSecret,
  home: v.optional(filePath, '/root'),
  user: v.optional(plainText),
  verify: v.optional(v.strictObject({ marker: filePath })),
  restore: v.optional(v.strictObject({ marker: filePath })),
})
type KopiaJob = v.InferOutput<typeof kopiaJob>

/**
 * Backups in kopia repositories: the newest whole snapshot of each source of this host. kopia is asked only where a job names it, since that opens the
 * repository; else a connection that is there is told as unknown. Its maintenance verifies nothing, so `verify` takes a marker alone.
 */
export default defineProbe<'backups', readonly KopiaJob[]>({
  subject: 'backups',
  source: 'kopia',
  platforms: ['linux', 'darwin', 'win32'],
  every: '6h',
  timeout: '120s',
  heavy: true,
  privilege: 'runs kopia as the user who connected it: its connection holds the password',
  blind:
    'Runs that failed before kopia wrote anything; when the repository was last verified, without `verify`. KopiaUI and connections of other users are not found of themselves. Proved on documented output only, never on a live kopia.',
  setting: {
    schema: jobs(kopiaJob, 16),
    default: [],
    doc: 'kopia repositories to be asked, by the configuration of their connection. Each source of this host is a job. Uses the network where a repository is remote.',
    example: [
      {
        name: 'kopia',
        config: '/root/.config/kopia/repository.config',
        every: '1d',
        paths: ['/home', '/etc'],
        verify: { marker: '/var/lib/backup/kopia-verified' },
      },
    ],
  },
  inputs: {
    snapshots: {
      from: `kopia snapshot list --json --all --incomplete -n ${NEWEST}`,
      recognise: text => /^\s*[[{][\s\S]{0,400}"source"\s?:\s?\{/.test(text.slice(0, 4096)),
    },
    status: { from: 'kopia repository status --json', recognise: text => /"clientOptions"\s?:/.test(text.slice(0, 1e5)) },
    text: {
      from: 'kopia snapshot list, as text',
      recognise: text => /^[^\s@]{1,200}@[^\s:]{1,200}:\S/m.test(text.slice(0, 1e5)) && / k?[0-9a-f]{32} /.test(text.slice(0, 1e5)),
    },
    connection: { from: 'paths of repository.config, a line each' },
    free: { from: 'free space of a local repository, {"size","free"} in bytes' },
    verified: { from: 'marker written after a good kopia snapshot verify' },
    restored: { from: 'marker written after a restore test' },
  },
  parse(inputs, context) {
    if (context.options.length > 0) return { jobs: context.options.flatMap(job => judge(job, inputs, context)).slice(0, 128) }
    const found = sole(inputs, 'connection')
    return { jobs: found ? notAsked(found.text) : alone(inputs, context) }
  },
  async read(host, options) {
    const context = { now: host.now(), hostname: host.hostname, options }
    if (options.length === 0) return this.parse({ connection: [told('connection', await connections(host))] }, context)
    const timeoutMs = fairShare(options.length, 2, READ_MS)
    const inputs: Record<string, Captured[]> = {}
    for (const gathered of await forEachJob(options, job => gather(host, job, timeoutMs)))
      for (const [input, captures] of Object.entries(gathered)) inputs[input] = [...(inputs[input] ?? []), ...captures]
    return this.parse(inputs, context)
  },
})

/** @throws Absent where neither kopia nor a connection of it is here */
async function connections(host: Host): Promise<string> {
  const isThere = async (path: string) => {
    const isOurs = path.startsWith('/') !== (host.platform === 'win32')
    return isOurs && (await host.realpath(path, { missing: null })) !== null
  }
  const found: string[] = []
  for (const path of CONFIGURATIONS) if (await isThere(path)) found.push(path)
  if (found.length > 0) return found.join('\n')
  for (const path of PROGRAMS) if (await isThere(path)) return ''
  throw new Absent('kopia is not installed')
}

function notAsked(text: string): Job[] {
  const paths = text.split('\n').filter(path => path !== '')
  const hint = 'Set backups.kopia with this config so that it is asked, or disable backups/kopia and watch a marker.'
  return paths
    .slice(0, MOST_JOBS)
    .map((path, index) =>
      unanswered(
        blankJob(index === 0 ? 'kopia' : `kopia ${index + 1}`, 'kopia'),
        new Unanswered(`kopia is connected by ${clip(path, 256)}, and is not asked unless it is configured`, hint),
      ),
    )
}

async function gather(host: Host, job: KopiaJob, timeoutMs: number): Promise<Record<string, Captured[]>> {
  const options: RunOptions = {
    timeoutMs,
    // It would ask a server for newer versions.
    env: { KOPIA_CHECK_FOR_UPDATES: 'false', ...(job.user === undefined && host.platform !== 'win32' ? { HOME: job.home } : {}) },
    ...(job.environmentFile === undefined ? {} : { envFile: job.environmentFile }),
    ...(job.user === undefined ? {} : { user: job.user }),
  }
  const kopia = [job.command ?? 'kopia', ...(job.config === undefined ? [] : [`--config-file=${job.config}`])]
  const ask = (...args: string[]) => runFor(host, job.name, [...kopia, ...args], options)
  const status = await ask('repository', 'status', '--json')
  const { path } = parseKopiaStatus(status)
  return {
    status: [status],
    snapshots: [await ask('snapshot', 'list', '--json', '--all', '--incomplete', '-n', `${NEWEST}`)],
    free: path === null ? [] : await freeFor(host, job.name, path),
    verified: await fileFor(host, job.name, job.verify?.marker),
    restored: await fileFor(host, job.name, job.restore?.marker),
  }
}

function judge(job: KopiaJob, inputs: Inputs, context: ParseContext): Job[] {
  const status = parseKopiaStatus(capturesOf(inputs, 'status', job.name)[0])
  const base: Job = {
    ...blankJob(job.name, 'kopia'),
    destination: status.destination,
    expectedEveryMs: job.every ?? null,
    destinationFreeRatio: freeRatio(capturesOf(inputs, 'free', job.name)[0]),
  }
  const proofs = {
    marker: capturesOf(inputs, 'verified', job.name)[0],
    restored: capturesOf(inputs, 'restored', job.name)[0],
    verdict: () => undefined,
  }
  return jobsOf(base, job, status.host, inputs, context).map(one => withProofs(one, proofs, context.now))
}

function jobsOf(base: Job, job: KopiaJob, connected: string | null, inputs: Inputs, context: ParseContext): Job[] {
  try {
    const [captured] = capturesOf(inputs, 'snapshots', job.name)
    if (!captured) throw new Unanswered('there is no output of kopia')
    const all = parseKopiaSnapshots(captured)
    const host = shortHost(job.host ?? connected ?? context.hostname)
    const own = all.filter(one => shortHost(one.host) === host)
    const paths = job.paths.length > 0 ? job.paths : [...new Set(own.map(one => one.path))]
    if (paths.length === 0) return [{ ...base, snapshots: 0, reason: clip(nothingOf(all, host)) }]
    if (paths.length > MOST_JOBS) throw new Unanswered(`it has ${paths.length} sources of this host: name the paths that count`)
    return paths.map(path =>
      ofSource(
        { ...base, name: nameOf(job.name, path, paths.length) },
        own.filter(one => one.path === path),
        context.now,
      ),
    )
  } catch (error) {
    return [unanswered(base, error)]
  }
}

/** kopia writes a host's name in lower case, up to the first dot. */
function shortHost(name: string): string {
  return (name.split('.')[0] ?? '').toLowerCase()
}

function nameOf(name: string, path: string, sources: number): string {
  return sources === 1 ? name : clip(`${name} ${path}`, 128)
}

function nothingOf(all: readonly KopiaSnapshot[], host: string): string {
  if (all.length === 0) return 'the repository holds no snapshot'
  return `none of its ${all.length} snapshots is of the host ${host}: if backups are made under another name, set host`
}

function ofSource(job: Job, own: readonly KopiaSnapshot[], now: number): Job {
  try {
    const told = withKopiaSnapshots(job, own, now)
    const reason = told.lastSuccessAt === null ? 'its source has no whole snapshot' : null
    // A listing cut at its newest does not count them all.
    return { ...told, reason, snapshots: own.length < NEWEST ? told.snapshots : null }
  } catch (error) {
    return unanswered(job, error)
  }
}

/** What captures alone tell, as under `parse`: a job for each source in them. */
function alone(inputs: Inputs, { now }: ParseContext): Job[] {
  const captured = sole(inputs, 'snapshots')
  const status = parseKopiaStatus(sole(inputs, 'status'))
  const base = { ...blankJob('kopia', 'kopia'), destination: status.destination }
  if (sole(inputs, 'text') && !captured) {
    const blind = 'kopia writes times of its text with the name of a zone, which tells no offset'
    return [unanswered(base, new Unanswered(blind, 'Give the output of kopia snapshot list --json --all --incomplete.'))]
  }
  if (!captured && sole(inputs, 'status')) return [unanswered(base, new Unanswered('the state of the repository tells nothing of backups'))]
  if (!captured) throw new Absent('kopia is not configured')
  try {
    const all = parseKopiaSnapshots(captured)
    const keys = [...new Set(all.map(keyOf))]
    if (keys.length === 0) return [{ ...base, snapshots: 0, reason: 'the repository holds no snapshot' }]
    const isList = /^\s*\[/.test(captured.text)
    const shorts = keys.slice(0, 128).map(key => clip(`kopia ${key}`, 120))
    const jobs = shorts.map((short, index) => {
      const name = keys.length === 1 ? 'kopia' : shorts.indexOf(short) < index ? `${short} ${index}` : short
      const own = all.filter(one => keyOf(one) === keys[index])
      return ofSource({ ...base, name }, own, now)
    })
    return jobs.map(job => ({ ...job, snapshots: isList ? job.snapshots : null }))
  } catch (error) {
    if (error instanceof Unanswered) return [unanswered(base, error)]
    if (error instanceof SyntaxError) throw new Error(kopiaRefusal({ ...captured, text: 'the JSON of kopia is not whole' }).message)
    throw error
  }
}

function keyOf({ user, host, path }: KopiaSnapshot): string {
  return `${user}@${host}:${path}`
}
