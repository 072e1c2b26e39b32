import type { PlistValue } from 'plist'
import { type Host, HostError, NotInstalled } from '../host.ts'
import { type Captured, Denied } from '../probe.ts'
import { plistReader, xmlReader } from './documents.ts'

/** Longest property list that is read, characters: a longer one would hold the agent up. */
const LONGEST = 4 * 1024 * 1024
/** Deepest nesting that any property list of Apple's comes near. */
const DEEPEST = 64

/** A dictionary of a property list or a JSON object: nothing about its values is known yet. */
export type Dict = { readonly [key: string]: unknown }

/**
 * The value of an XML property list, plist(5); text of the tool before it is left out. Reading them is the `plist` package's work: dates and data
 * are part of its grammar, which `plutil -convert json` refuses. @throws where it is binary, cut off, too long, or no property list
 */
export function parsePlist(text: string): PlistValue {
  if (text.startsWith('bplist')) throw new Error('Cannot read a binary property list: convert it with `plutil -convert xml1 -o - FILE`')
  const start = text.search(/<(!DOCTYPE plist|plist)/)
  if (start < 0) throw new Error('Cannot read a property list: no <plist> in it')
  const end = text.lastIndexOf('</plist>')
  if (end < start) throw new Error('Cannot read a property list that is cut off: no </plist> ends it')
  if (end - start > LONGEST) throw new Error(`Cannot read a property list of ${end - start} characters: at most ${LONGEST}`)
  const xml = text.slice(start, end + '</plist>'.length)
  if (/<!ENTITY|<!DOCTYPE[^>]*\[/.test(xml)) throw new Error('Cannot read a property list that defines entities')
  shallow(xml)
  // The library writes its complaints to the console, which nothing can keep it from, and reads on after some: it only gets what it has none about.
  const list = xml.slice(Math.max(0, xml.search(/<plist[\s>]/)))
  const valid = xmlReader().XMLValidator.validate(list)
  if (valid !== true) throw new Error(`Cannot read a property list that is damaged: ${valid.err.msg.slice(0, 120)}`)
  plain(list)
  return plistReader().parse(list)
}

/** All that a property list is made of, and references to characters; see PropertyList-1.0.dtd. */
const GRAMMAR =
  /<plist(?: version=(?:"[\w.,]{0,8}"|'[\w.,]{0,8}'))?>|<\/?(?:plist|dict|array|key|string|integer|real|date|data|true|false)\s{0,8}\/?>|<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|&(?:amp|lt|gt|quot|apos|#[1-9]\d{0,6}|#x[1-9a-fA-F][\da-fA-F]{0,5});/g

/** @throws on any tag, attribute or reference that no property list has */
function plain(list: string): void {
  const left = list.replace(GRAMMAR, '')
  const strange = left.search(/[<&]/)
  if (strange >= 0) throw new Error(`Cannot read a property list with ${JSON.stringify(left.slice(strange, strange + 40))} in it`)
}

/** A dictionary in a property list. @throws where the list holds anything else */
export function parsePlistDict(text: string): Dict {
  const value = dictOf(parsePlist(text))
  if (!value) throw new Error('Cannot read a property list whose top is no dictionary')
  return value
}

/** Whether a text looks like an XML property list that has all of these keys. */
export function isPlistWith(text: string, ...keys: readonly string[]): boolean {
  const head = text.slice(0, LONGEST)
  return /<plist[\s>]/.test(head) && keys.every(key => head.includes(`<key>${key}</key>`))
}

/** The library walks the tree by recursion. */
function shallow(xml: string): void {
  let depth = 0
  for (const [, closing, name] of xml.matchAll(/<(\/?)(dict|array)>/g)) {
    depth += closing ? -1 : 1
    if (depth > DEEPEST) throw new Error(`Cannot read a property list with ${name} nested deeper than ${DEEPEST}`)
  }
}

/**
 * A property list of the machine as XML, whatever form it lies in; `plutil` makes no difference between an XML and a binary one.
 * Undefined where there is no such file. @throws Denied where it may not be read, Error where it is damaged
 */
export async function readPlist(host: Host, path: string): Promise<Captured | undefined> {
  const stat = await host.stat(path, { missing: undefined })
  if (!stat) return undefined
  const converted = await host.run(['plutil', '-convert', 'xml1', '-o', '-', path], { timeoutMs: 10_000 })
  const { text, stderr, code } = converted
  if (code === 0) return { ...converted, name: path, modifiedAt: stat.modifiedAt }
  const said = `${stderr}\n${text}`
  if (/permission|not permitted|may not be read|couldn.t be opened/i.test(said)) throw new HostError('EPERM', path)
  throw new Error(`Cannot convert ${path} (exit ${code ?? 'unknown'}): ${said.trim().slice(0, 200)}`)
}

/** The same where not being able to read it only leaves something unknown. */
export async function readPlistIfMay(host: Host, path: string): Promise<Captured | undefined> {
  try {
    return await readPlist(host, path)
  } catch (error) {
    if (error instanceof HostError || error instanceof NotInstalled || error instanceof Denied) return undefined
    throw error
  }
}

/** What a command prints, or undefined where this release of macOS has no such command. */
export async function runIfThere(host: Host, argv: readonly string[], timeoutMs: number): Promise<Captured | undefined> {
  try {
    return await host.run(argv, { timeoutMs })
  } catch (error) {
    if (error instanceof NotInstalled) return undefined
    throw error
  }
}

/** The value as a dictionary, or undefined where it is none. */
export function dictOf(value: unknown): Dict | undefined {
  const plain =
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date) && !ArrayBuffer.isView(value)
  return plain ? (value as Dict) : undefined
}

/** The dictionaries of a list, or nothing where the value is no list. */
export function dictsOf(value: unknown): Dict[] {
  return Array.isArray(value) ? value.map(dictOf).filter(item => item !== undefined) : []
}

/** Trimmed text that is not empty; null for all else. */
export function textIn(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null
}

/** A finite number; whole numbers of more than 53 bits, which the library gives as bigint, are rounded. Null for all else. */
export function numberIn(value: unknown): number | null {
  if (typeof value === 'bigint') return Number(value)
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

/** A switch as Apple's tools write it: `<true/>`, 0 and 1, "yes", "TRUE", `attrib_no`. Null for all else. */
export function flagIn(value: unknown): boolean | null {
  if (typeof value === 'boolean') return value
  const number = numberIn(value)
  if (number !== null) return number === 1 ? true : number === 0 ? false : null
  const word = textIn(value)
    ?.toLowerCase()
    .replace(/^attrib_/, '')
  return word === 'yes' || word === 'true' || word === '1' ? true : word === 'no' || word === 'false' || word === '0' ? false : null
}

/** A time that can be one, epoch ms: neither the year 1 nor 1970 nor 2001-01-01, with which Apple begins to count, ever is. */
export function timeIn(value: unknown): number | null {
  const time = value instanceof Date ? value.getTime() : typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isFinite(time) && time > Date.UTC(2001, 0, 2) && time < Date.UTC(2200, 0, 1) ? time : null
}
