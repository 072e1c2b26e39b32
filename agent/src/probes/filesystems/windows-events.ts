import type { FactTypes } from '@fettle/catalog'
import type { Captured } from '../../probe.ts'
import { cut } from '../gather.ts'
import { type LogEvent, logQuery, recordsOf } from '../windows/events.ts'

export type VolumeEvent = NonNullable<FactTypes['filesystems']['events']>[number]

const WEEK_MS = 7 * 86_400_000
const MOST = 64
const PROVIDER = /^(Microsoft-Windows-)?Ntfs$/i
/** 55: a structure on the disk is corrupt. 98: what NTFS makes of the volume, by CorruptionActionState. 137: the resource manager of transactions does not start. */
const [CORRUPT, VERDICT, TRANSACTIONS] = [55, 98, 137]

/** What NTFS logged in the last seven days: damage, and its verdict on each volume that it mounts. */
export const VOLUME_EVENTS = logQuery(
  'System',
  `*[System[Provider[@Name='Ntfs' or @Name='Microsoft-Windows-Ntfs'] and (EventID=${CORRUPT} or EventID=${VERDICT} or EventID=${TRANSACTIONS}) and TimeCreated[timediff(@SystemTime) <= ${WEEK_MS}]]]`,
)

/**
 * Damage by volume that NTFS has not called healthy since, and the transactions' record beside it. Volumes are named as the log does: `C:`, or
 * `\\?\Volume{…}`. @throws Denied, Error where the log cannot be read, or a verdict in it
 */
export function volumeEventsOf(captured: Captured): VolumeEvent[] {
  const records = recordsOf(captured).filter(record => PROVIDER.test(record.provider))
  const healthySince = new Map<string, number>()
  for (const record of records) {
    const volume = volumeOf(record)
    if (record.id === VERDICT && verdictOf(record) === 0 && record.at !== null)
      healthySince.set(volume, Math.max(record.at, healthySince.get(volume) ?? 0))
  }
  const found = new Map<string, VolumeEvent>()
  for (const record of records) {
    const mountpoint = volumeOf(record)
    const kind = kindOf(record)
    if (kind === undefined) continue
    const mended = kind !== 'transactions' && record.at !== null && record.at <= (healthySince.get(mountpoint) ?? 0)
    if (mended) continue
    const before = found.get(`${kind} ${mountpoint}`)
    const times = [before?.lastAt, record.at].filter(at => typeof at === 'number')
    const lastAt = times.length === 0 ? null : Math.max(...times)
    found.set(`${kind} ${mountpoint}`, { kind, mountpoint, count: (before?.count ?? 0) + 1, lastAt })
  }
  const order = ['corrupt', 'repair', 'transactions']
  return [...found.values()].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind)).slice(0, MOST)
}

function kindOf(record: LogEvent): VolumeEvent['kind'] | undefined {
  if (record.id === CORRUPT) return 'corrupt'
  if (record.id === TRANSACTIONS) return 'transactions'
  return record.id === VERDICT && verdictOf(record) !== 0 ? 'repair' : undefined
}

/** 0: healthy. Anything else: a scan, a spot fix or a full chkdsk is needed. @throws where it is not told */
function verdictOf({ data }: LogEvent): number {
  const said = data.find(([name]) => name === 'CorruptionActionState')?.[1]
  if (said === undefined || !/^\d{1,3}$/.test(said)) throw new Error('Cannot read what NTFS says of a volume: wanted CorruptionActionState')
  return Number(said)
}

/** Older versions log without names: the volume is what looks like one. */
function volumeOf({ data }: LogEvent): string {
  const named = data.find(([name]) => name === 'DriveName')?.[1]
  const volume =
    named ?? data.find(([, value]) => /^([A-Za-z]:|\\\\\?\\Volume\{)/.test(value))?.[1] ?? data.find(([, value]) => value !== '')?.[1]
  return cut(volume ?? '', 512) || 'a volume that is not named'
}
