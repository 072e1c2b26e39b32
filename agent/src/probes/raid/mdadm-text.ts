import { shortText } from '../sysfs.ts'
import { isFirmwareRaid, parseFirmwareRaid } from './firmware-raid.ts'
import { emptyArray, type MdArray, stateOf } from './mdstat.ts'

type Member = MdArray['members'][number]

/** Output of `mdadm --detail`, see mdadm(8): one entry an array. @throws where the text has none */
export function parseDetail(text: string): MdArray[] {
  return blocksOf(text).map(({ device, fields, rows }) => {
    const words = (fields.State ?? '').toLowerCase()
    const level = fields['Raid Level'] ?? null
    const required = countOf(fields['Raid Devices'])
    const active = countOf(fields['Active Devices'])
    const members = rows.map(memberOf)
    const failed = countOf(fields['Failed Devices'])
    const spare = countOf(fields['Spare Devices'])
    const missing = members.filter(member => member.state === 'missing').length
    const disks = { required, active, failed, spare, missing: fields['Raid Devices'] === undefined ? null : missing }
    return {
      ...emptyArray(device.replace(/^\/dev\//, '')),
      level: shortText(level, 32),
      state: detailState(words, level, fields, disks),
      disks,
      sync: syncOf(fields),
      members: members.filter(member => member.state !== 'missing' || member.name !== '').slice(0, 256),
      detail: shortText(fields.State === undefined ? null : `state: ${fields.State}`, 512),
    }
  })
}

function detailState(words: string, level: string | null, fields: Fields, disks: MdArray['disks']): MdArray['state'] {
  if (level === 'container') return fields['Member Arrays'] ? 'ok' : 'unknown'
  if (/failed|broken|inactive|not started/.test(words)) return 'failed'
  if (words === '') return 'unknown'
  const state = stateOf('active', level, disks, null)
  return state === 'ok' && /degraded|recovering/.test(words) ? 'degraded' : state
}

const SYNC_FIELDS = {
  'Check Status': 'check',
  'Resync Status': 'resync',
  'Rebuild Status': 'recovery',
  'Reshape Status': 'reshape',
} as const

function syncOf(fields: Fields): MdArray['sync'] {
  for (const [field, action] of Object.entries(SYNC_FIELDS)) {
    const told = fields[field]
    const percent = told === undefined ? undefined : /^(\d{1,3})%/.exec(told)?.[1]
    if (told !== undefined) return { action, ratio: percent === undefined ? null : Number(percent) / 100 }
  }
  return null
}

/** A row of the table of members: `0  8  17  0  active sync   /dev/sdb1`. */
function memberOf(row: string): Member {
  const name = /(\/dev\/\S+)$/.exec(row)?.[1]?.replace(/^\/dev\//, '')
  const slot = row.trim().split(/\s+/)[3] ?? '-'
  if (/\bfaulty\b/.test(row)) return { name: cut(name), state: 'failed' }
  if (/\b(removed|missing)\b/.test(row)) return { name: name ? cut(name) : `slot ${slot.slice(0, 8)}`, state: 'missing' }
  if (/\brebuilding\b/.test(row)) return { name: cut(name), state: 'rebuilding' }
  if (/\bactive\b/.test(row)) return { name: cut(name), state: 'active' }
  return { name: cut(name), state: /\bspare\b/.test(row) ? 'spare' : 'unknown' }
}

const cut = (name: string | undefined): string => (name ?? 'unnamed').slice(0, 128)

/**
 * Output of `mdadm --examine`: what the superblock of one member says. It can show that members are missing, never that the array runs.
 * @throws where the metadata does not tell the array's state
 */
export function parseExamine(text: string): MdArray[] {
  if (isFirmwareRaid(text)) return parseFirmwareRaid(text)
  return blocksOf(text).map(({ device, fields }) => {
    const letters = /^[AR.?]+/.exec(fields['Array State'] ?? '')?.[0]
    if (letters === undefined)
      throw new Error(`Cannot judge ${device.slice(0, 80)} by its superblock: feed /proc/mdstat or mdadm --detail of the array`)
    const required = countOf(fields['Raid Devices'])
    // R: a slot with its member and the replacement that is being filled; nothing is lost.
    const active = letters.replaceAll(/[^AR]/g, '').length
    const disks = { required, active, failed: null, spare: null, missing: letters.replaceAll(/[^.]/g, '').length }
    const state = stateOf('active', fields['Raid Level'] ?? null, disks, null)
    return {
      ...emptyArray((fields.Name ?? fields['Array UUID'] ?? device).split(/\s/, 1)[0] ?? device),
      level: shortText(fields['Raid Level'], 32),
      state: state === 'ok' ? 'unknown' : state,
      disks,
      members: [{ name: cut(device.replace(/^\/dev\//, '')), state: /^spare/.test(fields['Device Role'] ?? '') ? 'spare' : 'unknown' }],
      detail: `array state ${letters.slice(0, 100)} as the superblock of one member tells; whether the array runs is not in it`,
    }
  })
}

/** Output of `mdadm --detail --scan`: names of arrays, and that some are not assembled. */
export function parseScan(text: string): MdArray[] {
  return text.split('\n').flatMap(line => {
    const [, inactive, device = ''] = /^(INACTIVE-)?ARRAY (\S+)/.exec(line) ?? []
    if (!device) return []
    const detail = inactive ? 'not assembled: the array is inactive' : 'listed by mdadm --detail --scan, which does not tell its state'
    return [{ ...emptyArray(device.replace(/^\/dev\//, '')), state: inactive ? ('failed' as const) : ('unknown' as const), detail }]
  })
}

type Fields = Readonly<Record<string, string | undefined>>
type Block = { readonly device: string; readonly fields: Fields; readonly rows: readonly string[] }

/** Each starts with `/dev/NAME:`; fields are `Name : value`; rows start with a number or a dash and end in the device. */
function blocksOf(text: string): Block[] {
  const blocks: { device: string; fields: Record<string, string | undefined>; rows: string[] }[] = []
  for (const line of text.split('\n')) {
    const device = /^(\/dev\/\S+):\s*$/.exec(line)?.[1]
    if (device) blocks.push({ device, fields: Object.create(null), rows: [] })
    const block = blocks.at(-1)
    const split = line.indexOf(' : ')
    if (!block || device) continue
    if (split > 0) block.fields[line.slice(0, split).trim()] ??= line.slice(split + 3).trim()
    else if (/^\s+(\d+|-)\s+\d+\s+\d+\s+(\d+|-)\s/.test(line)) block.rows.push(line.trimEnd())
  }
  if (blocks.length === 0) throw new Error('Cannot find an array in the output of mdadm')
  return blocks
}

function countOf(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : null
}
