import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { Denied } from '../../probe.ts'
import { runProbe } from '../../runner.ts'
import timeMachine, { parseTimeMachine } from './time-machine.ts'

const samples = new URL(
  '../../../../../shared/samples/backup/BrianHenryIE+SwiftTimeMachine/Tests/SwiftTimeMachine/Resources/',
  import.meta.url,
)
const SETTINGS = '/Library/Preferences/com.apple.TimeMachine.plist'
const now = Date.UTC(2026, 10, 22, 12)
const given = (text: string, more: object = {}) => [{ text, stderr: '', code: null, name: '', modifiedAt: null, ...more }]
const parse = (inputs: Parameters<typeof parseTimeMachine>[0]) => parseTimeMachine(inputs, { now, hostname: 'mac', options: undefined })

/** Written from what tmutil(8) and public descriptions of the file tell; Apple documents none of its keys. */
const destination = (inside: string) =>
  `<dict><key>DestinationID</key><string>A-1</string><key>LastKnownVolumeName</key><string>Vault</string>${inside}</dict>`
const settings = (...destinations: readonly string[]) =>
  `<plist version="1.0"><dict><key>AutoBackup</key><true/><key>Destinations</key><array>${destinations.join('')}</array></dict></plist>`
const dates = (...times: readonly string[]) =>
  `<key>SnapshotDates</key><array>${times.map(time => `<date>${time}</date>`).join('')}</array>`
const good = destination(
  `${dates('2026-11-20T10:00:00Z', '2026-11-22T10:00:00Z')}<key>RESULT</key><integer>0</integer><key>BytesAvailable</key><integer>250</integer><key>BytesUsed</key><integer>750</integer>`,
)

test('the newest date is the last good backup', () => {
  expect(parse({ settings: given(settings(good)) }).jobs).toMatchObject([
    {
      name: 'Vault',
      standing: 'known',
      lastSuccessAt: Date.UTC(2026, 10, 22, 10),
      lastResult: 'success',
      snapshots: 2,
      destinationFreeRatio: 0.24,
    },
  ])
})

test('a run that ended with an error has failed, however fresh the one before it', () => {
  const failed = destination(
    `${dates('2026-11-20T10:00:00Z')}<key>AttemptDates</key><array><date>2026-11-22T10:00:00Z</date></array><key>RESULT</key><integer>19</integer>`,
  )

  expect(parse({ settings: given(settings(failed)) }).jobs).toMatchObject([
    {
      lastResult: 'failed',
      lastSuccessAt: Date.UTC(2026, 10, 20, 10),
      lastRunAt: Date.UTC(2026, 10, 22, 10),
      warnings: ['the last run ended with error 19'],
    },
  ])
})

test('no dates at all are unknown; an empty list of them is never backed up; a future one is unknown', () => {
  expect(parse({ settings: given(settings(destination(''))) }).jobs).toMatchObject([{ standing: 'unknown' }])
  expect(parse({ settings: given(settings(destination(dates()))) }).jobs).toMatchObject([{ standing: 'known', lastSuccessAt: null }])
  expect(parse({ settings: given(settings(destination(dates('2030-01-01T00:00:00Z')))) }).jobs).toMatchObject([{ standing: 'unknown' }])
})

test('without destinations there is no job', () => {
  expect(parse({ settings: given('<plist version="1.0"><dict><key>AutoBackup</key><false/></dict></plist>') }).jobs).toEqual([])
})

test('wrong green 35: a property list that macOS keeps back is a missing right', async () => {
  const stderr = `${SETTINGS}: file does not exist or is not readable or is not a regular file (Error Domain=NSCocoaErrorDomain Code=257 "The file couldn’t be opened because you don’t have permission to view it.")`
  const mac = machine({ files: { [SETTINGS]: '' }, commands: { [`plutil -convert xml1 -o - ${SETTINGS}`]: { stderr, code: 1 } } })

  expect(await runProbe(timeMachine, hostOf(mac), undefined, 0)).toMatchObject({
    outcome: 'denied',
    hint: expect.stringContaining('Full Disk Access'),
  })
  expect(() => parse({ settings: given('', { stderr: 'Operation not permitted' }) })).toThrow(Denied)
})

test('a destination that is away, and a run under way, are told with what the property list says', () => {
  const destinations = given(
    '<plist version="1.0"><dict><key>Destinations</key><array><dict><key>ID</key><string>A-1</string><key>Name</key><string>Vault</string></dict></array></dict></plist>',
  )
  const status = given(
    'Backup session status:\n{\n    DateOfStateChange = "2026-11-22 11:00:00 +0000";\n    DestinationID = "A-1";\n    Running = 1;\n}\n',
  )

  expect(parse({ settings: given(settings(good)), destinations, status }).jobs).toMatchObject([
    { lastResult: 'running', runningSince: Date.UTC(2026, 10, 22, 11), warnings: ['the destination is not attached now'] },
  ])
})

test('status, destinations and a disk that is away tell nothing of past backups', () => {
  expect(parse({ status: given('Backup session status:\n{\n    Percent = "-1";\n    Running = 0;\n}\n') }).jobs).toMatchObject([
    { standing: 'unknown', lastResult: null },
  ])
  expect(parse({ latest: given('No machine directory found for host.\n') }).jobs).toMatchObject([
    { standing: 'unknown', lastSuccessAt: null },
  ])
  expect(() => parse({ status: given('Backup session status:\n{\n    Running = 1;\n') })).toThrow()
})

const captures = [
  ['currentphase1.txt', 'status', { standing: 'unknown', lastResult: null }],
  ['destinationinfo1.txt', 'destinations', { name: '9168227426-F4', destination: '/Volumes/9168227426-F4', warnings: [] }],
  ['destinationinfo-xml1.txt', 'destinations', { standing: 'unknown', warnings: ['the destination is not attached now'] }],
  ['destinationinfo-xml2.txt', 'destinations', { standing: 'unknown', warnings: [] }],
  ['status01.txt', 'status', { lastResult: null }],
  ['status02.txt', 'status', { lastResult: 'running', runningSince: Date.UTC(2023, 1, 27, 1, 8, 48) }],
  ['status05.txt', 'status', { lastResult: 'running', standing: 'unknown' }],
] as const

test.each(existsSync(samples) ? captures : [])('a sample: %s', (name, input, wanted) => {
  expect(parse({ [input]: given(readFileSync(new URL(name, samples), 'utf8')) }).jobs).toMatchObject([wanted])
})
