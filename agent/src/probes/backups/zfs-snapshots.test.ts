import { expect, test } from 'vitest'
import { factOf, printed, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { runProbe } from '../../runner.ts'
import type { Job } from './job.ts'
import zfs, { parseZfsSnapshots } from './zfs-snapshots.ts'

// Written from zfs-list(8) of OpenZFS 2.2: the kernel that the tests were written on has no ZFS module.
type Fact = { readonly jobs: Job[] }
const NOW = Date.UTC(2026, 10, 22, 12)
const context = { now: NOW, hostname: 'machine', options: undefined }
const at = (hour: number) => Date.UTC(2026, 10, 22, hour) / 1000
const LIST = `tank/data@autosnap_2026-11-22_08:00:00_hourly\t${at(8)}\ntank/data@autosnap_2026-11-22_09:00:00_hourly\t${at(9)}\nrpool/ROOT@first boot\t${at(1)}\n`
const POOLS = { '/proc/spl/kstat/zfs/tank/state': 'ONLINE\n', '/proc/spl/kstat/zfs/arcstats': 'x' }
const ask = 'zfs list -H -p -t snapshot -o name,creation'
const devices = 'zpool list -HvPL -o name'

test('each dataset is a job of snapshots', () => {
  expect(factOf<Fact>(zfs, { list: LIST }, NOW).jobs).toMatchObject([
    { name: 'tank/data', kind: 'snapshot', tool: 'zfs', snapshots: 2, lastSuccessAt: at(9) * 1000 },
    { name: 'rpool/ROOT', snapshots: 1, lastSuccessAt: at(1) * 1000 },
  ])
})

test('many datasets are told by pool', () => {
  const many = Array.from({ length: 5_000 }, (_, index) => `tank/vm-${index}@daily\t${at(8) + (index % 60)}\n`).join('')

  expect(factOf<Fact>(zfs, { list: many + LIST }, NOW).jobs).toMatchObject([
    { name: 'tank', snapshots: 5_002 },
    { name: 'rpool', snapshots: 1 },
  ])
})

test('no snapshot is told by silence only where the tool ended well', () => {
  expect(parseZfsSnapshots({ list: [printed('', { code: 0 })] }, context).jobs).toEqual([])
  expect(parseZfsSnapshots({ list: [printed('no datasets available\n')] }, context).jobs).toEqual([])
  expect(() => parseZfsSnapshots({ list: [printed('')] }, context)).toThrow(/printed nothing/)
  expect(() => parseZfsSnapshots({ list: [printed('', { code: 1, stderr: 'internal error' })] }, context)).toThrow(/internal error/)
  expect(() =>
    parseZfsSnapshots({ list: [printed('', { code: 1, stderr: 'Permission denied the ZFS utilities must be run as root.' })] }, context),
  ).toThrow(expect.objectContaining({ name: 'Denied' }))
})

test('a row that is cut off, or dates for people, are refused', () => {
  expect(() => factOf(zfs, { list: `${LIST.slice(0, -8)}\ntank@x` }, NOW)).toThrow(/Cannot read a row/)
  expect(() => factOf(zfs, { list: 'tank@x\tSun Nov 22  9:00 2026\n' }, NOW)).toThrow(/Cannot read a row/)
})

test('pools are asked where their disks are awake', async () => {
  const commands = {
    [devices]: { text: 'tank\n\tmirror-0\n\t/dev/sda1\n\t/dev/sdb1\n' },
    [ask]: { text: LIST },
    'smartctl -n standby,3 -i /dev/sdb': { code: 3 },
  }
  const files = {
    ...POOLS,
    '/sys/devices/sdb/sdb1/partition': '1',
    '/sys/devices/sdb/queue/rotational': '1',
  }
  const links = { '/sys/class/block/sdb1': '/sys/devices/sdb/sdb1', '/sys/class/block/sdb': '/sys/devices/sdb' }
  const asleep = machine({ now: NOW, files, links, commands })

  expect((await runProbe(zfs, hostOf(asleep), undefined, 0)).data).toMatchObject({ jobs: [{ standing: 'unknown', reason: /sdb sleeps/ }] })
  expect(asleep.ran).not.toContain(ask)
  expect(await runProbe(zfs, hostOf(machine({ now: NOW, files: POOLS, commands })), undefined, 0)).toMatchObject({ outcome: 'ok' })
})

test('a suspended pool is not asked, and without a pool there is nothing', async () => {
  const suspended = machine({ files: { '/proc/spl/kstat/zfs/tank/state': 'SUSPENDED\n' } })

  expect(await runProbe(zfs, hostOf(suspended), undefined, 0)).toMatchObject({ outcome: 'failed', reason: 'the pool tank is suspended' })
  expect(suspended.ran).toEqual([])
  expect(await runProbe(zfs, hostOf(machine()), undefined, 0)).toMatchObject({ outcome: 'absent' })
  expect(await runProbe(zfs, hostOf(machine({ files: { '/proc/spl/kstat/zfs/arcstats': 'x' } })), undefined, 0)).toMatchObject({
    outcome: 'absent',
  })
  expect(await runProbe(zfs, hostOf(machine({ files: POOLS })), undefined, 0)).toMatchObject({ outcome: 'failed' })
})

test('any text gives a fact or an error', () => {
  survives(zfs, 'list', [LIST])
})
