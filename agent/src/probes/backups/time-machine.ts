import type { FactTypes } from '@fettle/catalog'
import { type Host, HostError } from '../../host.ts'
import { Absent, Denied, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { GIVE_FULL_DISK_ACCESS } from '../full-disk-access.ts'
import { cut, present } from '../gather.ts'
import {
  type Dict,
  dictsOf,
  flagIn,
  isPlistWith,
  numberIn,
  parsePlistDict,
  readPlist,
  runIfThere,
  textIn,
  timeIn,
} from '../property-list.ts'
import { blankJob, destinationOf, isFuture, type Job } from './job.ts'
import { backupTime, type Destination, parseDestinations, parseStatus, type Running } from './time-machine-status.ts'

const SETTINGS = '/Library/Preferences/com.apple.TimeMachine.plist'
const MOST = 32
const DAY = 86_400_000
/** Keys that the property list has before any destination is chosen. */
const OWN_KEYS = [
  'AutoBackup',
  'LastDestinationID',
  'RequiresACPower',
  'SkipPaths',
  'ExcludeByPath',
  'IncludeByPath',
  'HostUUIDs',
  'LocalizedDiskImageVolumeName',
] as const
/** Restore points that a destination lists; more are counted, not read. */
const MOST_DATES = 20_000
const PHASE =
  /^(BackupNotRunning|Starting|MountingBackupVol|PreparingSourceVolumes|FindingChanges|Copying|Thinning\w{0,20}|Finishing|Stopping)\s*$/

/**
 * Time Machine, by the dates that it keeps of each destination; see tmutil(8). The layout of its property list is Apple's own, so what does not look
 * as expected is unknown. Local snapshots lie on the same disk and are no backup: they are not read.
 */
export default defineProbe({
  subject: 'backups',
  source: 'time-machine',
  platforms: ['darwin'],
  every: '30m',
  timeout: '60s',
  privilege: 'Full Disk Access: without it not even root may read the property list',
  blind: 'Whether the backup can be restored, and what was left out of it by exclusions.',
  inputs: {
    settings: {
      from: SETTINGS,
      recognise: text => isPlistWith(text, 'AutoBackup') || isPlistWith(text, 'SnapshotDates') || isPlistWith(text, 'DestinationID'),
    },
    destinations: {
      from: 'tmutil destinationinfo -X',
      recognise: text =>
        isPlistWith(text, 'Destinations') || /No destinations configured|^Mount Point\s+:|^ID\s+: [0-9A-F-]{36}/m.test(text),
    },
    status: {
      from: 'tmutil status',
      recognise: text => /^\s*(Backup session status:|\{[^"]{0,200}\bRunning =)/.test(text) || PHASE.test(text),
    },
    latest: {
      from: 'tmutil latestbackup',
      recognise: text =>
        text.length < 2_000 && /^\/[^\n]*\d{4}-\d\d-\d\d-\d{6}(\.backup)?\/?\s*$|No machine directory|error 18\b/i.test(text),
    },
  },
  parse: parseTimeMachine,

  async read(host: Host) {
    const settings = await settingsOf(host)
    const destinations = await runIfThere(host, ['tmutil', 'destinationinfo', '-X'], 20_000)
    const status = await runIfThere(host, ['tmutil', 'status'], 10_000)
    return parseTimeMachine(
      { settings: [settings], destinations: present(destinations), status: present(status) },
      { now: host.now(), hostname: host.hostname, options: undefined },
    )
  },
})

async function settingsOf(host: Host) {
  try {
    const settings = await readPlist(host, SETTINGS)
    if (settings) return settings
  } catch (error) {
    if (error instanceof HostError && (error.code === 'EPERM' || error.code === 'EACCES'))
      throw new Denied('Time Machine needs Full Disk Access to be read', GIVE_FULL_DISK_ACCESS)
    throw error
  }
  throw new Absent('Time Machine was never set up')
}

/**
 * One job per destination. Without the property list nothing is known of past backups, so jobs stand as unknown whatever else is told.
 * @throws Denied where macOS kept the property list from the agent, Error where an input cannot be read
 */
export function parseTimeMachine(inputs: Inputs, { now }: ParseContext): FactTypes['backups'] {
  const all = Object.values(inputs).flat()
  const refused = all.find(({ text, stderr }) =>
    /Operation not permitted|requires Full Disk Access|don.t have permission/i.test(`${stderr}\n${text.slice(0, 2_000)}`),
  )
  if (refused) throw new Denied('Time Machine needs Full Disk Access to be read', GIVE_FULL_DISK_ACCESS)
  const settings = sole(inputs, 'settings')
  const attached = (inputs.destinations ?? []).flatMap(({ text }) => parseDestinations(text))
  const status = sole(inputs, 'status')
  const running = status ? stateOf(status.text) : null
  const latest = (inputs.latest ?? []).find(({ text }) => text.trim() !== '')
  if (!settings && attached.length === 0 && !running && !latest) throw new Error('Cannot judge Time Machine without its property list')
  const jobs = settings
    ? jobsOf(parsePlistDict(settings.text), now)
    : (attached.length > 0 ? attached : [nameless]).map(found => unknownJob(found, latest?.text, now))
  return {
    jobs: jobs
      .slice(0, MOST)
      .map(job => withRunning(withMount(job, attached), running))
      .map(({ id: _id, ...job }) => job),
  }
}

type Known = Job & { readonly id: string | null }
const nameless: Destination = { id: null, name: 'Time Machine', kind: null, mount: null }

function stateOf(text: string): Running {
  const phase = PHASE.exec(text)?.[1]
  return phase === undefined ? parseStatus(text) : { running: phase !== 'BackupNotRunning', destination: null, since: null }
}

function jobsOf(settings: Dict, now: number): Known[] {
  const destinations = settings.Destinations
  if (destinations === undefined) {
    if (!OWN_KEYS.some(key => key in settings)) throw new Error('Cannot find Time Machine in this property list')
    return []
  }
  if (!Array.isArray(destinations)) throw new Error('Cannot read the destinations of Time Machine')
  const names = new Set<string>()
  return dictsOf(destinations).map(found => {
    const job = jobOf(found, settings, now)
    const name = names.has(job.name) ? cut(`${job.name} ${job.id ?? names.size}`, 128) : job.name
    names.add(name)
    return { ...job, name }
  })
}

/** `RESULT` is 0 after a good run; the newest of `SnapshotDates` is the last good one. */
function jobOf(found: Dict, settings: Dict, now: number): Known {
  const id = textIn(found.DestinationID)
  const name = textIn(found.LastKnownVolumeName) ?? id
  if (name === null) throw new Error('Cannot read a destination of Time Machine without name and ID')
  const url = textIn(found.NetworkURL)
  const base: Known = { ...blankJob(cut(name, 128), 'time-machine'), id, destination: url === null ? cut(name, 300) : destinationOf(url) }
  const snapshots = datesOf(found.SnapshotDates)
  const attempts = datesOf(found.AttemptDates)
  const result = numberIn(found.RESULT)
  const last = snapshots === null ? null : Math.max(0, ...snapshots.slice(-MOST_DATES))
  const run = Math.max(last ?? 0, ...(attempts ?? []).slice(-MOST_DATES))
  if (snapshots === null) {
    return {
      ...base,
      standing: 'unknown',
      reason: 'its property list names no dates of backups',
      hint: 'Report this to the makers of Fettle with the release of macOS.',
    }
  }
  const [free, used] = [numberIn(found.BytesAvailable), numberIn(found.BytesUsed)]
  const interval = (numberIn(settings.AutoBackupInterval) ?? 0) * 1000
  const off = flagIn(settings.AutoBackup) === false
  return {
    ...base,
    ...(last !== null && isFuture(last, now)
      ? { standing: 'unknown' as const, reason: 'the last backup lies in the future: see the clock' }
      : {}),
    lastRunAt: run > 0 ? run : null,
    lastSuccessAt: last !== null && last > 0 ? last : null,
    lastResult: result === null ? null : result === 0 ? 'success' : 'failed',
    snapshots: snapshots.length,
    // Hourly is the default, but a laptop sleeps and its disk is elsewhere: the limits of the role hold then.
    expectedEveryMs: interval >= DAY ? interval : null,
    destinationFreeRatio:
      free !== null && used !== null && free >= 0 && used >= 0 && free + used > 0 ? Math.floor((free / (free + used)) * 50) / 50 : null,
    warnings: [
      ...(off ? ['automatic backups are switched off'] : []),
      ...(result === null || result === 0 ? [] : [`the last run ended with error ${result}`]),
    ],
  }
}

/** Times of a list of dates; null where there is no list, since "no key" is not "no backup". */
function datesOf(value: unknown): number[] | null {
  if (!Array.isArray(value)) return null
  const times = value.map(timeIn)
  if (times.some(time => time === null)) throw new Error('Cannot read the dates of backups of Time Machine')
  return times.filter(time => time !== null).sort((a, b) => a - b)
}

function unknownJob({ id, name, mount }: Destination, latest: string | undefined, now: number): Known {
  const base: Known = { ...blankJob(cut(name, 128), 'time-machine'), id, destination: cut(mount ?? name, 300) }
  const time = latest === undefined ? null : backupTime(latest)
  if (time !== null && !isFuture(time, now)) return { ...base, lastSuccessAt: time }
  const reason =
    latest === undefined ? 'nothing was given that tells of past backups' : `tmutil latestbackup names none: ${cut(latest, 150)}`
  return { ...base, standing: 'unknown', reason, hint: `Give ${SETTINGS}, or attach the destination.` }
}

function withMount(job: Known, attached: readonly Destination[]): Known {
  const found = attached.find(({ id }) => id !== null && id === job.id)
  return !found || found.mount !== null ? job : { ...job, warnings: [...job.warnings, 'the destination is not attached now'] }
}

/** A status that names no destination is of the only job, or of none for sure. */
function withRunning(job: Known, running: Running | null): Known {
  if (!running?.running || (running.destination !== null && job.id !== null && job.id !== running.destination)) return job
  return { ...job, lastResult: 'running', runningSince: running.since }
}
