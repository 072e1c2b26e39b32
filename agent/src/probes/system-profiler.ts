import { type Dict, dictOf, dictsOf, parsePlist } from './property-list.ts'

/** Deepest nesting of items: a controller, its disks, their volumes. */
const DEEPEST = 8

/** Whether a text is system_profiler(8)'s report of this type, as JSON or XML. */
export function isProfile(text: string, type: string): boolean {
  return text.includes(`"${type}"`) ? /^\s*\{/.test(text) : text.includes(`<string>${type}</string>`) && /<plist[\s>]/.test(text)
}

/**
 * Items of one type in what `system_profiler -json` or `-xml` prints; undefined where it was not asked for that type.
 * @throws where the text is neither, or cut off
 */
export function profileOf(text: string, type: string): Dict[] | undefined {
  if (/^\s*\{/.test(text)) {
    const whole = dictOf(JSON.parse(text))
    return whole && Array.isArray(whole[type]) ? dictsOf(whole[type]) : undefined
  }
  const part = dictsOf(parsePlist(text)).find(found => found._dataType === type)
  return part && Array.isArray(part._items) ? dictsOf(part._items) : undefined
}

/** The items that hold no items of their own kind: the disks under their controllers. */
export function leaves(items: readonly Dict[], depth = 0): Dict[] {
  return items.flatMap(item => {
    const inner = item._items
    return Array.isArray(inner) && depth < DEEPEST ? leaves(dictsOf(inner), depth + 1) : [item]
  })
}

/** A heading of the text report with its lines and headings; see `textProfile`. */
export type Section = { readonly title: string; readonly values: ReadonlyMap<string, string>; readonly sections: readonly Section[] }

/** Whether a text is system_profiler's report for people with this section in it. */
export function isTextProfile(text: string, title: string): boolean {
  return text.split('\n', 20_000).some(line => line.trim() === `${title}:`) && !/<plist|^\s*\{/.test(text)
}

/**
 * The report for people: headings end in a colon, values follow one, and indentation tells what belongs where. English only: the names are
 * translated with the system's language.
 */
export function textProfile(text: string): Section {
  type Open = { title: string; values: Map<string, string>; sections: Open[]; indent: number }
  const root: Open = { title: '', values: new Map(), sections: [], indent: -1 }
  const open: Open[] = [root]
  for (const line of text.split('\n')) {
    const found = /^( *)([^:\n]{1,120}):(?: (.*))?$/.exec(line.trimEnd())
    if (!found) continue
    const [, space = '', name = '', value] = found
    while (open.length > 1 && (open.at(-1)?.indent ?? -1) >= space.length) open.pop()
    const parent = open.at(-1) ?? root
    if (value !== undefined && value.trim() !== '') parent.values.set(name.trim(), value.trim())
    else if (open.length <= DEEPEST) {
      const section: Open = { title: name.trim(), values: new Map(), sections: [], indent: space.length }
      parent.sections.push(section)
      open.push(section)
    }
  }
  return root
}

/** Every section with that title, wherever it is. */
export function sectionsOf(section: Section, title: string): Section[] {
  return section.sections.flatMap(inner => [...(inner.title === title ? [inner] : []), ...sectionsOf(inner, title)])
}
