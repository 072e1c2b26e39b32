import { chmodSync, lchownSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { giveAway, ownedFolder, put } from '../../../test/kit/owned.ts'
import { HostError } from '../host.ts'
import { Denied } from '../probe.ts'
import { trustedPath } from './trusted.ts'

const own = process.getuid?.() ?? 0

let folder: string
beforeEach(() => {
  folder = ownedFolder()
})
afterEach(() => rmSync(folder, { recursive: true }))

const file = (name: string, mode = 0o755) => put(join(folder, name), '#!/bin/sh\n', mode)
const directory = (name: string, mode = 0o755) => {
  const path = join(folder, name)
  mkdirSync(path)
  chmodSync(path, mode)
  return path
}
const refusal = (path: string, uid = own) =>
  trustedPath(path, uid).then(
    () => 'trusted',
    error => {
      expect(error).toBeInstanceOf(Denied)
      return { reason: error.message, hint: error.hint }
    },
  )

describe('a file is trusted', () => {
  test('where it and every folder above it can be changed by its owner alone', async () => {
    const path = file('plugin')
    expect(await trustedPath(path, own)).toBe(path)
    expect(await trustedPath('/usr/bin/env', own)).toMatch(/^\/usr\/bin\//)
  })

  test('through links, where each stands in such a folder', async () => {
    const path = file('plugin')
    symlinkSync('plugin', join(folder, 'once'))
    symlinkSync(join(folder, 'once'), join(folder, 'twice'))
    expect(await trustedPath(join(folder, 'twice'), own)).toBe(path)
    expect(await trustedPath(`${folder}/../${folder.split('/').at(-1)}/./once`, own)).toBe(path)
  })
})

describe('a file is refused, with what mends it', () => {
  test('that its group may write to', async () => {
    const path = file('plugin', 0o775)
    expect(await refusal(path)).toEqual({ reason: expect.stringContaining(`${path} has the mode 0775: group`), hint: `chmod go-w ${path}` })
  })

  test('in a folder that its group may write to', async () => {
    const open = directory('open', 0o775)
    file('open/plugin')
    expect(await refusal(join(open, 'plugin'))).toMatchObject({ hint: `chmod go-w ${open}` })
  })

  test('anywhere below a folder that everyone may write to', async () => {
    const open = directory('open', 0o777)
    directory('open/shut')
    file('open/shut/plugin')
    expect(await refusal(join(open, 'shut/plugin'))).toEqual({
      reason: `${open} has the mode 0777: everyone may write to it`,
      hint: `chmod go-w ${open}`,
    })
    expect(await refusal(tmpdir())).toMatchObject({ reason: expect.stringContaining('everyone') })
  })

  test('that belongs to somebody else', async () => {
    const path = file('plugin')
    const uid = giveAway(path)
    expect(await refusal(path, uid)).toMatchObject({ reason: expect.stringMatching(/belongs to user \d+: wanted root/) })
  })

  test('that a link leads to out of a good folder', async () => {
    const abroad = directory('abroad')
    file('abroad/plugin')
    symlinkSync('abroad/plugin', join(folder, 'link'))
    const uid = giveAway(abroad)
    expect(await refusal(join(folder, 'link'), uid)).toMatchObject({ hint: expect.stringContaining('chown root') })
  })

  test('that is reached through a link in a bad folder, however good both ends are', async () => {
    const open = directory('open', 0o777)
    symlinkSync('/usr/bin/env', join(open, 'middle'))
    symlinkSync(join(open, 'middle'), join(folder, 'link'))
    expect(await refusal(join(folder, 'link'))).toMatchObject({ hint: `chmod go-w ${open}` })
  })

  test('that is reached through a link of somebody else', async () => {
    const link = join(folder, 'link')
    symlinkSync(file('plugin'), link)
    const uid = giveAway(link, lchownSync)
    expect(await refusal(link, uid)).toMatchObject({ hint: expect.stringContaining('chown') })
  })

  test('with a hint that a shell takes as it is meant', async () => {
    const path = file("it's; rm -rf x", 0o777)
    expect(await refusal(path)).toMatchObject({ hint: `chmod go-w '${folder}/it'\\''s; rm -rf x'` })
  })
})

test.each([
  ['is not there', 'missing', 'ENOENT'],
  ['leads to itself', 'loop', 'ELOOP'],
  ['lies below a file', 'plugin/below', 'ENOTDIR'],
])('what %s is told as such', async (_, name, code) => {
  file('plugin')
  symlinkSync('loop', join(folder, 'loop'))
  const error = await trustedPath(join(folder, name), own).catch(thrown => thrown)
  expect(error).toBeInstanceOf(HostError)
  expect(error.code).toBe(code)
})
