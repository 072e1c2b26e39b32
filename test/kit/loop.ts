import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Disks of a test's own: files behind loop devices. */
export type LoopDisks = {
  readonly folder: string
  readonly devices: readonly string[]
  /** Takes one away, as if it had died. */
  detach(device: string): void
  /** Gives all loop devices back and removes the files. */
  remove(): void
}

/** Runs a command as administrators type it; its standard output. @throws with what it said */
export function command(...[name, ...args]: readonly [string, ...string[]]): string {
  return execFileSync(name, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/** So many disks of 150 MB each. Undefined where the kernel or the rights give no loop device. */
export function loopDisks(many: number): LoopDisks | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'fettle-loop-'))
  const devices: string[] = []
  const detach = (device: string) => void command('losetup', '-d', device)
  const remove = () => {
    for (const device of devices.splice(0)) detach(device)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    for (let index = 0; index < many; index++) {
      const image = join(folder, `${index}`)
      writeFileSync(image, '')
      truncateSync(image, 150 * 1024 * 1024)
      devices.push(command('losetup', '--find', '--show', image).trim())
    }
  } catch {
    remove()
    return undefined
  }
  return {
    folder,
    devices: [...devices],
    detach(device) {
      detach(device)
      devices.splice(devices.indexOf(device), 1)
    },
    remove,
  }
}
