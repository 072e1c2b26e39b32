import { type Host, HostError, NotInstalled, TimedOut } from '../../host.ts'
import type { Captured } from '../../probe.ts'

/** What looking at one thing gave; one that cannot be seen must not hide the others. */
export type Look =
  | { readonly kind: 'seen'; readonly text: string }
  | { readonly kind: 'missing' | 'denied' }
  | { readonly kind: 'failed'; readonly why: string }

/** A file as `cat` would give it: what goes wrong is on standard error. */
export function lookAtFile(host: Host, path: string): Promise<Captured> {
  return looking(path, async () => Buffer.from(await host.bytes(path, 64 * 1024)).toString('utf8'))
}

/** A directory as `ls` would give it, a name a line. */
export function lookAtFolder(host: Host, path: string): Promise<Captured> {
  return looking(path, async () => (await host.list(path)).map(name => `${name}\n`).join(''))
}

/** A command, also where it is not installed or hangs. */
export async function lookAtCommand(host: Host, argv: readonly string[]): Promise<Captured> {
  const name = argv.join(' ')
  try {
    return await host.run(argv, { timeoutMs: 10_000 })
  } catch (error) {
    if (error instanceof NotInstalled) return { text: '', stderr: `${argv[0]}: command not found`, code: 127, name, modifiedAt: null }
    if (error instanceof TimedOut || error instanceof Error) return { text: '', stderr: error.message, code: 1, name, modifiedAt: null }
    throw error
  }
}

async function looking(name: string, read: () => Promise<string>): Promise<Captured> {
  try {
    return { text: await read(), stderr: '', code: 0, name, modifiedAt: null }
  } catch (error) {
    if (!(error instanceof HostError)) throw error
    return { text: '', stderr: `${name}: ${words[error.code] ?? error.code}`, code: 1, name, modifiedAt: null }
  }
}

const words: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  ENOTDIR: 'No such file or directory',
  EACCES: 'Permission denied',
  EPERM: 'Operation not permitted',
}

/** How a capture went, by what it says; error text may stand in either stream. Text of an unknown exit code counts as seen. */
export function lookOf({ text, stderr, code }: Captured): Look {
  if (text !== '' && (code ?? 0) === 0 && !complains(text)) return { kind: 'seen', text }
  const said = `${stderr}\n${text}`
  if (/command not found|No such file or directory|is not installed/.test(said)) return { kind: 'missing' }
  if (/permission denied|not permitted|must be root|not have enough privilege/i.test(said)) return { kind: 'denied' }
  if ((code ?? 0) === 0 && stderr.trim() === '') return { kind: 'seen', text }
  return { kind: 'failed', why: (said.trim().split('\n')[0] ?? '').slice(0, 200) }
}

/** A file that holds what a tool said when it could not do its work. */
function complains(text: string): boolean {
  return text.length < 400 && /(permission denied|command not found|no such file or directory|not permitted|must be root)/i.test(text)
}
