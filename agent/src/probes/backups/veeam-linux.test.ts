import { expect, test } from 'vitest'
import { factOf, printed, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { type Host, HostError } from '../../host.ts'
import { runProbe } from '../../runner.ts'
import type { Job } from './job.ts'
import veeam, { parseVeeamLinux } from './veeam-linux.ts'

// Written from the one line of such logs that is publicly known, and from the columns that Veeam's user guide shows: no agent was at hand.
type Fact = { readonly jobs: Job[] }
const NOW = Date.UTC(2026, 10, 22, 12)
const HOUR = 3_600_000
const context = { now: NOW, hostname: 'machine', options: undefined }
const two = (number: number) => String(number).padStart(2, '0')
/** A session that ended so long ago, written in a zone that is ahead of UTC by so many hours. */
function session(hoursAgo: number, status: string | null, { zone = 2, lag = 1_000, job = 'Daily' } = {}) {
  const end = NOW - hoursAgo * HOUR
  const local = new Date(end + zone * HOUR)
  const stamp = `[${two(local.getUTCDate())}.${two(local.getUTCMonth() + 1)}.${local.getUTCFullYear()} ${local.toISOString().slice(11, 19)}]`
  const name = `/var/log/veeam/Backup/${job}/Session_${local.toISOString().slice(0, 10).replaceAll('-', '')}_${local.toISOString().slice(11, 19).replaceAll(':', '')}_{x}/Job.log`
  const text = `${stamp} <140529559693056> lpbcore| Doing things.\n${status === null ? '' : `${stamp} <140529559693056> lpbcore| JOB STATUS: ${status}.\n`}`
  return printed(text, { name, modifiedAt: end + lag })
}
const of = (...log: ReturnType<typeof session>[]) => parseVeeamLinux({ log }, context).jobs[0]

test.each([
  ['SUCCESS', 'success', NOW - HOUR + 1_000],
  ['WARNING', 'warnings', NOW - HOUR + 1_000],
  ['FAILED', 'failed', NOW - 25 * HOUR + 1_000],
  ['CANCELLED', null, NOW - 25 * HOUR + 1_000],
])('a session that ended with %s', (status, lastResult, lastSuccessAt) => {
  expect(of(session(1, status), session(25, 'SUCCESS'))).toMatchObject({
    name: 'Daily',
    tool: 'veeam',
    kind: 'backup',
    lastResult,
    lastSuccessAt,
  })
})

test('wrong green 33: a session without an end runs, or was broken off; it is no success', () => {
  expect(of(session(1, null), session(25, 'SUCCESS'))).toMatchObject({ lastResult: 'running', lastSuccessAt: NOW - 25 * HOUR + 1_000 })
  expect(of(session(9, null), session(25, 'SUCCESS'))).toMatchObject({ lastResult: 'failed', lastSuccessAt: NOW - 25 * HOUR + 1_000 })
  expect(of(session(9, null))).toMatchObject({ lastResult: 'failed', lastSuccessAt: null })
})

test('a log in any zone agrees with its file; one that was copied or touched later tells no time', () => {
  for (const zone of [-8, 0, 5.75, 13]) expect(of(session(1, 'SUCCESS', { zone }))).toMatchObject({ standing: 'known' })
  for (const lag of [8 * 60_000, 3 * 24 * HOUR])
    expect(of(session(80, 'SUCCESS', { lag }))).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
  expect(of(session(-3, 'SUCCESS'))).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
})

test('the list of sessions tells results, not ages', () => {
  const id = '{96740f4e-0000-4000-8000-000000000000}'
  const text = `Job name      Type     ID                                      State    Started at        Finished at\nDaily job     Backup   ${id}  Failed   2026-11-22 02:00  2026-11-22 02:04\nDaily job     Backup   ${id}  Success  2026-11-21 02:00  2026-11-21 02:04\nTotal amount: 2\n`

  expect(factOf<Fact>(veeam, { sessions: text }, NOW).jobs).toMatchObject([
    { name: 'Daily job', standing: 'unknown', lastResult: 'failed', lastSuccessAt: null },
  ])
  expect(factOf<Fact>(veeam, { sessions: 'Job name  Type  ID\nTotal amount: 0\n' }, NOW).jobs).toEqual([])
  expect(() => factOf(veeam, { sessions: 'Job name  Type  ID\n' }, NOW)).toThrow()
})

test('a text that is no log is refused', () => {
  for (const text of ['', 'JOB STATUS: SUCCESS.', 'nothing']) expect(() => factOf(veeam, { log: text }, NOW)).toThrow()
})

test('the newest sessions of each job are looked at, by the ends of their logs', async () => {
  const sessions = [session(1, 'SUCCESS'), session(25, 'FAILED'), session(3, 'FAILED', { job: 'Weekly' })]
  const m = machine({
    now: NOW,
    files: Object.fromEntries(sessions.map(({ name, text }) => [name, text])),
    commands: Object.fromEntries(sessions.map(({ name, text }) => [`tail -c 32768 ${name}`, { text }])),
  })
  const door = hostOf(m)
  const modified = new Map(sessions.map(({ name, modifiedAt }) => [name, modifiedAt]))
  const stat = async (path: string) => ({ ...(await door.stat(path)), modifiedAt: modified.get(path) ?? 0 })

  expect((await runProbe(veeam, { ...door, stat } as Host, undefined, 0)).data).toMatchObject({
    jobs: [
      { name: 'Daily', lastResult: 'success', lastSuccessAt: NOW - HOUR + 1_000 },
      { name: 'Weekly', lastResult: 'failed', lastSuccessAt: null },
    ],
  })
})

test('elsewhere there is none, without a session there is no job, and without a right nobody knows', async () => {
  const host = hostOf(machine())
  const denied = { ...host, list: () => Promise.reject(new HostError('EACCES', '/var/log/veeam/Backup')) } as unknown as Host

  expect(await runProbe(veeam, host, undefined, 0)).toMatchObject({ outcome: 'absent' })
  expect(await runProbe(veeam, hostOf(machine({ files: { '/usr/bin/veeamconfig': '' } })), undefined, 0)).toMatchObject({
    outcome: 'ok',
    data: { jobs: [] },
  })
  expect(await runProbe(veeam, denied, undefined, 0)).toMatchObject({ outcome: 'denied' })
})

test('any text gives a fact or an error', () => {
  survives(veeam, 'log', [session(1, 'SUCCESS').text])
  survives(veeam, 'sessions', ['Job name  Type  ID\nDaily  Backup  {96740f4e-0000-4000-8000-000000000000}  Success  2026-11-22 02:00\n'])
})
