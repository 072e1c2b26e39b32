/** A place that packages come from, with the words of its Release file; what it does not say is ''. */
export type Release = {
  readonly origin: string
  readonly label: string
  readonly archive: string
  readonly codename: string
  readonly version: string
  readonly component: string
  readonly site: string
}

/** One line of `apt-cache policy` without names. */
export type Source = Release & {
  /** How version tables name it: address, suite, architecture. */
  readonly key: string
  readonly priority: number
}

export type Sources = {
  readonly sources: readonly Source[]
  /** Packages with a priority of their own, see apt_preferences(5). */
  readonly pinned: readonly string[]
}

export type VersionRow = {
  readonly version: string
  /** Percent of machines that get it now; null: all. */
  readonly phased: number | null
  readonly sources: readonly string[]
}

export type VersionTable = {
  /** Null: not installed. */
  readonly installed: string | null
  /** Null: no version may be installed. */
  readonly candidate: string | null
  readonly versions: readonly VersionRow[]
}

/** `apt-cache policy`: every source with its priority and the words of its Release file; see apt-cache(8). Lines it does not know are passed over. */
export function parseSources(text: string): Sources {
  const sources: Source[] = []
  const pinned: string[] = []
  let inPins = false
  for (const line of text.split('\n')) {
    if (line.startsWith('Pinned packages:')) inPins = true
    else if (inPins) {
      const name = /^ {2,}(\S+) -> /.exec(line)?.[1]
      if (name) pinned.push(name)
    } else readSourceLine(line, sources)
  }
  return { sources: sources.filter(source => !source.key.startsWith('/')), pinned }
}

function readSourceLine(line: string, sources: Source[]): void {
  const entry = /^ {0,3}(-?\d{1,5}) (\S.*)$/.exec(line)
  if (entry) sources.push({ ...noRelease, priority: Number(entry[1]), key: (entry[2] ?? '').trim() })
  const last = sources.at(-1)
  if (!last) return
  const words = /^ {5}release (.*)$/.exec(line)?.[1]
  if (words !== undefined) sources[sources.length - 1] = { ...last, ...releaseWords(words) }
  const site = /^ {5}origin (\S+)/.exec(line)?.[1]
  if (site !== undefined) sources[sources.length - 1] = { ...last, site }
}

export const noRelease: Release = { origin: '', label: '', archive: '', codename: '', version: '', component: '', site: '' }

function releaseWords(text: string): Partial<Release> {
  const words = new Map(text.split(/,(?=[a-z]=)/).map(word => [word.slice(0, 1), word.slice(2)] as const))
  const said = (letter: string) => words.get(letter) ?? ''
  return { origin: said('o'), label: said('l'), archive: said('a'), codename: said('n'), version: said('v'), component: said('c') }
}

/** `apt-cache policy NAME…`: the table of every known version of each package, newest first. */
export function parseVersionTables(text: string): Map<string, VersionTable> {
  const tables = new Map<string, VersionTable>()
  let name: string | undefined
  let versions: { version: string; phased: number | null; sources: string[] }[] = []
  for (const line of text.split('\n')) {
    const heading = /^(\S+):$/.exec(line)?.[1]
    if (heading) {
      name = heading
      versions = []
      tables.set(heading, { installed: null, candidate: null, versions })
      continue
    }
    const table = name === undefined ? undefined : tables.get(name)
    if (name === undefined || !table) continue
    const field = /^ {2}(Installed|Candidate): (\S.*)$/.exec(line)
    const version = /^(?: \*\*\* | {5})(\S+) -?\d+(?: \(phased (\d{1,3})%\))?/.exec(line)
    const source = /^ {7}[ \d-]{3}\d (\S.*)$/.exec(line)?.[1]
    if (field)
      tables.set(name, { ...table, [field[1] === 'Installed' ? 'installed' : 'candidate']: field[2] === '(none)' ? null : field[2] })
    else if (version)
      versions.push({ version: version[1] ?? '', phased: version[2] === undefined ? null : Number(version[2]), sources: [] })
    else if (source) versions.at(-1)?.sources.push(source.trim())
  }
  return tables
}

/**
 * Whether a source carries its distribution's security fixes, judged by who says so (`o=`, `l=`), not by the suite's name alone: any stranger may
 * call a suite "security". Without an origin (the lines of a simulation have none) the label has to do.
 */
export function isSecurity({ origin, label, archive }: Pick<Release, 'origin' | 'label' | 'archive'>): boolean {
  const inSecuritySuite = archive.endsWith('-security')
  if (label === 'Debian-Security') return origin === '' || origin === 'Debian'
  if (label === 'Devuan-Security') return origin === '' || origin === 'Devuan'
  if (/^UbuntuESM/.test(label)) return origin === '' || /^UbuntuESM/.test(origin)
  if (label === 'Debian' || label === 'Ubuntu' || label === 'Devuan') return inSecuritySuite && (origin === '' || origin === label)
  return false
}

/** As a simulation writes it: `Debian-Security:12/stable-security`. */
export function originText({ label, version, archive, site }: Release): string {
  if (archive === '') return [label, site || 'localhost'].filter(Boolean).join(':')
  return `${label === '' ? '' : `${label}:`}${version === '' ? '' : `${version}/`}${archive}`
}

/** The reverse of `originText`. */
export function releaseOf(text: string): Release {
  const colon = text.indexOf(':')
  const rest = text.slice(colon + 1)
  const slash = rest.indexOf('/')
  return {
    ...noRelease,
    label: colon === -1 ? '' : text.slice(0, colon),
    version: slash === -1 ? '' : rest.slice(0, slash),
    archive: rest.slice(slash + 1),
  }
}
