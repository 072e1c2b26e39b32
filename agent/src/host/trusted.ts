import type { Stats } from 'node:fs'
import { lstat, readlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { HostError } from '../host.ts'
import { Denied } from '../probe.ts'
import { grantsIn } from './grants.ts'
import { runCommand } from './run.ts'

/** As many links as the kernel follows; path_resolution(7). */
const MOST_LINKS = 40
const LS_TIMEOUT_MS = 5_000
const GROUP_WRITES = 0o020
const OTHERS_WRITE = 0o002

/**
 * The real path of a file or folder that nobody but root can change, or replace on the way to it: it, every folder above it and every symbolic link
 * belong to root (or to `uid`, whom the agent runs as) and only their owner may write to them. An access control list of POSIX that lets others write
 * shows in the group's bits; those of macOS are read. Since nobody else can change any part of the way, what was checked is what is opened or run afterwards.
 * @throws Denied with what is to be mended, HostError where it is not there
 */
export async function trustedPath(path: string, uid: number): Promise<string> {
  if (process.platform === 'win32') {
    throw new Denied(`who may change ${path} is not known: ownership is not read on Windows`, 'Take it out of the configuration there.')
  }
  let current = '/'
  const seen = new Set([current])
  refuse(current, await look(current), uid)
  const left = path.split('/').filter(part => part !== '')
  for (let links = 0, part = left.shift(); part !== undefined; part = left.shift()) {
    const next = part === '..' ? dirname(current) : join(current, part)
    const found = await look(next)
    refuse(next, found, uid)
    seen.add(next)
    if (!found.isSymbolicLink()) {
      current = next
      continue
    }
    if (++links > MOST_LINKS) throw new HostError('ELOOP', path)
    const target = await readlink(next)
    left.unshift(...target.split('/').filter(step => step !== ''))
    if (target.startsWith('/')) current = '/'
  }
  if (process.platform === 'darwin') await refuseGrants([...seen])
  return current
}

/** macOS does not show in the mode what its access control lists allow. */
async function refuseGrants(paths: readonly string[]): Promise<void> {
  const [grant] = grantsIn(await runCommand(['/bin/ls', '-lde', '--', ...paths], { timeoutMs: LS_TIMEOUT_MS }), paths)
  if (!grant) return
  const { path, to, rights } = grant
  throw new Denied(`the access control list of ${path} gives ${to} the rights ${rights.join(', ')}`, `chmod -N ${quoted(path)}`)
}

async function look(path: string): Promise<Stats> {
  try {
    return await lstat(path)
  } catch (error) {
    throw new HostError((error as NodeJS.ErrnoException).code ?? 'EIO', path)
  }
}

/** The mode of a link means nothing: who owns it, and who may write to its folder, decides. */
function refuse(path: string, { uid: owner, mode, ...found }: Stats, uid: number): void {
  const wanted = uid === 0 ? 'root' : `root or user ${uid}`
  if (owner !== 0 && owner !== uid) {
    throw new Denied(`${path} belongs to user ${owner}: wanted ${wanted}`, `chown ${isLink(mode) ? '-h ' : ''}root ${quoted(path)}`)
  }
  if (isLink(mode) || (mode & (GROUP_WRITES | OTHERS_WRITE)) === 0) return
  const who = (mode & OTHERS_WRITE) !== 0 ? 'everyone' : `group ${found.gid}`
  const bits = (mode & 0o7777).toString(8).padStart(4, '0')
  throw new Denied(`${path} has the mode ${bits}: ${who} may write to it`, `chmod go-w ${quoted(path)}`)
}

const isLink = (mode: number): boolean => (mode & 0o170000) === 0o120000

/** As a shell takes it. */
function quoted(path: string): string {
  return /^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}
