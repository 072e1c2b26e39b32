import { judge, keyParts, shippedSupportTable, subjects, supportEnd } from '@fettle/catalog'
import { factHash } from '@fettle/protocol'
import { describe, expect, test } from 'vitest'
import { keyOf } from '../../../agent/src/probe.ts'
import { probes } from '../../../agent/src/probes/index.ts'
import { isFact } from '../../wrong-greens/see.ts'
import { factsOfMember, MIX, memberOf, movedFact, movingKeys } from './fleet.ts'
import { kinds } from './member.ts'

const NOW = Date.UTC(2026, 9, 1)
const fleet = Array.from({ length: 400 }, (_, index) => memberOf(index, 1))
const told = fleet.map(member => ({ member, facts: factsOfMember(member, NOW) }))
const keys = new Set(probes.map(keyOf))

describe('a mixed fleet', () => {
  test('has every kind of machine about as often as its mix says', () => {
    for (const kind of kinds) {
      const share = fleet.filter(member => member.kind === kind).length / fleet.length
      expect(Math.abs(share - MIX[kind]), kind).toBeLessThan(0.08)
    }
  })

  test('is the same for the same seed, and another for another', () => {
    expect(factsOfMember(memberOf(7, 1), NOW)).toEqual(factsOfMember(memberOf(7, 1), NOW))
    expect(fleet.map(member => member.kind)).not.toEqual(fleet.map(member => memberOf(member.index, 2).kind))
  })

  test('speaks only of sources that the agent has, in facts that pass their schemas, with the hash of what they say', () => {
    for (const { facts } of told) {
      for (const { key, outcome, reason, data, hash } of facts) {
        expect(keys, key).toContain(key)
        if (outcome === 'ok') expect(isFact(keyParts(key).subject, data), key).toBe(true)
        expect(factHash({ outcome, reason, data })).toBe(hash)
      }
    }
  })

  test('has one name a machine', () => {
    expect(new Set(fleet.map(member => member.instance)).size).toBe(fleet.length)
  })

  test('tells something new each round of what moves, in facts that pass their schemas', () => {
    for (const kind of kinds) {
      const member = fleet.find(one => one.kind === kind) ?? fleet[0]
      if (!member) throw new Error('no such machine')
      for (const key of movingKeys(member)) {
        const [first, second] = [1, 2].map(round => movedFact(member, key, round, NOW))
        expect(first?.hash, `${kind} ${key}`).not.toBe(second?.hash)
        expect(isFact(keyParts(key).subject, first?.data), key).toBe(true)
      }
    }
  })
})

/** What a company may demand of its machines. */
const POLICY = { required: [{ name: 'package-1' }], forbidden: [{ name: '*TeamViewer*' }] }

describe('every part of the catalog is under load', () => {
  test.each(subjects.map(subject => subject.name))('%s is told by a machine of the fleet', name => {
    expect(told.some(({ facts }) => facts.some(({ key, outcome }) => outcome === 'ok' && key.startsWith(`${name}/`)))).toBe(true)
  })

  const presence = {
    ...{ up: true, lastSeenAt: NOW, connectedSince: NOW, clockOffsetMs: 0, agentVersion: '0.1.0', protocol: '1', dropped: 0 },
    beatMs: 120_000,
    quarantined: null,
  }
  const answers = new Map<string, Set<string>>()
  for (const { member, facts } of told) {
    const held = new Map(facts.map(fact => [fact.key, { ...fact, at: NOW, outcome: fact.outcome as 'ok' }]))
    const system = facts.find(({ key }) => key.startsWith('system/'))?.data as never
    const end = system === undefined ? null : supportEnd(system, shippedSupportTable())
    const role = member.kind.endsWith('laptop') ? 'laptop' : member.kind.endsWith('desktop') ? 'desktop' : 'server'
    const context = { role, supportEnd: end, instance: member.instance, presence, firstSeen: () => NOW, software: POLICY } as const
    for (const { check, status } of judge({ held, context }, NOW)) answers.set(check, (answers.get(check) ?? new Set()).add(status))
  }

  test.each(subjects.flatMap(subject => subject.checks.map(check => check.name)))('%s is really judged somewhere', name => {
    const seen = [...(answers.get(name) ?? [])]
    expect(seen.filter(status => status === 'ok' || status === 'warning' || status === 'critical')).not.toEqual([])
  })
})
