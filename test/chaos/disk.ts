import { execFile } from 'node:child_process'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { World } from './world.ts'

const run = promisify(execFile)

/** A small disk of a case's own. */
export type Disk = {
  readonly path: string
  /** Leaves not a byte on it. */
  fill(): Promise<void>
  free(): Promise<void>
  /** Mounts it anew without the right to write, as a kernel does that found damage. */
  protect(): Promise<void>
  unprotect(): Promise<void>
}

/** Mounts a tmpfs(5). @throws where this user may not mount */
export async function smallDisk(world: World, bytes: number): Promise<Disk> {
  const path = await world.folder()
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=700`, 'fettle-chaos', path])
  } catch (error) {
    throw new Error(`Cannot mount a small disk: ${(error as Error).message.trim()}; run this case as root on a Linux that may mount`)
  }
  world.defer(() => run('umount', ['-l', path]))
  const ballast = join(path, 'ballast')
  const remount = (mode: string) => run('mount', ['-o', `remount,${mode}`, path])
  return {
    path,
    async fill() {
      const file = await open(ballast, 'w')
      const page = Buffer.alloc(4096)
      try {
        for (;;) await file.write(page)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      } finally {
        await file.close()
      }
    },
    free: () => rm(ballast, { force: true }),
    protect: async () => void (await remount('ro')),
    unprotect: async () => void (await remount('rw')),
  }
}
