import { type Captured, Failed } from '../../probe.ts'
import { cut } from '../gather.ts'
import { jsonOf, objectOf, textOf, wholeLines } from './waiting.ts'

export type RpmRow = {
  readonly name: string
  readonly arch: string
  /** Epoch (where it is not 0), version and release. */
  readonly evr: string
  readonly repository: string
}

export type RpmList = {
  readonly updates: readonly RpmRow[]
  readonly installed: readonly RpmRow[]
  /** Repositories that were left out, and registrations that lack. */
  readonly badSources: readonly string[]
}

/** What `leftOut` says of a machine that lacks its registration. */
export const NOT_REGISTERED = 'the machine is not registered, so repositories of its subscription are missing'

const fetchHint = 'Run dnf makecache (or yum makecache) as root and mend what it names; dnf-makecache.timer keeps the cache fresh.'

const architecture = /^(?:noarch|x86_64(?:_v\d)?|i[3-6]86|athlon|aarch64|ppc64(?:le)?|s390x?|riscv64|armv\dh?n?l|loongarch64|src)$/
const evrText = /^(?:\d{1,9}:)?[\w.+~^]{1,100}-[\w.+~^]{1,100}$/

/** `NAME.ARCH`, else undefined. */
function nameAndArch(word: string): { readonly name: string; readonly arch: string } | undefined {
  const dot = word.lastIndexOf('.')
  const arch = word.slice(dot + 1)
  return dot > 0 && word.length <= 300 && architecture.test(arch) ? { name: word.slice(0, dot), arch } : undefined
}

const complaint =
  /^(?:Error(?: getting|:)|Errors? during|Failed to (?:download|load|synchronize)|Cannot (?:retrieve|find a valid baseurl|download|prepare)|There are no enabled repos|Cache-only enabled|No such command|repo id .* not found|[ \t]*Failed to download metadata|This command has to be run|Could not retrieve mirrorlist .* error)/m
const noCommand = /^(?:No such command|Unknown argument|Command line error|usage: |Usage: )/m

/** What dnf or yum could not do, thrown. A repository that it left out by itself is told by `leftOut` instead. */
export function assertRpmRan(captured: Captured): void {
  const said = `${captured.stderr}\n${captured.text}`.slice(0, 200_000)
  const line = complaint.exec(said) ?? noCommand.exec(captured.stderr)
  const isFatal = captured.code === null ? line !== null && leftOut(said).length === 0 : captured.code !== 0 && captured.code !== 100
  if (!isFatal) return
  const whole = line ? said.slice(line.index).trimStart().split('\n', 1)[0] : (said.trim().split('\n').at(-1) ?? '')
  throw new Failed(cut(whole || `${cut(captured.name, 60)} ended with ${captured.code}`, 300), fetchHint)
}

/** Repositories that dnf left out and went on, and machines without the registration that their repositories need. */
export function leftOut(said: string): string[] {
  const bad = new Set<string>()
  for (const line of said.split('\n')) {
    const ignored = /^Ignoring repositories: (.{1,400})$/.exec(line)?.[1]
    if (ignored) bad.add(`left out: ${ignored.trim()}`)
    if (/^Warning: failed loading |skip(?:ping|ped)\.?$/.test(line) && /repo/i.test(line) && !line.startsWith('Update notice'))
      bad.add(line)
    if (/^This system is not registered/.test(line)) bad.add(NOT_REGISTERED)
  }
  return [...bad].slice(0, 64)
}

type Section = 'updates' | 'installed' | 'obsoletes'
const headings: readonly (readonly [RegExp, Section])[] = [
  [/^Obsoleting packages/i, 'obsoletes'],
  [/^(?:Available upgrades|Upgraded packages|Updated packages|Available packages)/i, 'updates'],
  [/^Installed packages/i, 'installed'],
]

/**
 * `dnf check-update`, `yum check-update`, `dnf list --upgrades`, `dnf5 check-upgrade` (text); see dnf(8), yum(8). Lines of plug-ins are passed over, a
 * long name goes on in the next line, and what only replaces another package is no update.
 * @throws Failed where the tool did, Error where nothing proves that it came to its end
 */
export function parseRpmList(captured: Captured): RpmList {
  assertRpmRan(captured)
  if (captured.text.trimStart().startsWith('{')) return parseJsonList(captured)
  const lines = unwrapped(wholeLines(captured))
  const rows: Record<Section, RpmRow[]> = { updates: [], installed: [], obsoletes: [] }
  let section: Section = 'updates'
  for (const line of lines) {
    const heading = headings.find(([pattern]) => pattern.test(line))
    if (heading) section = heading[1]
    const row = heading ? undefined : rowOf(line)
    if (!row) continue
    // An indented row names what the row above replaces: that was no update of it.
    if (/^\s/.test(line)) rows[section].pop()
    else if (row.repository.startsWith('@')) rows.installed.push(row)
    else rows[section].push(row)
  }
  const found = { updates: rows.updates, installed: rows.installed, badSources: leftOut(`${captured.stderr}\n${captured.text}`) }
  if (found.updates.length === 0) assertNothingWaits(captured, found.installed.length > 0)
  return found
}

/** A name without its version is completed by the indented line below it; words of a table may be broken anywhere between. */
function unwrapped(lines: readonly string[]): string[] {
  const whole: string[] = []
  for (const line of lines) {
    const open = whole.at(-1)
    const isOpen = open !== undefined && isOpenRow(open)
    if (isOpen && /^\s+\S/.test(line)) whole[whole.length - 1] = `${open} ${line.trim()}`
    else if (isOpen) throw new Error(`Cannot read the line of the list: ${cut(open, 120)}`)
    else whole.push(line)
  }
  if (isOpenRow(whole.at(-1) ?? '')) throw new Error(`Cannot read the last line of the list: ${cut(whole.at(-1) ?? '', 120)}`)
  return whole
}

function isOpenRow(line: string): boolean {
  if (/^\s/.test(line) || line.length > 1000) return false
  const words = line.trim().split(/\s+/)
  return words.length < 3 && nameAndArch(words[0] ?? '') !== undefined && (words[1] === undefined || evrText.test(words[1]))
}

function rowOf(line: string): RpmRow | undefined {
  if (line.length > 1000) return undefined
  const words = line.trim().split(/\s+/)
  const [first = '', evr = '', repository = ''] = words
  const named = words.length === 3 ? nameAndArch(first) : undefined
  return named && evrText.test(evr) ? { ...named, evr: evr.replace(/^0:/, ''), repository } : undefined
}

function assertNothingWaits({ text, code }: Captured, isListOfInstalled: boolean): void {
  if (code === 100) throw new Error('Cannot find an update in the list, though the exit code says that there are some')
  if (text.includes('Updating and loading repositories:') && !text.includes('Repositories loaded.'))
    throw new Error('Cannot trust the list: the repositories were not loaded to their end')
  if (code === null && text.split('\n').some(line => headings.some(([pattern, section]) => section === 'updates' && pattern.test(line))))
    throw new Error('Cannot trust the list: it ends after its heading')
  if (/^Name +Type +Severity /m.test(text)) throw new Error('Cannot read the list of updates: it is a table of advisories')
  if (isListOfInstalled && code === null) throw new Error('Cannot tell what waits from a list of installed packages')
  if (code !== null) return
  const lines = text.split('\n').filter(line => line.trim() !== '')
  if (!lines.some(line => progress.test(line))) throw new Error('Cannot tell an empty list from a failure without the exit code')
  const strange = lines.find(line => !progress.test(line) && !preface.test(line) && rowOf(line) === undefined)
  if (strange !== undefined) throw new Error(`Cannot tell that nothing waits from ${JSON.stringify(cut(strange, 80))}`)
}

/** What dnf prints of repositories that it loaded: that it came so far. */
const progress = /\s\d\d:\d\d\s*$|\|\s+\d\dm\d\ds\s*$|^Repositories loaded\.|^Last metadata expiration check:/
/** Lines of plug-ins before the list. */
const preface =
  /^(?:Updating and loading repositories:|Updating Subscription Management|Unable to read consumer identity|This system is |Loaded plugins:|Loading mirror speeds|Determining fastest mirrors|Not root, Subscription Management|Installed packages$)|^ \* \S+: \S+\s*$/i

/** `dnf5 check-upgrade --json`: an object by section title; see dnf5-check-upgrade(8). Replacements (`obsoletes`) are no updates. */
function parseJsonList(captured: Captured): RpmList {
  const sections = objectOf(jsonOf(captured, fetchHint))
  if (!sections) throw new Error('Cannot read the list: it is no JSON object')
  const updates = Object.entries(sections).flatMap(([title, entries]) => {
    if (!Array.isArray(entries)) throw new Error(`Cannot read the section ${cut(title, 60)}: it is no list`)
    return /obsolet/i.test(title) ? [] : entries.filter(entry => objectOf(entry)?.obsoletes === undefined).map(jsonRow)
  })
  if (updates.length === 0 && captured.code === 100)
    throw new Error('Cannot find an update in the list, though the exit code says that there are some')
  return { updates, installed: [], badSources: leftOut(captured.stderr) }
}

function jsonRow(entry: unknown): RpmRow {
  const fields = objectOf(entry)
  const [name, arch, evr] = [textOf(fields?.name), textOf(fields?.arch), textOf(fields?.evr)]
  if (name === null || evr === null) throw new Error('Cannot read an entry of the list: name or evr is missing')
  return { name, arch: arch ?? '', evr: evr.replace(/^0:/, ''), repository: textOf(fields?.repository) ?? '' }
}

/** `rpm -qa` with one `NAME.ARCH EVR INSTALLTIME` a line: versions by `NAME.ARCH`, and when something was last installed, epoch ms. */
export function parseInstalled(text: string): { readonly versions: ReadonlyMap<string, string>; readonly lastAt: number | null } {
  const versions = new Map<string, string>()
  let last = 0
  for (const line of text.split('\n')) {
    const words = line.trim().split(/\s+/)
    const [key = '', evr = '', third = ''] = words
    if (words.length !== 3 || !nameAndArch(key) || !evrText.test(evr)) continue
    versions.set(key, evr)
    if (/^\d{9,11}$/.test(third)) last = Math.max(last, Number(third))
  }
  return { versions, lastAt: last > 0 ? last * 1000 : null }
}

/** `NAME-[EPOCH:]VERSION-RELEASE.ARCH` taken apart; undefined where it is none. */
export function splitNevra(text: string): Omit<RpmRow, 'repository'> | undefined {
  const named = nameAndArch(text)
  const parts = named && /^(.{1,200})-((?:\d{1,9}:)?[\w.+~^]{1,100}-[\w.+~^]{1,100})$/.exec(named.name)
  return parts ? { name: parts[1] ?? '', evr: (parts[2] ?? '').replace(/^0:/, ''), arch: named.arch } : undefined
}
