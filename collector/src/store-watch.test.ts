import { createLog } from '@fettle/kit'
import { expect, test } from 'vitest'
import { fakeClock } from '../../agent/src/fakes/clock.ts'
import { createEvents } from './events.ts'
import { createCollectorMetrics } from './exposition/self.ts'
import { type Store, StoreUnavailable, type StoreWarning } from './store/store.ts'
import { StoreWatch, watchLimits } from './store-watch.ts'

function world() {
  const clock = fakeClock()
  const engine: { away: boolean; warnings: StoreWarning[] } = { away: false, warnings: [] }
  const answer = async <T>(value: T) => {
    if (engine.away) throw new StoreUnavailable('away')
    return value
  }
  const store = { ping: () => answer(undefined), warnings: () => answer(engine.warnings) } as unknown as Store
  const told: string[] = []
  const events = {
    ...createEvents(createLog('test', 'silent'), createCollectorMetrics('0')),
    storeWarning: ({ text }: StoreWarning) => void told.push(text),
  }
  return { clock, engine, told, watch: new StoreWatch({ store, clock, events }) }
}

test('a store that went away is noticed though nobody reports, and said to be away since it last answered', async () => {
  const { clock, engine, watch } = world()
  await watch.start()
  await clock.advance(watchLimits.everyMs)
  const answered = clock.now()
  engine.away = true
  await clock.advance(4 * watchLimits.everyMs)
  expect(watch.fault?.since).toBe(answered)
  engine.away = false
  await clock.advance(watchLimits.everyMs)
  expect(watch.fault).toBeUndefined()
})

test('its settings are looked at again, since a failover brings others; each warning is told once', async () => {
  const { clock, engine, told, watch } = world()
  const evicts: StoreWarning = { level: 'error', text: 'it throws away' }
  engine.warnings = [{ level: 'warn', text: 'it syncs late' }]
  await watch.start()
  await clock.advance(watchLimits.settingsMs + watchLimits.everyMs)
  engine.warnings = [...engine.warnings, evicts]
  await clock.advance(2 * watchLimits.settingsMs)
  expect(told).toEqual(['it syncs late', 'it throws away'])
  expect(watch.warnings).toHaveLength(2)
})
