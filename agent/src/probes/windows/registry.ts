import { type Host, NotInstalled } from '../../host.ts'
import { type Captured, Denied } from '../../probe.ts'

/** Values by name in lower case, by key in lower case; numbers of REG_DWORD and REG_QWORD as decimal text. The unnamed value has the name ''. */
export type Registry = ReadonlyMap<string, ReadonlyMap<string, string>>

const MOST_LINES = 200_000
const ADMINISTRATOR = 'Run the agent as a service (LocalSystem).'

/**
 * Values as `reg.exe query KEY /s` prints them (`    Name    REG_SZ    value` under a line with the key) or as an export holds them (`[KEY]`,
 * `"Name"=dword:00000001`). Names and values may have any language; types and keys have none.
 */
export function registryOf(captures: readonly Captured[]): Registry {
  const keys = new Map<string, Map<string, string>>()
  for (const { text } of captures) {
    let current: Map<string, string> | undefined
    const lines = joined(text).split(/\r?\n|\r/)
    for (const line of lines.slice(0, MOST_LINES)) {
      const key = keyOf(line)
      if (key !== undefined) {
        current = keys.get(key) ?? new Map()
        keys.set(key, current)
        continue
      }
      const value = queried(line) ?? exported(line)
      if (value && current) current.set(value[0].toLowerCase(), value[1])
    }
  }
  return keys
}

/** Whether a text is one of the two. */
export function isRegistry(text: string): boolean {
  return /^\ufeff?(Windows Registry Editor Version |REGEDIT4)/.test(text) || /^[ \t]*HKEY_[A-Z_]+\\/m.test(text.slice(0, 4000))
}

/** Lines that an export broke with a backslash, whole again. */
function joined(text: string): string {
  return text.replace(/^\ufeff/, '').replace(/,\\\r?\n\s*/g, ',')
}

function keyOf(line: string): string | undefined {
  const [, key] = /^\[?(HKEY_[A-Z_]+(?:\\[^\]\r\n]*)?)\]?\s*$/.exec(line) ?? []
  return key?.trim().toLowerCase()
}

function queried(line: string): [string, string] | undefined {
  const [, name = '', type = '', value = ''] = /^ {4}(.{0,400}?) {4}(REG_[A-Z_0-9]+)(?: {4}(.*))?$/.exec(line) ?? []
  if (type === '') return undefined
  const isNumber = /^REG_(DWORD|QWORD)/.test(type) && /^0x[0-9a-f]{1,16}$/i.test(value.trim())
  return [
    /^\((Default|Standard|par d.*|Predeterminado|Predefinito|Padr.*)\)$/i.test(name) ? '' : name,
    isNumber ? BigInt(value.trim()).toString() : value.trim(),
  ]
}

function exported(line: string): [string, string] | undefined {
  const [, name, value = ''] = /^(?:"((?:[^"\\]|\\.){0,400})"|@)=(.*)$/.exec(line) ?? []
  if (value === '') return undefined
  const dword = /^dword:([0-9a-f]{8})$/i.exec(value)?.[1]
  const quoted = /^"(.*)"$/.exec(value)?.[1]
  const hex = /^hex(?:\(([0-9a-f]+)\))?:([0-9a-f, ]*)$/i.exec(value)
  const text = dword
    ? String(Number.parseInt(dword, 16))
    : quoted !== undefined
      ? plain(quoted)
      : hex
        ? fromHex(hex[1], hex[2] ?? '')
        : value
  return [plain(name ?? ''), text]
}

function plain(text: string): string {
  return text.replace(/\\(["\\])/g, '$1')
}

/** Types of winnt.h: 2 and 7 are text in UTF-16, 4 and b numbers; anything else stays as it is. */
function fromHex(type: string | undefined, digits: string): string {
  const bytes = Buffer.from(digits.replace(/[^0-9a-f]/gi, ''), 'hex')
  if (type === '2' || type === '7' || type === '1') return bytes.toString('utf16le').replace(/\0+$/, '').replaceAll('\0', '\\0')
  if (type?.toLowerCase() === 'b' && bytes.length === 8) return bytes.readBigUInt64LE().toString()
  return digits
}

/** A value of a key by the key's end (`\\CurrentVersion`), whatever hive or control set it stands in; undefined where there is none. */
export function registryValue(registry: Registry, keyEnd: string, name: string): string | undefined {
  for (const [key, values] of registry) {
    if (key.endsWith(keyEnd.toLowerCase()) && values.has(name.toLowerCase())) return values.get(name.toLowerCase())
  }
  return undefined
}

/** Whether a key is there, by its end. */
export function hasKey(registry: Registry, keyEnd: string): boolean {
  return [...registry.keys()].some(key => key.endsWith(keyEnd.toLowerCase()))
}

/**
 * Asks reg.exe for a key, in the 64-bit view whatever this process is. A key that is known not to be there gives a capture without text and with
 * the code 1: that is an answer. reg.exe ends alike for a key that may not be read, in words of the system's language, so the keys above it are
 * asked whether they hold it. @throws Denied, Error where neither can be told
 */
export async function queryKey(host: Host, key: string, ...flags: readonly string[]): Promise<Captured> {
  const captured = await reg(host, key, ...flags)
  if (captured.code === 0 || captured.code === null) return captured
  // With /s it prints what it may read and fails for the rest.
  if (captured.text.trim() !== '' || (await isThere(host, key))) throw new Denied(`the registry key ${key} may not be read`, ADMINISTRATOR)
  return { ...captured, text: '', code: 1 }
}

/** Several keys, one after the other. @throws Denied, Error */
export async function queryKeys(host: Host, keys: readonly string[]): Promise<Captured[]> {
  const captures: Captured[] = []
  for (const key of keys) captures.push(await queryKey(host, key))
  return captures
}

async function reg(host: Host, key: string, ...flags: readonly string[]): Promise<Captured> {
  return host.run(['reg.exe', 'query', key, ...flags, '/reg:64']).catch(error => {
    if (error instanceof NotInstalled) throw new Denied('reg.exe cannot be started', 'Allow it in AppLocker or App Control.')
    throw error
  })
}

/** Whether a key that reg.exe would not print is there: the nearest key above it that can be read lists it, or does not. */
async function isThere(host: Host, key: string): Promise<boolean> {
  for (let child = key; child.includes('\\'); ) {
    const parent = child.slice(0, child.lastIndexOf('\\'))
    const listed = await reg(host, parent)
    if (listed.code === 0) return registryOf([listed]).has(wholeKey(child))
    child = parent
  }
  throw new Error(`Cannot tell whether the registry key ${key} is there: no key above it can be read`)
}

/** A key as reg.exe prints it, in lower case. */
function wholeKey(key: string): string {
  return key
    .replace(/^HKLM(?=\\)/i, 'HKEY_LOCAL_MACHINE')
    .replace(/^HKU(?=\\)/i, 'HKEY_USERS')
    .toLowerCase()
}
