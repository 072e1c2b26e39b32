import { existsSync, readFileSync } from 'node:fs'
import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { runProbe } from '../../runner.ts'
import munki from './munki.ts'

// Written after "Managed Install Report" of Munki's wiki.

type Fact = FactTypes['updates']
const NOW = Date.UTC(2026, 10, 22, 3)
const ENDED = '2026-11-22T01:00:00Z'
const item = (name: string, installed: boolean, version = '1.2') =>
  `<dict><key>name</key><string>${name}</string><key>installed</key><${installed}/><key>${installed ? 'installed_version' : 'version_to_install'}</key><string>${version}</string></dict>`
const report = (managed: string, more = '') => `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict><key>ManagedInstallVersion</key><string>6.6.5</string><key>EndTime</key><date>${ENDED}</date>
<key>ManagedInstalls</key><array>${managed}</array>${more}</dict></plist>
`
const read = (text: string) => factOf<Fact>(munki, { report: text }, NOW)

test('what is managed and not installed waits', () => {
  expect(read(report(item('Firefox', false, '140.0') + item('Slack', true)))).toMatchObject({
    pending: [{ name: 'Firefox', candidate: '140.0', class: 'other' }],
    classified: false,
    lastCheckAt: Date.parse(ENDED),
    lastCheckError: null,
  })
})

test('what the same run installed waits no more', () => {
  const results = (status: number) =>
    `<key>InstallResults</key><array><dict><key>name</key><string>Firefox</string><key>version</key><string>140.0</string><key>status</key><integer>${status}</integer><key>time</key><date>${ENDED}</date></dict></array>`
  expect(read(report(item('Firefox', false, '140.0'), results(0)))).toMatchObject({
    pending: [],
    lastInstallAt: Date.parse(ENDED),
    lastInstallSucceeded: true,
  })
  expect(read(report(item('Firefox', false, '140.0'), results(1)))).toMatchObject({
    pending: [{ name: 'Firefox' }],
    lastInstallAt: null,
    lastInstallSucceeded: false,
  })
})

test('errors of the run and what cannot be installed are told', () => {
  const errors = '<key>Errors</key><array><string>Could not retrieve managed install primary manifest.</string></array>'
  expect(read(report('', errors)).lastCheckError).toBe('Could not retrieve managed install primary manifest.')
  const problem =
    '<key>ProblemInstalls</key><array><dict><key>name</key><string>Word</string><key>note</key><string>disk full</string></dict></array>'
  expect(read(report('', problem))).toMatchObject({ lastCheckError: 'Word: disk full', pending: [{ name: 'Word' }] })
})

test('a run that has not ended, or ended in the future, is no check', () => {
  expect(read(report('').replace(/<key>EndTime.*<\/date>/, '')).lastCheckAt).toBeNull()
  expect(read(report('').replace('2026-11-22', '2026-12-22')).lastCheckAt).toBeNull()
})

test.each([
  ['a report without its list', report('').replace('ManagedInstalls', 'Other')],
  ['an item of which nobody says whether it is installed', report('<dict><key>name</key><string>x</string></dict>')],
  ['a property list of something else', '<plist version="1.0"><dict><key>a</key><true/></dict></plist>'],
  ['half a report', report(item('Firefox', false)).slice(0, 250)],
])('%s is refused', (_, text) => {
  expect(() => read(text)).toThrow()
})

test('a Mac without Munki has none', async () => {
  expect(await runProbe(munki, hostOf(machine()), undefined, 3_600_000)).toMatchObject({ outcome: 'absent' })
})

test('any text gives a fact or an error', () => survives(munki, 'report', [report(item('Firefox', false))]))

const samples = new URL('../../../../../shared/samples/updates_macos/macadmins+osquery-extension/tables/munki/', import.meta.url)
const wanted = [
  ['test_ManagedInstallReport.plist', [{ name: 'Nudge', candidate: '1.1.8.90000' }], Date.UTC(2022, 8, 22, 11, 53, 1)],
  ['test_ManagedInstallReport_munki7.plist', [], Date.UTC(2025, 6, 28, 20, 9, 58)],
  ['test_ManagedInstallReport_with_pending.plist', [{ name: '1Password' }, { name: 'Slack' }], Date.UTC(2024, 0, 14, 12)],
] as const

test.each(existsSync(samples) ? wanted : [])('a sample: %s', (name, pending, lastCheckAt) => {
  expect(read(readFileSync(new URL(name, samples), 'utf8'))).toMatchObject({ pending, lastCheckAt, lastCheckError: null })
})
