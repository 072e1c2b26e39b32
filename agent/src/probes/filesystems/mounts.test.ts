import { existsSync, readFileSync } from 'node:fs'
import { type FactTypes, subjectOf } from '@fettle/catalog'
import fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { localHost } from '../../host/local.ts'
import { type Host, HostError, type StatFs, TimedOut } from '../../host.ts'
import { Absent } from '../../probe.ts'
import { told } from '../gather.ts'
import { mountsProbe, parseFilesystems } from './mounts.ts'

const NOW = Date.UTC(2026, 0, 1)
const context = { now: NOW, hostname: 'web1', options: undefined }
const schema = subjectOf('filesystems')?.fact ?? v.never()
const GIB = 2 ** 30

// Written from proc(5): id, parent, major:minor, root, mount point, options, optional fields, -, type, source, options of the file system.
const ROOT = '27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro'
const NFS = '60 27 0:50 / /mnt/files rw,relatime shared:9 - nfs4 files.example.org:/export rw,vers=4.2'
const fine: StatFs = { sizeBytes: 100 * GIB, availBytes: 33.3 * GIB, inodes: 1000, inodesFree: 499 }

const space = (answers: Record<string, unknown>) =>
  Object.entries(answers).map(([mountpoint, answer]) => told(mountpoint, JSON.stringify(answer)))
const parse = (mountinfo: readonly string[], answers: Record<string, unknown> = {}, fstab?: string, own?: readonly string[]) =>
  parseFilesystems(
    {
      mountinfo: [told('mountinfo', `${mountinfo.join('\n')}\n`)],
      space: space(answers),
      fstab: fstab === undefined ? [] : [told('fstab', fstab)],
      own: own ? [told('own', own.join('\n'))] : [],
    },
    context,
  ).filesystems

describe('which file systems are told', () => {
  it.each([
    ['no pseudo file system', '23 27 0:22 / /sys rw - sysfs sysfs rw', []],
    ['no memory', '24 27 0:23 / /run rw - tmpfs tmpfs rw', []],
    ['no snap, which is always full', '80 27 7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro', []],
    ['no layers of a container', '81 27 0:60 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw,lowerdir=/a', []],
    ['no second view of the same device', '82 27 254:0 /var/www /srv/www rw - ext4 /dev/vda1 rw', []],
    ['no automount point, which asking would mount', '83 27 0:61 / /net rw - autofs systemd-1 rw', []],
    ['another disk', '84 27 8:1 / /data rw - xfs /dev/sda1 rw', ['/data']],
    ['a pool of ZFS, which has no device file', '85 27 0:62 / /tank rw - zfs tank rw', ['/tank']],
    ['a network mount', NFS, ['/mnt/files']],
    ['an unknown type on a device file', '86 27 8:2 / /new rw - futurefs /dev/sda2 rw', ['/new']],
    ['an unknown type on nothing', '87 27 0:63 / /odd rw - oddfs odd rw', []],
    ['a mount point with spaces and a backslash', '88 27 8:3 / /my\\040disk\\134x rw - ext4 /dev/sda3 rw', ['/my disk\\x']],
  ])('%s', (_, line, more) => {
    expect(parse([ROOT, line]).map(found => found.mountpoint)).toEqual(['/', ...more])
  })

  it('of btrfs subvolumes one, of stacked mounts the upper', () => {
    const lines = [
      '30 1 0:28 /@ / rw - btrfs /dev/sda2 rw,subvol=/@',
      '31 30 0:28 /@home /home rw - btrfs /dev/sda2 rw,subvol=/@home',
      '32 30 8:5 / /mnt rw - ext4 /dev/sda5 rw',
      '33 32 8:6 / /mnt rw - ext4 /dev/sda6 rw',
    ]
    expect(parse(lines).map(found => [found.mountpoint, found.device])).toEqual([
      ['/', '/dev/sda2'],
      ['/mnt', '/dev/sda6'],
    ])
  })

  it('in a container its root', () => {
    expect(parse(['40 1 0:70 / / rw - overlay overlay rw,lowerdir=/l'])[0]).toMatchObject({
      mountpoint: '/',
      fstype: 'overlay',
      kind: 'local',
    })
  })

  it('where nothing holds data, that is told as absent', () => {
    expect(() => parse(['23 27 0:22 / /sys rw - sysfs sysfs rw'])).toThrow(Absent)
  })

  it('more than can be told is a failure, never a part', () => {
    const many = Array.from({ length: 300 }, (_, i) => `${i} 1 9:${i} / /m${i} rw - ext4 /dev/d${i} rw`)
    expect(() => parse(many)).toThrow(/300 file systems/)
  })

  it.each([[''], ['gobbledygook not-a-mount-line'], [`${ROOT}\nhalf a li`]])('a list that cannot be read whole is a failure: %j', text => {
    expect(() => parse([text])).toThrow(/Cannot (read|tell) the mount/)
  })
})

describe('what is told of one', () => {
  it('numbers in steps of half a percent, and never more free than there is', () => {
    expect(parse([ROOT], { '/': { space: fine } })).toEqual([
      {
        mountpoint: '/',
        device: '/dev/vda1',
        fstype: 'ext4',
        kind: 'local',
        standing: 'answers',
        reason: null,
        sizeBytes: 100 * GIB,
        availBytes: 33 * GIB,
        inodes: 1000,
        inodesFree: 495,
        readonly: false,
        readonlyWanted: null,
      },
    ])
  })

  it.each([
    [
      'no inodes on btrfs, which makes them as it goes',
      { space: { ...fine, inodes: 0, inodesFree: 0 } },
      { inodes: null, inodesFree: null },
    ],
    ['nothing left where only root may write', { space: { ...fine, availBytes: -5 } }, { availBytes: 0 }],
    ['no numbers from a size of 0', { space: { ...fine, sizeBytes: 0 } }, { sizeBytes: null, reason: 'does not tell its size' }],
    ['why it failed', { failed: 'Input/output error' }, { standing: 'failed', reason: 'Input/output error', sizeBytes: null }],
    ['that it hangs', { hangs: 'gave no answer within 3 s' }, { standing: 'hangs', sizeBytes: null, availBytes: null }],
  ])('%s', (_, answer, wanted) => {
    expect(parse([ROOT], { '/': answer })[0]).toMatchObject(wanted)
  })

  it('nothing but that it was not asked, where there is no answer', () => {
    expect(parse([ROOT])[0]).toMatchObject({ standing: 'skipped', sizeBytes: null })
  })

  it('a private FUSE mount is no failure', () => {
    const line = '90 27 0:80 / /home/ann/nas rw - fuse.sshfs ann@nas:/ rw,user_id=1000'
    const answer = { failed: "stat: cannot read file system information for '/home/ann/nas': Permission denied" }
    expect(parse([ROOT, line], { '/home/ann/nas': answer })[1]).toMatchObject({ kind: 'network', standing: 'skipped' })
  })

  it.each([
    ['rw', 'UUID=1 / ext4 errors=remount-ro 0 1\n', false, false],
    ['ro', 'UUID=1 / ext4 errors=remount-ro 0 1\n', true, false],
    ['ro', '/dev/vda1 / ext4 defaults,ro 0 1\n', true, true],
    ['ro', '# / ext4 ro\n', true, null],
  ])('a file system that is %s, with fstab %j', (state, fstab, readonly, readonlyWanted) => {
    const line = `27 1 254:0 / / rw,relatime - ext4 /dev/vda1 ${state},errors=remount-ro`
    expect(parse([line], {}, fstab)[0]).toMatchObject({ readonly, readonlyWanted })
  })

  it('a bind mount or sandbox that only looks read-only does not make the file system so', () => {
    expect(parse(['27 1 254:0 / / ro,relatime - ext4 /dev/vda1 rw'])[0]).toMatchObject({ readonly: false })
  })

  it('what the agent’s sandbox covers has no numbers of something else', () => {
    const home = '28 27 8:9 / /home rw - ext4 /dev/sdb1 rw'
    const found = parse([ROOT, home], { '/': { space: fine }, '/home': { space: fine } }, undefined, [
      ROOT,
      '99 27 0:90 / /home ro - tmpfs tmpfs ro',
    ])
    expect(found.map(({ standing, sizeBytes }) => [standing, sizeBytes])).toEqual([
      ['answers', 100 * GIB],
      ['skipped', null],
    ])
  })
})

describe('the probe on a machine whose file server is dead', () => {
  function machine(statfs: Host['statfs']) {
    let now = NOW
    const asked: string[] = []
    const captured = async (path: string, options?: { missing: unknown }) => {
      if (path.endsWith('/mountinfo')) return told(path, `${ROOT}\n${NFS}\n`)
      if (options && 'missing' in options) return options.missing
      throw new HostError('ENOENT', path)
    }
    const host = { ...localHost(), now: () => now, captured } as Host
    const recording: Host['statfs'] = (path, options) => {
      asked.push(`${path}${options?.local ? ' here' : ' by a child'}`)
      return statfs(path, options)
    }
    return { host: { ...host, statfs: recording }, asked, pass: (ms: number) => (now += ms) }
  }
  const dead: Host['statfs'] = async path => {
    if (path === '/mnt/files') throw new TimedOut(`${path} did not answer`)
    return fine
  }

  it('wrong green 38: tells that the mount hangs, and everything else as it is', async () => {
    const { host, asked } = machine(dead)
    const fact = await mountsProbe().read(host, undefined)
    expect(fact).toMatchObject({
      filesystems: [
        { mountpoint: '/', standing: 'answers', availBytes: 33 * GIB },
        { mountpoint: '/mnt/files', standing: 'hangs', sizeBytes: null },
      ],
    })
    expect(asked).toEqual(['/ here', '/mnt/files by a child'])
  })

  it('asks the dead mount again only after growing pauses, and tells meanwhile that it hangs', async () => {
    const { host, asked, pass } = machine(dead)
    const probe = mountsProbe()
    const minutesAsked: number[] = []
    for (let minute = 0; minute <= 240; minute += 5) {
      const before = asked.filter(one => one.startsWith('/mnt')).length
      expect(await probe.read(host, undefined)).toMatchObject({ filesystems: [{}, { standing: 'hangs' }] })
      if (asked.filter(one => one.startsWith('/mnt')).length > before) minutesAsked.push(minute)
      pass(5 * 60_000)
    }
    expect(minutesAsked).toEqual([0, 30, 90, 210])
  })

  it('tells the numbers again once the server is back', async () => {
    let back = false
    const { host, pass } = machine(async (path, options) => (back ? fine : dead(path, options)))
    const probe = mountsProbe()
    await probe.read(host, undefined)
    back = true
    pass(31 * 60_000)
    expect(await probe.read(host, undefined)).toMatchObject({ filesystems: [{}, { standing: 'answers', sizeBytes: 100 * GIB }] })
  })

  it('reads this machine', async () => {
    const fact = (await mountsProbe().read(localHost(), undefined)) as FactTypes['filesystems']
    expect(v.is(schema, fact)).toBe(true)
    expect(fact.filesystems.length).toBeGreaterThan(0)
    // In a chroot or a container the root may be one that cannot be asked: then it says so, and has no numbers.
    for (const { standing, sizeBytes, reason } of fact.filesystems) {
      if (standing === 'answers') expect(sizeBytes).toBeGreaterThan(0)
      else expect([sizeBytes, reason === null]).toEqual([null, false])
    }
  })
})

it('any text gives a fact of the schema or an error, soon', () => {
  const line = fc
    .tuple(fc.nat(300), fc.string({ maxLength: 40 }), fc.string({ maxLength: 40 }))
    .map(([minor, a, b]) => `1 1 8:${minor} / /${a} rw - ext4 ${b} rw`)
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.array(line, { maxLength: 20 }).map(lines => lines.join('\n')),
  )
  fc.assert(
    fc.property(text, text, fc.oneof(text, fc.json()), (mountinfo, fstab, answer) => {
      const inputs = { mountinfo: [told('m', mountinfo)], fstab: [told('f', fstab)], space: [told('/', answer)] }
      try {
        expect(v.safeParse(schema, parseFilesystems(inputs, context)).issues).toBeUndefined()
      } catch (error) {
        if (!['Error', 'Absent', 'Failed', 'SyntaxError', 'ValiError'].includes((error as Error).name)) throw error
      }
    }),
    { numRuns: 300 },
  )
})

const samples = new URL('../../../../../shared/samples/', import.meta.url)
const readonlyCaptures = 'sensors_ipmi_ups/Linuxfabrik+monitoring-plugins/check-plugins/fs-ro/unit-test/stdout/'

describe('captures of other projects, where they are at hand', () => {
  it('are read by their own words', () => {
    const read = (path: string) => readFileSync(new URL(path, samples), 'utf8')
    if (!existsSync(samples)) return
    expect(parse([read('live/debian-12/proc-mounts.txt').trim()]).map(found => found.mountpoint)).toEqual(['/'])
    for (const name of ['all-mounts-healthy-v3', 'all-mounts-healthy-v6', 'all-mounts-healthy-v7']) {
      const found = parse([read(readonlyCaptures + name).trim()])
      expect(found.length, name).toBeGreaterThan(0)
      expect(
        found.filter(one => one.readonly),
        name,
      ).toEqual([])
    }
    expect(parse([read(`${readonlyCaptures}three-readonly-mounts`).trim()]).some(one => one.readonly)).toBe(true)
    expect(() => parse([read(`${readonlyCaptures}malformed-proc-mounts`)])).toThrow()
  })
})
