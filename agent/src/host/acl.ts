import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Runs a program of Windows by its whole path. @returns what it printed */
export type RunWindows = (program: string, args: readonly string[]) => Promise<string>

/** How long each may take, ms. */
const ACL_MS = 15_000
/** The system itself and its administrators: well-known identifiers, the same in every language of Windows. */
const SYSTEM = 'S-1-5-18'
const ADMINISTRATORS = 'S-1-5-32-544'

/**
 * Leaves a folder of Windows, and what will be in it, to the user who runs this, the system and its administrators: modes of files mean nothing there,
 * and folders below ProgramData are readable by all users. See icacls(1) and whoami(1) of Windows. @throws where the rights cannot be set
 */
export async function keepToOwner(folder: string, run: RunWindows = runWindows): Promise<void> {
  const user = /S-1-[0-9-]+/.exec(await run('whoami.exe', ['/user', '/fo', 'csv', '/nh']))?.[0]
  const grants = [...new Set([SYSTEM, ADMINISTRATORS, ...(user ? [user] : [])])].map(sid => `*${sid}:(OI)(CI)F`)
  try {
    await run('icacls.exe', [folder, '/inheritance:r', '/grant:r', ...grants, '/q'])
  } catch (cause) {
    throw new Error(`Cannot keep ${folder} from other users: ${(cause as Error).message}; run icacls as an administrator`, { cause })
  }
}

const runWindows: RunWindows = async (program, args) => {
  const path = join(process.env.SystemRoot ?? 'C:\\Windows', 'System32', program)
  return (await promisify(execFile)(path, [...args], { timeout: ACL_MS, windowsHide: true })).stdout
}
