import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, needed, sole } from '../../probe.ts'
import { cut, floorTo } from '../gather.ts'
import { type Answer, answerOf, isAnswer, partIfThere, partOf } from '../windows/answer.ts'
import { besides, isEventXml } from '../windows/events.ts'
import { jsonObjects, listObjects, type Properties, tableRows, truth, whole } from '../windows/properties.ts'
import { VOLUME_EVENTS, type VolumeEvent, volumeEventsOf } from './windows-events.ts'

type FileSystem = FactTypes['filesystems']['filesystems'][number]

const SCRIPT = 'filesystems/windows'
const MOST = 256
const UNITS: Readonly<Record<string, number>> = { bytes: 1, b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4, pb: 1024 ** 5 }

/** Local volumes with a drive letter or a folder they are mounted in; see Win32_Volume, Win32_LogicalDisk, Get-Volume, MSFT_Partition, and what NTFS logs of them. */
export default defineProbe({
  subject: 'filesystems',
  source: 'windows',
  platforms: ['win32'],
  shares: 'powershell',
  every: '15m',
  timeout: '1m',
  blind:
    'Network drives, which belong to single users. A file system that alone is read-only, its disk and partition being writable; whether a volume of dynamic disks is.',
  inputs: {
    answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'volumes') },
    events: { from: VOLUME_EVENTS.join(' '), recognise: isEventXml },
    volumes: { from: 'Get-CimInstance Win32_Volume', recognise: text => /\b(FreeSpace|SizeRemaining)\b/.test(text) },
  },
  parse: parseVolumes,

  async read(host: Host) {
    const [answer, events] = await Promise.all([host.powershell(SCRIPT), besides(host, VOLUME_EVENTS)])
    return parseVolumes({ answer: [answer], events: [events] })
  },
})

/** @throws Absent where no volume is mounted, Denied, Error */
export function parseVolumes(inputs: Inputs): FactTypes['filesystems'] {
  const captured = sole(inputs, 'answer')
  const answer = captured ? answerOf(captured, 'always') : undefined
  const objects = answer ? partOf(answer, 'volumes') : (inputs.volumes ?? []).flatMap(({ text }) => listed(text))
  if (!captured && !inputs.volumes && inputs.events) return logged(inputs)
  if (!objects || (!captured && objects.length === 0)) throw new Error('Cannot read any volume')
  const locks = answer ? locksOf(answer) : undefined
  const found = objects.filter(isLocal).flatMap(object => volumeOf(object, locks))
  if (found.length === 0) throw new Absent('no local volume is mounted')
  const fullest = found.sort((a, b) => share(a) - share(b)).slice(0, MOST)
  return { filesystems: fullest.sort((a, b) => (a.mountpoint < b.mountpoint ? -1 : 1)), ...eventsOf(inputs, objects) }
}

/** The log alone, without any volume: what it tells of damage, and never that there is none. */
function logged(inputs: Inputs): FactTypes['filesystems'] {
  const events = volumeEventsOf(needed(inputs, 'events'))
  if (events.length === 0) throw new Error('Cannot tell anything of the volumes: these records name no damage')
  return { filesystems: [], events }
}

/** Damage of the volumes that Windows knows, under the names that they are mounted by; a snapshot's or a stick's is not theirs. Null where the log could not be read. */
function eventsOf(inputs: Inputs, volumes: readonly Properties[]): { events?: VolumeEvent[] | null } {
  const captured = sole(inputs, 'events')
  if (!captured) return {}
  const bare = (name: string | undefined) => (name ?? '').replace(/\\$/, '').toLowerCase()
  const mounted = new Map(
    volumes.flatMap(volume => ['name', 'driveletter', 'deviceid'].map(key => [bare(volume.get(key)), volume.get('name')])),
  )
  try {
    return {
      events: volumeEventsOf(captured).flatMap(event => {
        const mountpoint = mounted.get(bare(event.mountpoint))
        return mountpoint === undefined ? [] : { ...event, mountpoint: cut(mountpoint, 512) }
      }),
    }
  } catch {
    return { events: null }
  }
}

/** Whether partition and disk of each volume let nothing be written, by its path in lower case; see MSFT_Partition, MSFT_Disk. */
function locksOf(answer: Answer): { readonly systemDrive: string; readonly readonly: ReadonlyMap<string, boolean> } {
  const readonly = new Map<string, boolean>()
  for (const part of partIfThere(answer, 'access') ?? []) {
    const [partition, disk] = [truth(part.get('partition')), truth(part.get('disk'))]
    const locked = partition || disk ? true : partition === false && disk === false ? false : null
    if (locked !== null) for (const path of (part.get('paths') ?? '').split(',')) readonly.set(path.trim().toLowerCase(), locked)
  }
  return { systemDrive: String(answer.systemDrive ?? '').toLowerCase(), readonly }
}

function share({ sizeBytes, availBytes }: FileSystem): number {
  return sizeBytes && availBytes !== null ? availBytes / sizeBytes : 0
}

function listed(text: string): Properties[] {
  const rows = jsonObjects(text) ?? listObjects(text)
  const found = rows.filter(row => row.has('freespace') || row.has('sizeremaining'))
  return found.length > 0 ? found : tableRows(text).filter(row => row.has('sizeremaining'))
}

/** DriveType 3, or a table's own word; a table without the column lists what Windows calls volumes. */
function isLocal(object: Properties): boolean {
  const type = object.get('drivetype')
  return type === undefined || type === '3' || /^fixed$/i.test(type)
}

/** Volumes without a letter or folder (recovery, boot loader) are not mounted. */
function volumeOf(object: Properties, locks?: ReturnType<typeof locksOf>): FileSystem[] {
  const letter = object.get('driveletter') ?? object.get('deviceid') ?? ''
  const name = object.get('name') ?? (/^[A-Za-z]:?$/.test(letter) ? `${letter.slice(0, 1)}:\\` : '')
  if (!/^[A-Za-z]:/.test(name)) return []
  const size = bytesOf(object.get('capacity') ?? object.get('size'))
  const free = bytesOf(object.get('freespace') ?? object.get('sizeremaining'))
  const dirty = truth(object.get('dirtybitset') ?? object.get('volumedirty'))
  const readonly = locks?.readonly.get(name.toLowerCase()) ?? locks?.readonly.get((object.get('deviceid') ?? '').toLowerCase()) ?? null
  const system = locks !== undefined && locks.systemDrive !== '' && name.toLowerCase() === `${locks.systemDrive}\\`
  const health = object.get('healthstatus')
  const odd = health !== undefined && !/^(healthy|0)$/i.test(health)
  return [
    {
      mountpoint: cut(name, 512),
      device: cut(object.get('deviceid') ?? name, 512),
      fstype: cut(object.get('filesystem') ?? object.get('filesystemtype') ?? 'unknown', 64),
      kind: 'local',
      sizeBytes: size,
      availBytes: free === null ? null : floorTo(Math.round((size ?? 0) * 0.005), free),
      inodes: null,
      inodesFree: null,
      readonly,
      // Only NTFS has the mark, and only Win32_Volume tells it.
      ...(dirty !== null || (locks && /^ntfs$/i.test(object.get('filesystem') ?? '')) ? { dirty } : {}),
      // Nobody wants the system's own volume so; any other an administrator may have protected.
      readonlyWanted: system ? false : null,
      standing: size === null || free === null ? 'failed' : 'answers',
      reason: dirty
        ? 'marked as damaged: chkdsk runs at the next start'
        : odd
          ? cut(`Windows calls it ${health}`, 100)
          : size === null
            ? 'Windows tells no size of it'
            : null,
    },
  ]
}

/** Bytes as a number, or rounded with a unit as a table prints them. */
function bytesOf(text: string | undefined): number | null {
  const number = whole(text)
  if (number !== null) return number
  const [, digits = '', unit = ''] = /^(\d{1,9}(?:[.,]\d{1,3})?)\s(bytes|B|KB|MB|GB|TB|PB)$/i.exec(text ?? '') ?? []
  const factor = UNITS[unit.toLowerCase()]
  return factor === undefined ? null : Math.round(Number(digits.replace(',', '.')) * factor)
}
