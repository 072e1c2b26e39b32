import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import windowsBuild from './windows-build.ts'
import { RELEASES_KNOWN_UNTIL, WINDOWS_RELEASES } from './windows-builds.ts'

type Fact = FactTypes['updates']
const before = Date.UTC(2026, 2, 20)
const after = Date.parse(RELEASES_KNOWN_UNTIL) + 86_400_000
const registry = (build: string, revision: number, type = 'Client') =>
  `\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\r\n    CurrentBuildNumber    REG_SZ    ${build}\r\n    UBR    REG_DWORD    0x${revision.toString(16)}\r\n    InstallationType    REG_SZ    ${type}\r\n`
const read = (build: string, revision: number, now = before, type = 'Client') =>
  factOf<Fact>(windowsBuild, { registry: registry(build, revision, type) }, now)

test('each monthly release that is missing waits since its day', () => {
  expect(read('22631', 6491).pending.map(({ candidate, published }) => [candidate, published])).toEqual([
    ['22631.6649', Date.UTC(2026, 1, 10)],
    ['22631.6783', Date.UTC(2026, 2, 10)],
  ])
})

test('the newest release lacks nothing, while the table is complete', () => {
  expect(read('22631', 6783)).toMatchObject({ pending: [], lastInstallAt: Date.UTC(2026, 2, 10), lastCheckAt: before })
})

test('a table that has ended says nothing good, and still what is bad', () => {
  expect(() => read('22631', 6783, after)).toThrow(expect.objectContaining({ name: 'Absent' }))
  expect(read('22631', 6491, after)).toMatchObject({ lastCheckAt: null, pending: [{}, {}] })
})

test('Server 2025 has revisions of its own', () => {
  expect(read('26100', 32230, before, 'Server').pending.map(({ candidate }) => candidate)).toEqual(['26100.32370', '26100.32522'])
})

test('a build that Microsoft has ended is late since that day', () => {
  expect(read('19043', 2364)).toMatchObject({
    pending: [{ class: 'security', published: Date.UTC(2022, 11, 13) }],
    badSources: [expect.stringContaining('19043')],
  })
})

test('a build that the table does not know, or no revision, is no answer', () => {
  expect(() => read('99999', 1)).toThrow('does not know it')
  expect(() => factOf(windowsBuild, { registry: registry('22631', 1).replace(/.*UBR.*\r\n/, '') })).toThrow('UBR')
})

test('the table is in order', () => {
  for (const [build, releases] of Object.entries(WINDOWS_RELEASES)) {
    expect(
      releases.map(([day]) => day),
      build,
    ).toEqual(releases.map(([day]) => day).sort())
    expect(
      releases.map(([, revision]) => revision),
      build,
    ).toEqual(releases.map(([, revision]) => revision).sort((a, b) => a - b))
  }
})

test('any text gives a fact or an error', () => survives(windowsBuild, 'registry', [registry('22631', 6491)]))
