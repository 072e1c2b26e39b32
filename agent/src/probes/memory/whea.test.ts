import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, printed, survives } from '../../../../test/kit/hostile.ts'
import whea from './whea.ts'

// After the schema of events and the documented ids of the WHEA logger; no machine of ours printed it.
const event = (id: number, time = '2026-10-20T10:00:00.0000000Z', provider = 'Microsoft-Windows-WHEA-Logger') =>
  `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='${provider}'/><EventID>${id}</EventID><Level>3</Level><TimeCreated SystemTime='${time}'/></System><EventData><Data Name='Component'>Memory</Data></EventData></Event>\r\n`
const read = (text: string) => factOf<FactTypes['memory']>(whea, { events: text }).controllers

test('corrected and fatal errors are counted apart, since the oldest', () => {
  expect(read(event(47) + event(47, '2026-10-01T00:00:00.0000000Z') + event(46))).toMatchObject([
    { correctable: 2, uncorrectable: 1, since: Date.UTC(2026, 9, 1) },
  ])
})

test.each([
  ['an empty log', ''],
  ['errors of other parts', event(17) + event(47, '2026-10-01T00:00:00Z', 'Other')],
])('%s is not "no errors"', (_, text) => {
  expect(() => read(text)).toThrow(expect.objectContaining({ name: 'Absent' }))
})

test('a log that may not be read is a missing right', () => {
  const events = [printed('', { code: 5, stderr: 'Failed to read events. Access is denied.' })]
  expect(() => whea.parse({ events }, { now: 1, hostname: 'x', options: undefined })).toThrow(expect.objectContaining({ name: 'Denied' }))
})

test('any text gives a fact or an error', () => survives(whea, 'events', [event(47)]))
