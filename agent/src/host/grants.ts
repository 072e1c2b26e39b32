import type { Captured } from '../probe.ts'

/** A right that an access control list of macOS gives to somebody. */
export type Grant = { readonly path: string; readonly to: string; readonly rights: readonly string[] }

/** Rights of chmod(1) of macOS by which a file or folder, or what it is, can be changed. */
const CHANGING = new Set(['write', 'append', 'delete', 'add_file', 'add_subdirectory', 'delete_child', 'writesecurity', 'chown'])

/**
 * Who besides root may change what, by `ls -lde PATH…` of macOS: after the line of each path, lines like ` 0: user:ada allow write,append`.
 * @throws where a path is not told of: what is not seen is not known to be safe
 */
export function grantsIn({ text, code }: Pick<Captured, 'text' | 'code'>, paths: readonly string[]): Grant[] {
  if (code !== null && code !== 0) throw new Error(`Cannot read access control lists: ls ended with ${code}`)
  const grants: Grant[] = []
  const told = new Set<string>()
  let current: string | undefined
  for (const line of text.split('\n')) {
    const [, to, word, rights = ''] = /^ {1,8}\d{1,4}: (\S.{0,200}?) (?:inherited )?(allow|deny) ([a-z_,]{1,400})$/.exec(line) ?? []
    if (to === undefined || word === undefined) {
      if (line === '') continue
      // A link is told with where it leads.
      current = paths.find(path => !told.has(path) && (line.endsWith(` ${path}`) || line.includes(` ${path} -> `)))
      if (current === undefined) throw new Error(`Cannot read access control lists: ${JSON.stringify(line.slice(0, 80))}`)
      told.add(current)
      continue
    }
    const changing = rights.split(',').filter(right => CHANGING.has(right))
    if (current !== undefined && word === 'allow' && to !== 'user:root' && changing.length > 0)
      grants.push({ path: current, to, rights: changing })
  }
  const missing = paths.find(path => !told.has(path))
  if (missing !== undefined) throw new Error(`Cannot read the access control list of ${missing}`)
  return grants
}
