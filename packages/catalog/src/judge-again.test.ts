import fc from 'fast-check'
import { expect, test } from 'vitest'
import { factsOfMember, memberOf, movedFact, movingKeys, type SaidFact } from '../../../test/load/fleet/fleet.ts'
import { hours, minutes } from './duration.ts'
import type { Finding } from './finding.ts'
import { judge, judgeAgain, keyParts } from './judge.ts'
import { subjects } from './subjects/index.ts'
import { NOW } from './testing.ts'
import type { HeldFact } from './view.ts'

const presence = { up: true, connectedSince: NOW, clockOffsetMs: 0, agentVersion: '1', protocol: '1', dropped: 0 }
const contextAt = (lastSeenAt: number) =>
  ({ role: 'server', supportEnd: NOW + hours(30), instance: 'host', presence: { ...presence, lastSeenAt }, firstSeen: () => NOW }) as const

/** What a machine lives through: a fact moves, one cannot be read, sources are looked at again, nothing comes for a while. */
const step = fc.oneof(
  fc.record({ does: fc.constant('move' as const), key: fc.nat(9), round: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ does: fc.constant('fail' as const), key: fc.nat(60), outcome: fc.constantFrom('absent', 'denied', 'failed', 'timeout') }),
  fc.record({ does: fc.constant('renew' as const), first: fc.nat(60), count: fc.integer({ min: 1, max: 30 }) }),
)
const life = fc.array(fc.tuple(step, fc.integer({ min: 1, max: minutes(200) })), { minLength: 1, maxLength: 25 })

/** All of a finding but the ages in its words. */
function core({ check, status, since, worseSince, changesAt, carry }: Finding) {
  return { check, status, since, worseSince, changesAt, carry }
}

const heldOf = (facts: readonly SaidFact[], at: number) =>
  new Map(facts.map(fact => [fact.key, { ...fact, at, outcome: fact.outcome as 'ok' } as HeldFact]))

test('judging only what changed equals judging everything, whatever a machine lives through', () => {
  fc.assert(
    fc.property(fc.nat(200), life, (index, steps) => {
      const member = memberOf(index, 1)
      const moving = movingKeys(member)
      const held = heldOf(factsOfMember(member, NOW), NOW)
      const keys = [...held.keys()]
      let all = new Map<string, Finding>()
      let some = new Map<string, Finding>()
      let now = NOW
      const changed = new Set<string>(subjects.map(subject => subject.name))
      const both = () => {
        const judged = { held, context: contextAt(now - 60_000) }
        const whole = judge({ ...judged, previous: all }, now)
        const again = judgeAgain({ ...judged, previous: some }, now, changed)
        changed.clear()
        all = new Map(whole.map(finding => [finding.check, finding]))
        some = new Map(again.map(finding => [finding.check, finding]))
        expect(again.map(core)).toEqual(whole.map(core))
      }
      both()
      for (const [what, ms] of steps) {
        // Time alone changes answers: the collector judges when one is to change, and so does this.
        for (const end = now + ms; now < end; ) {
          now = Math.min(end, ...[...some.values()].flatMap(finding => Math.max(now + 1, finding.changesAt ?? end)))
          both()
        }
        for (const [key, fact] of told(what, { moving, keys, held, now, member })) {
          held.set(key, fact)
          changed.add(keyParts(key).subject)
        }
        both()
      }
    }),
    { numRuns: 60 },
  )
})

type Around = {
  readonly moving: readonly string[]
  readonly keys: readonly string[]
  readonly held: ReadonlyMap<string, HeldFact>
  readonly now: number
  readonly member: ReturnType<typeof memberOf>
}
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function told(what: Step, { moving, keys, held, now, member }: Around): [string, HeldFact][] {
  if (what.does === 'move') {
    const fact = movedFact(member, moving[what.key % moving.length] ?? '', what.round, now)
    return [[fact.key, { ...fact, at: now, outcome: 'ok' }]]
  }
  if (what.does === 'renew') {
    const renewed = Array.from({ length: what.count }, (_, i) => keys[(what.first + i) % keys.length] ?? '')
    return [...new Set(renewed)].flatMap(key => {
      const fact = held.get(key)
      return fact ? [[key, { ...fact, at: now }] as [string, HeldFact]] : []
    })
  }
  const key = keys[what.key % keys.length] ?? ''
  const { everyMs = hours(1) } = held.get(key) ?? {}
  return [[key, { key, everyMs, tookMs: 1, at: now, outcome: what.outcome as 'failed', reason: 'tried' }]]
}

test('no check looks at more than its own subject, what machine it is, and its context', () => {
  const strays = new Set<string>()
  for (let index = 0; index < 200; index++) {
    const held = heldOf(factsOfMember(memberOf(index, 1), NOW), NOW)
    judge({ held, context: contextAt(NOW) }, NOW, subject =>
      subject.checks.map(check => ({
        ...check,
        evaluate: (facts, limit, now, context) => {
          const watched = new Proxy(facts, {
            get: (target, name) => {
              if (name !== check.subject && name !== 'system') strays.add(`${check.name} looks at ${String(name)}`)
              return Reflect.get(target, name)
            },
          })
          return check.evaluate(watched, limit, now, context)
        },
      })),
    )
  }
  expect([...strays], 'judgeAgain does not judge a check again when another subject changes').toEqual([])
})

test('what did not change is not judged again: its finding is the very same', () => {
  const held = heldOf(factsOfMember(memberOf(3, 1), NOW), NOW)
  const previous = new Map(judge({ held, context: contextAt(NOW) }, NOW).map(finding => [finding.check, finding]))
  const again = judgeAgain({ held, context: contextAt(NOW), previous }, NOW + 1000, new Set(['usage']))
  const other = again.filter(finding => previous.get(finding.check) !== finding).map(finding => finding.check.split('-')[0])
  expect(new Set(other)).toEqual(new Set(['usage', 'agent']))
})
