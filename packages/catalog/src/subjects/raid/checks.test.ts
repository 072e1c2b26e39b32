import { expect, test } from 'vitest'
import { days } from '../../duration.ts'
import { findingOf, judgesEach, NOW, type Rows } from '../../testing.ts'
import { raidDegraded, raidErrors, raidScrubLate } from './checks.ts'
import type { RaidFact } from './facts.ts'

type RaidArray = RaidFact['arrays'][number]
const raid = (more: Partial<RaidArray> = {}): { raid: RaidFact } => ({
  raid: {
    arrays: [
      {
        name: 'md0',
        implementation: 'md',
        level: 'raid1',
        state: 'ok',
        disks: { required: 2, active: 2, failed: 0, spare: 0, missing: 0 },
        sync: null,
        errors: null,
        lastScrubAt: null,
        members: [],
        detail: null,
        ...more,
      },
    ],
  },
})

const cases: Rows = [
  [raidDegraded, 'whole', raid(), 'ok'],
  [raidDegraded, 'wrong green 23: a check that runs is healthy', raid({ sync: { action: 'check', ratio: 0.4 } }), 'ok'],
  [raidDegraded, 'wrong green 24: degraded although no error is counted', raid({ state: 'degraded', errors: 0 }), 'critical'],
  [raidDegraded, 'failed', raid({ state: 'failed' }), 'critical'],
  [raidDegraded, 'not told', raid({ state: 'unknown' }), 'unknown'],
  [raidDegraded, 'no array', { raid: { arrays: [] } }, 'not-applicable'],
  [raidErrors, 'none', raid({ errors: 0 }), 'ok'],
  [raidErrors, 'wrong green 25: online with data errors', raid({ errors: 4 }), 'warning'],
  [raidErrors, 'does not count', raid(), 'not-applicable'],
  [raidErrors, 'not readable', { raid: { outcome: 'denied' } }, 'unknown'],
  [raidScrubLate, 'lately', raid({ lastScrubAt: NOW - days(10) }), 'ok'],
  [raidScrubLate, 'long ago', raid({ lastScrubAt: NOW - days(40) }), 'warning'],
  [raidScrubLate, 'not readable', { raid: { outcome: 'failed' } }, 'unknown'],
]
judgesEach(cases)

test('errors that grow are critical', () => {
  const first = findingOf(raidErrors, raid({ errors: 0 }))
  expect(findingOf(raidErrors, raid({ errors: 2 }), { previous: first }).status).toBe('critical')
})
