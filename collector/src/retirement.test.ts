import { days, hours } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { fakeClock } from '../../agent/src/fakes/clock.ts'
import { Fleet } from './fleet.ts'
import { startRetirement } from './retirement.ts'
import { ACTIVE } from './store/store.ts'

function world() {
  const clock = fakeClock()
  const fleet = new Fleet(60_000, clock.now())
  const removed: string[] = []
  const failures: unknown[] = []
  const deps = {
    fleet,
    clock,
    ttlMs: days(30),
    async remove(hostId: string) {
      removed.push(hostId)
      return fleet.remove(hostId) !== undefined
    },
    failed: (error: unknown) => void failures.push(error),
  }
  const host = (instance: string, seenAt: number, enrolledAt = 0) => {
    const made = fleet.enrol({ hostId: instance, instance, publicKey: '', labels: {}, enrolledAt, standing: ACTIVE })
    made.lastSeenAt = seenAt
    return made
  }
  return { clock, fleet, removed, failures, deps, host }
}

test('a host that was not seen for the time-to-live is removed, within the hour once the collector has listened for a day, and no other', async () => {
  const { clock, removed, deps, host } = world()
  const now = clock.now()
  host('gone', now - days(29) + hours(2))
  host('late', now - days(28))
  host('here', now)
  host('connected', now - days(90)).connectedSince = now - days(90)
  host('enrolled', 0, now - days(1))
  host('never-came', 0, now - days(31))
  startRetirement(deps)

  await clock.advance(days(1))
  expect(removed).toEqual(['never-came'])
  await clock.advance(hours(2) + 1)
  expect(removed).toEqual(['never-came'])
  await clock.advance(hours(1))
  expect(removed).toEqual(['never-came', 'gone'])
  await clock.advance(days(1))
  expect(removed).toEqual(['never-came', 'gone', 'late'])
})

test('while the store is away nothing is lost: it is tried again within the hour', async () => {
  const { clock, removed, failures, deps, host } = world()
  host('gone', clock.now() - days(31))
  let away = true
  startRetirement({
    ...deps,
    remove: hostId => (away ? Promise.reject(new Error('away')) : deps.remove(hostId)),
  })
  await clock.advance(days(1))
  expect([removed, failures.length]).toEqual([[], 1])
  away = false
  await clock.advance(hours(1))
  expect(removed).toEqual(['gone'])
})

test('after a start, and after its clock was set, it listens for a day before it removes anybody: the clock may be wrong, and nobody could come', async () => {
  const { clock, removed, deps, host } = world()
  host('laptop', clock.now() - days(1))
  startRetirement(deps)
  await clock.advance(days(2))

  clock.jump(days(365))
  await clock.advance(hours(23))
  expect(removed).toEqual([])
  clock.jump(-days(365))
  await clock.advance(days(10))
  expect(removed).toEqual([])
  await clock.advance(days(20))
  expect(removed).toEqual(['laptop'])
})

test('stopped in the middle of it, it removes nothing more and does not start again', async () => {
  const { clock, removed, deps, host } = world()
  for (const instance of ['a', 'b']) host(instance, clock.now() - days(31))
  const stop = startRetirement({
    ...deps,
    remove: async hostId => {
      stop()
      return deps.remove(hostId)
    },
  })
  await clock.advance(days(2))
  expect(removed).toEqual(['a'])
})
