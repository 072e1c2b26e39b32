/** Properties of one object by name in lower case, values as text; what is empty or null is not there. */
export type Properties = ReadonlyMap<string, string>

const MOST_OBJECTS = 20_000

/** Properties of a parsed JSON object. Lists become their values, comma separated. */
export function propertiesOf(value: object): Properties {
  const found = new Map<string, string>()
  for (const [name, said] of Object.entries(value)) {
    const text = textOf(said)
    if (text !== '') found.set(name.toLowerCase(), text)
  }
  return found
}

function textOf(said: unknown): string {
  if (said === null || said === undefined) return ''
  if (Array.isArray(said)) return said.map(textOf).join(',')
  if (typeof said === 'object') return textOf((said as { value?: unknown }).value)
  return String(said).trim()
}

/** Objects as `ConvertTo-Json` writes them: one, or a list. Undefined where the text is no JSON. @throws where it is and cannot be read */
export function jsonObjects(text: string): Properties[] | undefined {
  const clean = text.replace(/^\ufeff/, '').trim()
  if (!/^[[{]/.test(clean)) return undefined
  const value: unknown = JSON.parse(clean)
  const list = Array.isArray(value) ? value : [value]
  return list
    .slice(0, MOST_OBJECTS)
    .filter(one => typeof one === 'object' && one !== null)
    .map(propertiesOf)
}

/**
 * Objects as `Format-List` (`Name : value`) or WMI's list format (`Name=value`) print them, parted by empty lines or by the first name coming
 * again. A long value goes on in the next line, indented.
 */
export function listObjects(text: string): Properties[] {
  const objects: Map<string, string>[] = []
  let last = ''
  let current: Map<string, string> | undefined
  let seen = new Set<string>()
  for (const raw of text.replace(/^\ufeff/, '').split(/\r?\n|\r/)) {
    const line = raw.replace(/^# ?/, '')
    const [, name = '', value = ''] = /^\s{0,8}([A-Za-z_][\w. ()-]{0,60}?)(?:\s*:(?=\s|$)|=)\s?(.*)$/.exec(line) ?? []
    if (name === '') {
      if (current && last !== '' && /^\s{8,}\S/.test(line)) current.set(last, `${current.get(last) ?? ''}${line.trim()}`)
      continue
    }
    const key = name.trim().toLowerCase()
    if (!current || seen.has(key)) {
      if (objects.length >= MOST_OBJECTS) break
      current = new Map()
      seen = new Set()
      objects.push(current)
    }
    seen.add(key)
    last = key
    if (value.trim() !== '') current.set(key, value.trim())
  }
  return objects.filter(object => object.size > 0)
}

/** Rows of a table of `Format-Table`: columns stand where the line of dashes says; headings may take two lines. Empty where there is no such line. */
export function tableRows(text: string): Properties[] {
  const lines = text.split(/\r?\n|\r/)
  const at = lines.findIndex(line => /^\s*-{2,}(\s+-{2,})+\s*$/.test(line))
  if (at < 1) return []
  const dashes = [...(lines[at] ?? '').matchAll(/-+/g)].map(match => ({ from: match.index, to: match.index + match[0].length }))
  const above = lines.slice(Math.max(0, at - 2), at).filter(line => line.trim() !== '' && !line.includes(':'))
  const names = dashes.map((_, column) =>
    above
      .map(line => cell(line, dashes, column))
      .join('')
      .replace(/\s+/g, '')
      .toLowerCase(),
  )
  const rows: Properties[] = []
  for (const line of lines.slice(at + 1, at + 1 + MOST_OBJECTS)) {
    if (line.trim() === '') {
      if (rows.length > 0) break
      continue
    }
    const cells = dashes.map((_, column) => [names[column] ?? '', cell(line, dashes, column)] as const)
    rows.push(new Map(cells.filter(([, value]) => value !== '')))
  }
  return rows
}

/** Text of a column: numbers are set to the right and may begin before the dashes, texts may go on after them. */
function cell(line: string, columns: readonly { readonly from: number; readonly to: number }[], index: number): string {
  const column = columns[index]
  if (!column) return ''
  let from = column.from
  const floor = columns[index - 1]?.to ?? 0
  while (from > floor && line[from - 1] !== undefined && line[from - 1] !== ' ' && line[from] !== ' ') from--
  let to = columns[index + 1]?.from ?? line.length
  const next = columns[index + 1]
  if (next) while (to > column.to && line[to - 1] !== ' ' && line[to] !== ' ' && line[to] !== undefined) to--
  return line.slice(from, to).trim()
}

/** A word of PowerShell or WMI as a truth value; null for anything else. */
export function truth(text: string | undefined): boolean | null {
  const word = text?.toLowerCase()
  return word === 'true' || word === '1' ? true : word === 'false' || word === '0' ? false : null
}

/** A whole number from 0, decimal or `0x…`; null for anything else. */
export function whole(text: string | undefined): number | null {
  if (text === undefined || !/^(\d{1,20}|0x[0-9a-f]{1,16})$/i.test(text)) return null
  return Number(text)
}
