import { expect, test } from 'vitest'
import { days, hours } from '../../duration.ts'
import { type Cases, findingOf, judges, judgesEach, NOW, type Rows } from '../../testing.ts'
import * as checks from './checks.ts'
import type { PendingUpdate, UpdatesFact } from './facts.ts'

const update = (more: Partial<PendingUpdate> = {}): PendingUpdate => ({
  name: 'openssl',
  installed: '1',
  candidate: '2',
  class: 'security',
  severity: null,
  published: null,
  origin: null,
  withheld: null,
  restart: null,
  ...more,
})
const updates = (pending: PendingUpdate[], more: Partial<UpdatesFact> = {}): UpdatesFact => ({
  pending,
  more: 0,
  classified: true,
  lastCheckAt: NOW - hours(2),
  lastCheckError: null,
  lastInstallAt: NOW - days(5),
  lastInstallSucceeded: true,
  automatic: { enabled: true, detail: null, lastRunAt: null },
  broken: null,
  badSources: [],
  managedBy: null,
  ...more,
})
const apt = (pending: PendingUpdate[], more: Partial<UpdatesFact> = {}) => ({ 'updates/apt': updates(pending, more) })
const old = (n: number, more: Partial<PendingUpdate> = {}) => update({ published: NOW - days(n), ...more })
const auto = (enabled: boolean | null) => ({ automatic: { enabled, detail: null, lastRunAt: null } })
const failing = (own?: Partial<NonNullable<UpdatesFact['failing']>[number]>) =>
  apt([], {
    failing: own
      ? [{ name: 'KB1', step: 'install', code: '0x80070002', count: 4, firstAt: NOW - days(1), lastAt: NOW - hours(5), ...own }]
      : [],
  })
const seen = (ago: number) => ({ firstSeen: () => NOW - ago })

const security: Cases = [
  ['none waits', apt([]), 'ok'],
  ['published yesterday', apt([old(1)]), 'ok'],
  ['published 8 days ago', apt([old(8)]), 'warning'],
  ['published 15 days ago', apt([old(1), old(15)]), 'critical'],
  ['first seen in the fleet 8 days ago', apt([update()]), 'warning', seen(days(8))],
  ['since when is not known', apt([update()]), 'warning'],
  ['only others wait', apt([old(40, { class: 'other' })]), 'ok'],
  ['wrong green 2: lists four months old', apt([], { lastCheckAt: NOW - days(120) }), 'unknown'],
  ['nobody knows when it looked', apt([], { lastCheckAt: null }), 'unknown'],
  ['old lists do not hide what is late', apt([old(15)], { lastCheckAt: NOW - days(120) }), 'critical'],
  ['wrong green 4: phased updates', apt([old(20, { withheld: 'phased' })]), 'ok'],
  ['wrong green 5: security is not told apart', apt([old(1, { class: 'other' })], { classified: false }), 'unknown'],
  ['not told apart, but nothing waits', apt([], { classified: false }), 'ok'],
  ['more wait than are listed', apt([], { more: 3 }), 'unknown'],
  ['wrong green 1: the source may not be read', { 'updates/dnf': { outcome: 'denied' } }, 'unknown'],
  ['wrong green 6: one source is dead, the other fine', { ...apt([]), 'updates/wua': { outcome: 'failed' } }, 'unknown'],
  ['wrong green 7: classed by category without a severity', apt([old(15, { severity: null })]), 'critical'],
  ['a time in the future is no evidence', apt([old(-3)]), 'unknown'],
]
judges(checks.updatesSecurityLate, security)

const severe = (n: number) => old(n, { severity: 'critical' })
const rest: Rows = [
  [checks.updatesCriticalLate, 'a day', apt([severe(1)]), 'ok'],
  [checks.updatesCriticalLate, '3 days', apt([severe(3)]), 'warning'],
  [checks.updatesCriticalLate, '8 days', apt([severe(8)]), 'critical'],
  [checks.updatesCriticalLate, 'no severities', apt([old(8)]), 'not-applicable'],
  [checks.updatesCriticalLate, 'old lists', apt([], { lastCheckAt: NOW - days(9) }), 'unknown'],
  [checks.updatesLate, 'a week', apt([old(7, { class: 'other' })]), 'ok'],
  [checks.updatesLate, 'a month', apt([old(31, { class: 'quality' })]), 'warning'],
  [
    checks.updatesLate,
    'drivers and features have their own pace',
    apt([old(90, { class: 'driver' }), old(90, { class: 'feature' })]),
    'ok',
  ],
  [checks.updatesLate, 'old lists', apt([], { lastCheckAt: null }), 'unknown'],
  [checks.updatesWithheld, 'none', apt([]), 'ok'],
  [checks.updatesWithheld, 'held for three weeks', apt([old(21, { withheld: 'held' })]), 'warning'],
  [checks.updatesWithheld, 'behind a subscription', apt([old(21, { withheld: 'subscription' })]), 'warning'],
  [checks.updatesWithheld, 'hidden by policy for a week', apt([], { deferralDays: 7 }), 'ok'],
  [checks.updatesWithheld, 'hidden by policy for a month', apt([], { deferralDays: 30 }), 'warning'],
  [checks.updatesWithheld, 'old lists', apt([], { lastCheckAt: null }), 'unknown'],
  [checks.updatesCheckStale, 'today', apt([]), 'ok'],
  [checks.updatesCheckStale, '4 days', apt([], { lastCheckAt: NOW - days(4) }), 'warning'],
  [checks.updatesCheckStale, '8 days', apt([], { lastCheckAt: NOW - days(8) }), 'critical'],
  [checks.updatesCheckStale, 'not known', apt([], { lastCheckAt: null }), 'unknown'],
  [checks.updatesCheckFailing, 'no error', apt([]), 'ok'],
  [checks.updatesCheckFailing, 'an error of unknown age', apt([], { lastCheckError: '0x80072EE2' }), 'warning'],
  [checks.updatesCheckFailing, 'not readable', { updates: { outcome: 'failed' } }, 'unknown'],
  [checks.updatesInstallStale, 'lately', apt([old(1)]), 'ok'],
  [checks.updatesInstallStale, '40 days, and updates wait', apt([old(1)], { lastInstallAt: NOW - days(40) }), 'warning'],
  [checks.updatesInstallStale, '61 days, and updates wait', apt([old(1)], { lastInstallAt: NOW - days(61) }), 'critical'],
  [checks.updatesInstallStale, '61 days, but nothing waits', apt([], { lastInstallAt: NOW - days(61) }), 'ok'],
  [checks.updatesInstallStale, 'not known, and updates wait', apt([old(1)], { lastInstallAt: null }), 'unknown'],
  [checks.updatesDeliveryFailing, 'no source reads a log', apt([]), 'not-applicable'],
  [checks.updatesDeliveryFailing, 'a log that could not be read', apt([], { failing: null }), 'unknown'],
  [checks.updatesDeliveryFailing, 'nothing fails', failing(), 'ok'],
  [checks.updatesDeliveryFailing, 'since yesterday', failing({ firstAt: NOW - days(1) }), 'ok'],
  [checks.updatesDeliveryFailing, 'for five days', failing({ firstAt: NOW - days(5) }), 'warning'],
  [checks.updatesDeliveryFailing, 'for three weeks', failing({ firstAt: NOW - days(21) }), 'critical'],
  [checks.updatesDeliveryFailing, 'once, five days ago', failing({ firstAt: NOW - days(5), count: 1 }), 'ok'],
  [checks.updatesDeliveryFailing, 'not again for a week', failing({ firstAt: NOW - days(21), lastAt: NOW - days(8) }), 'ok'],
  [checks.updatesInstallFailed, 'well', apt([]), 'ok'],
  [checks.updatesInstallFailed, 'failed', apt([], { lastInstallSucceeded: false }), 'warning'],
  [checks.updatesInstallFailed, 'not told', apt([], { lastInstallSucceeded: null }), 'not-applicable'],
  [checks.updatesInstallFailed, 'not readable', { updates: { outcome: 'failed' } }, 'unknown'],
  [checks.updatesAutomatic, 'on', apt([], auto(true)), 'ok'],
  [checks.updatesAutomatic, 'off on a server', apt([], auto(false)), 'ok'],
  [checks.updatesAutomatic, 'not told', apt([], auto(null)), 'unknown'],
  [
    checks.updatesAutomatic,
    'snap does not make up for apt',
    { ...apt([], auto(null)), 'updates/snap': updates([], auto(true)) },
    'unknown',
  ],
  [checks.updatesBroken, 'sound', apt([]), 'ok'],
  [checks.updatesBroken, 'interrupted', apt([], { broken: 'dpkg was interrupted' }), 'critical'],
  [checks.updatesBroken, 'not readable', { updates: { outcome: 'timeout' } }, 'unknown'],
  [checks.updatesSources, 'good', apt([]), 'ok'],
  [checks.updatesSources, 'expired', apt([], { badSources: ['a is expired', 'b is expired'] }), 'warning'],
  [checks.updatesSources, 'not readable', { updates: { outcome: 'timeout' } }, 'unknown'],
]
judgesEach(rest)

test('automatic updates that are off warn on a workstation', () => {
  expect(findingOf(checks.updatesAutomatic, apt([], auto(false)), { role: 'laptop' }).status).toBe('warning')
})

test('the reason names the oldest and counts the rest, and time alone changes the answer', () => {
  const late = findingOf(checks.updatesSecurityLate, apt([old(2), old(9, { name: 'curl' })]))
  expect(late.reason).toBe('security update curl 2 waits since 9 d (2 wait)')
  expect(late.changesAt).toBe(NOW + hours(3))
})

test('an error of the check that is new is given a day', () => {
  const good = findingOf(checks.updatesCheckFailing, apt([]))
  const fresh = findingOf(checks.updatesCheckFailing, apt([], { lastCheckError: 'x' }), { previous: good })
  const later = findingOf(checks.updatesCheckFailing, apt([], { lastCheckError: 'x' }), { previous: fresh, now: NOW + hours(25) })
  const worse = findingOf(checks.updatesCheckFailing, apt([], { lastCheckError: 'x' }), { previous: later, now: NOW + days(3) })
  expect([good, fresh, later, worse].map(finding => finding.status)).toEqual(['ok', 'ok', 'warning', 'critical'])
})
