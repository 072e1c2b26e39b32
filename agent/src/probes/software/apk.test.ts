import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { Absent } from '../../probe.ts'
import probe, { parseApk } from './apk.ts'

// Written from apk-db(5) and apk-list(8).
const database =
  'C:Q1x=\nP:musl\nV:1.2.5-r0\nA:x86_64\nT:the musl c library\nF:lib\nR:ld.so\nZ:Q1=\n\nC:Q1y=\nP:busybox\nV:1.36.1-r29\nA:x86_64\nf:s\n\n'
const list =
  'musl-1.2.5-r0 x86_64 {musl} (MIT) [installed]\nbusybox-1.36.1-r30 x86_64 {busybox} (GPL-2.0-only) [upgradable from: busybox-1.36.1-r29]\n'

test('each stanza of the database is a package, and a failed script is half of one', () => {
  expect(parseApk({ database: given(database) })).toMatchObject({
    packages: [
      { name: 'musl', version: '1.2.5-r0', arch: 'x86_64' },
      { name: 'busybox', version: '1.36.1-r29' },
    ],
    broken: ['busybox'],
    unseen: null,
  })
})

test('the list of apk tells what is installed, not what could be', () => {
  const more = `${list}curl-8.9-r0 x86_64 {curl} (curl)\nWARNING: opening https://example.org: not available\n`
  const fact = parseApk({ list: given(more, { code: 0 }) })
  expect(fact.packages.map(({ name, version }) => [name, version])).toEqual([
    ['musl', '1.2.5-r0'],
    ['busybox', '1.36.1-r29'],
  ])
  expect(parseApk({ list: given('musl-1.2.5-r0 - the musl c library (libc) implementation\n') }).packages).toMatchObject([
    { version: '1.2.5-r0' },
  ])
  expect(parseApk({ list: given('musl-1.2.5-r0\n') })).toMatchObject({ total: 1, unseen: expect.any(String) })
})

test('half a database, an empty one, or another text is none', () => {
  for (const text of ['', database.slice(0, -1), database.slice(0, -30), 'P:x\n\n', 'hello\n\n'])
    expect(outcomeOf(probe, { database: given(text) })).toBeInstanceOf(Error)
  for (const text of ['', `${list}what is this`]) expect(outcomeOf(probe, { list: given(text) })).toBeInstanceOf(Error)
})

test('a machine without it is absent; either place of the database is found', async () => {
  await expect(probe.read(hostOf(machine()), undefined)).rejects.toThrow(Absent)
  const files = { '/usr/lib/apk/db/installed': database }
  expect(await probe.read(hostOf(machine({ files })), undefined)).toMatchObject({ total: 2 })
})

test('any text is a fact or an error', () => {
  alwaysEnds(probe, [database, list])
  for (const one of huge) expect(outcomeOf(probe, { database: given(one) })).toBeInstanceOf(Error)
})
