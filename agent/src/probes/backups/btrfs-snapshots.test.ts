import { afterAll, expect, test } from 'vitest'
import { canMountBtrfs, makeBtrfs } from '../../../../test/kit/btrfs.ts'
import { factOf, printed, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { localHost } from '../../host/local.ts'
import { runProbe } from '../../runner.ts'
import btrfs, { parseBtrfsSnapshots } from './btrfs-snapshots.ts'
import type { Job } from './job.ts'

const NOW = Date.UTC(2026, 10, 22, 12)
const context = { now: NOW, hostname: 'machine', options: undefined }
/** As btrfs-progs 6.2 prints it, with TZ=UTC. */
const LIST = `ID 257 gen 7 cgen 7 top level 5 otime 2026-11-22 09:14:36 uuid 14216a3f-a6ac-034a-9a5c-26d3231cf93c path snap1
ID 258 gen 8 cgen 8 top level 5 otime 2026-11-22 08:14:36 uuid 81a5d4ce-af8d-794e-ace3-eb8ab654e9df path snaps/rw one
`
const MOUNTS =
  '30 1 0:40 / / rw - btrfs /dev/sda2 rw\n31 1 0:40 /home /home rw - btrfs /dev/sda2 rw\n32 1 0:41 / /data rw - btrfs /dev/sdb rw\n'
const command = (mount: string) => `btrfs subvolume list -s -u ${mount}`
const jobsOf = (fact: { readonly data?: unknown }) => (fact.data as { jobs: Job[] }).jobs

test('the newest snapshot of a file system is told, as a snapshot', () => {
  expect(factOf<{ jobs: Job[] }>(btrfs, { list: LIST }, NOW).jobs).toMatchObject([
    { kind: 'snapshot', tool: 'btrfs', standing: 'known', snapshots: 2, lastSuccessAt: Date.UTC(2026, 10, 22, 9, 14, 36) },
  ])
})

test('each file system is asked once, and only where its disks are awake', async () => {
  const m = machine({
    now: NOW,
    files: { '/proc/self/mountinfo': MOUNTS, '/sys/class/block/sdb/queue/rotational': '1' },
    commands: { [command('/')]: { text: LIST }, 'smartctl -n standby,3 -i /dev/sdb': { code: 3 } },
  })

  const fact = await runProbe(btrfs, hostOf(m), undefined, 0)

  expect(jobsOf(fact)).toMatchObject([
    { name: '/', destination: '/', snapshots: 2 },
    { name: '/data', standing: 'unknown', reason: 'sdb sleeps and is not woken for this' },
  ])
  expect(m.ran).toEqual([command('/'), 'smartctl -n standby,3 -i /dev/sdb'])
})

test('no snapshot is told by silence only where the tool ended well', () => {
  expect(parseBtrfsSnapshots({ list: [printed('', { code: 0 })] }, context).jobs).toEqual([])
  expect(() => parseBtrfsSnapshots({ list: [printed('')] }, context)).toThrow(/printed nothing/)
  expect(() => parseBtrfsSnapshots({ list: [printed(LIST, { code: 1 })] }, context)).toThrow(/ended with 1/)
  expect(() =>
    parseBtrfsSnapshots({ list: [printed('', { code: 1, stderr: "ERROR: can't perform the search: Operation not permitted" })] }, context),
  ).toThrow(expect.objectContaining({ name: 'Denied' }))
})

test('a row that is cut off is refused', () => {
  expect(() => factOf(btrfs, { list: LIST.slice(0, 160) }, NOW)).toThrow(/Cannot read a line/)
})

test('a machine without btrfs has none, one without its tools does not know', async () => {
  const none = machine({ files: { '/proc/self/mountinfo': '22 1 8:2 / / rw - ext4 /dev/sda2 rw\n' } })
  const tools = machine({ files: { '/proc/self/mountinfo': MOUNTS } })

  expect(await runProbe(btrfs, hostOf(none), undefined, 0)).toMatchObject({ outcome: 'absent' })
  expect(await runProbe(btrfs, hostOf(tools), undefined, 0)).toMatchObject({ outcome: 'failed', hint: 'Install the package btrfs-progs.' })
})

test('any text gives a fact or an error', () => {
  survives(btrfs, 'list', [LIST])
})

const real = canMountBtrfs() ? makeBtrfs() : undefined
afterAll(() => real?.remove())

test.runIf(real)('a real btrfs on a loop device', async () => {
  const path = real?.path ?? ''
  const before = Date.now()
  real?.run('btrfs', 'subvolume', 'create', `${path}/data`)
  real?.run('btrfs', 'subvolume', 'snapshot', '-r', `${path}/data`, `${path}/snapshot of data`)

  const job = jobsOf(await runProbe(btrfs, localHost(), undefined, 0)).find(one => one.name === path)

  expect(job).toMatchObject({ kind: 'snapshot', standing: 'known', snapshots: 1 })
  expect(Math.abs((job?.lastSuccessAt ?? 0) - before)).toBeLessThan(60_000)
})
