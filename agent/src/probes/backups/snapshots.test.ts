import { expect, test } from 'vitest'
import { blankSnapshots, utcTime, withTimes } from './snapshots.ts'

const NOW = Date.UTC(2026, 10, 22, 12)

test('snapshots are told with their newest, their number and their rhythm', () => {
  const times = [NOW - 3_600_000, NOW - 7_200_000, NOW - 10_800_000]

  expect(withTimes(blankSnapshots('root', 'snapper'), times, NOW)).toMatchObject({
    kind: 'snapshot',
    standing: 'known',
    lastSuccessAt: NOW - 3_600_000,
    snapshots: 3,
    learnedEveryMs: 3_600_000,
  })
})

test('without a snapshot there has never been one; one from the future says nothing', () => {
  expect(withTimes(blankSnapshots('root', 'snapper'), [], NOW)).toMatchObject({ standing: 'known', lastSuccessAt: null, snapshots: 0 })
  expect(withTimes(blankSnapshots('root', 'snapper'), [NOW + 86_400_000], NOW)).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
})

test('a time that is translated or has no clock is not guessed at', () => {
  expect(utcTime('2026-11-22 09:14:47', 'it')).toBe(Date.UTC(2026, 10, 22, 9, 14, 47))
  for (const text of ['', 'So 22 Nov 2026 09:14:47', '22.11.2026 09:14:47', '2026-11-22', '2026-13-45 09:14:47']) {
    expect(() => utcTime(text, 'it')).toThrow(/Cannot read the time/)
  }
})
