import { orMissing } from '../../agent/src/host/local.ts'
import { type Host, HostError, NotInstalled } from '../../agent/src/host.ts'
import type { Captured } from '../../agent/src/probe.ts'

/** A machine made of a table: the fake of the one door that probes have. Everything may be changed between two looks. */
export type Machine = {
  /** Text of each file by path; an `Error` is what reading it throws. */
  files: Record<string, string | Error>
  /** Where symbolic links end, by path; a path under a link reads what is under its target. */
  links: Record<string, string>
  /** What a command line prints; an `Error` is thrown, and a command that is not listed is not installed. */
  commands: Record<string, Partial<Captured> | Error>
  now: number
  /** Each command line that was run, oldest first. */
  ran: string[]
}

/** A machine with nothing in it but what is given. */
export function machine(given: Partial<Machine> = {}): Machine {
  return { files: {}, links: {}, commands: {}, now: 1_800_000_000_000, ran: [], ...given }
}

/** The door to a machine. */
export function hostOf(m: Machine): Host {
  const target = (path: string): string => {
    const link = Object.keys(m.links).find(from => path === from || path.startsWith(`${from}/`))
    return link === undefined ? path : target((m.links[link] ?? '') + path.slice(link.length))
  }
  const known = () => [...Object.keys(m.files), ...Object.keys(m.links)]
  const isFolder = (path: string) => known().some(file => file.startsWith(`${path}/`))
  const gone = (path: string) => new HostError('ENOENT', path)
  const text = async (path: string) => {
    const content = m.files[target(path)]
    if (content instanceof Error) throw content
    if (content === undefined) throw isFolder(target(path)) ? new HostError('EISDIR', path) : gone(path)
    return content
  }
  const list = async (path: string) => {
    const prefix = `${target(path)}/`
    const names = new Set(known().flatMap(file => (file.startsWith(prefix) ? (file.slice(prefix.length).split('/')[0] ?? []) : [])))
    if (names.size === 0) throw gone(path)
    return [...names].sort()
  }
  const stat = async (path: string) => {
    if (!known().includes(target(path)) && !isFolder(target(path))) throw gone(path)
    return { kind: 'other', size: 0, modifiedAt: 0, mode: 0, uid: 0, gid: 0, device: 0, inode: 0 }
  }
  const realpath = async (path: string) => {
    if (!known().includes(target(path)) && !known().includes(path) && !isFolder(target(path))) throw gone(path)
    return target(path)
  }
  const captured = async (path: string) => ({ text: await text(path), stderr: '', code: null, name: path, modifiedAt: null })
  const run = async (argv: readonly string[]) => {
    const line = argv.join(' ')
    m.ran.push(line)
    const printed = m.commands[line]
    if (printed instanceof Error) throw printed
    if (!printed) throw new NotInstalled(argv[0] ?? '')
    return { text: '', stderr: '', code: 0, name: line, modifiedAt: null, ...printed }
  }
  const door =
    <T>(read: (path: string) => Promise<T>) =>
    (path: string, options?: { readonly missing: unknown }) =>
      orMissing(() => read(path), options)
  return {
    platform: 'linux',
    hostname: 'machine',
    uid: 0,
    now: () => m.now,
    text: door(text),
    list: door(list),
    stat: door(stat),
    realpath: door(realpath),
    trusted: door(realpath),
    captured: door(captured),
    run,
    powershell: (script: string) => run(['powershell', script]),
    inventory: () => run(['inventory']),
  } as unknown as Host
}
