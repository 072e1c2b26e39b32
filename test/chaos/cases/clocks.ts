import { openObserver } from '../../kit/observed.ts'
import { until } from '../../kit/until.ts'
import type { Case } from '../case.ts'
import { promised, sameOrder, seconds } from '../expect.ts'
import { type FastLine, openFastLine } from '../fast.ts'
import { startProxy } from '../proxy.ts'
import { detailOf } from '../stage.ts'

const SPEED = 20
const HOUR_MS = 3_600_000
const YEAR_MS = 365 * 24 * HOUR_MS
const ERRORS = [HOUR_MS, -HOUR_MS, YEAR_MS, -YEAR_MS]
/** Times of facts are right within this, ms. */
const RIGHT_WITHIN_MS = 15_000
/** The ping that shows the collector that a host is there comes within this, ms. */
const PING_MS = 25_000

/** The machine stays as it is, so that only beats tell of looks at it. @returns how old the collector took the fact to be at most, until it heard of one, ms */
async function toldByBeat(line: FastLine, since: string): Promise<number> {
  const same = line.observed.at(-1) ?? 0
  const looked = line.clocks.collector.now()
  let oldest = 0
  const told = async () => {
    await line.observer.observe(same)
    const at = (await detailOf(line.port))?.facts[0]?.at ?? 0
    const now = line.clocks.collector.now()
    oldest = Math.max(oldest, now - at)
    return at > looked && at <= now
  }
  await until(told, `a look is told after ${since}`, 20_000)
  return oldest
}

/** Clocks that are wrong. */
export const clockCases: readonly Case[] = [
  {
    name: 'wrong-clock-of-agent',
    fault:
      'the clock of an agent is put forward and back by an hour and by a year, and set right each time, while it runs (time runs 20 times as fast)',
    promise:
      'times on the collector are right, looks at what has not changed are told as before, nothing is lost or out of order, the host stays present',
    quick: true,
    async run(world) {
      const line = await openFastLine(world, { speed: SPEED, beat: '10s' })
      await line.observe(2)
      await line.arrived()
      let worst = 0
      for (const error of ERRORS.flatMap(one => [one, -one])) {
        line.clocks.agent.jump(error)
        worst = Math.max(worst, await toldByBeat(line, `the agent's clock was put by ${error} ms`))
        await line.observe(2)
        await line.arrived()
      }
      sameOrder(await line.history(), line.observed)
      promised(line.witness.down('observer').length === 0, 'the host is never shown as gone')
      promised(worst < 3 * RIGHT_WITHIN_MS, 'facts are fresh throughout', worst)
      const times = (await detailOf(line.port))?.transitions?.map(({ at }) => line.clocks.collector.now() - at) ?? []
      promised(
        times.every(age => age >= 0 && age < 10 * 60_000),
        'every change has its right time',
        times,
      )
      return `8 jumps; all ${line.observed.length} changes in order with right times; the oldest that a fact was is ${seconds(worst)}`
    },
  },
  {
    name: 'wrong-clock-offline',
    fault:
      'the clock of an agent is wrong by an hour and by a year from its start on, with a collector that it cannot reach (time runs 20 times as fast)',
    promise: 'what it observed arrives with right times, since each frame says what the clock shows when it is sent',
    quick: true,
    async run(world) {
      let oldest = 0
      for (const error of ERRORS) {
        const line = await openFastLine(world, { speed: SPEED, weather: { pass: 'hold' } })
        line.clocks.agent.jump(error)
        await line.observe(10)
        line.network.set({ pass: 'all' })
        await line.arrived()
        sameOrder(await line.history(), line.observed)
        const times = (await detailOf(line.port))?.transitions?.map(({ at }) => line.clocks.collector.now() - at) ?? []
        promised(
          times.every(age => age >= 0 && age < 120_000),
          'every change has its right time',
          [error, times],
        )
        oldest = Math.max(oldest, ...times)
      }
      return `4 agents, 10 changes of each in order, every time right within ${seconds(oldest)} (with the time on the way)`
    },
  },
  {
    name: 'wrong-clock-of-collector',
    fault:
      'the clock of a collector is put forward and back by an hour and by a year, and set right each time, while agents report (time runs 20 times as fast)',
    promise:
      'agents stay connected, nothing is lost; after a jump forward a host may be shown as gone until its next ping, 25 s; set right again, every fact is fresh with its next look, and a host that died meanwhile is shown as gone',
    quick: true,
    async run(world) {
      const line = await openFastLine(world, { speed: SPEED, beat: '10s' })
      await line.observe(2)
      await line.arrived()
      let longest = 0
      for (const [i, error] of ERRORS.entries()) {
        const token = await line.collector.token()
        const way = await startProxy(() => line.port)
        world.defer(() => way.stop())
        const url = `ws://127.0.0.1:${way.port}/agent`
        const instance = `dies-${i}`
        const dying = await openObserver({ folder: await world.folder(), url, token, instance, clock: line.clocks.agent, everyMs: 10_000 })
        await dying.observe(1)
        await until(async () => (await detailOf(line.port, instance)) !== undefined, 'it is enrolled')

        for (const jump of [error, -error]) {
          const jumped = performance.now()
          line.clocks.collector.jump(jump)
          await toldByBeat(line, `the collector's clock was put by ${jump} ms`)
          await line.observe(2)
          await line.arrived()
          const down = line.witness.down('observer', jumped)
          longest = Math.max(longest, ((down.at(-1)?.at ?? jumped) - jumped) * SPEED)
          // In the wrong time, and without a goodbye.
          if (jump === error) way.set({ pass: 'hold' })
        }
        world.defer(() => dying.crash())
        await until(
          async () => ((await detailOf(line.port, instance)) as { up?: boolean } | undefined)?.up === false,
          'the dead is shown as gone',
          20_000,
        )
      }
      sameOrder(await line.history(), line.observed)
      promised(longest <= PING_MS + 5_000, 'a host that is there is shown as gone for no longer than a ping', longest)
      promised(line.network.accepted === 1, 'the agent stays connected', line.network.accepted)
      promised(line.collector.core.fleet.size === 1 + ERRORS.length, 'no host is removed')
      return `8 jumps; all ${line.observed.length} changes in order on one connection; shown as gone for at most ${seconds(longest)}; the dead were found dead`
    },
  },
]
