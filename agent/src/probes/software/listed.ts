import type { FactTypes } from '@fettle/catalog'
import { Absent, type Captured, Denied } from '../../probe.ts'
import { cut } from '../gather.ts'

type SoftwareFact = FactTypes['software']
type Package = SoftwareFact['packages'][number]

/** As many as the schema has room for. */
const MOST = 6000

/** A line that a reader knows: a package, one that is only half there, or nothing to count. */
export type Line = (Partial<Package> & { readonly name: string; readonly broken?: boolean }) | 'nothing'

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
  const packages: Package[] = []
  const broken: string[] = []
  let total = 0
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const read = line.length > 2000 ? undefined : reader(line.trimEnd())
    if (read === undefined) throw new Error(`Cannot read ${JSON.stringify(cut(line, 80))} as a package`)
    if (read === 'nothing') continue
    total++
    const name = cut(read.name, 128)
    if (read.broken && broken.length < 64) broken.push(name)
    if (packages.length < MOST)
      packages.push({
        name,
        version: word(read.version, 64),
        arch: word(read.arch, 32),
        origin: word(read.origin, 128),
        installedAt: read.installedAt ?? null,
      })
  }
  if (total === 0 && none === 'empty is broken') throw new Error('Cannot believe an empty list of packages')
  if (total === 0) throw new Absent('nothing is installed by it')
  return { packages, total, broken, unseen: null }
}

const word = (text: string | null | undefined, longest: number): string | null => (text ? cut(text, longest) || null : null)
