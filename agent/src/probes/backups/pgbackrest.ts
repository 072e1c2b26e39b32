import type { FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import { type Host, HostError, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, Failed, type Inputs, needed, type ParseContext, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { documentIn, type Json, numberOf, objectOf, objectsOf, wordOf } from '../loose-json.ts'
import { asleepUnder, devicesOf, mountOf, mountsOf } from './awake.ts'
import { blankJob, clip, isFuture, type Job, learnedEvery, Unanswered, unanswered } from './job.ts'
import { plainText } from './options.ts'

const CONFIGS = ['/etc/pgbackrest/pgbackrest.conf', '/etc/pgbackrest.conf'] as const
const ARGV = ['pgbackrest', 'info', '--output=json', '--log-level-file=off'] as const
/** Status of a stanza; see `info` in the user guide. Only these say for sure that a backup stands, or that there has never been one. */
const [OK, NO_BACKUP] = [0, 2]
const MOST_STANZAS = 64

const options = v.strictObject({ network: v.optional(v.boolean(), false), user: v.optional(plainText, 'postgres') })
type Options = v.InferOutput<typeof options>

/**
 * Backups of PostgreSQL by pgBackRest, a job for each stanza; see `pgbackrest info` in its command reference. It ends with 0 whatever is wrong: the status
 * of each stanza decides. Repositories on another machine or in a cloud are asked over the network, so only where the configuration allows it.
 */
export default defineProbe<'backups', Options>({
  subject: 'backups',
  source: 'pgbackrest',
  platforms: ['linux'],
  every: '3h',
  timeout: '2m',
  privilege: 'root, to read its configuration and to ask as the user that owns the repository (postgres)',
  blind:
    'Runs that failed before a backup began. Whether WAL since the last backup is whole: see archive_command in the log of PostgreSQL.',
  setting: {
    schema: options,
    default: { network: false, user: 'postgres' },
    doc: 'network: ask repositories that are on another machine or in a cloud too. user: who asks.',
    example: { network: true },
  },
  inputs: {
    info: {
      from: ARGV.join(' '),
      recognise: text =>
        /"(stanza|backrest|repo-key|system-id)"|"lock"\s*:\s*\{\s*"backup"/.test(text.slice(0, 262_144)) ||
        /^\[\]\s*$/.test(text.slice(0, 20)),
    },
    config: { from: CONFIGS[0], recognise: text => /^[ \t]*(?:pg|repo)\d{0,3}-(?:path|host)[ \t]*=/m.test(text.slice(0, 262_144)) },
  },
  parse: parsePgbackrest,

  async read(host, given) {
    const config = await configOf(host)
    if (!/^[ \t]*pg\d{0,3}-(?:path|host)[ \t]*=/m.test(config) && !/^\[(?!global)[^\]]{1,64}\]/m.test(config))
      throw new Absent('pgBackRest has no stanza')
    if (isRemote(config) && !given.network)
      throw new Failed('its repository is on another machine, and the network may not be used', 'Set backups.pgbackrest.network to true.')
    const sleeps = await asleep(host, config)
    if (sleeps !== null) return { jobs: [unanswered(blankJob('repository', 'pgbackrest'), new Error(sleeps))] }
    const info = await ask(host, given.user)
    return parsePgbackrest(
      { info: [info], config: [{ ...info, text: config, stderr: '', name: CONFIGS[0] }] },
      { now: host.now(), hostname: host.hostname, options: given },
    )
  },
})

/** A repository of its own machine has neither a host nor a type but posix. */
function isRemote(config: string): boolean {
  return (
    /^[ \t]*repo\d{0,3}-host[ \t]*=/m.test(config) || /^[ \t]*repo\d{0,3}-type[ \t]*=[ \t]*(?!posix[ \t]*$|cifs[ \t]*$)\S/m.test(config)
  )
}

async function asleep(host: Host, config: string): Promise<string | null> {
  const mounts = mountsOf(await host.text('/proc/self/mountinfo', { missing: '' }))
  for (const [, path = ''] of config.matchAll(/^[ \t]*repo\d{0,3}-path[ \t]*=[ \t]*(\/\S{0,1000})/gm)) {
    const sleeps = await asleepUnder(host, await devicesOf(host, mountOf(mounts, path)))
    if (sleeps !== null) return sleeps
  }
  return null
}

async function configOf(host: Host): Promise<string> {
  for (const path of CONFIGS) {
    try {
      const text = await host.text(path, { missing: null })
      if (text !== null) return text
    } catch (error) {
      if (error instanceof HostError && (error.code === 'EACCES' || error.code === 'EPERM'))
        throw new Denied(`${path} may not be read`, 'Run the agent as root.')
      throw error
    }
  }
  throw new Absent('pgBackRest is not set up')
}

async function ask(host: Host, user: string): Promise<Captured> {
  try {
    return await host.run(ARGV, { timeoutMs: 100_000, ...(host.uid === 0 ? { user } : {}) })
  } catch (error) {
    if (error instanceof NotInstalled) throw new Absent('pgBackRest is not installed')
    throw error
  }
}

/** @throws Error where nothing can be read */
export function parsePgbackrest(inputs: Inputs, { now, hostname }: ParseContext<Options>): FactTypes['backups'] {
  const { text, stderr, code } = needed(inputs, 'info')
  if (text.trim() === '' || (code !== null && code !== 0))
    throw new Error(`Cannot ask pgBackRest: ${cut(stderr, 200) || 'it printed nothing'}`)
  const stanzas = documentIn(text)
  if (!Array.isArray(stanzas)) throw new Error('Cannot find stanzas in this JSON: wanted a list')
  const config = sole(inputs, 'config')?.text ?? ''
  const jobs = stanzas.slice(0, MOST_STANZAS).map(stanza => jobOf(objectOf(stanza) ?? {}, now))
  return { jobs: jobs.map(job => ({ ...job, protects: protectedBy(config, job.name, hostname) })) }
}

/** Whose cluster a stanza is, by its section: on a repository host `pgN-host` names another machine; see "Cluster Options" of its reference. */
function protectedBy(config: string, stanza: string, hostname: string): Job['protects'] {
  const sections = config.split(/^[ \t]*(?=\[)/m).filter(section => section.startsWith(`[${stanza}]`))
  const values = (key: string) =>
    sections.flatMap(section =>
      [...section.matchAll(/^[ \t]*pg(\d{0,3})-(path|host)[ \t]*=[ \t]*(\S{1,256})/gm)]
        .filter(([, , name]) => name === key)
        .map(([, index = '', , value = '']) => [index || '1', value] as const),
    )
  const hosts = new Map(values('host').filter(([, name]) => name !== 'localhost' && name !== hostname))
  if (values('path').some(([index]) => !hosts.has(index))) return 'this'
  return hosts.size > 0 ? 'others' : 'unknown'
}

function jobOf(stanza: Json, now: number): Job {
  const name = wordOf(stanza.name)
  const status = objectOf(stanza.status)
  const code = numberOf(status?.code)
  if (name === undefined || !status || code === null || !Array.isArray(stanza.backup))
    throw new Error('Cannot read a stanza without name, status and backups')
  const job = blankJob(name, 'pgbackrest')
  try {
    if (code !== OK && code !== NO_BACKUP) throw new Unanswered(trouble(stanza, status))
    return withBackups(job, stanza, now)
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error
    return unanswered(job, error)
  }
}

/** What is wrong stands with the repositories, shorter with the stanza. */
function trouble(stanza: Json, status: Json): string {
  const told = objectsOf(stanza.repo).map(repo => wordOf(objectOf(repo.status)?.message))
  return clip(
    [...new Set([...told, wordOf(status.message)])].filter(word => word !== undefined && word !== 'ok').join('; ') || 'it tells no reason',
    300,
  )
}

type Backup = {
  readonly start: number
  readonly stop: number
  readonly isSpoilt: boolean
  readonly bytes: number | null
  readonly added: number | null
}

function withBackups(job: Job, stanza: Json, now: number): Job {
  const backups = (stanza.backup as unknown[]).map(one => backupOf(objectOf(one) ?? {})).sort((a, b) => b.stop - a.stop)
  const [last] = backups
  if (last && isFuture(last.stop, now))
    throw new Unanswered('the newest backup is from the future', 'Set the clock right, here or where the backup ran.')
  const runs = objectOf(objectOf(objectOf(stanza.status)?.lock)?.backup)?.held === true
  return {
    ...job,
    reason: last ? null : 'there is no backup yet',
    lastRunAt: last?.stop ?? null,
    lastResult: runs ? 'running' : last ? (last.isSpoilt ? 'warnings' : 'success') : null,
    lastSuccessAt: last?.stop ?? null,
    durationMs: last && last.stop >= last.start ? last.stop - last.start : null,
    sourceBytes: last?.bytes ?? null,
    addedBytes: last?.added ?? null,
    snapshots: backups.length,
    earlierBytes: backups.slice(1, 11).flatMap(one => one.bytes ?? []),
    learnedEveryMs: learnedEvery(backups.map(one => one.stop)),
    warnings: last?.isSpoilt ? ['pages of the database failed their checksums in the last backup'] : [],
  }
}

function backupOf(raw: Json): Backup {
  const times = objectOf(raw.timestamp)
  const [start, stop] = [numberOf(times?.start), numberOf(times?.stop)]
  if (start === null || stop === null || !(stop > 0) || stop > 1e11) throw new Error('Cannot read a backup of pgBackRest without its times')
  const info = objectOf(raw.info)
  return {
    start: start * 1000,
    stop: stop * 1000,
    isSpoilt: raw.error === true,
    bytes: numberOf(info?.size),
    added: numberOf(objectOf(info?.repository)?.delta),
  }
}
