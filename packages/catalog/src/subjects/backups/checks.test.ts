import { expect, test } from 'vitest'
import { days, hours } from '../../duration.ts'
import { type Cases, findingOf, judges, judgesEach, NOW, type Rows, viewOf } from '../../testing.ts'
import * as checks from './checks.ts'
import type { BackupJob, BackupsFact } from './facts.ts'
import { backupConfigured } from './metrics.ts'
import { overdueAfter } from './overdue.ts'

const job = (more: Partial<BackupJob> = {}): BackupJob => ({
  name: 'home',
  tool: 'restic',
  kind: 'backup',
  destination: null,
  standing: 'known',
  reason: null,
  hint: null,
  lastRunAt: null,
  lastResult: 'success',
  lastSuccessAt: NOW - hours(5),
  runningSince: null,
  durationMs: null,
  sourceBytes: null,
  addedBytes: null,
  files: null,
  snapshots: null,
  earlierBytes: [],
  expectedEveryMs: null,
  learnedEveryMs: null,
  verify: null,
  restoreTestedAt: null,
  destinationFreeRatio: null,
  warnings: [],
  ...more,
})
const of = (...jobs: BackupJob[]): { backups: BackupsFact } => ({ backups: { jobs } })
const good = (ago: number, more: Partial<BackupJob> = {}) => of(job({ lastSuccessAt: NOW - ago, ...more }))
const laptop = { role: 'laptop' } as const
const unasked = job({ standing: 'unknown', lastSuccessAt: null, lastResult: null, reason: 'wrong password', hint: 'see password_file' })

const late: Cases = [
  ['5 h old', good(hours(5)), 'ok'],
  ['27 h old on a server', good(hours(27)), 'warning'],
  ['51 h old on a server', good(hours(51)), 'critical'],
  ['51 h old on a laptop', good(hours(51)), 'ok', laptop],
  ['4 days old on a laptop', good(days(4)), 'warning', laptop],
  ['11 days old on a laptop', good(days(11)), 'critical', laptop],
  ['daily, 26.3 h', good(hours(26.3), { expectedEveryMs: days(1) }), 'ok'],
  ['daily, 26.5 h', good(hours(26.5), { expectedEveryMs: days(1) }), 'warning'],
  ['daily, 50.5 h', good(hours(50.5), { expectedEveryMs: days(1) }), 'critical'],
  ['hourly, 3.5 h', good(hours(3.5), { expectedEveryMs: hours(1) }), 'warning'],
  ['hourly on a laptop that was off', good(hours(30), { expectedEveryMs: hours(1) }), 'ok', laptop],
  ['weekly by habit, 5 days', good(days(5), { learnedEveryMs: days(7) }), 'ok'],
  ['a habit of months is no schedule', good(days(5), { learnedEveryMs: days(60) }), 'critical'],
  ['wrong green 26: never backed up', of(job({ lastSuccessAt: null, lastResult: null })), 'critical'],
  ['wrong green 27: could not be asked', of(unasked), 'unknown'],
  ['wrong green 35: not allowed to look', { 'backups/time-machine': { outcome: 'denied' } }, 'unknown'],
  ['wrong green 36: the target is not mounted', of(job(), unasked), 'unknown'],
  ['one of two is late', of(job(), job({ name: 'db', lastSuccessAt: NOW - days(9) })), 'critical'],
  ['only snapshots on the same disk', of(job({ kind: 'snapshot' })), 'not-applicable'],
  ['a success in the future is no evidence', good(-days(1)), 'unknown'],
]
judges(checks.backupsLate, late)

const missing: Cases = [
  ['one is there', of(job()), 'ok'],
  ['none on a server', { backups: { outcome: 'absent' } }, 'critical'],
  ['none on a laptop', { backups: { outcome: 'absent' } }, 'warning', laptop],
  ['a tool without a job', of(), 'critical'],
  ['snapshots are no backup', of(job({ kind: 'snapshot', tool: 'snapper' })), 'critical'],
  ['synchronized folders are no backup', of(job({ kind: 'sync' })), 'critical'],
  ['backups of other machines alone are none of this one', of(job({ protects: 'others' })), 'critical'],
  ['backups of other machines and its own', of(job({ protects: 'others' }), job({ protects: 'this' })), 'ok'],
  ['backups of nobody knows whom', of(job({ protects: 'others' }), job({ protects: 'unknown' })), 'unknown'],
  ['one tool cannot be asked, another has a job', { ...of(job()), 'backups/borg': { outcome: 'denied' } }, 'ok'],
  ['no job, but one tool cannot be asked', { ...of(), 'backups/borg': { outcome: 'denied' } }, 'unknown'],
  ['nothing reported yet', {}, 'unknown'],
]
judges(checks.backupsMissing, missing)

const snapshots = of(job({ kind: 'snapshot', tool: 'snapper', name: 'root' }))
const refused = { outcome: 'denied', reason: 'needs root', hint: 'Run the agent as root.' } as const
const absent = { outcome: 'absent', reason: 'not installed' } as const

test.each([
  ['no tool at all', { 'backups/restic': absent, 'backups/borg': absent }, 'critical', 'no backup is known: no backup tool was found'],
  ['a tool without a job', { 'backups/bacula': of().backups }, 'critical', 'no backup is known: bacula has no job'],
  [
    'only snapshots',
    { 'backups/snapper': snapshots.backups },
    'critical',
    'no backup is known: only snapshots on the machine itself (snapper root), which are none',
  ],
  [
    'only backups of other machines',
    { 'backups/rsnapshot': of(job({ tool: 'rsnapshot', name: 'pull', protects: 'others' })).backups },
    'critical',
    'no backup is known: only backups of other machines (rsnapshot pull), which are none',
  ],
  [
    'only synchronized folders',
    { 'backups/onedrive': of(job({ kind: 'sync', tool: 'onedrive' })).backups },
    'critical',
    'no backup is known: only copies that follow deletions (onedrive home), which are none',
  ],
  [
    'a tool that may not be looked at',
    { 'backups/restic': absent, 'backups/bacula': refused },
    'unknown',
    'backups/bacula: denied: needs root',
  ],
  [
    'a tool that could not be read',
    { 'backups/restic': absent, 'backups/bacula': { outcome: 'failed', reason: 'its layout is not known' } },
    'unknown',
    'backups/bacula: failed: its layout is not known',
  ],
  [
    'a tool that did not answer',
    { 'backups/snapper': snapshots.backups, 'backups/kopia': { outcome: 'timeout', reason: 'no answer in 60 s' } },
    'unknown',
    'backups/kopia: timeout: no answer in 60 s',
  ],
] as const)('no backup found is told apart from could not look: %s', (_, told, status, reason) => {
  expect(findingOf(checks.backupsMissing, told)).toMatchObject({ status, reason })
})

test('snapshots that may not be looked at hide no backup, and a backup tool that may not be does', () => {
  const fine = { 'backups/restic': good(hours(5)).backups }

  expect(findingOf(checks.backupsLate, { ...fine, 'backups/snapper': refused }).status).toBe('ok')
  expect(findingOf(checks.backupsFailed, { ...fine, 'backups/zfs-snapshots': refused }).status).toBe('ok')
  expect(findingOf(checks.backupsLate, { ...fine, 'backups/borg': refused }).status).toBe('unknown')
})

test('whether a backup is configured has a series only where every source spoke', () => {
  const configured = (told: Parameters<typeof viewOf>[0]) => [...backupConfigured.samples(viewOf(told))].map(([, value]) => value)

  expect(configured({ 'backups/snapper': snapshots.backups, 'backups/restic': absent })).toEqual([0])
  expect(configured({ 'backups/snapper': snapshots.backups, 'backups/restic': refused })).toEqual([])
  expect(configured({ 'backups/restic': good(hours(5)).backups, 'backups/borg': refused })).toEqual([1])
  expect(configured({ 'backups/rsnapshot': of(job({ protects: 'others' })).backups })).toEqual([0])
  expect(configured({ 'backups/rsnapshot': of(job({ protects: 'unknown' })).backups })).toEqual([])
})

const verified = (result: 'ok' | 'failed' | 'never', at: number | null = NOW - days(3)) => of(job({ verify: { at, result, detail: null } }))
const sized = (sourceBytes: number, ...earlierBytes: number[]) => of(job({ sourceBytes, earlierBytes }))
const rows: Rows = [
  [checks.backupsFailed, 'went well', of(job()), 'ok'],
  [
    checks.backupsFailed,
    'wrong green 28 and 29: left something out',
    of(job({ lastResult: 'warnings', warnings: ['no such file'] })),
    'warning',
  ],
  [checks.backupsFailed, 'failed once', of(job({ lastResult: 'failed' })), 'warning'],
  [
    checks.backupsFailed,
    'failed, and nobody knows of a run before',
    of(job({ standing: 'unknown', lastResult: 'failed', lastSuccessAt: null })),
    'warning',
  ],
  [checks.backupsFailed, 'could not be asked', of(job({ standing: 'unknown', lastResult: 'success' })), 'unknown'],
  [
    checks.backupsLate,
    'failed, and nobody knows of a run before',
    of(job({ standing: 'unknown', lastResult: 'failed', lastSuccessAt: null })),
    'unknown',
  ],
  [checks.backupsFailed, 'failed, and never succeeded', of(job({ lastResult: 'failed', lastSuccessAt: null })), 'critical'],
  [
    checks.backupsFailed,
    'wrong green 34: a run after the last success',
    of(job({ lastResult: null, lastRunAt: NOW - hours(1) })),
    'warning',
  ],
  [checks.backupsFailed, 'wrong green 34: even if it claims success', of(job({ lastRunAt: NOW - hours(1) })), 'warning'],
  [checks.backupsFailed, 'wrong green 32: never ran', of(job({ lastResult: null, lastSuccessAt: null })), 'unknown'],
  [
    checks.backupsFailed,
    'wrong green 33: success without an end is running',
    of(job({ lastResult: 'running', lastSuccessAt: null })),
    'unknown',
  ],
  [checks.backupsFailed, 'runs now', of(job({ lastResult: 'running', runningSince: NOW - hours(1) })), 'ok'],
  [checks.backupsFailed, 'tells no results', of(job({ lastResult: null })), 'not-applicable'],
  [checks.backupsFailed, 'could not be asked', of(unasked), 'unknown'],
  [checks.backupsVerify, 'lately', verified('ok'), 'ok'],
  [checks.backupsVerify, '40 days ago', verified('ok', NOW - days(40)), 'warning'],
  [checks.backupsVerify, 'never', verified('never', null), 'warning'],
  [checks.backupsVerify, 'damaged', verified('failed'), 'critical'],
  [
    checks.backupsVerify,
    'damaged so that it cannot be listed',
    of({ ...unasked, verify: { at: null, result: 'failed', detail: null } }),
    'critical',
  ],
  [checks.backupsVerify, 'when is not known', verified('ok', null), 'unknown'],
  [checks.backupsVerify, 'nothing is known', of(job()), 'not-applicable'],
  [checks.backupsSize, 'as usual', sized(100, 99, 101, 98), 'ok'],
  [checks.backupsSize, 'half', sized(49, 99, 101, 98), 'warning'],
  [checks.backupsSize, 'four times', sized(400, 99, 101, 98), 'warning'],
  [checks.backupsSize, 'empty', sized(0), 'critical'],
  [checks.backupsSize, 'too few runs', sized(10, 99), 'not-applicable'],
  [checks.backupsSize, 'could not be asked', of(unasked), 'unknown'],
  [checks.backupsDestinationFull, 'half', of(job({ destinationFreeRatio: 0.5 })), 'ok'],
  [checks.backupsDestinationFull, '10 % free', of(job({ destinationFreeRatio: 0.1 })), 'warning'],
  [checks.backupsDestinationFull, '4 % free', of(job({ destinationFreeRatio: 0.04 })), 'critical'],
  [checks.backupsDestinationFull, 'could not be asked', of(unasked), 'unknown'],
  [checks.backupsRunningLong, 'does not run', of(job()), 'ok'],
  [checks.backupsRunningLong, 'a day', of(job({ runningSince: NOW - hours(25) })), 'warning'],
  [checks.backupsRunningLong, 'two days', of(job({ runningSince: NOW - hours(49) })), 'critical'],
  [checks.backupsRunningLong, 'could not be asked', of(unasked), 'unknown'],
]
judgesEach(rows)

test('a second failed run in a row is critical, the same one looked at again is not', () => {
  const failed = (at: number) => of(job({ lastResult: 'failed', lastRunAt: at, lastSuccessAt: NOW - days(1) }))
  const first = findingOf(checks.backupsFailed, failed(NOW - hours(2)))
  const again = findingOf(checks.backupsFailed, failed(NOW - hours(2)), { previous: first })
  const second = findingOf(checks.backupsFailed, failed(NOW - hours(1)), { previous: again })
  expect([first, again, second].map(finding => finding.status)).toEqual(['warning', 'warning', 'critical'])
})

test('what could not be asked tells why and what to do', () => {
  expect(findingOf(checks.backupsLate, of(unasked))).toMatchObject({ reason: 'restic home: wrong password', hint: 'see password_file' })
})

test('a limit that was configured stands above the interval', () => {
  const daily = job({ expectedEveryMs: days(1) })
  expect(overdueAfter(daily, 'server', { warning: hours(12), critical: hours(50) })).toEqual({ warning: hours(12), critical: hours(50.4) })
  expect(overdueAfter(daily, 'server', { critical: hours(50) })).toEqual({ critical: hours(50.4) })
})
