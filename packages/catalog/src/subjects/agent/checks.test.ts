import { expect, test } from 'vitest'
import { days, minutes, seconds } from '../../duration.ts'
import { findingOf, judgesEach, NOW, type Rows } from '../../testing.ts'
import type { Presence } from '../../view.ts'
import * as checks from './checks.ts'
import type { AgentFact } from './facts.ts'

const agent = (more: Partial<AgentFact> = {}): { agent: AgentFact } => ({
  agent: {
    version: '0.1.0',
    runtime: '26',
    startedAt: NOW,
    privileged: true,
    residentBytes: 60e6,
    privateBytes: null,
    cpuSeconds: 1,
    cpuRatio: 0.001,
    outbox: { waiting: 0, dropped: 0, fault: null },
    stuck: 0,
    probes: [],
    warnings: [],
    ...more,
  },
})
const seen = (ago: number, clockOffsetMs: number | null = 0): { presence: Presence } => ({
  presence: { up: false, lastSeenAt: NOW - ago, connectedSince: null, clockOffsetMs, agentVersion: '', protocol: '1', dropped: 0 },
})
const laptop = (ago: number) => ({ ...seen(ago), role: 'laptop' }) as const
const stale = { agent: { outcome: 'ok', at: NOW - days(40) } } as const

const copied = { presence: { ...seen(0).presence, quarantined: { since: NOW - days(1), why: 'its link token was shown twice' } } }
const single = { presence: { ...seen(0).presence, quarantined: null } }

const rows: Rows = [
  [checks.agentIdentity, 'of one machine', agent(), 'ok', single],
  [checks.agentIdentity, 'of two', {}, 'critical', copied],
  [checks.agentIdentity, 'that no collector has seen', agent(), 'not-applicable', seen(0)],
  [checks.agentSeen, 'a server, now', agent(), 'ok', seen(0)],
  [checks.agentSeen, 'a server, 6 min', agent(), 'warning', seen(minutes(6))],
  [checks.agentSeen, 'a server, 16 min', agent(), 'critical', seen(minutes(16))],
  [checks.agentSeen, 'a laptop, a week', agent(), 'ok', laptop(days(7))],
  [checks.agentSeen, 'a laptop, 15 days', agent(), 'warning', laptop(days(15))],
  [checks.agentSeen, 'a laptop, 31 days', agent(), 'critical', laptop(days(31))],
  [checks.agentSeen, 'stands on presence though the facts are stale', stale, 'critical', seen(minutes(16))],
  [checks.agentSeen, 'stands on presence though nothing was reported', {}, 'ok', seen(0)],
  [checks.agentSeen, 'enrolled and never heard of', agent(), 'unknown', seen(NOW)],
  [checks.agentSeen, 'a time in the future', agent(), 'unknown', seen(-days(1))],
  [checks.agentClock, 'right', agent(), 'ok', seen(0, 30)],
  [checks.agentClock, '3 min behind', agent(), 'warning', seen(0, -minutes(3))],
  [checks.agentClock, '11 min ahead', agent(), 'critical', seen(0, minutes(11))],
  [checks.agentClock, 'never measured', agent(), 'not-applicable', seen(0, null)],
  [checks.agentResources, 'light', agent(), 'ok'],
  [checks.agentResources, 'a fifth of a core', agent({ cpuRatio: 0.2 }), 'warning'],
  [checks.agentResources, 'heavy', agent({ residentBytes: 300e6 }), 'warning'],
  [checks.agentResources, 'a probe hangs', agent({ stuck: 1 }), 'warning'],
  [checks.agentResources, 'stale', stale, 'unknown'],
  [checks.agentOutbox, 'kept', agent(), 'ok'],
  [checks.agentOutbox, 'read-only disk', agent({ outbox: { waiting: 0, dropped: 0, fault: 'EROFS' } }), 'warning'],
  [checks.agentOutbox, 'stale', stale, 'unknown'],
  [checks.agentPrivileges, 'all rights', agent(), 'ok'],
  [checks.agentPrivileges, 'none', agent({ privileged: false }), 'warning'],
  [checks.agentPrivileges, 'one is denied', agent({ probes: [{ key: 'disks/smartctl', outcome: 'denied', tookMs: 1 }] }), 'warning'],
  [checks.agentPrivileges, 'stale', stale, 'unknown'],
  [checks.agentPrivileges, 'without Full Disk Access', agent({ privileged: true, fullDiskAccess: false }), 'warning'],
  [checks.agentPrivileges, 'with Full Disk Access', agent({ privileged: true, fullDiskAccess: true }), 'ok'],
  [checks.agentConfig, 'sound', agent(), 'ok'],
  [checks.agentConfig, 'a mistake', agent({ warnings: ['no such probe'] }), 'warning'],
  [checks.agentConfig, 'stale', stale, 'unknown'],
]
judgesEach(rows)

test('entries that are dropped are told', () => {
  const dropped = (n: number) => agent({ outbox: { waiting: 0, dropped: n, fault: null } })
  const before = findingOf(checks.agentOutbox, dropped(4))
  expect(before.status).toBe('ok')
  expect(findingOf(checks.agentOutbox, dropped(5), { previous: before }).status).toBe('warning')
})

test('presence tells when it would change', () => {
  expect(findingOf(checks.agentSeen, agent(), seen(seconds(10))).changesAt).toBe(NOW - seconds(10) + minutes(5))
})
