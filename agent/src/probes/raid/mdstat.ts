import type { FactTypes } from '@fettle/catalog'
import { shortText } from '../sysfs.ts'

export type MdArray = FactTypes['raid']['arrays'][number]
type Member = MdArray['members'][number]
type Sync = NonNullable<MdArray['sync']>

/** Members that may be lost before data is; the other levels are judged by what works. */
const TOLERATED: Readonly<Record<string, number>> = { raid0: 0, linear: 0, raid4: 1, raid5: 1, raid6: 2 }
const HEADER = /^(\S+) : (active|inactive|broken)\b(.*)$/
const OTHER_LINES = /^(Personalities|unused devices|read_ahead|Event)\b/
/** `sda1[0](F)`: name, number, flags; see md_seq_show in the kernel's drivers/md/md.c. */
const MEMBER = /^([^\s[\]]+)\[(\d+)\]((?:\([A-Z]\))*)$/
const PROGRESS = /\b(check|resync|recovery|reshape)\s*=\s*(?:(\d+(?:\.\d+)?)%|DELAYED|PENDING|REMOTE)/

type Section = { readonly name: string; readonly state: string; readonly words: readonly string[]; readonly body: string }

/**
 * /proc/mdstat, see md(4): one entry an array. A check or resync that runs on a whole array is `ok`; a recovery is `degraded` until it is done.
 * @throws on a line it cannot read: half an answer would look healthy
 */
export function parseMdstat(text: string): MdArray[] {
  const sections = sectionsOf(text)
  const containers = new Set(sections.flatMap(section => /super external:\/([^\s/]+)\//.exec(section.body)?.[1] ?? []))
  return sections.map(section => (isContainer(section) ? containerOf(section, containers) : arrayOf(section)))
}

function sectionsOf(text: string): Section[] {
  if (!/^Personalities\s*:/m.test(text)) throw new Error('Cannot read /proc/mdstat: it has no line of personalities')
  if (!/^unused devices:/m.test(text))
    throw new Error('Cannot read /proc/mdstat: it is cut short, the line of unused devices does not end it')
  const sections: { name: string; state: string; words: string[]; body: string }[] = []
  for (const line of text.split('\n')) {
    const header = HEADER.exec(line)
    if (header) sections.push({ name: header[1] ?? '', state: header[2] ?? '', words: wordsOf(header[3] ?? ''), body: '' })
    else if (/^\s/.test(line) && sections.length > 0) (sections.at(-1) as { body: string }).body += `${line}\n`
    else if (line.trim() !== '' && !OTHER_LINES.test(line)) throw new Error(`Cannot read the line of /proc/mdstat: ${line.slice(0, 120)}`)
  }
  return sections
}

const wordsOf = (text: string): string[] => text.split(/\s+/).filter(word => word !== '' && !/^\((?:auto-)?read-only\)$/.test(word))

/** Firmware metadata (imsm, ddf) lives in an array that never becomes active; the arrays that people use are its members. */
function isContainer({ state, body }: Section): boolean {
  return state === 'inactive' && /super external:[a-z]/.test(body)
}

function containerOf(section: Section, used: ReadonlySet<string>): MdArray {
  const metadata = /super external:(\S+)/.exec(section.body)?.[1] ?? ''
  const inUse = used.has(section.name)
  return {
    ...emptyArray(section.name),
    level: 'container',
    state: inUse ? 'ok' : 'unknown',
    members: membersOf(section).map(({ name, state }) => ({ name, state })),
    detail: shortText(`container of ${metadata} metadata; ${inUse ? 'its arrays are listed' : 'none of its arrays is assembled'}`, 512),
  }
}

function arrayOf(section: Section): MdArray {
  const level = section.words.find(word => !word.includes('[')) ?? null
  const members = membersOf(section)
  const slots = /\[(\d+)\/(\d+)\]/.exec(section.body)
  const running = section.state !== 'inactive'
  const holding = members.filter(member => member.state === 'active')
  const required = slots ? Number(slots[1]) : running && level ? holding.length + failedOf(members) : null
  const active = !running ? 0 : slots ? Number(slots[2]) : holding.length
  const sync = syncOf(section.body)
  const told = tellRebuilding(members, holding.length - active, required, sync)
  const disks = countsOf(told, required, active, holding.length)
  return {
    ...emptyArray(section.name),
    level: shortText(level, 32),
    state: stateOf(section.state, level, disks, upOf(section.body)),
    disks,
    sync,
    members: told.slice(0, 256).map(({ name, state }) => ({ name, state })),
    detail: shortText(detailOf(section, disks), 512),
  }
}

type Numbered = Member & { readonly number: number }

function membersOf({ name, words }: Section): Numbered[] {
  const [first] = words
  const listed = first && !first.includes('[') ? words.slice(1) : words
  return listed.map(word => {
    const [, device, number, flags = ''] = MEMBER.exec(word) ?? []
    if (!device) throw new Error(`Cannot read the member ${word.slice(0, 80)} of ${name} in /proc/mdstat`)
    return { name: device.slice(0, 128), number: Number(number), state: memberState(flags) }
  })
}

/** F faulty, S spare, R replacement, W write-mostly, J journal; E is a Synology disk error. */
function memberState(flags: string): Member['state'] {
  if (flags.includes('(F)') || flags.includes('(E)')) return 'failed'
  if (flags.includes('(S)') || flags.includes('(R)')) return 'spare'
  return flags.includes('(J)') ? 'unknown' : 'active'
}

/**
 * The kernel lists a member that is being rebuilt like a working one. Where fewer slots work than members hold, the ones numbered past the
 * slots came later and are the ones; else it cannot be told from this file which they are.
 */
function tellRebuilding(members: readonly Numbered[], rebuilding: number, required: number | null, sync: Sync | null): Numbered[] {
  if (rebuilding <= 0) return [...members]
  const late = members.filter(member => member.state === 'active' && member.number >= (required ?? Number.POSITIVE_INFINITY))
  const known = sync?.action === 'recovery' && late.length === rebuilding
  return members.map(member => {
    if (member.state !== 'active') return member
    if (known) return late.includes(member) ? { ...member, state: 'rebuilding' as const } : member
    return { ...member, state: 'unknown' as const }
  })
}

const failedOf = (members: readonly Member[]): number => members.filter(member => member.state === 'failed').length

/** Counts by state; missing are the slots that no member holds, working, rebuilding or failed. */
function countsOf(members: readonly Member[], required: number | null, active: number, held: number): MdArray['disks'] {
  const failed = failedOf(members)
  return {
    required,
    active,
    failed,
    spare: members.filter(member => member.state === 'spare').length,
    missing: required === null ? null : Math.max(0, required - Math.max(held, active) - failed),
  }
}

/** Whether each slot is up as `[UU_]` tells; null where the level has no such line. */
function upOf(body: string): boolean | null {
  const slots = /\[([A-Z_]+)\]/.exec(body)?.[1]
  return slots === undefined ? null : /^U+$/.test(slots)
}

/** By what works, not by what runs. */
export function stateOf(kernel: string, level: string | null, disks: MdArray['disks'], allUp: boolean | null): MdArray['state'] {
  if (kernel !== 'active') return 'failed'
  if (disks.required === null || disks.active === null) return 'unknown'
  const lost = disks.required - disks.active
  if (lost > 0 && lost > (TOLERATED[level ?? ''] ?? disks.required - 1)) return 'failed'
  return lost > 0 || allUp === false ? 'degraded' : 'ok'
}

function syncOf(body: string): Sync | null {
  const [, action, percent] = PROGRESS.exec(body) ?? []
  if (!action) return null
  return { action: action as Sync['action'], ratio: percent === undefined ? null : Number(percent) / 100 }
}

function detailOf({ state }: Section, disks: MdArray['disks']): string | null {
  if (state === 'inactive') return 'not assembled: the array is inactive'
  if (state === 'broken') return 'the kernel calls the array broken'
  if (disks.failed) return `${disks.failed} failed ${disks.failed === 1 ? 'member is' : 'members are'} still in the array`
  return null
}

/** An array of which nothing is known yet. */
export function emptyArray(name: string): MdArray {
  return {
    name: name.slice(0, 128),
    implementation: 'md',
    level: null,
    state: 'unknown',
    disks: { required: null, active: null, failed: null, spare: null, missing: null },
    sync: null,
    errors: null,
    lastScrubAt: null,
    members: [],
    detail: null,
  }
}
