import { describe, expect, test } from 'vitest'
import type { Told } from './simulator/tally.ts'
import { exitCodeOf, invalidIn, type Outcome } from './verdict.ts'

const good: Outcome = { scenario: 'agents', figures: [], expectations: [{ what: 'x', met: true, seen: '' }], invalid: [], notes: [] }
const missed = { ...good, expectations: [{ what: 'x', met: false, seen: '' }] }
const over: Outcome = {
  ...good,
  figures: [{ group: 'g', what: 'w', value: 2, unit: 'ms', budget: { of: 'value', bound: 'most', limit: 1 } }],
}
const told: Told = {
  ...{ seconds: 10, due: 1000, sent: 1000, acked: 1000, heldBack: 0, beats: 0, nacks: 0, busy: 0, byes: 0, welcomes: 0 },
  ...{ closed: {}, latency: [], lagMs: 5, cpu: 0.4, stalls: 0 },
}

describe('the exit code', () => {
  test.each([
    ['0 where all was measured and met', [good, good], 0],
    ['1 where an expectation was missed', [good, missed], 1],
    ['1 where a budget was missed', [over], 1],
    ['2 where a measurement is invalid, whatever else it shows', [missed, { ...good, invalid: ['late'] }], 2],
    ['2 where nothing was measured', [], 2],
  ])('is %s', (_, outcomes, code) => expect(exitCodeOf(outcomes)).toBe(code))
})

describe('a measurement is invalid', () => {
  test.each([
    ['where the simulator sent less than 95 % of what was due', { sent: 949 }],
    ['where its clock stood still', { stalls: 1 }],
    ['where its event loop was late', { lagMs: 101 }],
    ['where it had no CPU left', { cpu: 0.98 }],
  ])('%s', (_, so) => expect(invalidIn({ ...told, ...so }, 'run')).toHaveLength(1))

  test('not where the collector made everyone wait: that is a result', () => {
    expect(invalidIn({ ...told, sent: 400, heldBack: 600 }, 'run')).toEqual([])
  })

  test('not where all went well', () => expect(invalidIn(told, 'run')).toEqual([]))
})
