import { systemClock } from '@fettle/kit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { testAuthority } from '../../test/kit/certificates.ts'
import { testLog } from '../../test/kit/log.ts'
import { until } from '../../test/kit/until.ts'
import { belong } from './belong.ts'
import { FAKE_SERVER, type FakeCollector, startFakeCollector } from './fakes/collector.ts'
import { fakeDisk } from './fakes/state.ts'
import { openIdentity } from './identity.ts'
import { defaultConfig } from './index.ts'
import { readMembership, writeMembership } from './membership.ts'
import { Outbox } from './outbox.ts'

const log = testLog('agent')
let collector: FakeCollector
const closers: (() => Promise<unknown>)[] = []
beforeEach(async () => {
  collector = await startFakeCollector()
})
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
  await collector.stop()
})

/** A machine that was enrolled at the fake collector, in plain text on loopback. */
async function enrolled(authorities: readonly string[]) {
  const state = fakeDisk()
  const membership = { urls: [collector.url], caFile: null, allowPlain: false, instance: 'web1', server: FAKE_SERVER, linkToken: null }
  await writeMembership(state, { ...membership, authorities: [...authorities] })
  const identity = await openIdentity(state)
  const outbox = await Outbox.open({ state, clock: systemClock, log, fresh: false })
  const nothing = () => {}
  const host = { hostname: 'web1', text: async () => '' }
  const link = await belong({
    ...{ config: defaultConfig(), host, clock: systemClock, log, state, identity, outbox },
    onRefresh: nothing,
    onRestored: nothing,
  })
  link?.start()
  closers.push(async () => link?.stop())
  return state
}

test('what a collector tells in plain text widens nobody’s trust: anyone on the way could have told it', async () => {
  const [present, evil] = [await testAuthority('Present'), await testAuthority('Evil')]
  const state = await enrolled([present.certificate])
  const connection = await collector.connection()
  await connection.nextOf('hello')
  await connection.welcome({ authorities: [present.certificate, evil.certificate], linkToken: 'next' })
  await until(async () => (await readMembership(state))?.linkToken === 'next', 'the welcome was kept')
  expect((await readMembership(state))?.authorities).toEqual([present.certificate])
})
