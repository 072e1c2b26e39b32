import { expect, test } from 'vitest'
import { fakeClock } from './fakes/clock.ts'
import { type Waking, wakingLimits, watchWaking } from './waking.ts'

/** A machine whose wall clock and network a test moves, beside its timers. */
function machine() {
  const clock = fakeClock()
  const wakings: Waking[] = []
  let setMs = 0
  let network = 'eth0 192.0.2.1'
  const wall = { ...clock, now: () => clock.now() + setMs }
  const stop = watchWaking(
    wall,
    () => network,
    waking => wakings.push(waking),
  )
  return {
    wakings,
    stop,
    pass: (ms: number) => clock.advance(ms),
    sleep: (ms: number) => {
      setMs += ms
    },
    move: (to: string) => {
      network = to
    },
  }
}

test('nothing is told while time goes on and the network stays', async () => {
  const { wakings, pass } = machine()
  await pass(3_600_000)
  expect(wakings).toEqual([])
})

test.each([3_600_000, -3_600_000, wakingLimits.sleptMs + 1_000])(
  'a jump of the wall clock by %i ms is told once, at the next look',
  async ms => {
    const { wakings, pass, sleep } = machine()
    await pass(60_000)
    sleep(ms)
    await pass(wakingLimits.lookMs)
    expect(wakings).toEqual([{ sleptMs: Math.abs(ms) }])
    await pass(60_000)
    expect(wakings).toHaveLength(1)
  },
)

test('a network that comes or goes is told, once', async () => {
  const { wakings, pass, move } = machine()
  move('')
  await pass(60_000)
  move('wlan0 198.51.100.7')
  await pass(60_000)
  expect(wakings).toEqual([{ sleptMs: 0 }, { sleptMs: 0 }])
})

test('nothing is told once it was stopped', async () => {
  const { wakings, pass, sleep, stop } = machine()
  stop()
  sleep(3_600_000)
  await pass(60_000)
  expect(wakings).toEqual([])
})
