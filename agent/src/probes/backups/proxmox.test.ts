import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { HostError } from '../../host.ts'
import { runProbe } from '../../runner.ts'
import type { Job } from './job.ts'
import proxmox from './proxmox.ts'

// Written from PVE::RESTEnvironment and PVE::VZDump of Proxmox VE 8: no node was at hand.
type Fact = { readonly jobs: Job[] }
const NOW = Date.UTC(2026, 10, 22, 12)
const hex = (at: number) => (at / 1000).toString(16).toUpperCase()
const at = (day: number, hour = 1) => Date.UTC(2026, 10, day, hour)
const upid = (start: number, guest = '', type = 'vzdump') => `UPID:pve1:0003B0F5:0A6B1A2C:${hex(start)}:${type}:${guest}:root@pam:`
const ended = (start: number, status: string, guest = '', type = 'vzdump') =>
  `${upid(start, guest, type)} ${hex(start + 600_000)} ${status}\n`
const LOG = `INFO: starting new backup job: vzdump 100 101 102 --mode snapshot --storage pbs --compress zstd
INFO: Starting Backup of VM 100 (lxc)
INFO: Backup started at 2026-11-22 02:00:02
INFO: archive file size: 1.5GB
INFO: Finished Backup of VM 100 (00:00:41)
INFO: Starting Backup of VM 101 (qemu)
ERROR: Backup of VM 101 failed - unable to find VM '101'
INFO: Failed at 2026-11-22 02:00:44
INFO: Starting Backup of VM 102 (qemu)
INFO: Finished Backup of VM 102 (00:01:00)
INFO: Backup job finished with errors
TASK ERROR: job errors
`
const INDEX = ended(at(20), 'OK', '100') + ended(at(21), 'OK', '', 'vzstart') + ended(at(21), 'OK', '101') + ended(at(22), 'job errors')
const path = (task: string) => `/var/log/pve/tasks/${task.split(':')[4]?.slice(-1)}/${task}`
const jobsOf = (fact: { readonly data?: unknown }) => (fact.data as Fact).jobs

const node = (more: Record<string, string | Error> = {}) =>
  machine({
    now: NOW,
    files: {
      '/etc/pve/qemu-server/101.conf': '',
      '/etc/pve/qemu-server/102.conf': '',
      '/etc/pve/lxc/100.conf': '',
      '/var/log/pve/tasks/index': INDEX,
      [path(upid(at(22)))]: LOG,
      ...more,
    },
  })

test('a run of several guests is as good for each as its log says', async () => {
  expect(jobsOf(await runProbe(proxmox, hostOf(node()), { exclude: [] }, 0))).toMatchObject([
    { name: 'guest 101', lastResult: 'failed', lastSuccessAt: at(21) + 600_000, warnings: ["unable to find VM '101'"] },
    { name: 'guest 102', lastResult: 'success', lastSuccessAt: at(22) + 101_000 },
    {
      name: 'guest 100',
      tool: 'vzdump',
      kind: 'backup',
      destination: 'pbs',
      lastResult: 'success',
      lastSuccessAt: at(22) + 41_000,
      addedBytes: 1_610_612_736,
      durationMs: 41_000,
    },
  ])
})

test('a guest without a run is unknown, unless it is excluded; one that is gone is not told', async () => {
  const m = node({ '/etc/pve/lxc/200.conf': '', '/var/log/pve/tasks/index.1': ended(at(3), 'OK', '999') })

  const jobs = jobsOf(await runProbe(proxmox, hostOf(m), { exclude: [] }, 0))

  expect(jobs.find(job => job.name === 'guest 200')).toMatchObject({ standing: 'unknown', reason: /no run of vzdump/ })
  expect(jobs.some(job => job.name === 'guest 999')).toBe(false)
  expect(jobsOf(await runProbe(proxmox, hostOf(m), { exclude: [200] }, 0)).some(job => job.name === 'guest 200')).toBe(false)
})

test('a run that goes on is told, and what it has done already counts', async () => {
  const task = upid(at(22, 11))
  const begun = LOG.split('\n').slice(0, 6).join('\n')
  const m = node({ '/var/log/pve/tasks/active': `${task} 0\n${ended(at(21), 'OK', '101').replace(': ', ': 1 ')}`, [path(task)]: begun })

  const jobs = jobsOf(await runProbe(proxmox, hostOf(m), { exclude: [] }, 0))

  expect(jobs.find(job => job.name === 'guest 100')).toMatchObject({ lastResult: 'success', lastSuccessAt: at(22, 11) + 41_000 })
  expect(jobs.find(job => job.name === 'guest 101')).toMatchObject({ lastResult: 'running', runningSince: at(22, 11) })
})

test.each([
  ['OK', 'success', at(21) + 600_000],
  ['WARNINGS: 2', 'warnings', at(21) + 600_000],
  ['job errors', 'failed', null],
  ['interrupted by signal', 'failed', null],
  ['unexpected status', 'failed', null],
])('a task that ended with %s is %s', (status, lastResult, lastSuccessAt) => {
  expect(factOf<Fact>(proxmox, { index: ended(at(21), status, '100') }, NOW).jobs).toMatchObject([
    { name: 'guest 100', lastResult, lastSuccessAt },
  ])
})

test('without its log a run of several guests is one job', () => {
  expect(factOf<Fact>(proxmox, { index: INDEX }, NOW).jobs.find(job => job.name === 'vzdump of several guests')).toMatchObject({
    lastResult: 'failed',
  })
})

test('a log that is cut short hides nothing: its run is told as a whole too', async () => {
  const m = node({ [path(upid(at(22)))]: LOG.split('\n').slice(0, 5).join('\n') })

  const jobs = jobsOf(await runProbe(proxmox, hostOf(m), { exclude: [] }, 0))

  expect(jobs.find(job => job.name === 'vzdump of several guests')).toMatchObject({ lastResult: 'failed', warnings: ['job errors'] })
})

test('the API tells the same', () => {
  const tasks = JSON.stringify([
    {
      upid: upid(at(22), '100'),
      node: 'pve1',
      type: 'vzdump',
      id: '100',
      user: 'root@pam',
      starttime: at(22) / 1000,
      endtime: at(22, 2) / 1000,
      status: 'OK',
    },
    {
      upid: upid(at(21), '100'),
      node: 'pve1',
      type: 'vzdump',
      id: '100',
      user: 'root@pam',
      starttime: at(21) / 1000,
      endtime: at(21, 2) / 1000,
      status: 'job errors',
    },
  ])

  expect(factOf<Fact>(proxmox, { tasks }, NOW).jobs).toMatchObject([{ lastResult: 'success', lastSuccessAt: at(22, 2) }])
  expect(factOf<Fact>(proxmox, { tasks: '[]' }, NOW).jobs).toEqual([])
  expect(() => factOf(proxmox, { tasks: '{"data":1}' }, NOW)).toThrow()
})

test('a log alone tells how it ended, not when', () => {
  expect(factOf<Fact>(proxmox, { log: LOG }, NOW).jobs).toMatchObject([
    { name: 'guest 100', standing: 'unknown', lastResult: 'success', lastSuccessAt: null },
    { name: 'guest 101', standing: 'unknown', lastResult: 'failed' },
    { name: 'guest 102', standing: 'unknown' },
  ])
})

test('lines that are none are refused, and ends in the future are unknown', () => {
  for (const cut of [15, 20, 30]) expect(() => factOf(proxmox, { index: INDEX.slice(0, -cut) }, NOW)).toThrow(/Cannot read a line/)
  expect(factOf<Fact>(proxmox, { index: ended(at(28), 'OK', '100') }, NOW).jobs).toMatchObject([
    { standing: 'unknown', lastSuccessAt: null },
  ])
})

test('elsewhere there is none, and without a right nobody knows', async () => {
  const file = '/var/log/pve/tasks/index'

  expect(await runProbe(proxmox, hostOf(machine()), { exclude: [] }, 0)).toMatchObject({ outcome: 'absent' })
  expect(await runProbe(proxmox, hostOf(node({ [file]: new HostError('EACCES', file) })), { exclude: [] }, 0)).toMatchObject({
    outcome: 'denied',
  })
})

test('any text gives a fact or an error', () => {
  survives(proxmox, 'index', [INDEX])
  survives(proxmox, 'log', [LOG])
  survives(proxmox, 'tasks', [JSON.stringify([{ upid: upid(at(22), '100'), endtime: 1_795_000_000, status: 'OK' }])])
})
