import type { FactTypes } from '@fettle/catalog'
import { compareDebVersions } from '@fettle/catalog'
import { isSecurity, originText, type Release, releaseOf, type Source, type VersionRow, type VersionTable } from './apt-policy.ts'
import type { Listed, Simulation } from './apt-simulation.ts'

export type PendingUpdate = FactTypes['updates']['pending'][number]

type Evidence = {
  readonly simulation: Simulation
  readonly holds: readonly string[]
  readonly tables: ReadonlyMap<string, VersionTable>
  readonly sources: readonly Source[]
}
type Told = { readonly pending: readonly PendingUpdate[]; readonly classified: boolean }

/** What waits, security first, so that a cut list loses the lesser. */
export function pendingUpdates({ simulation, holds, tables, sources }: Evidence): Told {
  const releases = new Map<string, Release>(sources.map(source => [source.key, source]))
  const upgrading = simulation.upgrades.map(upgrade => {
    const origins = upgrade.origins.map(releaseOf)
    const between = walk(tables.get(upgrade.name), releases, upgrade.installed, upgrade.candidate)
    return waiting(upgrade.name, upgrade.installed, upgrade.candidate, [...origins, ...between], null)
  })
  const known = new Set(simulation.upgrades.map(({ name }) => name))
  const back = new Set([...simulation.keptBack, ...simulation.phased])
  const withheld = [...new Set([...back, ...holds, ...tables.keys()])]
    .filter(name => !known.has(name))
    .flatMap(name =>
      keptBack(name, tables.get(name), releases, { isKept: back.has(name), reason: reasonOf(name, tables.get(name), holds, simulation) }),
    )
  const pinned = [...tables].flatMap(([name, table]) => pinnedAway(name, table, releases))
  const subscription = simulation.subscription.map(
    (name): PendingUpdate => ({ ...waiting(name, null, null, [], 'subscription'), class: 'security' }),
  )
  return { pending: sorted([...upgrading, ...withheld, ...pinned, ...subscription]), classified: true }
}

/** The list of `apt list --upgradable` names suites only; before Debian 11 security had the same suite name as the rest. */
export function pendingFromList(entries: readonly Listed[]): Told {
  const isAmbiguous = entries.some(
    ({ candidate, archives }) => /deb(10|[1-9])u/.test(candidate) && archives.some(archive => /stable$/.test(archive)),
  )
  const pending = entries.map((entry): PendingUpdate => {
    const isFix = entry.archives.some(archive => /^((old)*stable|testing|[a-z]+|[a-z]+-(infra|apps))-security$/.test(archive))
    const update = waiting(entry.name, entry.installed, entry.candidate, [], entry.phased ? 'phased' : null)
    return { ...update, class: isFix ? 'security' : 'quality', origin: entry.archives.join(',').slice(0, 256) || null }
  })
  return { pending: sorted(pending), classified: !isAmbiguous }
}

/**
 * Sources of every version after the installed one, up to the candidate: a fix that a later version of another suite has superseded is
 * still a fix that this machine lacks, though the candidate's own line does not name the security suite.
 */
function walk(table: VersionTable | undefined, releases: ReadonlyMap<string, Release>, installed: string, candidate: string): Release[] {
  const between = (table?.versions ?? []).filter(
    ({ version }) => compareDebVersions(installed, version) < 0 && compareDebVersions(version, candidate) <= 0,
  )
  return between.flatMap(row => releasesOf(row, releases))
}

function releasesOf(row: VersionRow, releases: ReadonlyMap<string, Release>): Release[] {
  return row.sources.flatMap(key => releases.get(key) ?? [])
}

type Withheld = PendingUpdate['withheld']

/** Null: dependencies keep it back, which nobody decided: it waits like any other. */
function reasonOf(name: string, table: VersionTable | undefined, holds: readonly string[], simulation: Simulation): Withheld {
  if (holds.includes(name)) return 'held'
  const phased = table?.versions.find(({ version }) => version === table.candidate)?.phased
  return simulation.phased.includes(name) || (phased !== undefined && phased !== null && phased < 100) ? 'phased' : null
}

function keptBack(
  name: string,
  table: VersionTable | undefined,
  releases: ReadonlyMap<string, Release>,
  { isKept, reason }: { readonly isKept: boolean; readonly reason: Withheld },
): PendingUpdate[] {
  if (!table) return isKept ? [{ ...waiting(name, null, null, [], reason), class: 'other' }] : []
  const { installed, candidate } = table
  if (installed === null || candidate === null || compareDebVersions(installed, candidate) >= 0) return []
  return [waiting(name, installed, candidate, walk(table, releases, installed, candidate), reason)]
}

/** A security fix that a priority keeps from becoming the candidate; see apt_preferences(5). */
function pinnedAway(name: string, table: VersionTable, releases: ReadonlyMap<string, Release>): PendingUpdate[] {
  const { installed, candidate } = table
  if (installed === null) return []
  const reach = candidate !== null && compareDebVersions(candidate, installed) > 0 ? candidate : installed
  const missed = table.versions.filter(row => compareDebVersions(row.version, reach) > 0 && releasesOf(row, releases).some(isSecurity))
  const newest = missed.toSorted((a, b) => compareDebVersions(b.version, a.version))[0]
  return newest ? [waiting(name, installed, newest.version, releasesOf(newest, releases), 'pinned')] : []
}

function waiting(
  name: string,
  installed: string | null,
  candidate: string | null,
  from: readonly Release[],
  withheld: Withheld,
): PendingUpdate {
  const fix = from.find(isSecurity)
  const shown = fix ?? from[0]
  return {
    name: name.slice(0, 200),
    installed: installed?.slice(0, 128) ?? null,
    candidate: candidate?.slice(0, 128) ?? null,
    class: fix ? 'security' : 'quality',
    severity: null,
    published: null,
    origin: shown ? originText(shown).slice(0, 256) : null,
    withheld,
    restart: /^linux-image-/.test(name) ? true : null,
  }
}

function sorted(pending: readonly PendingUpdate[]): PendingUpdate[] {
  const rank = ({ class: kind }: PendingUpdate) => (kind === 'security' ? 0 : 1)
  return pending.toSorted((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}
