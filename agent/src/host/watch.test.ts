import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { watchPaths } from './watch.ts'

let folder: string
let stop = () => {}
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-watch-'))
})
afterEach(async () => {
  stop()
  await rm(folder, { recursive: true })
})

/** Resolves when the watch has called back. */
function called(path: string): Promise<void> {
  return new Promise(resolve => {
    stop = watchPaths([path], resolve, 10)
  })
}

describe('a watch', () => {
  test('sees a file change that is replaced as package managers do', async () => {
    await writeFile(join(folder, 'status'), 'a')
    const change = called(join(folder, 'status'))
    await writeFile(join(folder, 'status.new'), 'b')
    await rename(join(folder, 'status.new'), join(folder, 'status'))
    await change
  })

  test('sees a file appear in a folder that did not exist', async () => {
    const change = called(join(folder, 'run', 'deep', 'reboot-required'))
    await mkdir(join(folder, 'run', 'deep'), { recursive: true })
    await writeFile(join(folder, 'run', 'deep', 'reboot-required'), '')
    await change
  })

  test('sees what happens in a folder', async () => {
    await mkdir(join(folder, 'periodic'))
    const change = called(join(folder, 'periodic'))
    await writeFile(join(folder, 'periodic', 'stamp'), '')
    await change
  })
})
