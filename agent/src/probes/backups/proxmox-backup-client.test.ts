import { expect, test } from 'vitest'
import { factOf, printed, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { runProbe } from '../../runner.ts'
import type { Job } from './job.ts'
import pbs from './proxmox-backup-client.ts'

// Written from the API model of Proxmox Backup Server 3 (SnapshotListItem): no server was at hand.
type Fact = { readonly jobs: Job[] }
const DAY = 86_400_000
const NOW = Date.UTC(2026, 10, 22, 12)
const snapshot = (daysAgo: number, more: object = {}) => ({
  'backup-type': 'host',
  'backup-id': 'machine',
  'backup-time': (NOW - daysAgo * DAY) / 1000,
  files: [
    { filename: 'root.pxar.didx', size: 900, 'crypt-mode': 'none' },
    { filename: 'index.json.blob', size: 100 },
  ],
  size: 1_000,
  owner: 'agent@pbs!fettle',
  protected: false,
  ...more,
})
const verified = (state: string, at: number) => ({
  verification: {
    state,
    upid: `UPID:pbs:000003A1:00000B52:0000001C:${(at / 1000).toString(16).toUpperCase()}:verificationjob:store:root@pam:`,
  },
})
const list = (...all: object[]) => JSON.stringify(all)
const job = { name: 'nightly', repository: 'agent@pbs!fettle@backup:store', every: DAY }
const of = (text: string, more = {}) =>
  (pbs.parse({ snapshots: [{ ...printed(text, more), name: 'nightly' }] }, { now: NOW, hostname: 'machine', options: [job] }) as Fact)
    .jobs[0]

test('the newest snapshot of this host is the last good backup', () => {
  expect(of(list(snapshot(2), snapshot(1), snapshot(3), snapshot(0.1, { 'backup-id': 'another' })))).toMatchObject({
    name: 'nightly',
    destination: 'agent@pbs!fettle@backup:store',
    standing: 'known',
    lastResult: 'success',
    lastSuccessAt: NOW - DAY,
    sourceBytes: 1_000,
    earlierBytes: [1_000, 1_000],
    snapshots: 3,
    learnedEveryMs: DAY,
    verify: { result: 'never' },
  })
})

test('wrong green 31: snapshots of another machine are not this one’s', () => {
  expect(of(list(snapshot(0.1, { 'backup-id': 'another' })))).toMatchObject({
    standing: 'known',
    lastSuccessAt: null,
    reason: /no snapshot of host\/machine/,
  })
})

test('wrong green 26: an empty list is a repository that never was backed up to', () => {
  expect(of('[]')).toMatchObject({ standing: 'known', lastSuccessAt: null, snapshots: 0 })
})

test('wrong green 27: no answer is no empty list', () => {
  expect(of('', { code: 255, stderr: 'Error: error trying to connect: Connection refused' })).toMatchObject({
    standing: 'unknown',
    reason: /Connection refused/,
  })
  expect(of('')).toMatchObject({ standing: 'unknown' })
  expect(of('[]', { code: 255, stderr: 'permission check failed' })).toMatchObject({ standing: 'unknown' })
})

test('a snapshot without a manifest is no success', () => {
  expect(of(list(snapshot(0, { size: null, files: [] }), snapshot(1)))).toMatchObject({
    lastRunAt: NOW,
    lastResult: null,
    lastSuccessAt: NOW - DAY,
  })
})

test('verification is told with its time; one that failed counts first', () => {
  expect(of(list(snapshot(1, verified('ok', NOW - DAY)), snapshot(2, verified('ok', NOW - 2 * DAY))))?.verify).toMatchObject({
    result: 'ok',
    at: NOW - DAY,
  })
  expect(of(list(snapshot(1, verified('ok', NOW - DAY)), snapshot(2, verified('failed', NOW - 2 * DAY))))?.verify).toMatchObject({
    result: 'failed',
  })
})

test('a snapshot from the future makes the job unknown, and one that is none spoils the list', () => {
  expect(of(list(snapshot(-3)))).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
  expect(of(list(snapshot(1), { 'backup-id': 'machine' }))).toMatchObject({ standing: 'unknown' })
})

test('captures alone give a job for each group', () => {
  expect(
    factOf<Fact>(pbs, { snapshots: list(snapshot(1), snapshot(2, { 'backup-type': 'vm', 'backup-id': '100' })) }, NOW).jobs,
  ).toMatchObject([{ name: 'host/machine' }, { name: 'vm/100' }])
})

test('only what is configured is asked', async () => {
  const command = 'proxmox-backup-client snapshot list host/machine --output-format json'
  const m = machine({ now: NOW, commands: { [command]: { text: list(snapshot(1)) } } })

  expect(await runProbe(pbs, hostOf(machine()), [], 0)).toMatchObject({ outcome: 'absent' })
  expect(await runProbe(pbs, hostOf(m), [job], 0)).toMatchObject({ outcome: 'ok', data: { jobs: [{ lastSuccessAt: NOW - DAY }] } })
  expect(await runProbe(pbs, hostOf(machine()), [job], 0)).toMatchObject({
    outcome: 'ok',
    data: { jobs: [{ standing: 'unknown', reason: /not installed/ }] },
  })
})

test('any text gives a fact or an error', () => {
  survives(pbs, 'snapshots', [list(snapshot(1), snapshot(2, verified('ok', NOW)))])
})
