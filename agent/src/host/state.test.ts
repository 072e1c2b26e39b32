import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openStateDir, shortSocketPath } from './state.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-state-'))
})
afterEach(() => rm(folder, { recursive: true }))

describe('the state folder', () => {
  test('is its owner alone, and so is every file', async () => {
    const state = await openStateDir(join(folder, 'a', 'b'))
    await state.write('one', 'x')
    await state.append('two', 'y')
    const modes = await Promise.all(['', 'one', 'two'].map(async name => (await stat(join(state.path, name))).mode & 0o777))
    expect(modes).toEqual([0o700, 0o600, 0o600])
  })

  test('a write replaces the whole and leaves nothing beside it', async () => {
    const state = await openStateDir(folder)
    await state.write('one', 'a longer text')
    await state.write('one', 'short')
    await state.append('one', ' and more')
    expect((await state.read('one'))?.toString()).toBe('short and more')
    expect(await state.read('none')).toBeUndefined()
    expect(await readdir(folder)).toEqual(['one'])
  })

  test('a folder that others may write to is refused', async () => {
    await chmod(folder, 0o777)
    await expect(openStateDir(folder)).rejects.toThrow('others may write to it')
  })

  test('the socket of a folder with a long path is still short enough', () => {
    const long = join(folder, 'x'.repeat(120))
    expect(Buffer.byteLength(shortSocketPath(long))).toBeLessThanOrEqual(100)
    expect(shortSocketPath(long)).not.toBe(shortSocketPath(`${long}y`))
    expect(shortSocketPath('/var/lib/fettle-agent')).toBe('/var/lib/fettle-agent/agent.sock')
  })
})
