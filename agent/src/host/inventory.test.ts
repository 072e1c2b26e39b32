import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const program = fileURLToPath(new URL('./inventory.ts', import.meta.url))
/** Commands that wake what sleeps, or change something. */
const FORBIDDEN = [
  'smartctl',
  'nvidia-smi',
  'lspci',
  'hdparm',
  'nvme',
  'clinfo',
  'xrandr',
  'vcgencmd',
  'lsblk',
  'blkid',
  'fdisk',
  'curl',
  'ping',
]

test('taking stock starts nothing that wakes a disk or a GPU', () => {
  const folder = mkdtempSync(join(tmpdir(), 'inventory-'))
  try {
    const log = join(folder, 'started')
    for (const name of FORBIDDEN) {
      writeFileSync(join(folder, name), `#!/bin/sh\necho ${name} >> ${log}\n`)
      chmodSync(join(folder, name), 0o755)
    }
    const env = { PATH: `${folder}:/usr/sbin:/usr/bin:/sbin:/bin`, LC_ALL: 'C', HOME: '/nonexistent' }
    const told = JSON.parse(execFileSync(process.execPath, [program], { env, encoding: 'utf8' })) as Record<string, unknown>
    expect(Object.keys(told).sort()).toEqual(['bios', 'board', 'chassis', 'cpu', 'graphics', 'memory', 'network'])
    expect(existsSync(log) ? readFileSync(log, 'utf8') : '').toBe('')
  } finally {
    rmSync(folder, { recursive: true })
  }
}, 60_000)
