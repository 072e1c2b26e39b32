import { basename } from 'node:path'
import type { FactTypes } from '@fettle/catalog'
import { type Host, HostError } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { present, readable } from '../gather.ts'
import { documentIn, type Json, numberOf, objectOf, wordOf } from '../loose-json.ts'
import { asleepUnder, mountsOf } from './awake.ts'
import { type Job, Unanswered, unanswered } from './job.ts'
import { blankSnapshots, notLookedAt, wasNotLookedAt, withTimes } from './snapshots.ts'

const CONFIGS = ['/etc/timeshift/timeshift.json', '/etc/timeshift.json'] as const
/** Where snapshots lie on their device: of rsync mode, and of btrfs mode. */
const FOLDERS = ['timeshift/snapshots', 'timeshift-btrfs/snapshots'] as const
/** Names are times, so the newest are the last; more are never kept. */
const MOST = 200
const HOUR = 3_600_000
const SCHEDULES = [
  ['schedule_hourly', HOUR],
  ['schedule_daily', 24 * HOUR],
  ['schedule_weekly', 7 * 24 * HOUR],
  ['schedule_monthly', 30 * 24 * HOUR],
] as const

/**
 * Snapshots that timeshift keeps of the system, by the `info.json` in each. `timeshift --list` would mount their device, so they are only looked at
 * where it is mounted anyhow. They hold the system and not the people's files, as a rule on the same disk: no backup. Layout: timeshift's README.
 */
export default defineProbe({
  subject: 'backups',
  source: 'timeshift',
  platforms: ['linux'],
  every: '6h',
  timeout: '1m',
  privilege: 'root: the snapshots belong to it',
  blind: 'Snapshots are no backup. In btrfs mode, and on a device of their own, they are mounted nowhere as a rule: then they are unknown.',
  inputs: {
    config: { from: CONFIGS[0], recognise: text => /"backup_device_uuid"/.test(text.slice(0, 65_536)) },
    snapshot: { from: `…/${FOLDERS[0]}/*/info.json`, recognise: text => /"sys-uuid"|"sys-distro"/.test(text.slice(0, 65_536)) },
    list: {
      from: 'timeshift --list',
      recognise: text => /^Num\s+Name\s+Tags/m.test(text.slice(0, 65_536)) || /^[ \t]*No snapshots/m.test(text.slice(0, 65_536)),
    },
  },
  parse: parseTimeshift,

  async read(host: Host) {
    const config = (await readable(host, CONFIGS[0])) ?? (await readable(host, CONFIGS[1]))
    if (!config) throw new Absent('timeshift is not set up')
    const uuid = deviceOf(config)
    if (uuid === null) throw new Absent('timeshift has no device for snapshots')
    const snapshot = await snapshotsOn(host, uuid)
    return parseTimeshift({ config: present(config), snapshot }, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

function deviceOf(config: Captured): string | null {
  const uuid = wordOf(objectOf(documentIn(config.text))?.backup_device_uuid)
  return uuid !== undefined && /^[\w-]{1,64}$/.test(uuid) ? uuid : null
}

async function snapshotsOn(host: Host, uuid: string): Promise<Captured[]> {
  const device = await host.realpath(`/dev/disk/by-uuid/${uuid}`, { missing: null })
  if (device === null) return [notLookedAt('timeshift', `its device ${uuid} is not attached`)]
  const whole = mountsOf(await host.text('/proc/self/mountinfo')).filter(mount => mount.root === '/' && mount.source.startsWith('/dev/'))
  const points: string[] = []
  for (const { source, point } of whole) if ((await host.realpath(source, { missing: source })) === device) points.push(point)
  const [point] = points
  if (point === undefined)
    return [notLookedAt('timeshift', `its device ${device} is not mounted as a whole, and looking must not mount it`)]
  const sleeps = await asleepUnder(host, [basename(device)])
  if (sleeps !== null) return [notLookedAt('timeshift', sleeps)]
  const found: Captured[] = []
  for (const folder of FOLDERS) found.push(...(await inFolder(host, `${point === '/' ? '' : point}/${folder}`)))
  return found
}

async function inFolder(host: Host, folder: string): Promise<Captured[]> {
  const names = (await listed(host, folder)).filter(name => /^\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d$/.test(name))
  const found: Captured[] = []
  for (const name of names.slice(-MOST)) {
    const captured = await host.captured(`${folder}/${name}/info.json`, { missing: undefined })
    // Without it the snapshot was not finished.
    if (captured) found.push(captured)
  }
  return found
}

async function listed(host: Host, folder: string): Promise<string[]> {
  try {
    return await host.list(folder, { missing: [] as string[] })
  } catch (error) {
    if (error instanceof HostError && (error.code === 'EACCES' || error.code === 'EPERM'))
      throw new Denied('the snapshots of timeshift belong to root', 'Run the agent as root.')
    throw error
  }
}

/** One job. @throws Error where an input is none of timeshift's */
export function parseTimeshift(inputs: Inputs, { now }: ParseContext): FactTypes['backups'] {
  const config = sole(inputs, 'config')
  const snapshots = inputs.snapshot ?? []
  const list = sole(inputs, 'list')
  if (!config && !list && snapshots.length === 0) throw new Error('Cannot judge without the input snapshot')
  const settings = config ? settingsOf(config) : {}
  const device = wordOf(settings.backup_device_uuid)
  const job = {
    ...blankSnapshots('timeshift', 'timeshift'),
    destination: device?.slice(0, 128) ?? null,
    expectedEveryMs: scheduled(settings),
  }
  const blind = snapshots.find(wasNotLookedAt)
  if (blind) return { jobs: [unanswered(job, new Unanswered(blind.stderr, 'Ask `timeshift --list`, which mounts it.'))] }
  if (snapshots.length > 0 || (config && inputs.snapshot && !list)) return { jobs: [withTimes(job, snapshots.map(createdAt), now)] }
  return { jobs: [list ? byList(job, list.text) : unanswered(job, new Error('the settings alone tell of no snapshot'))] }
}

function settingsOf(captured: Captured): Json {
  const settings = objectOf(documentIn(captured.text))
  if (!settings || !('backup_device_uuid' in settings)) throw new Error('Cannot find the settings of timeshift in this text')
  return settings
}

/** Switches are the texts "true" and "false". */
function scheduled(settings: Json): number | null {
  return SCHEDULES.find(([key]) => String(settings[key]) === 'true')?.[1] ?? null
}

/** `created` is in epoch seconds, written as a text. */
function createdAt(captured: Captured): number {
  const seconds = numberOf(objectOf(documentIn(captured.text))?.created)
  if (seconds === null || !(seconds > 0) || seconds > 1e11)
    throw new Error('Cannot read a snapshot of timeshift without the time at which it was created')
  return seconds * 1000
}

/** The list names snapshots by the local time of the machine, whose zone it does not tell: only their number is known. */
function byList(job: Job, text: string): Job {
  const names = text.match(/^\d+\s+(?:>\s+)?\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\b/gm) ?? []
  if (names.length === 0 && !/^[ \t]*No snapshots/m.test(text)) throw new Error('Cannot find snapshots in this list of timeshift')
  if (names.length === 0) return withTimes(job, [], 0)
  return unanswered({ ...job, snapshots: names.length }, new Error('the list tells times without their zone'))
}
