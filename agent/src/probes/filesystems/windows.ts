import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut, floorTo } from '../gather.ts'
import { answerOf, isAnswer, partOf } from '../windows/answer.ts'
import { jsonObjects, listObjects, type Properties, tableRows, truth, whole } from '../windows/properties.ts'

type FileSystem = FactTypes['filesystems']['filesystems'][number]

const SCRIPT = 'filesystems/windows'
const MOST = 256
const UNITS: Readonly<Record<string, number>> = { bytes: 1, b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4, pb: 1024 ** 5 }

/** Local volumes with a drive letter or a folder they are mounted in; see Win32_Volume, Win32_LogicalDisk, Get-Volume. */
export default defineProbe({
  subject: 'filesystems',
  source: 'windows',
  platforms: ['win32'],
  shares: 'powershell',
  every: '15m',
  timeout: '1m',
  blind:
    'Network drives, which belong to single users. Windows does not remount what is damaged read-only: it marks the volume, which is told as a reason.',
  inputs: {
    answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'volumes') },
    volumes: { from: 'Get-CimInstance Win32_Volume', recognise: text => /\b(FreeSpace|SizeRemaining)\b/.test(text) },
  },
  parse: parseVolumes,

  async read(host: Host) {
    return parseVolumes({ answer: [await host.powershell(SCRIPT)] })
  },
})

/** @throws Absent where no volume is mounted, Denied, Error */
export function parseVolumes(inputs: Inputs): FactTypes['filesystems'] {
  const captured = sole(inputs, 'answer')
  const objects = captured ? partOf(answerOf(captured), 'volumes') : (inputs.volumes ?? []).flatMap(({ text }) => listed(text))
  if (!objects || (!captured && objects.length === 0)) throw new Error('Cannot read any volume')
  const found = objects.filter(isLocal).flatMap(volumeOf)
  if (found.length === 0) throw new Absent('no local volume is mounted')
  const fullest = found.sort((a, b) => share(a) - share(b)).slice(0, MOST)
  return { filesystems: fullest.sort((a, b) => (a.mountpoint < b.mountpoint ? -1 : 1)) }
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
function volumeOf(object: Properties): FileSystem[] {
  const letter = object.get('driveletter') ?? object.get('deviceid') ?? ''
  const name = object.get('name') ?? (/^[A-Za-z]:?$/.test(letter) ? `${letter.slice(0, 1)}:\\` : '')
  if (!/^[A-Za-z]:/.test(name)) return []
  const size = bytesOf(object.get('capacity') ?? object.get('size'))
  const free = bytesOf(object.get('freespace') ?? object.get('sizeremaining'))
  const dirty = truth(object.get('dirtybitset') ?? object.get('volumedirty')) === true
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
      readonly: null,
      readonlyWanted: null,
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
