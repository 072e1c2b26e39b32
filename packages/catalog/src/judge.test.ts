import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Check, defineCheck } from './check.ts'
import { days, hours, minutes } from './duration.ts'
import { notApplicable, ok, worst } from './finding.ts'
import { factsBySubject, judge, staleAt } from './judge.ts'
import { subjects } from './subjects/index.ts'
import type { ServicesFact } from './subjects/services/facts.ts'
import { findingOf, held, NOW } from './testing.ts'
import { type HeldFact, outcomes, roles, SWITCHED_OFF } from './view.ts'

const fact: ServicesFact = { manager: 'systemd', state: 'running', bad: [] }
const told = (answer: 'ok' | 'warning' | 'critical') =>
  defineCheck({
    name: 'services-told',
    subject: 'services',
    title: '',
    unit: 'state',
    thresholds: { warning: 1 },
    hold: minutes(10),
    why: '',
    remedy: '',
    evaluate: () => ({ status: answer, reason: answer }),
  })

test('a fact is stale after three of its intervals, and never within 90 s', () => {
  expect(staleAt({ at: NOW, everyMs: hours(1) })).toBe(NOW + hours(3))
  expect(staleAt({ at: NOW, everyMs: 1000 })).toBe(NOW + 90_000)
})

test('a fresh fact is judged, and tells when it will be stale', () => {
  expect(findingOf(told('ok'), { services: fact })).toMatchObject({ status: 'ok', changesAt: NOW + hours(3), since: NOW })
})

test.each([
  ['nothing has been reported yet', {}, 'nothing has been reported yet'],
  ['a stale fact', { services: { outcome: 'ok', data: fact, at: NOW - hours(4) } }, 'services/test was last looked at 4 h ago'],
  ['a stale absence', { services: { outcome: 'absent', at: NOW - hours(4) } }, 'services/test was last looked at 4 h ago'],
  ['a fact of the future', { services: { outcome: 'ok', data: fact, at: NOW + hours(3) } }, 'services/test claims to be of 3 h from now'],
  ['denied', { services: { outcome: 'denied', reason: 'needs root', hint: 'run as root' } }, 'services/test: denied: needs root'],
  ['failed beside a good source', { 'services/a': fact, 'services/b': { outcome: 'timeout' } }, 'services/b: timeout'],
] as const)('%s makes an ok unknown', (_, facts, reason) => {
  expect(findingOf(told('ok'), facts)).toMatchObject({ status: 'unknown', reason })
})

test('what is bad stays bad beside a source that cannot be read', () => {
  expect(findingOf(told('critical'), { 'services/a': fact, 'services/b': { outcome: 'timeout' } }).status).toBe('critical')
})

test('a machine without such a thing is not judged', () => {
  expect(findingOf(told('ok'), { services: { outcome: 'absent', reason: 'no systemd' } })).toMatchObject({
    status: 'not-applicable',
    reason: 'no systemd',
  })
})

describe('a source that is switched off on the machine', () => {
  const off = { outcome: 'absent', reason: SWITCHED_OFF } as const
  const gone = { outcome: 'absent', reason: 'no systemd' } as const
  const eager: Check = { ...told('critical'), whenAbsent: 'evaluate' }

  test('makes a check that judges absence unknown: nobody looked, so that there is none is not known', () => {
    expect(findingOf(eager, { 'services/a': gone, 'services/b': gone }).status).toBe('critical')
    expect(findingOf(eager, { 'services/a': gone, 'services/b': off })).toMatchObject({
      status: 'unknown',
      reason: `services/b: ${SWITCHED_OFF}`,
      hint: expect.stringContaining('Switch it on'),
    })
  })

  test('makes every other check not applicable, and tells why', () => {
    expect(findingOf(told('ok'), { 'services/a': gone, 'services/b': off })).toMatchObject({
      status: 'not-applicable',
      reason: SWITCHED_OFF,
    })
  })

  test('takes nothing from what the others saw', () => {
    expect(findingOf(eager, { 'services/a': fact, 'services/b': off }).status).toBe('critical')
    expect(findingOf(told('ok'), { 'services/a': fact, 'services/b': off }).status).toBe('ok')
  })

  test('is the same where a setting of its own keeps it from being asked', () => {
    const unasked = { outcome: 'absent', reason: `${SWITCHED_OFF}: services.b.network` } as const
    expect(findingOf(eager, { 'services/a': gone, 'services/b': unasked })).toMatchObject({
      status: 'unknown',
      reason: expect.stringContaining('services.b.network'),
    })
    expect(findingOf(told('ok'), { 'services/a': gone, 'services/b': unasked }).status).toBe('not-applicable')
    expect(findingOf(eager, { 'services/a': { outcome: 'absent', reason: `${SWITCHED_OFF}, they say` } }).status).toBe('critical')
  })

  test('is left alone where the collector has lifted the limits', () => {
    const lifted: Check = { ...eager, thresholds: {} }
    expect(findingOf(lifted, { services: off })).toMatchObject({ status: 'not-applicable', reason: SWITCHED_OFF })
  })
})

test('a worse status is held back, and counts from when it counts; a better one counts at once', () => {
  const good = findingOf(told('ok'), { services: fact })
  const held = findingOf(told('warning'), { services: fact }, { previous: good, now: NOW + minutes(1) })
  expect(held).toMatchObject({ status: 'ok', since: NOW, changesAt: NOW + minutes(11) })
  const bad = findingOf(told('warning'), { services: fact }, { previous: held, now: NOW + minutes(11) })
  expect(bad).toMatchObject({ status: 'warning', since: NOW + minutes(11) })
  const same = findingOf(told('warning'), { services: fact }, { previous: bad, now: NOW + minutes(50) })
  expect(same.since).toBe(NOW + minutes(11))
  const better = findingOf(told('ok'), { services: fact }, { previous: same, now: NOW + minutes(51) })
  expect(better).toMatchObject({ status: 'ok', since: NOW + minutes(51) })
})

test('a short bad spell leaves no trace', () => {
  const good = findingOf(told('ok'), { services: fact })
  const held = findingOf(told('warning'), { services: fact }, { previous: good, now: NOW + minutes(1) })
  const again = findingOf(told('ok'), { services: fact }, { previous: held, now: NOW + minutes(2) })
  expect(again.worseSince).toBeUndefined()
})

test('without a finding before, bad is bad at once', () => {
  expect(findingOf(told('warning'), { services: fact }).status).toBe('warning')
})

test('the worst answer wins, and tells how many are like it', () => {
  const bad = { status: 'warning', reason: 'a' } as const
  expect(worst([ok('fine'), bad, notApplicable('none'), { ...bad, reason: 'b' }]).reason).toBe('a (and 1 more)')
  expect(() => worst([])).toThrow('Cannot take the worst')
})

test('every check gives one finding, whatever is held; no stale or failed fact is ever ok', () => {
  const key = fc.constantFrom(...subjects.flatMap(subject => [`${subject.name}/a`, `${subject.name}/b`]))
  const blind = fc.record({
    key,
    outcome: fc.constantFrom(...outcomes),
    at: fc.integer({ min: NOW - days(400), max: NOW - days(30) }),
    everyMs: fc.integer({ min: 1000, max: days(7) }),
    tookMs: fc.nat(),
    data: fc.anything(),
  }) as fc.Arbitrary<HeldFact>
  const failed = blind.map(fact => ({ ...fact, at: NOW, outcome: 'failed' as const }))
  fc.assert(
    fc.property(fc.array(fc.oneof(blind, failed)), fc.constantFrom(...roles), (facts, role) => {
      const presence = {
        up: false,
        lastSeenAt: NOW - days(31),
        connectedSince: null,
        clockOffsetMs: null,
        agentVersion: '',
        protocol: '',
        dropped: 0,
      }
      const context = { role, supportEnd: NOW + days(1000), presence, instance: '', firstSeen: () => null }
      const findings = judge({ held: new Map(facts.map(fact => [fact.key, fact])), context }, NOW)

      expect(findings).toHaveLength(subjects.flatMap(subject => subject.checks).length)
      expect(findings.filter(finding => finding.status === 'ok')).toEqual([])
    }),
    { numRuns: 200 },
  )
})

test('facts come by subject, those of unknown subjects are left out', () => {
  const known = held({ 'services/b': fact, 'services/a': fact })
  known.set('new/x', { key: 'new/x', outcome: 'ok', at: NOW, everyMs: 1000, tookMs: 1, data: {} })
  expect(factsBySubject(known).services.map(({ source }) => source)).toEqual(['a', 'b'])
})
