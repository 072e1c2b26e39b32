import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Due } from './due.ts'

/** A clock that stands until it is moved. */
function standingClock() {
  let now = 0
  const timers = new Set<{ at: number; callback: () => void }>()
  return {
    now: () => now,
    monotonic: () => now,
    after(ms: number, callback: () => void) {
      const timer = { at: now + Math.max(0, ms), callback }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    moveTo(at: number) {
      for (;;) {
        const next = [...timers].filter(timer => timer.at <= at).sort((a, b) => a.at - b.at)[0]
        if (!next) break
        timers.delete(next)
        now = Math.max(now, next.at)
        next.callback()
      }
      now = at
    },
  }
}

describe('Due', () => {
  test('calls back for each name once, at the newest time that was given for it', () => {
    const clock = standingClock()
    const called: string[] = []
    const due = new Due(clock, name => called.push(`${name}@${clock.now()}`))
    due.set('a', 50)
    due.set('b', 10)
    due.set('a', 30)
    due.set('c', 20)
    due.delete('c')

    clock.moveTo(100)

    expect(called).toEqual(['b@10', 'a@30'])
  })

  test('fires in order of time, whatever the order of setting', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 1000 })), { maxLength: 60 }), wishes => {
        const clock = standingClock()
        const called: [string, number][] = []
        const due = new Due(clock, name => called.push([name, clock.now()]))
        const last = new Map<string, number>()
        for (const [name, at] of wishes) {
          due.set(String(name), at)
          last.set(String(name), at)
        }

        clock.moveTo(2000)

        expect(new Map(called)).toEqual(last)
        expect(called.map(([, at]) => at)).toEqual([...last.values()].sort((a, b) => a - b))
      }),
    )
  })
})
