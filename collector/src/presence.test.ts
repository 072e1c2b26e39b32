import { days, hours, minutes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { Fleet, presenceWindow } from './fleet.ts'
import { ACTIVE, type HostMeta, type StoredHost } from './store/store.ts'

const NOW = Date.UTC(2026, 10, 22)
const BEAT = 30_000
const meta = (enrolledAt: number): HostMeta => ({ hostId: 'a', instance: 'a', publicKey: '', labels: {}, enrolledAt, standing: ACTIVE })
const stored = (lastSeenAt: number): StoredHost => ({
  meta: meta(NOW - days(9)),
  seq: 1,
  lastSeenAt,
  agentVersion: '',
  clockOffsetMs: 0,
  dropped: 0,
  facts: [],
  findings: [],
})

test('a host that has just enrolled is present, on the collectors too that have not heard a report of it', () => {
  const fleet = new Fleet(BEAT, NOW - days(1))
  const host = fleet.enrol(meta(NOW))
  expect(fleet.up(host, NOW + 1000)).toBe(true)
  expect(fleet.up(host, NOW + presenceWindow(BEAT))).toBe(false)
})

test('a host that enrolled by a clock a year ahead is present by what is heard of it, on every collector', () => {
  const fleet = new Fleet(BEAT, NOW - days(1))
  const host = fleet.load({ ...stored(NOW), meta: meta(NOW + days(365)) })
  expect(fleet.up(host, NOW + 1000)).toBe(true)
})

test.each([hours(1), days(365)])('a clock that was %i ms ahead and is set right leaves nobody present for ever', error => {
  const fleet = new Fleet(BEAT, NOW - days(1))
  const [live, dead] = [fleet.enrol(meta(0)), fleet.enrol({ ...meta(0), hostId: 'b', instance: 'b' })]
  for (const host of [live, dead]) fleet.seen(host, NOW + error)
  live.connectedSince = NOW + error
  live.leftAt = NOW + error - minutes(1)

  // Until its next frame a connection that stands is all that is known.
  expect([fleet.up(live, NOW), fleet.up(dead, NOW)]).toEqual([true, false])
  fleet.seen(live, NOW + 1)
  live.connectedSince = null
  expect(live.lastSeenAt).toBe(NOW + 1)
  expect(fleet.up(live, NOW + 2)).toBe(true)
  expect(fleet.up(live, NOW + 1 + presenceWindow(BEAT))).toBe(false)
})

test('what the store knows takes back what memory learned by a clock that was a year ahead, and no pong of today', () => {
  const fleet = new Fleet(BEAT, NOW - days(1))
  const host = fleet.load(stored(NOW + days(365)))
  expect(fleet.load(stored(NOW)).lastSeenAt).toBe(NOW)
  fleet.seen(host, NOW + 25_000)
  expect(fleet.load(stored(NOW + 1000)).lastSeenAt).toBe(NOW + 25_000)
  // A store that was made whole again does not know yet.
  expect(fleet.load(stored(0)).lastSeenAt).toBe(NOW + 25_000)
})
