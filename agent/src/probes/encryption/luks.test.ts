import { existsSync, readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { localHost } from '../../host/local.ts'
import { Absent, type Captured } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import luks, { parseLuks } from './luks.ts'

const samples = new URL('../../../../../shared/samples/', import.meta.url)
const captured = (text: string): readonly Captured[] => [{ text, stderr: '', code: null, name: '', modifiedAt: null }]

/** Trees as lsblk(8) prints them, written for these tests: no device mapper is to be had in every test machine. */
type Node = {
  name: string
  type: string
  fstype?: string
  uuid?: string
  mountpoints?: (string | null)[]
  mountpoint?: string
  children?: Node[]
}
const disk = (name: string, ...children: Node[]): Node => ({ name, type: 'disk', children })
const part = (name: string, fstype: string, more: Partial<Node> = {}): Node => ({ name, type: 'part', fstype, ...more })
const crypt = (name: string, more: Partial<Node>): Node => ({ name, type: 'crypt', ...more })
const boot = part('sda1', 'ext4', { mountpoints: ['/boot'] })

const seen = (...blockdevices: Node[]) => ({ lsblk: captured(JSON.stringify({ blockdevices })) })
const told = (inputs: Parameters<typeof parseLuks>[0]) => {
  const fact = parseLuks(inputs)
  expect(checked(luks, fact).outcome).toBe('ok')
  return Object.fromEntries(fact.volumes.map(volume => [volume.name, [volume.role, volume.state, volume.method].join(' ')]))
}

test('a root on LVM on LUKS is encrypted with all its neighbours; /boot does not count', () => {
  const lvm = ['/', '/home', '[SWAP]'].map((at, index) => ({ name: `vg-${index}`, type: 'lvm', fstype: 'ext4', mountpoints: [at] }))

  const volumes = told(seen(disk('sda', boot, part('sda2', 'crypto_LUKS', { children: [crypt('sda2_crypt', { children: lvm })] }))))

  expect(volumes).toEqual({ '/': 'system on luks', '/home': 'home on luks', 'vg-2': 'swap on luks' })
})

test('what is mapped from a LUKS container is encrypted where lsblk was not asked for types', () => {
  const root = { name: '/dev/mapper/root', fstype: 'xfs', mountpoints: ['/'] }
  const tree = { name: '/dev/sda', children: [{ name: '/dev/sda1', fstype: 'crypto_LUKS', children: [root] }] }

  expect(told({ lsblk: captured(JSON.stringify({ blockdevices: [tree] })) })).toEqual({ '/': 'system on luks' })
})

test('a LUKS partition somewhere does not encrypt the root beside it', () => {
  const volumes = told(
    seen(
      disk(
        'sda',
        part('sda1', 'ext4', { mountpoints: ['/'] }),
        part('sda2', 'crypto_LUKS', { children: [crypt('h', { mountpoint: '/home' })] }),
      ),
      disk('sdb', part('sdb1', 'crypto_LUKS')),
    ),
  )

  expect(volumes).toEqual({ '/': 'system off ', '/home': 'home on luks' })
})

test('plain dm-crypt swap is encrypted, zram is no volume', () => {
  const volumes = told(
    seen(
      disk(
        'sda',
        part('sda1', 'ext4', { mountpoints: ['/'] }),
        part('sda2', '', { children: [crypt('cryptswap', { mountpoints: ['[SWAP]'] })] }),
      ),
      { name: 'zram0', type: 'disk', mountpoints: ['[SWAP]'] },
    ),
  )

  expect(volumes).toEqual({ '/': 'system off ', cryptswap: 'swap on dm-crypt' })
})

test('a volume over several disks is encrypted only when all of them are', () => {
  const vg = { name: 'vg-root', type: 'lvm', fstype: 'xfs', mountpoints: ['/'] }
  const locked = (name: string) => disk(name, part(`${name}1`, 'crypto_LUKS', { children: [crypt(`${name}c`, { children: [vg] })] }))
  const open = (name: string) => disk(name, part(`${name}1`, 'LVM2_member', { children: [vg] }))

  expect(told(seen(locked('sda'), locked('sdb')))).toEqual({ '/': 'system on luks' })
  expect(told(seen(locked('sda'), open('sdb')))).toEqual({ '/': 'system off ' })
  expect(parseLuks(seen(locked('sda'), open('sdb'))).volumes[0]?.detail).toBe('only in part: sdb is not encrypted')
})

test('LUKS on a RAID counts, whatever the disks below', () => {
  const array = { name: 'md0', type: 'raid1', fstype: 'crypto_LUKS', children: [crypt('root', { mountpoints: ['/'] })] }

  const volumes = told(seen(disk('sda', part('sda1', 'linux_raid_member', { children: [array] })), disk('sdb', { ...array })))

  expect(volumes).toEqual({ '/': 'system on luks' })
})

test('a btrfs over two devices is mounted from one, and judged by both', () => {
  const pool = { fstype: 'btrfs', uuid: 'b0' }
  const first = disk(
    'sda',
    part('sda1', 'crypto_LUKS', { children: [crypt('c1', { ...pool, mountpoints: ['/', '/home', '/.snapshots'] })] }),
  )
  const open = disk('sdb', part('sdb1', 'btrfs', { uuid: 'b0' }))
  const locked = disk('sdb', part('sdb1', 'crypto_LUKS', { children: [crypt('c2', pool)] }))

  expect(told(seen(first, locked))).toEqual({ '/': 'system on luks', '/home': 'home on luks' })
  expect(told(seen(first, open))).toEqual({ '/': 'system off ', '/home': 'home off ' })
})

test('the one mount point that an old lsblk shows is completed from the mounts', () => {
  const tree = seen(disk('sda', part('sda2', 'crypto_LUKS', { children: [crypt('sda2_crypt', { mountpoint: '/home' })] })))
  const mounts = captured('/dev/mapper/sda2_crypt / btrfs rw 0 0\n/dev/mapper/sda2_crypt /home btrfs rw 0 0\n')

  expect(told({ ...tree, mounts })).toEqual({ '/': 'system on luks', '/home': 'home on luks' })
})

test('a container sees no device of its own: absent; a root on ZFS: unknown', () => {
  const hosts = seen(disk('sda', part('sda1', 'ext4', { mountpoints: ['/etc/hosts'] })))

  expect(() => parseLuks({ ...hosts, mounts: captured('overlay / overlay rw,relatime 0 0\n') })).toThrow(Absent)
  expect(() => parseLuks({ ...seen(), mounts: captured('/dev/vda1 / ext4 rw 0 0\n') })).toThrow(Absent)
  expect(told({ ...seen(disk('sda', part('sda1', 'zfs_member'))), mounts: captured('rpool/ROOT / zfs rw 0 0\n') })).toEqual({
    '/': 'system unknown zfs',
  })
})

test('inside a virtual machine an open volume stays off, and says what cannot be seen', () => {
  const tree = seen(disk('sda', part('sda1', 'ext4', { mountpoints: ['/'] })))
  const guest = captured('processor\t: 0\nflags\t\t: fpu sse hypervisor lahf_lm\n')

  expect(parseLuks({ ...tree, cpuinfo: guest }).volumes).toMatchObject([
    { state: 'off', detail: expect.stringContaining('host may encrypt') },
  ])
  expect(parseLuks(tree).volumes).toMatchObject([{ state: 'off', detail: null }])
})

test('snaps, discs and mounted images are no volumes; a root in an image is unknown', () => {
  const volumes = told(
    seen(
      disk('sda', part('sda1', 'ext4', { mountpoints: ['/'] })),
      { name: 'loop0', type: 'loop', fstype: 'squashfs', mountpoints: ['/snap/core/1'] },
      { name: 'loop1', type: 'loop', fstype: 'ext4', mountpoints: ['/srv/image'] },
      { name: 'sr0', type: 'rom', fstype: 'iso9660', mountpoints: ['/media/disc'] },
    ),
  )

  expect(volumes).toEqual({ '/': 'system off ' })
  expect(told(seen({ name: 'loop1', type: 'loop', fstype: 'ext4', mountpoints: ['/'] }))).toEqual({ '/': 'system unknown ' })
})

test('devices that lead to each other are never called encrypted', () => {
  const ring = [
    { name: 'a', type: 'lvm', pkname: 'b', mountpoint: '/' },
    { name: 'b', type: 'lvm', pkname: 'a' },
  ]

  expect(told(seen(...ring))).toEqual({ '/': 'system off ' })
})

test('what is no tree, or shows nothing mounted, is thrown', () => {
  for (const text of ['', 'lsblk: unknown column: MOUNTPOINTS', '{}', '{"blockdevices": [{}]}', '{"blockdevices": []}'])
    expect(() => parseLuks({ lsblk: captured(text) })).toThrow(Error)
})

test('more volumes than a fact carries end in one that is unknown', () => {
  const parts = Array.from({ length: 300 }, (_, index) =>
    part(`sda${index}`, 'ext4', { mountpoints: [index === 0 ? '/' : `/srv/${index}`] }),
  )

  const { volumes } = parseLuks(seen(disk('sda', ...parts)))

  expect(volumes).toHaveLength(128)
  expect(volumes.at(-1)).toMatchObject({ name: '173 more volumes', state: 'unknown' })
})

test('any text is a fact or a thrown error', () => {
  const name = fc.constantFrom('a', 'b', 'c', '/dev/a')
  const node = fc.record({
    name,
    pkname: name,
    type: fc.constantFrom('part', 'crypt', 'loop', 1),
    mountpoint: fc.constantFrom('/', null, '/x', 3),
  })
  const tree = fc.array(node).map(nodes => JSON.stringify({ blockdevices: nodes.map(one => ({ ...one, children: nodes })) }))

  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), tree), fc.string(), (text, mounts) => {
      try {
        expect(checked(luks, parseLuks({ lsblk: captured(text), mounts: captured(mounts) })).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
    }),
  )
})

test('this machine answers', async () => {
  const fact = await runProbe(luks, localHost(), undefined, 0)

  expect(['ok', 'absent']).toContain(fact.outcome)
})

const captures = existsSync(samples)
  ? readdirSync(samples, { recursive: true, encoding: 'utf8' }).filter(
      name => /lsblk[^/]*\.json$/.test(name) && !name.includes('os_identity'),
    )
  : []

test.each(captures)('a sample without an encrypted mount: %s', name => {
  const states = parseLuks({ lsblk: captured(readFileSync(new URL(name, samples), 'utf8')) }).volumes.map(volume => volume.state)

  expect(states.length).toBeGreaterThan(0)
  expect(states).not.toContain('on')
})
