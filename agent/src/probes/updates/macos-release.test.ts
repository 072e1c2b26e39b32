import { existsSync, readFileSync } from 'node:fs'
import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import macosRelease from './macos-release.ts'
import { MACOS_KNOWN_UNTIL, MACOS_RELEASES } from './macos-releases.ts'

type Fact = FactTypes['updates']
const THEN = Date.parse(MACOS_KNOWN_UNTIL)
const NOW = Date.UTC(2026, 10, 22)
const version = (release: string) =>
  `<?xml version="1.0"?>\n<plist version="1.0"><dict><key>ProductBuildVersion</key><string>25G83</string><key>ProductVersion</key><string>${release}</string></dict></plist>\n`
const read = (release: string, now = NOW) => factOf<Fact>(macosRelease, { version: version(release) }, now)
const names = (release: string) => read(release).pending.map(({ name }) => name)

test('what was published after the running version is missing since then', () => {
  expect(names('26.5.2')).toEqual(['macOS 26.6', 'macOS 26.6.1', 'macOS 26.6.2'])
  expect(read('26.6').pending[0]).toMatchObject({ class: 'security', candidate: '26.6.1', published: Date.UTC(2026, 7, 6) })
})

test('a release is only behind within its own: 15 is mended beside 26', () => {
  expect(names('15.7.8')).toEqual(['macOS 15.7.9'])
})

test('versions are numbers: 15.7.10 is newer than 15.7.9, and 26.6 is 26.6.0', () => {
  expect(() => read('15.7.10')).toThrow(expect.objectContaining({ name: 'Absent' }))
  expect(names('26.6.0')).toEqual(names('26.6'))
})

test('a Mac that lacks nothing known is no good news once the table has ended', () => {
  expect(() => read('26.6.2')).toThrow('knows no later releases')
  expect(read('26.6.2', THEN)).toMatchObject({ pending: [], lastCheckAt: THEN })
  expect(() => read('27.0')).toThrow(expect.objectContaining({ name: 'Absent' }))
})

test('a release that Apple mends no more lacks everything', () => {
  expect(read('13.7.8')).toMatchObject({
    pending: [{ candidate: null, published: Date.UTC(2025, 8, 15) }],
    badSources: ['Apple mends macOS 13 no more'],
  })
  expect(read('10.15.7').pending).toMatchObject([{ class: 'security', published: null }])
})

test('without a version nobody knows', () => {
  for (const text of ['', 'neu', '26.6.2 (a)'].map(version))
    expect(() => factOf(macosRelease, { version: text }, NOW)).toThrow('ProductVersion')
})

test('the table is in order, by day and by version', () => {
  for (const rows of Object.values(MACOS_RELEASES)) {
    expect(rows.map(([day]) => day)).toEqual(rows.map(([day]) => day).toSorted())
    expect(rows.map(([, known]) => known)).toEqual(
      rows.map(([, known]) => known).toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })),
    )
  }
})

test('any text gives a fact or an error', () => survives(macosRelease, 'version', [version('26.5')]))

const sample = new URL(
  '../../../../../shared/samples/updates_macos/macadmins+osquery-extension/tables/macosrsr/test_SystemVersion.plist',
  import.meta.url,
)
test.each(existsSync(sample) ? [sample] : [])('a sample: a Mac with a Rapid Security Response is of its release', url => {
  const text = readFileSync(url, 'utf8')
  expect(macosRelease.inputs.version?.recognise?.(text)).toBe(true)
  expect(factOf<Fact>(macosRelease, { version: text }, NOW).badSources).toEqual(['Apple mends macOS 13 no more'])
})
