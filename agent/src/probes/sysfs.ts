import { type Host, HostError } from '../host.ts'
import type { Captured } from '../probe.ts'

/** Trimmed contents of sysfs files by their path from `/sys` on; an empty text is a file that could not be read just now. */
export type Tree = ReadonlyMap<string, string>

/** Where a listing's line `/sys/class/hwmon/hwmon0/temp1_input:45000` has its value; folders like `pci0000:00` have colons of their own. */
const VALUE_START = /\/[a-z][a-z0-9_]*:(?!\d\d[/:])/

/**
 * Files of sysfs given one by one under their path names, as a listing (`path:value`, as `grep . FILES` prints it) or as a ttar archive
 * (https://github.com/ideaship/ttar), all in one tree.
 */
export function sysfsTree(captures: readonly Captured[]): Tree {
  const tree = new Map<string, string>()
  for (const { name, text } of captures) {
    if (/^Path: /m.test(text)) readArchive(text, tree)
    else if (isListing(text)) readListing(text, tree)
    else tree.set(sysPath(name), text.trim())
  }
  return tree
}

/** Whether a text is a listing or an archive that has a path with `part` in it. */
export function listsPath(text: string, part: string): boolean {
  return (/^Path: /m.test(text) || isListing(text)) && text.includes(part)
}

/** The path from `/sys` on, wherever the tree was captured to. */
function sysPath(name: string): string {
  const at = `/${name}`.lastIndexOf('/sys/')
  return at < 0 ? name : `/${name}`.slice(at)
}

/** A whole number of a file; null where the file is missing, could not be read, or holds anything else. */
export function wholeOf(tree: Tree, path: string): number | null {
  const text = tree.get(path)
  if (text === undefined || !/^-?\d{1,15}$/.test(text)) return null
  return Number(text)
}

/** A file's text; null where it is missing, unreadable or empty. */
export function textOf(tree: Tree, path: string): string | null {
  return tree.get(path) || null
}

/** Names that the tree has right under a folder, sorted as people count. */
export function namesUnder(tree: Tree, folder: string): string[] {
  const prefix = `${folder}/`
  const names = new Set<string>()
  for (const path of tree.keys()) if (path.startsWith(prefix)) names.add(path.slice(prefix.length).split('/', 1)[0] ?? '')
  return [...names].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}

/**
 * The files of a folder whose names match, each as a capture. A file that the driver cannot give now (ENODATA, EAGAIN, EIO and their like, all
 * normal in sysfs) is captured empty; one that is gone again is left out. @throws HostError where a right is missing
 */
export async function captureFolder(host: Host, folder: string, wanted: RegExp): Promise<Captured[]> {
  const names = (await host.list(folder, { missing: [] as string[] })).filter(name => wanted.test(name))
  const found: Captured[] = []
  for (const name of names) {
    const captured = await captureFile(host, `${folder}/${name}`)
    if (captured) found.push(captured)
  }
  return found
}

/** One file of sysfs; see `captureFolder`. Undefined where it is gone. */
export async function captureFile(host: Host, path: string): Promise<Captured | undefined> {
  try {
    const text = await host.text(path, { missing: undefined })
    return text === undefined ? undefined : asCaptured(path, text)
  } catch (error) {
    if (!(error instanceof HostError) || error.code === 'EACCES' || error.code === 'EPERM') throw error
    return error.code === 'EISDIR' ? undefined : asCaptured(path, '')
  }
}

/** A file's text under its path: times of sysfs files mean nothing. */
export function asCaptured(name: string, text: string): Captured {
  return { name, text, stderr: '', code: null, modifiedAt: null }
}

/** Text for a fact: no control characters, single spaces, not longer than `longest`; null for nothing. */
export function shortText(text: string | null | undefined, longest: number): string | null {
  const plain = (text ?? '')
    .replace(/[\u0000-\u0020\u007f-\u009f]+/g, ' ')
    .trim()
    .slice(0, longest)
  return plain === '' ? null : plain
}

function isListing(text: string): boolean {
  const line = text.slice(0, 4096).split('\n', 1)[0] ?? ''
  return /(^|\/)(sys|class|devices|block)\//.test(line) && !line.startsWith('{') && VALUE_START.test(line)
}

function readListing(text: string, into: Map<string, string>): void {
  for (const line of text.split('\n')) {
    const found = VALUE_START.exec(line)
    if (!found) continue
    const end = found.index + found[0].length
    into.set(sysPath(line.slice(0, end - 1)), line.slice(end).trim())
  }
}

function readArchive(text: string, into: Map<string, string>): void {
  const lines = text.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const path = /^Path: (\S+)$/.exec(lines[i] ?? '')?.[1]
    const count = /^Lines: (\d{1,6})$/.exec(lines[i + 1] ?? '')?.[1]
    if (path === undefined || count === undefined) continue
    const content = lines.slice(i + 2, i + 2 + Number(count))
    into.set(sysPath(path), content.join('\n').replace(/EOF$/, '').trim())
    i += 1 + content.length
  }
}
