import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { asleepUnder, devicesOf, mountOf, mountsOf } from './awake.ts'

const ask = 'smartctl -n standby,3 -i /dev/sda'
/** A partition of a turning disk below LUKS below LVM. */
const layered = (commands: Record<string, { code: number }>) =>
  machine({
    files: {
      '/sys/class/block/dm-1/slaves/dm-0/dev': '254:0',
      '/sys/class/block/dm-0/slaves/sda2/dev': '8:2',
      '/sys/devices/ata1/block/sda/sda2/partition': '2',
      '/sys/devices/ata1/block/sda/queue/rotational': '1\n',
    },
    links: { '/sys/class/block/sda2': '/sys/devices/ata1/block/sda/sda2', '/sys/class/block/sda': '/sys/devices/ata1/block/sda' },
    commands,
  })

test('a turning disk is asked whether it sleeps, through all layers above it', async () => {
  const asleep = layered({ [ask]: { code: 3 } })

  expect(await asleepUnder(hostOf(asleep), ['dm-1'])).toBe('sda sleeps and is not woken for this')
  expect(await asleepUnder(hostOf(layered({ [ask]: { code: 0 } })), ['dm-1'])).toBeNull()
  expect(asleep.ran).toEqual([ask])
})

test('a turning disk that cannot be asked is not touched', async () => {
  expect(await asleepUnder(hostOf(layered({})), ['sda2'])).toMatch(/cannot be told without smartctl/)
})

test('NVMe, virtual disks and disks that do not turn never sleep', async () => {
  const m = machine({ files: { '/sys/class/block/sdb/queue/rotational': '0', '/sys/class/block/vda/queue/rotational': '1' } })

  expect(await asleepUnder(hostOf(m), ['vda', 'nvme0n1', 'sdb', '../../etc'])).toBeNull()
  expect(m.ran).toEqual([])
})

test('a mount is found by the longest point, and a btrfs has all its members', async () => {
  const mounts = mountsOf(
    '22 1 8:2 / / rw - ext4 /dev/sda2 rw\n30 22 0:40 /sub /srv/my\\040data rw - btrfs /dev/sdb rw\n31 22 0:41 / /net rw - nfs nas:/x rw\nnonsense\n',
  )
  const m = machine({
    files: { '/sys/fs/btrfs/u-1/devices/sdb/x': '', '/sys/fs/btrfs/u-1/devices/sdc/x': '', '/sys/fs/btrfs/features/y': '' },
  })

  expect(mounts).toHaveLength(3)
  expect(mountOf(mounts, '/srv/my data/x')).toMatchObject({ type: 'btrfs', root: '/sub' })
  expect(await devicesOf(hostOf(m), mountOf(mounts, '/srv/my data'))).toEqual(['sdb', 'sdc'])
  expect(await devicesOf(hostOf(m), mountOf(mounts, '/net/x'))).toEqual([])
})
