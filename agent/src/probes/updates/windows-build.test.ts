import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import windowsBuild from './windows-build.ts'
import { RELEASES_KNOWN_UNTIL, WINDOWS_RELEASES } from './windows-builds.ts'

type Fact = FactTypes['updates']
const before = Date.UTC(2026, 6, 20)
const after = Date.parse(RELEASES_KNOWN_UNTIL) + 86_400_000
const registry = (build: string, revision: number, type = 'Client') =>
  `\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\r\n    CurrentBuildNumber    REG_SZ    ${build}\r\n    UBR    REG_DWORD    0x${revision.toString(16)}\r\n    InstallationType    REG_SZ    ${type}\r\n`
const read = (build: string, revision: number, now = before, type = 'Client') =>
  factOf<Fact>(windowsBuild, { registry: registry(build, revision, type) }, now)

test('each monthly release that is missing waits since its day', () => {
  expect(read('22631', 7079).pending.map(({ candidate, published }) => [candidate, published])).toEqual([
    ['22631.7219', Date.UTC(2026, 5, 9)],
    ['22631.7376', Date.UTC(2026, 6, 14)],
  ])
})

test('the newest release lacks nothing, while the table is complete', () => {
  expect(read('22631', 7376)).toMatchObject({ pending: [], lastInstallAt: Date.UTC(2026, 6, 14), lastCheckAt: before })
})

test('a table that has ended says nothing good, and still what is bad', () => {
  expect(() => read('22631', 7376, after)).toThrow(expect.objectContaining({ name: 'Absent' }))
  expect(read('22631', 7079, after)).toMatchObject({ lastCheckAt: null, pending: [{}, {}] })
})

test('a build of which the table knows less says nothing good from that day on', () => {
  expect(read('25398', 2330, Date.UTC(2026, 5, 8))).toMatchObject({ pending: [] })
  expect(() => read('25398', 2330)).toThrow(expect.objectContaining({ name: 'Absent' }))
  expect(read('25398', 2274)).toMatchObject({ lastCheckAt: null, pending: [{ candidate: '25398.2330' }] })
})

test('a hotpatch holds the fixes of its month under a lower revision than the ordinary release', () => {
  expect(read('26200', 7985).pending[0]).toMatchObject({ candidate: '26200.8246', published: Date.UTC(2026, 3, 14) })
  expect(read('26200', 7922).pending[0]).toMatchObject({ published: Date.UTC(2026, 2, 10) })
})

test('Server 2025 has revisions of its own', () => {
  expect(read('26100', 32860, before, 'Server').pending.map(({ candidate }) => candidate)).toEqual(['26100.32995', '26100.33158'])
})

test('a build that Microsoft has ended is late since that day', () => {
  expect(read('19043', 2364)).toMatchObject({
    pending: [{ class: 'security', published: Date.UTC(2022, 11, 13) }],
    badSources: [expect.stringContaining('19043')],
  })
})

test('a build that ended in its last edition only counts as ended from then', () => {
  expect(read('22621', 6060)).toMatchObject({
    pending: [{ published: Date.UTC(2025, 9, 14) }],
    badSources: [expect.stringContaining('22621')],
  })
})

test('a build that the table does not know, or no revision, is no answer', () => {
  expect(() => read('99999', 1)).toThrow('does not know it')
  expect(() => factOf(windowsBuild, { registry: registry('22631', 1).replace(/.*UBR.*\r\n/, '') })).toThrow('UBR')
})

test('the table is in order, and none of it is of a day that it does not cover', () => {
  const last = Object.values(WINDOWS_RELEASES).map(releases => releases.at(-1)?.[0] ?? '')
  expect(last.sort().at(-1)?.localeCompare(RELEASES_KNOWN_UNTIL)).toBe(-1)
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
