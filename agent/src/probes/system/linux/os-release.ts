import type { FactTypes } from '@fettle/catalog'
import { cut } from '../../gather.ts'

/** What an os-release file says, by os-release(5): `ID` and `NAME` fall back to its defaults. @throws where the text is no os-release */
export function readOsRelease(text: string): FactTypes['system']['os'] {
  if (!isOsRelease(text)) throw new Error('Cannot read os-release: wanted one NAME=value a line, names in capitals')
  const told = assignments(text)
  if (!told.has('ID') && !told.has('NAME') && !told.has('PRETTY_NAME')) {
    throw new Error('Cannot read os-release: wanted lines such as ID=debian, and found neither ID, NAME nor PRETTY_NAME')
  }
  const say = (key: string, longest = 64) => cut(told.get(key) ?? '', longest) || null
  return {
    type: 'linux',
    id: say('ID') ?? 'linux',
    like: (told.get('ID_LIKE') ?? '')
      .split(/\s+/)
      .filter(id => id !== '')
      .slice(0, 16)
      .map(id => cut(id, 64)),
    name: say('PRETTY_NAME', 128) ?? say('NAME', 128) ?? 'Linux',
    version: say('VERSION_ID'),
    codename: say('VERSION_CODENAME') ?? say('UBUNTU_CODENAME'),
    build: say('BUILD_ID'),
    edition: say('VARIANT_ID'),
    supportEnd: day(told.get('SUPPORT_END')),
  }
}

/** Whether a text is an os-release file: lists of other tools hold `NAME="…"` too, with more of it in the line, or `ID=` among names in small letters. */
export function isOsRelease(text: string): boolean {
  const lines = text.slice(0, 65_536).split(/\r?\n/)
  const one = /^\s*(ID|NAME|PRETTY_NAME)=(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"']*)\s*$/
  const small = lines.filter(line => /^[A-Z]{0,40}[a-z][A-Za-z]{0,40}=/.test(line)).length
  return lines.some(line => one.test(line)) && small <= lines.length / 2
}

/** Shell-compatible assignments, the last of a name wins. A line that is none is passed over, as the manual page wants. */
function assignments(text: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const line of text.replace(/^\ufeff/, '').split(/\r?\n/)) {
    const match = /^\s*([A-Z][A-Z0-9_]*)=(.*)$/.exec(line)
    const value = match ? unquote(match[2]?.trim() ?? '') : undefined
    if (match?.[1] && value !== undefined) found.set(match[1], value)
  }
  return found
}

/** Undefined where a quote is left open. */
function unquote(raw: string): string | undefined {
  const quote = raw[0]
  if (quote !== '"' && quote !== "'") return raw.replace(/\\(.)/g, '$1')
  if (raw.length < 2 || !raw.endsWith(quote)) return undefined
  const inside = raw.slice(1, -1)
  return quote === "'" ? inside : inside.replace(/\\(["'$`\\])/g, '$1')
}

/** `SUPPORT_END=YYYY-MM-DD`: the first day without support. */
function day(text: string | undefined): number | null {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text ?? '')
  const at = match ? Date.parse(`${match[0]}T00:00:00Z`) : Number.NaN
  return Number.isFinite(at) && at > 0 ? at : null
}
