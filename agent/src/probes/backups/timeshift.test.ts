import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { runProbe } from '../../runner.ts'
import type { Job } from './job.ts'
import timeshift from './timeshift.ts'

// The settings are those that Debian's timeshift 22.11.2 installs; info.json is written from what timeshift's source writes.
type Fact = { readonly jobs: Job[] }
const NOW = Date.UTC(2026, 10, 22, 12)
const config = (more: object = {}) =>
  JSON.stringify(
    {
      backup_device_uuid: 'abc-1',
      parent_device_uuid: '',
      do_first_run: 'false',
      btrfs_mode: 'false',
      schedule_daily: 'true',
      schedule_hourly: 'false',
      ...more,
    },
    null,
    2,
  )
const info = (hour: number) =>
  JSON.stringify(
    {
      created: String(Date.UTC(2026, 10, 22, hour) / 1000),
      'sys-uuid': 'abc-1',
      'sys-distro': 'Debian 12',
      'app-version': '22.11.2',
      file_count: '12',
      tags: 'daily ',
      comments: '',
      live: 'false',
      type: 'rsync',
    },
    null,
    2,
  )
const LIST = `Device : /dev/sda2
UUID   : abc-1
Path   : /run/timeshift/1/backup
Mode   : RSYNC
Status : OK
2 snapshots, 10 GB free

Num     Name                 Tags  Description  
------------------------------------------------------------------------------
0    >  2026-11-21_10-00-01  D                  
1    >  2026-11-22_10-00-01  D                  
`
const set = (mountinfo: string, files: Record<string, string> = {}) =>
  machine({
    now: NOW,
    files: { '/etc/timeshift/timeshift.json': config(), '/proc/self/mountinfo': mountinfo, '/dev/sda2': '', ...files },
    links: { '/dev/disk/by-uuid/abc-1': '/dev/sda2' },
  })

test('snapshots on a file system that is mounted are told, with their schedule', async () => {
  const m = set('22 1 8:2 / / rw - ext4 /dev/sda2 rw\n', {
    '/timeshift/snapshots/2026-11-21_10-00-01/info.json': info(1),
    '/timeshift/snapshots/2026-11-22_10-00-01/info.json': info(9),
    '/timeshift/snapshots/2026-11-22_11-00-01/localhost/etc/fstab': 'begun, and not finished',
    '/timeshift/snapshots/.sync/info.json': info(10),
  })

  expect((await runProbe(timeshift, hostOf(m), undefined, 0)).data).toMatchObject({
    jobs: [{ kind: 'snapshot', standing: 'known', snapshots: 2, lastSuccessAt: Date.UTC(2026, 10, 22, 9), expectedEveryMs: 86_400_000 }],
  })
  expect(m.ran).toEqual([])
})

test('a device that is mounted nowhere as a whole, or is away, is unknown and is not mounted', async () => {
  const subvolume = set('22 1 0:30 /@ / rw - btrfs /dev/sda2 rw\n')
  const away = machine({ now: NOW, files: { '/etc/timeshift/timeshift.json': config() } })

  expect((await runProbe(timeshift, hostOf(subvolume), undefined, 0)).data).toMatchObject({
    jobs: [{ standing: 'unknown', reason: /must not mount/ }],
  })
  expect((await runProbe(timeshift, hostOf(away), undefined, 0)).data).toMatchObject({
    jobs: [{ standing: 'unknown', reason: /not attached/ }],
  })
  expect([...subvolume.ran, ...away.ran]).toEqual([])
})

test('mounted, and nothing in it: there has never been a snapshot', async () => {
  const m = set('22 1 8:2 / / rw - ext4 /dev/sda2 rw\n')

  expect((await runProbe(timeshift, hostOf(m), undefined, 0)).data).toMatchObject({
    jobs: [{ standing: 'known', snapshots: 0, lastSuccessAt: null }],
  })
})

test('timeshift that is not set up is absent', async () => {
  const fresh = machine({ files: { '/etc/timeshift/timeshift.json': config({ backup_device_uuid: '' }) } })

  expect(await runProbe(timeshift, hostOf(machine()), undefined, 0)).toMatchObject({ outcome: 'absent' })
  expect(await runProbe(timeshift, hostOf(fresh), undefined, 0)).toMatchObject({ outcome: 'absent' })
})

test('one info.json is a snapshot; the list tells only how many; the settings alone tell nothing', () => {
  expect(factOf<Fact>(timeshift, { snapshot: info(9) }, NOW).jobs).toMatchObject([
    { lastSuccessAt: Date.UTC(2026, 10, 22, 9), snapshots: 1 },
  ])
  expect(factOf<Fact>(timeshift, { list: LIST }, NOW).jobs).toMatchObject([{ standing: 'unknown', snapshots: 2, lastSuccessAt: null }])
  expect(factOf<Fact>(timeshift, { config: config() }, NOW).jobs).toMatchObject([{ standing: 'unknown' }])
})

test('a control file that is torn or has no time is refused', () => {
  for (const text of [info(9).slice(0, 40), '{}', '{"sys-uuid":"x","created":"yesterday"}', '{"sys-uuid":"x","created":""}', '']) {
    expect(() => factOf(timeshift, { snapshot: text }, NOW)).toThrow()
  }
})

test('any text gives a fact or an error', () => {
  survives(timeshift, 'snapshot', [info(9)])
  survives(timeshift, 'config', [config()])
  survives(timeshift, 'list', [LIST])
})
