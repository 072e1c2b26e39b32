import { expect, test } from 'vitest'
import { days, hours } from '../../duration.ts'
import { findingOf, judgesEach, NOW, type Rows } from '../../testing.ts'
import { customStale, customStatus } from './checks.ts'
import type { CustomEntry, CustomFact } from './facts.ts'

const entry = (more: Partial<CustomEntry> = {}): CustomEntry => ({
  name: 'tapes',
  status: 'ok',
  text: '4 of 4 tapes are there',
  details: null,
  reason: null,
  hint: null,
  at: null,
  maxAgeMs: null,
  values: [],
  left: 0,
  ...more,
})
const custom = (...entries: Partial<CustomEntry>[]): { custom: CustomFact } => ({ custom: { entries: entries.map(entry), more: 0 } })
const written = (ago: number, more: Partial<CustomEntry> = {}) => custom({ at: NOW - ago, maxAgeMs: days(1), ...more })

const cases: Rows = [
  [customStatus, 'all fine', custom({}, { name: 'b' }), 'ok'],
  [customStatus, 'one warns', custom({}, { name: 'b', status: 'warning' }), 'warning'],
  [customStatus, 'the worst counts', custom({ status: 'critical' }, { name: 'b', status: 'warning' }), 'critical'],
  [customStatus, 'one cannot be asked', custom({}, { name: 'b', status: 'unknown', reason: 'did not end within 10 s' }), 'unknown'],
  [customStatus, 'unknown does not hide what is critical', custom({ status: 'unknown' }, { name: 'b', status: 'critical' }), 'critical'],
  [customStatus, 'more entries than are looked at', { custom: { entries: [entry()], more: 900 } }, 'unknown'],
  [customStatus, 'good news of today', written(hours(2)), 'ok'],
  [customStatus, 'good news of the day before yesterday', written(days(2)), 'unknown'],
  [customStatus, 'good news of next week', written(-days(7)), 'unknown'],
  [customStatus, 'bad news stays bad', written(days(9), { status: 'critical' }), 'critical'],
  [customStatus, 'nothing is set up', { custom: { outcome: 'absent' } }, 'not-applicable'],
  [customStatus, 'the directory is not to be trusted', { custom: { outcome: 'denied' } }, 'unknown'],
  [
    customStatus,
    'one source is fine, another may not be read',
    { 'custom/a': custom({}).custom, 'custom/b': { outcome: 'denied' } },
    'unknown',
  ],
  [customStale, 'written today', written(hours(2)), 'ok'],
  [customStale, 'older than it may be', written(hours(25)), 'warning'],
  [customStale, 'thrice as old as it may be', written(days(3)), 'critical'],
  [customStale, 'written in the future', written(-days(2)), 'unknown'],
  [customStale, 'asked at each look', custom({}), 'not-applicable'],
  [customStale, 'not readable', { custom: { outcome: 'failed' } }, 'unknown'],
]
judgesEach(cases)

test('the reason names the entry and what it says, and the hint is its own', () => {
  const refused = { status: 'unknown', text: '', reason: 'it belongs to user 1000', hint: 'chown root /x' } as const
  expect(findingOf(customStatus, custom(refused, { ...refused, name: 'b' }))).toMatchObject({
    reason: 'tapes: it belongs to user 1000 (and 1 more)',
    hint: 'chown root /x',
    evidence: [{ entry: 'tapes' }, { entry: 'b' }],
  })
})

test('a stale entry is told with its age, and when that will change', () => {
  expect(findingOf(customStale, written(days(2))).reason).toBe('tapes was last written 2 d ago; 24 h are allowed')
  expect(findingOf(customStale, written(hours(1)), { now: NOW }).changesAt).toBe(NOW + hours(3))
})
