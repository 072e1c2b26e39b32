import type { FactTypes } from '@fettle/catalog'
import { type Host, HostError, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, Failed, type Inputs, type ParseContext } from '../../probe.ts'
import { cut } from '../gather.ts'
import { documentIn, type Json, numberOf, objectOf, objectsOf, wordOf } from '../loose-json.ts'
import { asleepUnder, devicesOf, mountOf, mountsOf } from './awake.ts'
import { clip, type Job, unanswered } from './job.ts'
import { blankSnapshots, notLookedAt, utcTime, wasNotLookedAt, withTimes } from './snapshots.ts'

const CONFIGS = '/etc/snapper/configs'
const MOST_CONFIGS = 32
/** Without D-Bus nothing is started for the look; the space that snapshots use is costly to sum up and told nowhere. */
const argvOf = (config: string) =>
  ['snapper', '--no-dbus', '--utc', '--iso', '--jsonout', '--config', config, 'list', '--disable-used-space'] as const
const HEAD = /^ *(?:Config\s*[|│]\s*)?(?:#|Number)\s*[|│]\s*Type\s*[|│]/m

/** Snapshots that snapper keeps, a job for each of its configurations; see snapper(8). They lie on the disk that they are of: no backup. */
export default defineProbe({
  subject: 'backups',
  source: 'snapper',
  platforms: ['linux'],
  every: '6h',
  timeout: '2m',
  privilege: 'root: the folders of the snapshots belong to it',
  blind: 'Snapshots are no backup. Whether one is whole, and who made it. Those on a disk that sleeps are not looked at.',
  inputs: {
    list: {
      from: argvOf('NAME').join(' '),
      recognise: text => /"pre-number"|"subvolume"\s*:/.test(text.slice(0, 65_536)) || HEAD.test(text.slice(0, 65_536)),
    },
  },
  parse: parseSnapper,

  async read(host: Host) {
    const configs = await configsOf(host)
    const mounts = mountsOf(await host.text('/proc/self/mountinfo', { missing: '' }))
    const list: Captured[] = []
    for (const { name, subvolume } of configs) {
      const sleeps = await asleepUnder(host, await devicesOf(host, mountOf(mounts, subvolume)))
      list.push(sleeps === null ? { ...(await ask(host, name)), name } : notLookedAt(name, sleeps))
    }
    return parseSnapper({ list }, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

async function configsOf(host: Host) {
  const names = await host.list(CONFIGS, { missing: new Absent('snapper has no configuration') })
  if (names.length === 0) throw new Absent('snapper has no configuration')
  const configs: { name: string; subvolume: string }[] = []
  for (const name of names.filter(one => /^[\w.@-]{1,64}$/.test(one)).slice(0, MOST_CONFIGS)) {
    const text = await readConfig(host, `${CONFIGS}/${name}`)
    configs.push({ name, subvolume: /^SUBVOLUME="?([^"\n]{1,1024})"?\s*$/m.exec(text)?.[1] ?? '/' })
  }
  return configs
}

const root = () => new Denied('the snapshots of snapper belong to root', 'Run the agent as root.')

async function readConfig(host: Host, path: string): Promise<string> {
  try {
    return await host.text(path)
  } catch (error) {
    if (error instanceof HostError && (error.code === 'EACCES' || error.code === 'EPERM')) throw root()
    throw error
  }
}

async function ask(host: Host, config: string): Promise<Captured> {
  try {
    return await host.run(argvOf(config), { timeoutMs: 30_000, env: { TZ: 'UTC' } })
  } catch (error) {
    if (error instanceof NotInstalled) throw new Absent('snapper is not installed')
    throw error
  }
}

/** @throws Denied where root is wanted, Failed where snapper is too old for JSON, Error where nothing can be read */
export function parseSnapper(inputs: Inputs, { now }: ParseContext): FactTypes['backups'] {
  const captures = inputs.list ?? []
  if (captures.length === 0) throw new Error('Cannot judge without the input list')
  return { jobs: captures.flatMap(captured => jobsOf(captured, captures.length, now)).slice(0, 128) }
}

/** Of several configurations one that cannot be read is unknown; alone it is a failure. */
function jobsOf(captured: Captured, among: number, now: number): Job[] {
  const job = blankSnapshots(captured.name, 'snapper')
  if (wasNotLookedAt(captured)) return [unanswered(job, new Error(captured.stderr))]
  try {
    const told = answered(captured)
    return /^\s*\{/.test(told) ? fromJson(documentIn(told), now) : fromTable(told, captured.name, now)
  } catch (error) {
    if (among === 1 || error instanceof Denied || error instanceof Failed) throw error
    return [unanswered(job, error)]
  }
}

function answered({ text, stderr, code }: Captured): string {
  if (/no permissions|Permission denied|root privileges/i.test(stderr)) throw root()
  if (/Unknown option|unrecognized option/i.test(stderr))
    throw new Failed('this snapper does not know the options that are asked for', 'Update snapper to 0.9 or newer.')
  if (text.trim() === '' || (code !== null && code !== 0)) {
    const end = code === null ? '' : ` and ended with ${code}`
    throw new Error(
      `Cannot read the snapshots of snapper: it printed ${text.trim() === '' ? 'nothing' : 'something'}${end}: ${cut(stderr, 200)}`,
    )
  }
  return text
}

/** `{"CONFIG": [{"number", "date", …}]}`. Number 0 is the current state, and no snapshot. */
function fromJson(document: unknown, now: number): Job[] {
  const configs = Object.entries(objectOf(document) ?? {})
  if (configs.length === 0 || configs.some(([, list]) => !Array.isArray(list)))
    throw new Error('Cannot find snapshots of snapper in this JSON')
  return configs.map(([name, list]) => {
    const rows = objectsOf(list)
    if (rows.length !== (list as unknown[]).length) throw new Error('Cannot read a snapshot of snapper: it is none')
    const job = { ...blankSnapshots(name, 'snapper'), destination: clip(wordOf(rows[0]?.subvolume) ?? '') || null }
    return withTimes(job, rows.flatMap(timeIn), now)
  })
}

function timeIn(row: Json): number[] {
  const number = numberOf(row.number)
  if (number === null || typeof row.date !== 'string') throw new Error('Cannot read a snapshot of snapper without number and date')
  return number === 0 ? [] : [utcTime(row.date, 'a snapshot of snapper')]
}

/** The table for people, printed with --utc and --iso: a line of column names, one of dashes, a line each snapshot. */
function fromTable(text: string, name: string, now: number): Job[] {
  const rows = text.split('\n').map(line =>
    line
      .slice(0, 2_000)
      .split(/[|│]/)
      .map(cell => cell.trim()),
  )
  const start = rows.findIndex(cells => cells.includes('#') && cells.includes('Date'))
  const head = rows[start]
  if (!head) throw new Error('Cannot find snapshots of snapper in this text')
  const [number, date] = [head.indexOf('#'), head.indexOf('Date')]
  const listed = rows.slice(start + 1).filter(cells => /^\d/.test(cells[number] ?? ''))
  const times = listed.flatMap(cells =>
    /^0[-+*]?$/.test(cells[number] ?? '') ? [] : [utcTime(cells[date] ?? '', 'a snapshot of snapper')],
  )
  if (listed.length === 0) throw new Error('Cannot find snapshots of snapper in this text')
  return [withTimes(blankSnapshots(name, 'snapper'), times, now)]
}
