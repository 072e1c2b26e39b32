import { describe, expect, test } from 'vitest'
import { factsOfMember, memberOf, movedFact } from '../../test/load/fleet/fleet.ts'
import { Fleet, type FleetHost } from './fleet.ts'
import { ACTIVE, type StoredFact, type StoredHost } from './store/store.ts'

const NOW = Date.UTC(2026, 5, 15)
const member = memberOf(1, 1)
const stored = (facts: readonly StoredFact[]): StoredHost => ({
  meta: { hostId: 'a'.repeat(32), instance: 'web', publicKey: '', labels: {}, enrolledAt: NOW, standing: ACTIVE },
  ...{ seq: 1, lastSeenAt: NOW, agentVersion: '1', clockOffsetMs: 0, dropped: 0, findings: [], facts },
})
const told = factsOfMember(member, NOW).map(({ data, outcome, ...fact }): StoredFact => {
  const text = data === undefined ? undefined : JSON.stringify(data)
  return { ...fact, outcome: outcome as 'ok', at: NOW, freshAt: NOW, data: text }
})
const usage = told.findIndex(fact => fact.key.startsWith('usage/'))

/** What a host that was loaded is thought to have changed when it is read once more. */
function changedBy(again: (facts: StoredFact[]) => StoredFact[]): { host: FleetHost; changed: string[] } {
  const fleet = new Fleet(120_000, NOW)
  fleet.load(stored(told)).unjudged.clear()
  const host = fleet.load(stored(again(structuredClone(told))))
  return { host, changed: [...host.unjudged].filter(what => what !== 'presence').sort() }
}

describe('a host that is read from the store once more', () => {
  test('is the same where the store has the same: nothing is judged or rendered again', () => {
    expect(changedBy(facts => facts).changed).toEqual([])
  })

  test('has one subject changed where one fact is another', () => {
    const key = told[usage]?.key ?? ''
    const { data, hash } = movedFact(member, key, 3, NOW)
    const { host, changed } = changedBy(facts => facts.with(usage, { ...(facts[usage] as StoredFact), hash, data: JSON.stringify(data) }))
    expect(changed).toEqual(['probes', 'usage'])
    expect(host.held.get(key)?.data).toEqual(data)
  })

  test.each<[string, Partial<StoredFact>]>([
    ['was looked at again', { freshAt: NOW + 60_000 }],
    ['was looked at by another interval', { everyMs: 5_000 }],
    ['tells another way out', { hint: 'run it as root' }],
  ])('has its subject changed where a fact %s', (_, more) => {
    const { host, changed } = changedBy(facts => facts.with(usage, { ...(facts[usage] as StoredFact), ...more }))
    expect(changed).toEqual(['probes', 'usage'])
    const { freshAt = NOW, ...rest } = more
    expect(host.held.get(told[usage]?.key ?? '')).toMatchObject({ at: freshAt, ...rest })
  })
})
