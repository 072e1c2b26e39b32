import { linesOf } from '../lines.ts'
import type { ArrayState, MemberState } from './array.ts'
import { blankDrive, type Drive, type Report, sizeOf, type Volume } from './controller.ts'

type Section = {
  readonly kind: 'adapter' | 'volume' | 'drive' | 'battery' | 'controller' | 'other'
  readonly title: string
  readonly values: Map<string, string>
  readonly adapter: string
  readonly volume: string | null
}

/**
 * `megacli -LdPdInfo`, `-LDInfo`, `-PDList` and `-ShowSummary`, each of all adapters.
 * @throws Error where the output does not end with its exit code, or lists fewer volumes than it counts
 */
export function parseMegacli(text: string): Report {
  const exit = /Exit Code: (0x[0-9a-f]{1,8})\s*$/i.exec(text)?.[1]
  if (exit === undefined) throw new Error('Cannot read megacli: its output does not end with an exit code')
  if (Number(exit) !== 0) throw new Error(`Cannot read megacli: it ended with ${exit}`)
  const sections = sectionsOf(text)
  const volumes = sections.filter(section => section.kind === 'volume').map(volumeOf)
  const told = [...text.matchAll(/^Number of Virtual (?:Disks|Drives): (\d{1,4})\s*$/gm)].reduce((sum, found) => sum + Number(found[1]), 0)
  if (told > volumes.length) throw new Error(`Cannot read megacli: it counts ${told} virtual drives, and ${volumes.length} are listed`)
  // A place without a drive is a heading with nothing under it; a backplane is told as a drive.
  const drives = sections
    .filter(({ kind, values }) => kind === 'drive' && !/\b(BP|EXP|BACKPLANE)\b/.test(values.get('Product Id') ?? ''))
    .map(driveOf)
  const any = /^[ \t]*(Adapter|System|Hardware)\b/m.test(text)
  if (!any) throw new Error('Cannot find an adapter in the output of megacli')
  return { volumes, drives, faults: sections.flatMap(faultOf) }
}

function sectionsOf(text: string): Section[] {
  const sections: Section[] = []
  let adapter = 'a0'
  let volume: string | null = null
  for (const line of linesOf(text)) {
    const opened = opening(line)
    if (opened?.kind === 'adapter') {
      adapter = `a${opened.title}`
      volume = null
    }
    if (opened?.kind === 'volume') volume = `${adapter}/v${opened.title}`
    const current = sections.at(-1)
    // A drive opens with its enclosure; under "PD: 0 Information" it is open already.
    const again = opened?.kind === 'drive' && !line.startsWith('PD:') && current?.kind === 'drive' && current.values.size === 0
    if (opened && !again) sections.push({ ...opened, values: new Map(), adapter, volume })
    const [, key, value] = /^\s*([^:\n]{1,80}?)\s*: ?(.*?)\s*$/.exec(line) ?? []
    if (key && value !== undefined && !/^(PD|Exit Code)$/.test(key)) sections.at(-1)?.values.set(key, value)
  }
  return sections
}

function opening(line: string): Pick<Section, 'kind' | 'title'> | undefined {
  const adapter = /^Adapter #?(\d{1,3})\b/.exec(line)?.[1]
  if (adapter) return { kind: 'adapter', title: adapter }
  const volume = /^(?:CacheCade )?Virtual Drive: (\d{1,4})/.exec(line)?.[1] ?? /^\s+Virtual drive\s+: Target Id (\d{1,4})/.exec(line)?.[1]
  if (volume) return { kind: 'volume', title: volume }
  if (/^(Enclosure Device ID:|PD: \d+ Information)|^\s+Connector\s+:/.test(line))
    return { kind: 'drive', title: /^PD: (\d+)/.exec(line)?.[1] ?? '' }
  if (/^\s+BBU\s*$/.test(line)) return { kind: 'battery', title: '' }
  if (/^\s+Controller\s*$/.test(line)) return { kind: 'controller', title: '' }
  return /^\s*(Enclosure|PD|Storage|Virtual Drives|Hardware|System)\s*$/.test(line) ? { kind: 'other', title: '' } : undefined
}

const VOLUME_STATES: Readonly<Record<string, ArrayState>> = {
  optimal: 'ok',
  degraded: 'degraded',
  'partially degraded': 'degraded',
  offline: 'failed',
  failed: 'failed',
}

function volumeOf({ title, values, adapter }: Section): Volume {
  const word = values.get('State')
  if (!word) throw new Error(`Cannot read the virtual drive ${title}: it has no state`)
  const own = values.get('Name') || values.get('Virtual drive')?.replace(/^.*VD name ?/, '')
  const rebuilt = /(?:Rebuild|Reconstruction|Initialization)\s*: Completed (\d{1,3})%/.exec(values.get('Ongoing Progresses') ?? '')?.[1]
  const disks = countOf(values.get('Number Of Drives') ?? values.get('Number Of Drives per span'))
  const spans = countOf(values.get('Span Depth')) ?? 1
  return {
    name: own ? `${adapter}/v${title} ${own}` : `${adapter}/v${title}`,
    group: `${adapter}/v${title}`,
    level: levelOf(values.get('RAID Level') ?? '', spans),
    state: VOLUME_STATES[word.toLowerCase()] ?? 'unknown',
    word,
    required: disks === null ? null : disks * Math.max(1, spans),
    errors: null,
    sync: rebuilt ? { action: 'recovery', ratio: Number(rebuilt) / 100 } : null,
    note: /^yes$/i.test(values.get('Bad Blocks Exist') ?? '') ? 'it has bad blocks' : null,
  }
}

const countOf = (text: string | undefined): number | null => (/^\d{1,4}$/.test(text ?? '') ? Number(text) : null)

/** `Primary-1, Secondary-0, RAID Level Qualifier-0`; several spans of mirrors are RAID 10. */
function levelOf(text: string, spans: number): string | null {
  const primary = /Primary-(\d)/.exec(text)?.[1] ?? /^(\d{1,2})\b/.exec(text.trim())?.[1]
  return primary === undefined ? null : `raid${primary}${primary.length === 1 && spans > 1 ? '0' : ''}`
}

function driveOf({ title, values, adapter, volume }: Section): Drive {
  if (values.size === 0) return { ...blankDrive(`${volume ?? adapter} place ${title}`), group: volume, state: 'missing', word: 'missing' }
  const word = values.get('Firmware state') ?? values.get('State')
  const place = values.has('Slot Number')
    ? `${(values.get('Enclosure Device ID') ?? '').trim()}:${values.get('Slot Number')}`
    : placeOf(values.get('Connector') ?? '')
  if (!word) throw new Error(`Cannot read the drive ${place}: it has no state`)
  const disks = /DiskGroup: (\d{1,4})/.exec(values.get("Drive's position") ?? '')?.[1]
  const predicted = countOf(values.get('Predictive Failure Count'))
  const flagged = values.get('Drive has flagged a S.M.A.R.T alert')
  const type = `${values.get('PD Type') ?? values.get('Disk Type') ?? ''} ${values.get('Media Type') ?? ''}`
  return {
    ...blankDrive(`${adapter} ${place}`),
    group: volume ?? (disks === undefined ? null : `${adapter}/dg${disks}`),
    state: stateOf(word),
    word,
    ...inquiryOf(values),
    wwn: values.get('WWN')?.toLowerCase() ?? null,
    interface: /sata/i.test(type) ? 'sata' : /sas/i.test(type) ? 'sas' : /nvme/i.test(type) ? 'nvme' : 'unknown',
    media: /solid state/i.test(type) ? 'ssd' : /hard disk/i.test(type) ? 'hdd' : 'unknown',
    sizeBytes: sizeOf(values.get('Raw Size') ?? values.get('Capacity'), 1024),
    temperatureCelsius: countOf(/^(\d{1,3}) ?C/.exec(values.get('Drive Temperature') ?? '')?.[1]),
    mediaErrors: /^\d{1,12}$/.test(values.get('Media Error Count') ?? '') ? Number(values.get('Media Error Count')) : null,
    alert: /^yes$/i.test(flagged ?? '') || (predicted ?? 0) > 0 ? true : /^no$/i.test(flagged ?? '') || predicted === 0 ? false : null,
  }
}

/** `00<Internal><Encl Pos 1 >: Slot 0`, or without an enclosure: two of them may have the same slot. */
function placeOf(connector: string): string {
  const slot = /Slot (\d{1,5})/.exec(connector)?.[1] ?? '?'
  const enclosure = /Encl Pos (\d{1,5})/.exec(connector)?.[1]
  return enclosure === undefined ? slot : `${enclosure}:${slot}`
}

/** ATA disks are inquired as serial (20), model (40), firmware (8); SCSI disks as vendor (8), product (16), revision (4), serial. */
function inquiryOf(values: ReadonlyMap<string, string>): Pick<Drive, 'model' | 'serial' | 'firmware'> {
  const text = values.get('Inquiry Data')
  const plain = (part: string | undefined) => part?.replace(/\s+/g, ' ').trim() || null
  if (text === undefined)
    return { model: plain(`${values.get('Vendor Id') ?? ''} ${values.get('Product Id') ?? ''}`), serial: null, firmware: null }
  if (/sas/i.test(values.get('PD Type') ?? ''))
    return { model: plain(text.slice(0, 24)), serial: plain(text.slice(28)), firmware: plain(text.slice(24, 28)) }
  return { model: plain(text.slice(20, 60)), serial: plain(text.slice(0, 20)), firmware: plain(text.slice(60)) }
}

function stateOf(word: string): MemberState {
  if (/^(online|jbod|unconfigured ?\(?good)/i.test(word)) return 'active'
  if (/hot ?spare/i.test(word)) return 'spare'
  if (/^(rebuild|copyback)/i.test(word)) return 'rebuilding'
  return /^(failed|offline|unconfigured ?\(?bad)/i.test(word) ? 'failed' : /missing/i.test(word) ? 'missing' : 'unknown'
}

function faultOf({ kind, values, adapter }: Section): Report['faults'] {
  const word = values.get('Status')
  if ((kind !== 'battery' && kind !== 'controller') || word === undefined || /^(optimal|healthy|ok)$/i.test(word)) return []
  const what = kind === 'battery' ? 'battery' : 'controller'
  return [
    {
      name: `${adapter} ${what}`,
      state: /fail|degraded|dead|missing/i.test(word) ? 'degraded' : 'unknown',
      detail: `the ${what} is ${word}`,
    },
  ]
}
