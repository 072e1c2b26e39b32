import { chmodSync, chownSync, mkdtempSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Nobody's number: whom root gives a file to, or whom we are not. */
const NOBODY = 65_534
const own = process.getuid?.() ?? 0

/** A folder that nobody else can change, nor anything above it: not below /tmp, where everyone may write. Whoever asks for it removes it. */
export function ownedFolder(): string {
  return mkdtempSync(join(homedir(), '.fettle-owned-'))
}

/** A file with a mode, whatever the mask is. */
export function put(path: string, text: string, mode = 0o755): string {
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

/** Gives a file to somebody else. Who is not root cannot; then the question is asked as somebody else, whose user id this gives. */
export function giveAway(path: string, give: typeof chownSync = chownSync): number {
  if (own !== 0) return NOBODY
  give(path, NOBODY, NOBODY)
  return own
}
