import { type Captured, Failed } from '../../probe.ts'
import { cut } from '../gather.ts'
import { type PendingUpdate, timeOf, waiting, wholeLines } from './waiting.ts'

export type ZypperList = {
  readonly patches: readonly PendingUpdate[]
  readonly packages: readonly PendingUpdate[]
  readonly badSources: readonly string[]
}

const hint = 'Run zypper refresh as root and mend what it names; zypper repos lists the repositories.'

/** Codes of zypper(8) that come with a list: 100 to 103 tell what waits, 106 that repositories were left out, 107 that a script failed. */
const usable = new Set([0, 100, 101, 102, 103, 106, 107])
const reasons: Readonly<Record<number, string>> = {
  6: 'no repository is defined',
  7: 'another zypper holds the lock',
  5: 'the rights do not suffice',
}

/**
 * `list-patches` and `list-updates`, as XML (`zypper -x`) or as table. @throws Failed where zypper did, or knows no repository: it then ends with 0 and
 * an empty list. Error where the text does not come to its end
 */
export function parseZypper(captured: Captured, now: number): ZypperList {
  const { code, text } = captured
  if (code !== null && !usable.has(code))
    throw new Failed(`zypper ended with ${code}: ${reasons[code] ?? firstComplaint(captured) ?? 'it did not say why'}`, hint)
  if (/no-update-repositories|No repositories defined/.test(text))
    throw new Failed('zypper knows no repository that updates could come from', hint)
  const list = text.trimStart().startsWith('<') ? fromXml(text, now) : fromTable(captured)
  const skipped = code === 106 ? ['zypper left out a repository that it could not read'] : []
  return { ...list, badSources: [...list.badSources, ...skipped] }
}

function firstComplaint({ text, stderr }: Captured): string | undefined {
  const message =
    /<message type="error">([^<]{1,400})/.exec(text)?.[1] ??
    `${stderr}\n${text}`.split('\n').find(line => line.trim() !== '' && !line.startsWith('<'))
  return message === undefined ? undefined : cut(decoded(message), 300)
}

/** Text in XML is escaped, so a `<` always opens a tag, and tags can be found by themselves. */
function fromXml(text: string, now: number): ZypperList {
  if (!text.trimEnd().endsWith('</stream>')) throw new Error('Cannot trust the list: its XML stops before the end')
  if (!/<update-list[\s>/]|<\/update-list>/.test(text))
    throw new Failed(firstComplaint({ text, stderr: '', code: null, name: '', modifiedAt: null }) ?? 'zypper printed no list', hint)
  const patches: PendingUpdate[] = []
  const packages: PendingUpdate[] = []
  for (const body of text.split(/<update(?=\s)/).slice(1)) {
    const attributes = attributesOf(body.slice(0, body.indexOf('>')))
    if (attributes.get('kind') === 'patch') patches.push(...patchOf(attributes, body, now))
    else packages.push(packageOf(attributes, body))
  }
  const errors = [...text.matchAll(/<message type="error">([^<]{1,400})/g)].slice(0, 20).map(match => decoded(match[1] ?? ''))
  return { patches, packages, badSources: errors }
}

const categories: Readonly<Record<string, PendingUpdate['class']>> = {
  security: 'security',
  recommended: 'quality',
  feature: 'quality',
  optional: 'feature',
}

function patchOf(attributes: ReadonlyMap<string, string>, body: string, now: number): PendingUpdate[] {
  const name = attributes.get('name')
  if (!name) throw new Error('Cannot read a patch: its name is missing')
  // Without a status the list is of an old zypper, which names only what is needed.
  if (/^(?:not-needed|applied)$/.test(attributes.get('status') ?? '')) return []
  const severity = (['critical', 'important', 'moderate', 'low'] as const).find(word => word === attributes.get('severity'))
  const issued = /<issue-date time_t="(\d{9,11})"/.exec(body)?.[1]
  return [
    waiting(name, {
      candidate: attributes.get('edition') ?? null,
      class: categories[attributes.get('category') ?? ''] ?? 'other',
      severity: severity ?? null,
      published: timeOf(issued === undefined ? null : Number(issued) * 1000, now),
      origin: originOf(body),
      withheld: attributes.get('status') === 'unwanted' ? 'held' : null,
      restart: attributes.get('interactive') === 'reboot' || attributes.get('reboot-needed') === 'true' ? true : null,
    }),
  ]
}

function packageOf(attributes: ReadonlyMap<string, string>, body: string): PendingUpdate {
  const name = attributes.get('name')
  if (!name) throw new Error('Cannot read an update: its name is missing')
  return waiting(`${name}${attributes.has('arch') ? `.${attributes.get('arch')}` : ''}`, {
    installed: attributes.get('edition-old') ?? null,
    candidate: attributes.get('edition') ?? null,
    origin: originOf(body),
    restart: /^kernel-/.test(name) ? true : null,
  })
}

function originOf(body: string): string | null {
  const source = /<source ([^>]{0,1000})/.exec(body)?.[1]
  return source === undefined ? null : (attributesOf(source).get('alias') ?? null)
}

function attributesOf(tag: string): Map<string, string> {
  return new Map(
    [...tag.matchAll(/([\w-]{1,40})=(?:"([^"]{0,1000})"|'([^']{0,1000})')/g)].map(match => [
      match[1] ?? '',
      decoded(match[2] ?? match[3] ?? ''),
    ]),
  )
}

function decoded(text: string): string {
  return text
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&apos;/g, "'")
    .replace(/&amp;/g, '&')
}

/**
 * The table: `S | Repository | Name | Current Version | Available Version | Arch` of packages, `Repository | Name | Category | Severity | … | Status | …` of
 * patches. Columns are found by their headings, so that another language is refused and not misread.
 */
function fromTable(captured: Captured): ZypperList {
  const lines = wholeLines(captured)
  const at = lines.findIndex(line => /^-+(?:\+-+){3,}$/.test(line.trim()))
  const complaint = firstError(captured)
  if (at < 1) {
    if (complaint !== undefined) throw new Failed(complaint, hint)
    if (lines.some(line => /^No (?:updates|needed patches) found\.?$/.test(line.trim())))
      return { patches: [], packages: [], badSources: [] }
    throw new Error('Cannot find the list of updates in what zypper printed')
  }
  const heads = cells(lines[at - 1] ?? '').map(head => head.toLowerCase())
  const rows = lines.slice(at + 1).flatMap(line => (line.includes(' | ') ? [cells(line)] : []))
  const column = (row: readonly string[], head: string) => row[heads.indexOf(head)] || null
  if (!heads.includes('name') || heads.includes('type') || !(heads.includes('available version') || heads.includes('category')))
    throw new Error('Cannot read the table: it has no columns of updates that are known here')
  if (rows.some(row => row.length !== heads.length)) throw new Error('Cannot read the table: a row has not as many cells as its heading')
  const badSources = complaint === undefined ? [] : [complaint]
  if (heads.includes('category')) return { patches: rows.flatMap(row => tablePatch(head => column(row, head))), packages: [], badSources }
  const packages = rows.map(row =>
    waiting(`${column(row, 'name') ?? ''}.${column(row, 'arch') ?? ''}`, {
      installed: column(row, 'current version'),
      candidate: column(row, 'available version'),
      origin: column(row, 'repository'),
    }),
  )
  return { patches: [], packages, badSources }
}

function tablePatch(column: (head: string) => string | null): PendingUpdate[] {
  if (/^(?:not needed|applied)$/.test(column('status') ?? '')) return []
  const severity = (['critical', 'important', 'moderate', 'low'] as const).find(word => word === column('severity'))
  return [
    waiting(column('name') ?? '', {
      class: categories[column('category') ?? ''] ?? 'other',
      severity: severity ?? null,
      origin: column('repository'),
      restart: column('interactive') === 'reboot' ? true : null,
    }),
  ]
}

function cells(line: string): string[] {
  return line.split('|').map(cell => cell.trim())
}

function firstError({ text, stderr }: Captured): string | undefined {
  const line = `${stderr}\n${text}`
    .split('\n')
    .find(candidate =>
      /^(?:Problem (?:retrieving|loading)|Some of the repositories|Repository .{1,200} is invalid|.{0,200}could not be refreshed|System management is locked|Root privileges|Error:)/.test(
        candidate,
      ),
    )
  return line === undefined ? undefined : cut(line, 300)
}
