import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A btrfs of a test's own, in a file behind a loop device. */
export type LoopBtrfs = {
  /** Where it is mounted. */
  readonly path: string
  /** Runs a command; its standard output. */
  run(...argv: readonly [string, ...string[]]): string
  /** Unmounts it, which gives the loop device back, and removes the file. */
  remove(): void
}

/** Whether this machine lets a test mount: root on a kernel with btrfs and loop devices. In a container it is not so. */
export function canMountBtrfs(): boolean {
  try {
    const made = makeBtrfs()
    made.remove()
    return true
  } catch {
    return false
  }
}

/** Makes and mounts one of 120 MB. @throws where the kernel or the rights do not allow it */
export function makeBtrfs(): LoopBtrfs {
  const folder = mkdtempSync(join(tmpdir(), 'fettle-btrfs-'))
  const image = join(folder, 'image')
  const path = join(folder, 'mount')
  const run = (...[command, ...args]: readonly [string, ...string[]]) => execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe' })
  mkdirSync(path)
  writeFileSync(image, '')
  truncateSync(image, 120 * 1024 * 1024)
  try {
    run('mkfs.btrfs', '-q', image)
    run('mount', '-o', 'loop', image, path)
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
  return {
    path,
    run,
    remove() {
      run('umount', path)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
