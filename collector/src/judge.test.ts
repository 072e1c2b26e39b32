import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { days, hours, metrics, shippedSupportTable } from '@fettle/catalog'
import { systemClock } from '@fettle/kit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FakeClock, fakeClock } from '../../agent/src/fakes/clock.ts'
import { testLog } from '../../test/kit/log.ts'
import { until } from '../../test/kit/until.ts'
import type { Override, SelectedRule } from './config.ts'
import { createEvents } from './events.ts'
import { HostExposition } from './exposition/hosts.ts'
import { createCollectorMetrics } from './exposition/self.ts'
import { Fleet } from './fleet.ts'
import { Judge, type SoftwareRules } from './judge.ts'
import { Shares } from './share.ts'
import { openStore } from './store/open.ts'
import { ACTIVE, type Store, type StoredFact, StoreUnavailable } from './store/store.ts'

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

function updates(now: number, published: number | null = null): StoredFact {
  const data = {
    pending: [{ ...waiting, published, withheld: null, restart: null }],
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
  const events = createEvents(testLog('test'), createCollectorMetrics('test'))
  const shares = new Shares({ clock: systemClock, events })
  const judge = new Judge({ fleet, store, clock: systemClock, events, shares, supportTable: shippedSupportTable(), overrides: [] })
  const exposition = new HostExposition(fleet, metrics, () => {})
  const render = async () => {
    let text = ''
    for await (const slice of exposition.render({}, now).slices) text += slice.toString()
    return text
  }
  const meta = { hostId: 'a'.repeat(32), instance: 'web', publicKey: '', labels: {}, enrolledAt: now, standing: ACTIVE }
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

type World = { readonly clock: FakeClock; readonly store: Store; readonly fleet: Fleet; readonly judge: Judge }

/** A judge over a store in memory and a clock that stands. */
async function world(
  overrides: readonly Override[] = [],
  given: { clock?: FakeClock; store?: Store; software?: SoftwareRules } = {},
): Promise<World> {
  const clock = given.clock ?? fakeClock()
  const store = given.store ?? (await openStore('sqlite::memory:', { clock }))
  const fleet = new Fleet(120_000, clock.now())
  const events = createEvents(testLog('test'), createCollectorMetrics('test'))
  const shares = new Shares({ clock, events })
  const { software } = given
  return {
    clock,
    store,
    fleet,
    judge: new Judge({ fleet, store, clock, events, shares, supportTable: shippedSupportTable(), overrides, software }),
  }
}

const blank = { seq: 1, lastSeenAt: 0, agentVersion: '1', clockOffsetMs: 0, dropped: 0, findings: [] }

function loaded({ fleet, clock }: World, fact: StoredFact, labels: Record<string, string> = {}, hostId = 'a'.repeat(32)) {
  const meta = { hostId, instance: hostId, publicKey: '', labels, enrolledAt: clock.now(), standing: ACTIVE }
  return fleet.load({ ...blank, meta, lastSeenAt: clock.now(), facts: [fact] })
}

const late = 'updates-security-late'
/** The status of an update that waits for ten days, under these overrides. */
async function judgedAs(overrides: readonly Override[], labels: Record<string, string>): Promise<string | undefined> {
  const one = await world(overrides)
  const host = loaded(one, updates(one.clock.now(), one.clock.now() - days(10)), labels)
  one.judge.now(host)
  const { status } = host.findings.get(late) ?? {}
  await one.judge.stop()
  await one.store.close()
  return status
}

describe('limits', () => {
  const lenient = { check: late, labels: {}, warning: days(20), critical: days(40) }
  const strict = { check: late, labels: {}, warning: days(1), critical: days(2) }

  test.each<[string, readonly Override[], Record<string, string>, string]>([
    ['as shipped', [], {}, 'warning'],
    ['for everyone', [lenient], {}, 'ok'],
    ['for another check', [{ ...lenient, check: 'updates-late' }], {}, 'warning'],
    ['for the role', [{ ...lenient, role: 'laptop' }], { role: 'laptop' }, 'ok'],
    ['for another role', [{ ...lenient, role: 'laptop' }], { role: 'server' }, 'warning'],
    ['for the label', [{ ...lenient, labels: { site: 'Lyon' } }], { site: 'Lyon' }, 'ok'],
    ['for another value of the label', [{ ...lenient, labels: { site: 'Lyon' } }], { site: 'Nice' }, 'warning'],
    ['for a label that the host lacks', [{ ...lenient, labels: { constructor: 'x' } }], {}, 'warning'],
    ['for all of several labels', [{ ...lenient, labels: { site: 'Lyon', team: 'it' } }], { site: 'Lyon' }, 'warning'],
    ['the later one wins', [lenient, strict], {}, 'critical'],
    ['the later one wins, the other way round', [strict, lenient], {}, 'ok'],
    ['a tier that is left out stays', [strict, { check: late, labels: {}, critical: days(30) }], {}, 'warning'],
    ['a tier that is off', [{ check: late, labels: {}, warning: 'off' }], {}, 'ok'],
    [
      'a tier that is off and set again',
      [
        { check: late, labels: {}, warning: 'off' },
        { check: late, labels: {}, warning: days(9) },
      ],
      {},
      'warning',
    ],
  ])('%s', async (_, overrides, labels, status) => {
    expect(await judgedAs(overrides, labels)).toBe(status)
  })
})

describe('rules about software', () => {
  const installed = (at: number, name: string): StoredFact => ({
    ...updates(at),
    key: 'software/dpkg',
    data: JSON.stringify({
      packages: [{ name, version: '1', arch: null, origin: null, installedAt: null }],
      total: 1,
      broken: [],
      unseen: null,
    }),
  })
  const rule = { name: 'falcon-*', labels: {} }

  test.each<[string, SelectedRule, string]>([
    ['for all', rule, 'critical'],
    ['for the label', { ...rule, labels: { site: 'Lyon' } }, 'critical'],
    ['for another value of the label', { ...rule, labels: { site: 'Nice' } }, 'not-applicable'],
    ['for another role', { ...rule, role: 'laptop' }, 'not-applicable'],
  ])('hold %s', async (_, required, status) => {
    const one = await world([], { software: { required: [required], forbidden: [] } })
    const host = loaded(one, installed(one.clock.now(), 'bash'), { site: 'Lyon' })
    one.judge.now(host)
    expect(host.findings.get('software-required')?.status).toBe(status)
    expect(host.findings.get('software-forbidden')?.status).toBe('not-applicable')
    await one.judge.stop()
  })
})

describe('time', () => {
  test('alone makes an update late, at the moment when it is', async () => {
    const one = await world()
    const start = one.clock.now()
    const host = loaded(one, { ...updates(start, start - days(7) + hours(5)), everyMs: days(7) })
    one.judge.now(host)
    expect(host.findings.get(late)?.status).toBe('ok')
    await one.clock.advance(hours(5) - 1_000)
    expect(host.findings.get(late)?.status).toBe('ok')

    await one.clock.advance(2_000)

    expect(host.findings.get(late)).toMatchObject({ status: 'warning', since: start + hours(5) })
    await one.judge.stop()
    await one.store.close()
  })

  test('turns what nobody looks at any more into unknown', async () => {
    const one = await world()
    const host = loaded(one, updates(one.clock.now(), one.clock.now()))
    one.judge.now(host)
    expect(host.findings.get(late)?.status).toBe('ok')
    await one.clock.advance(hours(3) + 1_000)
    expect(host.findings.get(late)).toMatchObject({ status: 'unknown', reason: expect.stringContaining('last looked at') })
    await one.judge.stop()
    await one.store.close()
  })

  test('changes that come together are judged once, soon after the first', async () => {
    const one = await world()
    const host = loaded(one, updates(one.clock.now(), one.clock.now()))
    for (let i = 0; i < 10; i++) {
      one.judge.touch(host)
      await one.clock.advance(19)
    }
    expect(host.findings.size).toBe(0)
    await one.clock.advance(20)
    const { findings } = host
    expect(findings.size).toBeGreaterThan(20)
    await one.clock.advance(500)
    expect(host.findings).toBe(findings)
    await one.judge.stop()
    await one.store.close()
  })
})

describe('what the fleet knows', () => {
  test('an update counts from the first moment that any host saw it: a laptop that slept is late the minute it wakes', async () => {
    const one = await world()
    const first = loaded(one, updates(one.clock.now()))
    one.judge.now(first)
    await until(async () => {
      await one.clock.advance(100)
      return first.findings.get(late)?.status === 'ok'
    }, 'the first look')
    await one.clock.advance(days(20))

    const again = await world([], one)
    const laptop = loaded(again, updates(one.clock.now()), {}, 'b'.repeat(32))
    again.judge.now(laptop)
    await until(async () => {
      await one.clock.advance(100)
      return laptop.findings.get(late)?.status === 'critical'
    }, 'the judgement by the time of the first host')
    await one.judge.stop()
    await again.judge.stop()
    await one.store.close()
  })

  test('an update that was first seen by a clock a year ahead is late all the same once the clock is right', async () => {
    const one = await world()
    const judged = async (status: string) => {
      const host = loaded(one, updates(one.clock.now()))
      one.judge.now(host)
      await until(async () => {
        await one.clock.advance(100)
        return host.findings.get(late)?.status === status
      }, `it is ${status}`)
    }
    one.clock.jump(days(365))
    await judged('ok')
    one.clock.jump(-days(365))
    await judged('ok')
    await one.clock.advance(days(20))
    await judged('critical')
    await one.judge.stop()
    await one.store.close()
  })

  test('since when something is wrong survives a restart, and a store that was away when it was found', async () => {
    const clock = fakeClock()
    const real = await openStore('sqlite::memory:', { clock })
    const token = { id: '0'.repeat(16), kind: 'enrol', secretHash: '', createdAt: 0, expiresAt: null, usesLeft: null } as const
    await real.putToken({ ...token, labels: {}, role: null, note: '', approve: false })
    const hostId = 'c'.repeat(32)
    await real.enrol(token.id, { hostId, instance: 'web', publicKey: '', labels: {}, standing: ACTIVE }, clock.now())
    let away = true
    const store = new Proxy(real, {
      get(target, name) {
        if (name === 'putFindings' && away) return () => Promise.reject(new StoreUnavailable('away'))
        const value = Reflect.get(target, name, target) as unknown
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const before = await world([], { clock, store })
    const start = clock.now()
    const host = loaded(before, { ...updates(start, start - days(10)), everyMs: days(1) }, {}, hostId)
    before.judge.now(host)
    await clock.advance(hours(1))
    expect((await real.host(hostId))?.findings).toEqual([])

    // The next beat has the host judged again: nothing changed, but what was not written is.
    away = false
    before.judge.touch(host)
    await clock.advance(1_000)
    await until(async () => (await real.host(hostId))?.findings.length, 'the findings in the store')
    await before.judge.stop()
    await clock.advance(hours(1))

    const after = await world([], { clock, store })
    const stored = await real.host(hostId)
    if (!stored) throw new Error('the host is gone')
    const back = after.fleet.load({
      ...stored,
      facts: [...host.held.values()].map(() => ({ ...updates(start, start - days(10)), everyMs: days(1) })),
    })
    after.judge.now(back)
    expect(back.findings.get(late)).toMatchObject({ status: 'warning', since: start })
    await after.judge.stop()
    await real.close()
  })
})
