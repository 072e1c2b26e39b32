import { compareDebVersions } from '@fettle/catalog'
import { type Captured, Failed } from '../../probe.ts'
import { wholeLines } from './waiting.ts'

type Upgrade = {
  readonly name: string
  readonly installed: string
  readonly candidate: string
  /** `Debian-Security:12/stable-security`, as many as carry this version. */
  readonly origins: readonly string[]
}

export type Simulation = {
  readonly upgrades: readonly Upgrade[]
  readonly keptBack: readonly string[]
  readonly phased: readonly string[]
  /** Security updates that only a subscription (Ubuntu Pro) gives. */
  readonly subscription: readonly string[]
}

const aptHint = 'Run apt-get update, then apt-get -s dist-upgrade, and mend what it names; dpkg --audit tells of interrupted installations.'

/** What went wrong in a run of apt, thrown. Warnings (`W:`) are none. */
export function assertRan(captured: Captured): void {
  const complaint = `${captured.stderr}\n${captured.text}`.split('\n').find(line => line.startsWith('E: '))
  if (complaint) throw new Failed(complaint.slice(3).trim(), aptHint)
  if (captured.code !== null && captured.code !== 0) throw new Failed(`${captured.name.slice(0, 100)} ended with ${captured.code}`, aptHint)
}

/** `Inst NAME [OLD] (NEW ORIGIN, ORIGIN [ARCH])`; a line without `[OLD]` is a new package, no update. */
const instLine = /^Inst (\S{1,300}) \[([^\]\s]{1,300})\] \(([^\s()]{1,300})([^()[\]]{0,4000})/

/**
 * `apt-get -s dist-upgrade`, any version, with -q or not; see apt-get(8). @throws Failed where apt did, Error where the text does not prove that
 * apt came to its end: an empty text is not "nothing pending"
 */
export function parseSimulation(captured: Captured): Simulation {
  assertRan(captured)
  const lines = wholeLines(captured)
  const changes = lines.flatMap(readInst)
  const finished = lines.some(line => line.startsWith('Inst ') || isClosing(line))
  if (!finished) throw new Error('Cannot find the end of the simulation: neither its summary nor an update')
  const promised = lines.map(readSummary).find(count => count !== undefined)
  if (promised !== undefined && promised > changes.length)
    throw new Error(`Cannot trust the simulation: it promises ${promised} updates and lists ${changes.length}`)
  if (promised === undefined) assertWhole(lines, changes)
  return {
    upgrades: changes.filter(change => compareDebVersions(change.installed, change.candidate) <= 0),
    keptBack: namesUnder(lines, heading => /^(The following packages have been kept back|Not upgrading):$/.test(heading)),
    phased: namesUnder(lines, heading => /due to phasing:$/.test(heading)),
    subscription: namesUnder(lines, isSubscription),
  }
}

function readInst(line: string): Upgrade[] {
  const match = instLine.exec(line)
  if (!match) {
    // A line with [OLD] that cannot be read would be an update that nobody hears of.
    if (/^Inst \S+ \[/.test(line)) throw new Error(`Cannot read the line of the simulation: ${line.slice(0, 120)}`)
    return []
  }
  const [, name = '', installed = '', candidate = '', origins = ''] = match
  return [
    {
      name,
      installed,
      candidate,
      origins: origins
        .split(',')
        .map(origin => origin.trim())
        .filter(Boolean),
    },
  ]
}

/** How many updates a summary promises: that of apt-get and that of apt 3. Downgrades have lines with [OLD] as well. */
function readSummary(line: string): number | undefined {
  const old = /^(\d+) upgraded, (?:\d+ newly installed, )(?:(\d+) reinstalled, )?(?:(\d+) downgraded, )?/.exec(line)
  if (old) return Number(old[1]) + Number(old[3] ?? 0)
  const recent = /^ {2}Upgrading: (\d+), Installing: \d+/.exec(line)
  return recent ? Number(recent[1]) : undefined
}

/**
 * Without a summary that can be read (`-qq`, or another language) other things must prove that nothing is missing: a summary's numbers, and a
 * `Conf` for each `Inst` where there are any.
 */
function assertWhole(lines: readonly string[], changes: readonly Upgrade[]): void {
  const [upgraded, kept] = lines.map(foreignSummary).find(counts => counts !== undefined) ?? []
  if (upgraded !== undefined && upgraded > changes.length)
    throw new Error(`Cannot trust the simulation: it promises ${upgraded} updates and lists ${changes.length}`)
  if (kept !== undefined && kept > 0)
    throw new Error(`Cannot tell which ${kept} updates are kept back: apt names them in another language than that of LC_ALL=C`)
  const named = (verb: string) => new Set(lines.flatMap(line => (line.startsWith(`${verb} `) ? [line.split(' ', 2)[1] ?? ''] : [])))
  const [unpacked, configured] = [named('Inst'), named('Conf')]
  const missing = configured.size > 0 ? changes.find(change => !configured.has(change.name)) : undefined
  const orphan = [...configured].find(name => !unpacked.has(name))
  if (orphan !== undefined) throw new Error(`Cannot trust the simulation: it configures ${orphan.slice(0, 80)} and does not unpack it`)
  if (missing) throw new Error(`Cannot trust the simulation: it ends before ${missing.name} is configured`)
}

/** Four counts in a sentence: upgraded, new, removed, not upgraded. The words are translated, the order is not. */
function foreignSummary(line: string): readonly [upgraded: number, kept: number] | undefined {
  if (/^(Inst|Conf|Remv|[EWN]:) /.test(line) || line.length > 400 || /[/[\]()]/.test(line)) return undefined
  const numbers = line.match(/\d+/g)?.map(Number) ?? []
  const words = line.split(/\d+/).filter(part => /\p{L}/u.test(part))
  return numbers.length === 4 && words.length >= 4 ? [numbers[0] ?? 0, numbers[3] ?? 0] : undefined
}

/** Sentences that apt prints only once it has computed the upgrade. */
function isClosing(line: string): boolean {
  return (
    readSummary(line) !== undefined ||
    line.startsWith('No updates pending for installation') ||
    /Ubuntu Pro|U[AP]\w* (Infra|Apps)/.test(line)
  )
}

function isSubscription(heading: string): boolean {
  return /^\*?The following (packages could receive security updates with|security updates require) .*(ESM|esm-|Pro).*:$/.test(heading)
}

/** The words of the lines below a heading: indented, or (old Ubuntu Pro notes) not, up to the next sentence. */
function namesUnder(lines: readonly string[], isHeading: (line: string) => boolean): string[] {
  const names: string[] = []
  for (const [at, line] of lines.entries()) {
    if (!isHeading(line.trimEnd())) continue
    for (const below of lines.slice(at + 1)) {
      const words = below.trim().split(/\s+/)
      if (!words.every(isPackageName)) break
      names.push(...words)
    }
  }
  return names
}

/** See deb-control(5), `Package`; with an architecture where it is a foreign one. */
export function isPackageName(word: string): boolean {
  return /^[a-z0-9][a-z0-9+.-]{0,200}(?::[a-z0-9-]{1,30})?$/.test(word)
}

/** `apt-mark showhold`: a name a line. @throws on any other line */
export function parseHolds(captured: Captured): string[] {
  assertRan(captured)
  const names = captured.text
    .split('\n')
    .map(line => line.trim())
    .filter(Boolean)
  const strange = names.find(name => !isPackageName(name))
  if (strange !== undefined) throw new Error(`Cannot read the held package ${JSON.stringify(strange.slice(0, 80))}`)
  return names
}

export type Listed = Omit<Upgrade, 'origins'> & { readonly archives: readonly string[]; readonly phased: boolean }

/** `apt list --upgradable`: `NAME/SUITE,SUITE NEW ARCH [upgradable from: OLD]`. @throws where it is not such a list */
export function parseList(captured: Captured): Listed[] {
  assertRan(captured)
  const lines = wholeLines(captured)
    .map(line => line.trimEnd())
    .filter(Boolean)
  if (!lines.some(line => line.startsWith('Listing'))) throw new Error('Cannot find the beginning of the list of apt')
  return lines.flatMap(line => {
    const match = /^([^\s/]{1,300})\/(\S{0,500}) (\S{1,300}) (\S{1,60}) \[upgradable from: ([^\s\],]{1,300})([^\]]{0,100})\]/.exec(line)
    if (!match) {
      if (!/^(Listing|WARNING: |N: |W: |\s|Note: )/.test(line)) throw new Error(`Cannot read the line of the list: ${line.slice(0, 120)}`)
      return []
    }
    const [, name = '', archives = '', candidate = '', , installed = '', rest = ''] = match
    return [
      {
        name,
        installed,
        candidate,
        archives: archives.split(',').filter(word => word !== 'now'),
        phased: /phased/.test(rest + line.slice(match[0].length)),
      },
    ]
  })
}
