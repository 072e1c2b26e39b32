import type { FactTypes } from '@fettle/catalog'
import { compareDebVersions } from '@fettle/catalog'
import { type Captured, Failed, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { type Advisory, isAdvisoryRow, parseAdvisories } from './rpm-advisories.ts'
import { dnfAutomatic } from './rpm-automatic.ts'
import { leftOut, NOT_REGISTERED, parseInstalled, parseRpmList, type RpmList, type RpmRow } from './rpm-lists.ts'
import { newestOf, type PendingUpdate, timeOf, updatesOf, waiting } from './waiting.ts'

/**
 * The fact of dnf, dnf5 and yum. Security is told by advisories: where a waiting update comes from a repository that carries none (CentOS, most
 * third parties), the fact says that security is not told apart. @throws Failed where the tool did, Error where nothing can be told
 */
export function judgeRpm(inputs: Inputs, { now }: Pick<ParseContext, 'now'>): FactTypes['updates'] {
  const listed = sole(inputs, 'list') ? parseRpmList(sole(inputs, 'list') as Captured) : undefined
  const advised = sole(inputs, 'advisories')
  const advisories = advised ? parseAdvisories(advised, now) : []
  assertAdvisoriesApart(sole(inputs, 'list'))
  const installed = parseInstalled(sole(inputs, 'installed')?.text ?? '')
  if (!listed && advisories.length === 0)
    throw new Failed(
      'what waits cannot be told without the list of updates',
      'Give the output of check-update too: a repository without advisories looks the same as one without updates.',
    )
  assertRegistered(listed)
  assertSomeRepository(listed, inputs)
  const rows = listed?.updates ?? newestRows(advisories)
  const missed = listed ? advisedOnly(advisories, rows) : []
  const locked = lockedNames(sole(inputs, 'locks'))
  const byPackage = Map.groupBy(advisories, ({ name, arch }) => `${name}.${arch}`)
  const update = (row: RpmRow) => updateOf(row, byPackage.get(`${row.name}.${row.arch}`) ?? [], installed.versions, locked)
  const pending = unique([...rows, ...missed]).map(update)
  return updatesOf({
    pending,
    classified: isClassified(inputs, rows, byPackage),
    lastCheckAt: newestOf(inputs.metadata, now),
    lastInstallAt: timeOf(installed.lastAt, now),
    automatic: dnfAutomatic(inputs),
    badSources: [...(listed?.badSources ?? []), ...(advised ? leftOut(`${advised.stderr}\n${advised.text}`) : [])],
  })
}

/** Rows of advisories are no rows of updates: taken for such they would all be passed over. */
function assertAdvisoriesApart(list: Captured | undefined): void {
  if (list?.text.split('\n').some(isAdvisoryRow)) throw new Error('Cannot read the list of updates: it holds advisories')
}

/** Without the repositories of its subscription, an empty list says nothing. */
function assertRegistered(list: RpmList | undefined): void {
  const problem = list?.updates.length === 0 ? list.badSources.find(text => text === NOT_REGISTERED) : undefined
  if (problem) throw new Failed(`nothing can be told: ${problem}`, 'Register the machine with subscription-manager register.')
}

/** With `-C`, dnf 4 leaves out what it has no cache of and ends with 0: then an empty list says nothing, unless other repositories are there. */
function assertSomeRepository(list: RpmList | undefined, inputs: Inputs): void {
  if (list === undefined || list.updates.length > 0 || (inputs.metadata ?? []).length > 0) return
  const left = list.badSources[0] ?? (inputs.metadata === undefined ? undefined : 'the cache holds no repository')
  if (left) throw new Failed(`nothing can be told: ${left}`, 'Run dnf makecache as root; dnf-makecache.timer keeps the cache fresh.')
}

function updateOf(
  row: RpmRow,
  advisories: readonly Advisory[],
  versions: ReadonlyMap<string, string>,
  locked: readonly ((name: string) => boolean)[],
): PendingUpdate {
  const installed = versions.get(`${row.name}.${row.arch}`) ?? null
  const missing = advisories.filter(({ evr }) => installed === null || compareDebVersions(evr, installed) > 0)
  const fixes = missing.filter(advisory => advisory.class === 'security')
  const own = missing.find(({ evr }) => evr === row.evr) ?? missing[0]
  const times = (fixes.length > 0 ? fixes : missing).flatMap(({ published }) => published ?? [])
  return waiting(`${row.name}.${row.arch}`.replace(/\.$/, ''), {
    installed,
    candidate: row.evr,
    class: fixes.length > 0 ? 'security' : (own?.class ?? 'other'),
    severity: worst(fixes),
    published: times.length > 0 ? Math.min(...times) : null,
    origin: row.repository || null,
    withheld: locked.some(matches => matches(row.name)) ? 'held' : null,
    restart: /^kernel(-|$)/.test(row.name) ? true : null,
  })
}

const order = ['critical', 'important', 'moderate', 'low'] as const

function worst(advisories: readonly Advisory[]): PendingUpdate['severity'] {
  return order.find(severity => advisories.some(advisory => advisory.severity === severity)) ?? null
}

function unique(rows: readonly RpmRow[]): RpmRow[] {
  return [...new Map(rows.map(row => [`${row.name}.${row.arch} ${row.evr}`, row])).values()]
}

/** Of each advised package its newest version. */
function newestRows(advisories: readonly Advisory[]): RpmRow[] {
  const newest = new Map<string, RpmRow>()
  for (const { name, arch, evr } of advisories) {
    const known = newest.get(`${name}.${arch}`)
    if (!known || compareDebVersions(evr, known.evr) > 0) newest.set(`${name}.${arch}`, { name, arch, evr, repository: '' })
  }
  return [...newest.values()]
}

/** Security fixes that the list of updates leaves out (an exclusion of a repository). A newer kernel may be installed and not run: that is a restart's concern. */
function advisedOnly(advisories: readonly Advisory[], rows: readonly RpmRow[]): RpmRow[] {
  const listed = new Set(rows.map(({ name, arch }) => `${name}.${arch}`))
  const left = advisories.filter(({ name, arch, class: kind }) => kind === 'security' && !listed.has(`${name}.${arch}`))
  return newestRows(left.filter(({ name }) => !/^kernel(-|$)/.test(name)))
}

/** Whether each repository that something waits from tells of security: by the file of advisories it offers, or by one that names an update. */
function isClassified(inputs: Inputs, rows: readonly RpmRow[], byPackage: ReadonlyMap<string, readonly Advisory[]>): boolean {
  if (!sole(inputs, 'advisories')) return false
  const advising = new Set(
    (inputs.metadata ?? []).filter(({ text }) => /type="updateinfo"/.test(text)).map(({ name }) => repositoryOf(name)),
  )
  for (const row of rows) if (byPackage.has(`${row.name}.${row.arch}`)) advising.add(row.repository)
  return rows.every(({ repository }) => advising.has(repository))
}

/** `/var/cache/dnf/baseos-0123456789abcdef/repodata/repomd.xml` is of `baseos`; yum keeps it without the hash and the folder. */
function repositoryOf(path: string): string {
  return path
    .replace(/\/repomd\.xml$/, '')
    .replace(/\/repodata$/, '')
    .replace(/^.*\//, '')
    .replace(/-[0-9a-f]{16}$/, '')
}

/**
 * Packages that are kept where they are: `dnf versionlock list` (`[!]NAME-EPOCH:VERSION-RELEASE.*`), and `exclude=` of the main configuration, whose
 * names may hold `*`.
 */
function lockedNames(captured: Captured | undefined): ((name: string) => boolean)[] {
  return (captured?.text.slice(0, 200_000).split('\n') ?? []).flatMap(line => {
    const excluded = /^\s*exclude(?:pkgs)?\s*[=:]\s*(.{1,2000})$/.exec(line)?.[1]
    if (excluded !== undefined)
      return excluded
        .split(/[\s,]+/)
        .filter(Boolean)
        .slice(0, 200)
        .map(matcher)
    const locked = /^!?([\w.+-]{1,200}?)-(?:\d+:)[\w.+~^-]{1,200}(?:\.\*|\.\w+)?$/.exec(line.trim())
    return locked && !line.startsWith('!') ? [matcher(locked[1] ?? '')] : []
  })
}

/** A `*` at the end or the start stands for anything; other patterns match only as they are. */
function matcher(pattern: string): (name: string) => boolean {
  if (pattern.endsWith('*')) return name => name.startsWith(pattern.slice(0, -1))
  if (pattern.startsWith('*')) return name => name.endsWith(pattern.slice(1))
  return name => name === pattern
}
