import { describe, expect, test } from 'vitest'
import { type Cadence, readCadence, shareOf } from './cadence.ts'
import { fakeClock } from './fakes/clock.ts'
import { Schedule, scheduleLimits, type Task } from './schedule.ts'

const minute = 60_000

async function scheduled(tasks: readonly (Partial<Task> & { readonly key: string; readonly every?: string })[]) {
  const clock = fakeClock()
  const begun: { readonly key: string; readonly at: number }[] = []
  const made = await Promise.all(
    tasks.map(async ({ every = '5m', ...task }): Promise<Task> => {
      const cadence: Cadence = await readCadence(every)
      const look = async () => {
        begun.push({ key: task.key, at: clock.monotonic() })
        await task.look?.()
      }
      return { heavy: false, cadence, ...task, look }
    }),
  )
  const schedule = new Schedule(made, clock, 'host')
  return { clock, begun, schedule, keys: () => begun.map(({ key }) => key) }
}

describe('the schedule', () => {
  test('looks at everything within half a minute of the start, then once an interval', async () => {
    const { clock, begun, schedule } = await scheduled([{ key: 'raid/md' }, { key: 'usage/proc' }])
    schedule.start()
    await clock.advance(scheduleLimits.startSpreadMs)
    expect(begun.map(({ key }) => key).sort()).toEqual(['raid/md', 'usage/proc'])
    await clock.advance(60 * minute)
    const times = begun.filter(({ key }) => key === 'raid/md').map(({ at }) => at)
    expect(times.length).toBeGreaterThanOrEqual(13)
    const gaps = times.slice(2).map((at, index) => Math.round((at - (times[index + 1] ?? 0)) / 1000))
    expect(new Set(gaps)).toEqual(new Set([300]))
  })

  test('heavy looks run one at a time, light ones beside them', async () => {
    const ends: (() => void)[] = []
    const look = () => new Promise<void>(resolve => ends.push(resolve))
    const { clock, keys, schedule } = await scheduled([
      { key: 'updates/apt', heavy: true, look },
      { key: 'backups/restic', heavy: true, look },
      { key: 'raid/md' },
    ])
    schedule.start()
    await clock.advance(scheduleLimits.startSpreadMs)
    expect(keys().filter(key => key !== 'raid/md')).toHaveLength(1)
    expect(keys()).toContain('raid/md')
    ends.shift()?.()
    await clock.advance(1)
    expect(new Set(keys())).toEqual(new Set(['updates/apt', 'backups/restic', 'raid/md']))
  })

  test('looks that share a process begin together, however many they are, and count as one', async () => {
    const ends: (() => void)[] = []
    const look = () => new Promise<void>(resolve => ends.push(resolve))
    const names = ['antivirus/a', 'firewall/a', 'reboot/a', 'disks/a', 'services/a', 'usage/a']
    const everies = ['5m', '15m', '30m', '1h', '6h', '1d']
    const shared = names.map((key, index) => ({ key, shares: 'powershell', every: everies[index] ?? '5m', look }))
    const { clock, begun, schedule } = await scheduled([...shared, { key: 'raid/md', look }, { key: 'clock/a' }])
    void schedule.refresh(['raid/md'])
    await clock.advance(0)
    schedule.start()
    await clock.advance(scheduleLimits.startSpreadMs)
    const together = begun.filter(({ key }) => names.includes(key))
    expect(together.map(({ key }) => key)).toEqual(names)
    expect(new Set(together.map(({ at }) => at)).size).toBe(1)
    // Both places are taken: one by what hangs, one by all that wait for the process.
    expect(begun.filter(({ key }) => key === 'clock/a').every(({ at }) => at < (together[0]?.at ?? 0))).toBe(true)
  })

  test('cadences that are multiples of each other meet: over a day no moment but those of the shortest', async () => {
    const everies = ['15m', '30m', '1h', '6h', '1d']
    const { clock, begun, schedule } = await scheduled(everies.map((every, index) => ({ key: `a/${index}`, shares: 'powershell', every })))
    schedule.start()
    await clock.advance(25 * 60 * minute)
    const moments = new Set(begun.map(({ at }) => at))
    expect(moments.size).toBeLessThanOrEqual(1 + 25 * 4 + 1)
    for (const [index, most] of [100, 50, 25, 5, 2].entries()) {
      const times = begun.filter(({ key }) => key === `a/${index}`)
      expect(times.length, everies[index]).toBeGreaterThanOrEqual(most)
      expect(times.length, everies[index]).toBeLessThanOrEqual(most + 2)
    }
  })

  test('one that is due in a moment comes along, and is not looked at again for it', async () => {
    const at = { everyMs: 5 * minute, next: (from: number) => Math.ceil((from + 1) / (5 * minute)) * 5 * minute }
    const later = { everyMs: 5 * minute, next: (from: number) => at.next(from - 20_000) + 20_000 }
    const { clock, begun, schedule } = await scheduled([
      { key: 'a/first', shares: 'powershell', cadence: at },
      { key: 'a/second', shares: 'powershell', cadence: later },
    ])
    schedule.start()
    await clock.advance(60 * minute)
    expect(new Set(begun.map(({ at }) => at)).size).toBe(begun.filter(({ key }) => key === 'a/first').length)
    expect(begun.filter(({ key }) => key === 'a/second').length).toBeLessThanOrEqual(13)
  })

  test('a refresh looks at once, by key or by subject, and ends when the looks have', async () => {
    const { clock, keys, schedule } = await scheduled([{ key: 'updates/apt' }, { key: 'updates/snap' }, { key: 'raid/md' }])
    const done = schedule.refresh(['updates', 'no/such'])
    await clock.advance(0)
    expect(keys()).toEqual(['updates/apt', 'updates/snap'])
    expect(await done).toEqual(['updates/apt', 'updates/snap'])
  })

  test('refreshing again and again looks no oftener than the distance', async () => {
    const { clock, begun, schedule } = await scheduled([{ key: 'updates/apt', every: '1d' }])
    for (let second = 0; second < 60; second++) {
      void schedule.refresh([])
      await clock.advance(1000)
    }
    expect(begun.length).toBeLessThanOrEqual(7)
    expect(begun.length).toBeGreaterThanOrEqual(6)
  })

  test('whoever may ask for a look cannot postpone one', async () => {
    const { clock, begun, schedule } = await scheduled([{ key: 'raid/md', every: '30s' }])
    schedule.start()
    for (let second = 0; second < 600; second++) {
      void schedule.refresh([], scheduleLimits.remoteDistanceMs)
      await clock.advance(1000)
    }
    expect(begun.length).toBeGreaterThanOrEqual(19)
  })

  test('asked while a look runs, it looks once more: what was read may be from before the change', async () => {
    let end = () => {}
    const look = () =>
      new Promise<void>(resolve => {
        end = resolve
      })
    const { clock, begun, schedule } = await scheduled([{ key: 'updates/apt', look }])
    void schedule.refresh([])
    await clock.advance(0)
    let done = false
    const second = schedule.refresh([]).then(() => {
      done = true
    })
    end()
    await clock.advance(scheduleLimits.refreshDistanceMs)
    expect([begun.length, done]).toEqual([2, false])
    end()
    await second
  })

  test('after the stop nothing begins and nobody waits for ever', async () => {
    const { clock, begun, schedule } = await scheduled([{ key: 'raid/md' }])
    schedule.start()
    const waiting = schedule.refresh([])
    schedule.stop()
    await waiting
    await clock.advance(60 * minute)
    expect(begun).toEqual([])
  })
})

describe('a cadence', () => {
  test('machines and probes are spread over the interval, each always at its own share', () => {
    const shares = Array.from({ length: 200 }, (_, host) => shareOf(`host${host}`, 'updates/apt'))
    expect(shares.filter(share => share < 0.5).length).toBeGreaterThan(70)
    expect(shares.filter(share => share >= 0.5).length).toBeGreaterThan(70)
    expect(shareOf('host1', 'updates/apt')).toBe(shares[1])
    expect(shareOf('host1', 'raid/md')).not.toBe(shares[1])
  })

  test('a duration comes once an interval at the share, whenever it is asked', async () => {
    const { next, everyMs } = await readCadence('1h')
    const half = 0.5 / (7 * 24)
    const first = next(Date.UTC(2026, 0, 1, 12, 10), half)
    expect(everyMs).toBe(60 * minute)
    expect(new Date(first).toISOString()).toBe('2026-01-01T12:30:00.000Z')
    expect(next(first, half) - first).toBe(60 * minute)
  })

  test('a cron expression is in local time and a little spread; its interval is the longest gap', async () => {
    const { next, everyMs } = await readCadence('30 3 * * 1-5')
    const friday = new Date(2026, 10, 20, 12, 0).getTime()
    expect(next(friday, 0)).toBe(new Date(2026, 10, 23, 3, 30).getTime())
    expect(next(friday, 1) - next(friday, 0)).toBe(10 * minute)
    expect(everyMs).toBe(3 * 24 * 60 * minute)
  })

  test.each(['often', '0s', '8d', '* * *', '99 * * * *', '* * * * * *', '0 0 1 1 *'])('%s is refused', async every => {
    await expect(readCadence(every)).rejects.toThrow(/^Cannot/)
  })
})
