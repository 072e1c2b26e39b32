import type { SoftwareFact } from './facts.ts'
import { fits } from './glob.ts'

type Package = SoftwareFact['packages'][number]

/** All names of a fact in one text, one a line: looking for what a pattern holds in it is one scan of memory, thousands of comparisons are not. */
type Index = { readonly names: string; readonly starts: readonly number[]; readonly found: Map<string, readonly Package[]> }

/** A fact never changes, and a host is judged often. */
const indexes = new WeakMap<SoftwareFact, Index>()

/** The packages whose name fits a pattern of `fits`; dpkg names those of another architecture `libc6:i386`, which fits `libc6` as well. */
export function packagesNamed(data: SoftwareFact, pattern: string): readonly Package[] {
  const index = indexes.get(data) ?? indexed(data)
  const known = index.found.get(pattern)
  if (known) return known
  const found = candidates(index, pattern).flatMap(at => {
    const one = data.packages[at]
    return one && (fits(pattern, one.name) || fits(pattern, withoutArch(one.name))) ? [one] : []
  })
  index.found.set(pattern, found)
  return found
}

function indexed(data: SoftwareFact): Index {
  const starts: number[] = []
  let names = ''
  for (const { name } of data.packages) {
    starts.push(names.length)
    names += `${name.toLowerCase()}\n`
  }
  const index = { names, starts, found: new Map() }
  indexes.set(data, index)
  return index
}

/** Places of the names that hold the longest piece of the pattern; of all names where it has none. */
function candidates({ names, starts }: Index, pattern: string): number[] {
  const pieces = pattern.toLowerCase().split(/[*?]+/)
  const piece = pieces.reduce((longest, one) => (one.length > longest.length ? one : longest), '')
  if (piece === '') return starts.map((_, at) => at)
  const places: number[] = []
  let at = 0
  for (let hit = names.indexOf(piece); hit !== -1; hit = names.indexOf(piece, starts[at] ?? names.length)) {
    while ((starts[at] ?? Number.POSITIVE_INFINITY) <= hit) at++
    places.push(at - 1)
  }
  return places
}

function withoutArch(name: string): string {
  return name.replace(/:[a-z0-9-]{1,32}$/, '')
}
