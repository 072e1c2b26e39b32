import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, printed, survives } from '../../../../test/kit/hostile.ts'
import veeam from './veeam.ts'

type Fact = FactTypes['backups']
const NOW = Date.UTC(2026, 10, 1)
// After the schema of events; that event 190 tells the end of a job by its level stands in Veeam's list of events.
const event = (level: number, day: string) =>
  `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Veeam Agent'/><EventID>190</EventID><Level>${level}</Level><TimeCreated SystemTime='${day}T20:00:00.0000000Z'/></System></Event>\r\n`
const read = (text: string) => factOf<Fact>(veeam, { events: text }, NOW).jobs[0]

test.each([
  ['a success', event(4, '2026-10-31'), { lastResult: 'success', lastSuccessAt: Date.UTC(2026, 9, 31, 20) }],
  ['warnings', event(3, '2026-10-31'), { lastResult: 'warnings', lastSuccessAt: Date.UTC(2026, 9, 31, 20) }],
  [
    'a failure after a success',
    event(4, '2026-10-30') + event(2, '2026-10-31'),
    { lastResult: 'failed', lastSuccessAt: Date.UTC(2026, 9, 30, 20) },
  ],
  ['never', '', { lastResult: null, lastSuccessAt: null }],
])('%s', (_, text, wanted) => {
  expect(read(text)).toMatchObject(wanted)
})

test('a success without an end is no backup', () => {
  const job = factOf<Fact>(veeam, { job: 'Status\tSuccess\nJobName\tDaily\n' }, NOW).jobs[0]
  expect(job).toMatchObject({ lastResult: null, lastSuccessAt: null, standing: 'known' })
})

test('without its log Veeam is not installed', () => {
  const events = [printed('', { code: 15007, stderr: 'The specified channel could not be found.' })]
  expect(() => veeam.parse({ events }, { now: NOW, hostname: 'x', options: undefined })).toThrow(
    expect.objectContaining({ name: 'Absent' }),
  )
})

test('any text gives a fact or an error', () => {
  survives(veeam, 'events', [event(4, '2026-10-31')])
  survives(veeam, 'job', ['Status\tSuccess\nJobName\tDaily\nLastBackupAge\t5\n'])
})
