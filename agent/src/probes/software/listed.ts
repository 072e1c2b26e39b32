import type { FactTypes } from '@fettle/catalog'
import { Absent, type Captured, Denied } from '../../probe.ts'
import { cut } from '../gather.ts'

type SoftwareFact = FactTypes['software']
export type Package = SoftwareFact['packages'][number]

/** As many as the schema has room for. */
const MOST = 6000

/** Something installed, as far as a source tells. */
export type Told = Partial<Package> & { readonly name: string; readonly broken?: boolean }
/** A line that a reader knows: a package, one that is only half there, or nothing to count. */
export type Line = Told | 'nothing'

/** What keeps a list without an exit code from being taken for a whole one. */
export const CUT_SHORT = 'how the command ended is not known, so the list may be cut short'

/**
 * A list of packages, one a line. @throws Denied without the right, Error where the tool failed, a line is none, or the list is empty and `none`
 * does not say that it may be
 */
export function listed(
  captured: Captured,
  reader: (line: string) => Line | undefined,
  none: 'empty is broken' | 'may be empty',
): SoftwareFact {
  const { text, stderr, code } = captured
  if (/permission denied|not permitted/i.test(stderr.slice(0, 4000)))
    throw new Denied(`the packages may not be read: ${cut(stderr, 120)}`, 'Run the agent as root.')
  // pacman ends with 1 where it has nothing to list, and says nothing.
  if (none === 'may be empty' && code === 1 && text.trim() === '' && stderr.trim() === '') throw new Absent('nothing is installed by it')
  if (code !== null && code !== 0) throw new Error(`Cannot list the packages: ended with ${code}: ${cut(stderr || text, 120)}`)
  const packages: Told[] = []
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const read = line.length > 2000 ? undefined : reader(line.trimEnd())
    if (read === undefined) throw new Error(`Cannot read ${JSON.stringify(cut(line, 80))} as a package`)
    if (read !== 'nothing') packages.push(read)
  }
  if (packages.length === 0 && none === 'empty is broken') throw new Error('Cannot believe an empty list of packages')
  return softwareOf(packages, code === null ? CUT_SHORT : null)
}

/** A fact of what is installed, in the order told, cut to the schema's limits. @throws Absent where nothing is */
export function softwareOf(all: readonly Told[], unseen: string | null): SoftwareFact {
  if (all.length === 0) throw new Absent('nothing is installed by it')
  return {
    packages: all.slice(0, MOST).map(({ name, version, arch, origin, installedAt }) => ({
      name: cut(name, 128),
      version: word(version, 64),
      arch: word(arch, 32),
      origin: word(origin, 128),
      installedAt: installedAt ?? null,
    })),
    total: all.length,
    broken: all
      .filter(({ broken }) => broken)
      .slice(0, 64)
      .map(({ name }) => cut(name, 128)),
    unseen: unseen === null ? null : cut(unseen, 256),
  }
}

/** Each thing once, by name: products that stand in several registries, versions and architectures alike, are one. */
export function distinct(all: readonly Told[]): Told[] {
  const byKey = new Map(all.map(one => [JSON.stringify([one.name, one.version ?? '', one.arch ?? '']), one]))
  return sorted([...byKey.values()])
}

/** By name, version and architecture, whatever order the source tells them in: another order is no change. */
export function sorted(all: readonly Told[]): Told[] {
  return all.toSorted((a, b) => order(a.name, b.name) || order(a.version ?? '', b.version ?? '') || order(a.arch ?? '', b.arch ?? ''))
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const word = (text: string | null | undefined, longest: number): string | null => (text ? cut(text, longest) || null : null)
