import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import services from './windows.ts'

type Fact = FactTypes['services']
const NOW = Date.UTC(2026, 10, 1)
const answer = (own: object, boot = '2026-10-01T00:00:00Z') =>
  JSON.stringify({
    services: [{ Name: 'Svc', DisplayName: 'Service', State: 'Stopped', ExitCode: '0', Triggered: false, ...own }],
    os: { LastBootUpTime: boot },
  })
const read = (own: object, boot?: string) =>
  factOf<Fact>(services, { answer: answer(own, boot) }, NOW).bad.map(({ kind, result }) => [kind, result])

test.each([
  ['an automatic service that does not run', {}, [['stopped', null]]],
  ['one that ended with an error', { ExitCode: '1067' }, [['failed', 'exit code 1067']]],
  ['one with triggers may rest', { Triggered: true }, []],
  ['one with triggers and an error may not', { Triggered: true, ExitCode: '1067' }, [['failed', 'exit code 1067']]],
])('%s', (_, own, wanted) => {
  expect(read(own)).toEqual(wanted)
})

test('right after the boot services may still be starting', () => {
  expect(read({}, new Date(NOW - 60_000).toISOString())).toEqual([])
})

test('an answer without a list is no "all run"', () => {
  expect(() => factOf(services, { answer: '{"os":{}}' })).toThrow('no list')
})

test('any text gives a fact or an error', () => survives(services, 'answer', [answer({})]))
