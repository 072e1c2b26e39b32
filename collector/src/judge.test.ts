import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { metrics, shippedSupportTable } from '@fettle/catalog'
import { createLog, systemClock } from '@fettle/kit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../../test/kit/until.ts'
import { createEvents } from './events.ts'
import { HostExposition } from './exposition/hosts.ts'
import { createCollectorMetrics } from './exposition/self.ts'
import { Fleet } from './fleet.ts'
import { Judge } from './judge.ts'
import { openStore } from './store/open.ts'
import type { Store, StoredFact } from './store/store.ts'

let folder: string
let store: Store

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-judge-'))
  store = await openStore(`sqlite:${folder}/fleet.db`, { clock: systemClock })
})
afterAll(async () => {
  await store?.close()
  await rm(folder, { recursive: true, force: true })
})

const waiting = { name: 'openssl', installed: '1', candidate: '2', class: 'security', severity: null, published: null, origin: null }

function updates(now: number): StoredFact {
  const data = {
    pending: [{ ...waiting, withheld: null, restart: null }],
    more: 0,
    classified: true,
    lastCheckAt: now,
    lastCheckError: null,
    lastInstallAt: null,
    lastInstallSucceeded: null,
    automatic: { enabled: null, detail: null, lastRunAt: null },
    broken: null,
    badSources: [],
    managedBy: null,
  }
  return {
    key: 'updates/apt',
    outcome: 'ok',
    at: now,
    freshAt: now,
    everyMs: 3_600_000,
    tookMs: 1,
    hash: 'h',
    data: JSON.stringify(data),
  }
}

test('since when an update waits is told in the series as soon as the fleet knows it, without another report', async () => {
  const now = systemClock.now()
  const fleet = new Fleet(120_000, now)
  const events = createEvents(createLog('test', 'silent'), createCollectorMetrics('test'))
  const judge = new Judge({ fleet, store, clock: systemClock, events, supportTable: shippedSupportTable(), overrides: [] })
  const exposition = new HostExposition(fleet, metrics, () => {})
  const render = async () => {
    let text = ''
    for await (const slice of exposition.render({}, now).slices) text += slice.toString()
    return text
  }
  const meta = { hostId: 'a'.repeat(32), instance: 'web', publicKey: '', labels: {}, enrolledAt: now }
  const host = fleet.load({
    meta,
    seq: 1,
    lastSeenAt: now,
    agentVersion: '1',
    clockOffsetMs: 0,
    dropped: 0,
    facts: [updates(now)],
    findings: [],
  })
  // A scrape that comes before the fleet's memory was asked: its text must not be kept.
  expect(await render()).not.toContain('fettle_updates_oldest_pending_timestamp_seconds{')

  judge.now(host)

  const line = `fettle_updates_oldest_pending_timestamp_seconds{instance="web",source="apt",class="security"} ${now / 1000}\n`
  await until(async () => (await render()).includes(line), 'the series')
  await until(() => host.findings.get('updates-security-late')?.status === 'ok', 'the judgement by that time')
  await judge.stop()
})
