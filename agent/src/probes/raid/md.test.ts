import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { FactTypes } from '@fettle/catalog'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import type { Captured, Inputs } from '../../probe.ts'
import { runProbe } from '../../runner.ts'
import { asCaptured } from '../sysfs.ts'
import { mdProbe } from './md.ts'
import { parseMdstat } from './mdstat.ts'

type Fact = FactTypes['raid']
const context = { now: 1_800_000_000_000, hostname: 'machine', options: undefined }
const parse = (inputs: Inputs) => mdProbe().parse(inputs, context) as Fact
const input = (text: string, name = '/proc/mdstat'): Captured[] => [asCaptured(name, text)]

/** Written after md_seq_show and status_resync of the kernel's drivers/md/md.c. */
const mdstat = (...arrays: string[]) => `Personalities : [raid1] [raid6] [raid5] [raid4]\n${arrays.join('\n')}\nunused devices: <none>\n`
const mirror = (members: string, slots: string, line = '') =>
  `md0 : active raid1 ${members}\n      1046528 blocks super 1.2 ${slots}\n${line}      \n`
const only = (text: string) => parse({ mdstat: input(text) }).arrays[0]

test('a text that ends before the line of unused devices may hide an array that failed', () => {
  const whole = mdstat(mirror('sdb1[1] sda1[0]', '[2/2] [UU]'), 'md1 : inactive sdc1[0](S)\n      1046528 blocks super 1.2\n')
  expect(() => parseMdstat(whole.slice(0, whole.indexOf('md1')))).toThrow(/cut short/)
})

describe('/proc/mdstat', () => {
  test.each([
    ['a whole mirror', mirror('sdb1[1] sda1[0]', '[2/2] [UU]'), 'ok', null],
    [
      'a running check, which is good news',
      mirror('sdb1[1] sda1[0]', '[2/2] [UU]', '      [=>...]  check =  5.7% (1/2) finish=0.2min speed=1K/sec\n'),
      'ok',
      { action: 'check', ratio: 0.057 },
    ],
    [
      'a first resync',
      mirror('sdb1[1] sda1[0]', '[2/2] [UU]', '      [=>...]  resync = 12.0% (1/2) finish=0.2min speed=1K/sec\n'),
      'ok',
      { action: 'resync', ratio: 0.12 },
    ],
    ['a resync that waits', mirror('sdb1[1] sda1[0]', '[2/2] [UU]', '      \tresync=PENDING\n'), 'ok', { action: 'resync', ratio: null }],
    ['a missing member', mirror('sda1[0]', '[2/1] [U_]'), 'degraded', null],
    ['a failed member', mirror('sdb1[1](F) sda1[0]', '[2/1] [U_]'), 'degraded', null],
    [
      'a recovery, degraded until it is done',
      mirror('sdb1[2] sda1[0]', '[2/1] [U_]', '      [=>...]  recovery = 50.0% (1/2) finish=1.0min speed=1K/sec\n'),
      'degraded',
      { action: 'recovery', ratio: 0.5 },
    ],
    ['a mirror that lost all', mirror('sdb1[1](F) sda1[0](F)', '[2/0] [__]'), 'failed', null],
    [
      'a RAID 5 that lost two',
      'md0 : active raid5 sdd1[3] sdc1[2] sdb1[1](F) sda1[0](F)\n      3 blocks level 5, 512k chunk, algorithm 2 [4/2] [__UU]\n',
      'failed',
      null,
    ],
    ['an inactive array', 'md0 : inactive sdb1[1](S) sda1[0](S)\n      2093056 blocks super 1.2\n', 'failed', null],
    ['stripes, which have no slots', 'md0 : active raid0 sdb1[1] sda1[0]\n      2093056 blocks super 1.2 512k chunks\n', 'ok', null],
    ['stripes with a failed member', 'md0 : active raid0 sdb1[1](F) sda1[0]\n      2093056 blocks super 1.2 512k chunks\n', 'failed', null],
    [
      'stripes that the kernel calls broken',
      'md0 : broken raid0 sdb1[1] sda1[0]\n      2093056 blocks super 1.2 512k chunks\n',
      'failed',
      null,
    ],
    ['a read-only array', 'md0 : active (auto-read-only) raid1 sdb1[1] sda1[0]\n      1046528 blocks super 1.2 [2/2] [UU]\n', 'ok', null],
  ])('%s', (_, section, state, sync) => {
    // when
    const array = only(mdstat(section))
    // then
    expect(array).toMatchObject({ name: 'md0', state, sync })
  })

  test('counts tell failed, spare, rebuilding and missing apart', () => {
    const recovering = mirror('sdd1[4](S) sdc1[2] sdb1[1](F) sda1[0]', '[2/1] [U_]', '  recovery = 50.0% (1/2)\n')
    expect(only(mdstat(recovering))).toMatchObject({
      disks: { required: 2, active: 1, failed: 1, spare: 1, missing: 0 },
      members: [
        { name: 'sdd1', state: 'spare' },
        { name: 'sdc1', state: 'rebuilding' },
        { name: 'sdb1', state: 'failed' },
        { name: 'sda1', state: 'active' },
      ],
    })
    expect(only(mdstat(mirror('sda1[0]', '[2/1] [U_]')))?.disks).toEqual({ required: 2, active: 1, failed: 0, spare: 0, missing: 1 })
  })

  test('a container of firmware metadata is no failed array, but says nothing good without its arrays', () => {
    const container = 'md127 : inactive sdb[1](S) sda[0](S)\n      10402 blocks super external:imsm\n'
    const member = 'md126 : active raid1 sda[1] sdb[0]\n      1 blocks super external:/md127/0 [2/2] [UU]\n'
    expect(only(mdstat(container))?.state).toBe('unknown')
    expect(parse({ mdstat: input(mdstat(member, container)) }).arrays.map(array => array.state)).toEqual(['ok', 'ok'])
  })

  test('a line that cannot be read fails the look: half an answer would look healthy', () => {
    expect(() => parse({ mdstat: input(mdstat('md0 | something new')) })).toThrow('Cannot read the line')
    expect(() => parse({ mdstat: input(mdstat('md0 : active raid1 sda1')) })).toThrow('Cannot read the member sda1')
    expect(() => parse({ mdstat: input('') })).toThrow('no line of personalities')
  })

  test('no array is absent, and so is a kernel without md', async () => {
    expect(() => parse({ mdstat: input(mdstat()) })).toThrow('no md array is assembled')
    expect(await runProbe(mdProbe(), hostOf(machine()), undefined, 0)).toMatchObject({ outcome: 'absent' })
  })

  test('any text gives arrays or an error', () => {
    const piece = fc.constantFrom(
      'md0 : ',
      'active ',
      'inactive ',
      'raid1 ',
      'sda[0](F) ',
      '[2/1] ',
      '[U_]',
      '\n',
      '      ',
      'recovery = 1% ',
      ' : ',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(fc.oneof(piece, fc.string({ maxLength: 4 }))).map(parts => parts.join('')),
        ),
        text => {
          try {
            for (const array of parseMdstat(`Personalities : [raid1]\n${text}`))
              expect(['ok', 'degraded', 'failed', 'unknown']).toContain(array.state)
          } catch (error) {
            expect(error).toBeInstanceOf(Error)
          }
        },
      ),
    )
  })
})

describe('sysfs', () => {
  const folder = '/sys/block/md0/md'
  const files = (extra: Record<string, string>) => Object.entries(extra).map(([name, text]) => asCaptured(`${folder}/${name}`, `${text}\n`))
  const whole = mdstat(mirror('sdb1[1] sda1[0]', '[2/2] [UU]'))

  test('its word counts where it is worse', () => {
    expect(parse({ mdstat: input(whole), sysfs: files({ degraded: '1' }) }).arrays[0]?.state).toBe('degraded')
    expect(parse({ mdstat: input(whole), sysfs: files({ array_state: 'broken' }) }).arrays[0]?.state).toBe('failed')
    expect(parse({ mdstat: input(whole), sysfs: files({ array_state: 'clean', degraded: '0' }) }).arrays[0]?.state).toBe('ok')
  })

  test('mismatches are errors of parity levels only, and nothing before the first check', () => {
    const parity = mdstat('md0 : active raid5 sdc1[2] sdb1[1] sda1[0]\n      3 blocks level 5 [3/3] [UUU]\n')
    const counted = files({ mismatch_cnt: '8', last_sync_action: 'check' })
    expect(parse({ mdstat: input(parity), sysfs: counted }).arrays[0]?.errors).toBe(8)
    expect(parse({ mdstat: input(whole), sysfs: counted }).arrays[0]).toMatchObject({
      errors: null,
      detail: expect.stringContaining('8 sectors'),
    })
    expect(parse({ mdstat: input(parity), sysfs: files({ mismatch_cnt: '0', last_sync_action: 'none' }) }).arrays[0]?.errors).toBeNull()
  })

  test('a spare with a slot is being rebuilt', () => {
    const sysfs = files({ 'dev-sdb1/state': 'spare', 'dev-sdb1/slot': '1', 'dev-sda1/state': 'in_sync', 'dev-sda1/slot': '0' })
    const text = mdstat(mirror('sdb1[1] sda1[0]', '[2/1] [U_]', '  recovery = 1.0% (1/2)\n'))
    expect(parse({ mdstat: input(text), sysfs }).arrays[0]?.members.map(member => member.state)).toEqual(['rebuilding', 'active'])
  })
})

test('an array that was there and is gone stays told as failed', async () => {
  // given
  const two = mdstat(mirror('sdb1[1] sda1[0]', '[2/2] [UU]'), 'md1 : active raid1 sdd1[1] sdc1[0]\n      1 blocks [2/2] [UU]\n')
  const m = machine({ files: { '/proc/mdstat': two, '/sys/block/md0/md/degraded': '0' } })
  const probe = mdProbe()
  expect(await runProbe(probe, hostOf(m), undefined, 0)).toMatchObject({
    outcome: 'ok',
    data: { arrays: [{ state: 'ok' }, { state: 'ok' }] },
  })
  // when
  m.files['/proc/mdstat'] = mdstat(mirror('sdb1[1] sda1[0]', '[2/2] [UU]'))
  const after = await runProbe(probe, hostOf(m), undefined, 0)
  // then
  expect((after.data as Fact).arrays[1]).toMatchObject({
    name: 'md1',
    state: 'failed',
    disks: { required: 2, active: 0, missing: 2 },
    members: [
      { name: 'sdd1', state: 'missing' },
      { name: 'sdc1', state: 'missing' },
    ],
    detail: expect.stringContaining('was there before'),
  })
  // and when all are gone with the driver
  delete m.files['/proc/mdstat']
  expect((await runProbe(probe, hostOf(m), undefined, 0)).outcome).toBe('ok')
})

describe('mdadm', () => {
  /** Written after Detail.c of mdadm. */
  const detail = (state: string, row: string) =>
    `/dev/md0:\n        Raid Level : raid1\n      Raid Devices : 2\n             State : ${state} \n    Active Devices : ${row.includes('active') ? 2 : 1}\n    Failed Devices : 0\n     Spare Devices : 0\n\n    Number   Major   Minor   RaidDevice State\n       0     254        1        0      active sync   /dev/vda1\n${row}\n`

  test('its details are read', () => {
    const whole = detail('clean', '       1     254        2        1      active sync   /dev/vda2')
    expect(parse({ detail: input(whole) }).arrays[0]).toMatchObject({ name: 'md0', level: 'raid1', state: 'ok', disks: { missing: 0 } })
    const lost = detail('clean, degraded', '       -       0        0        1      removed')
    expect(parse({ detail: input(lost) }).arrays[0]).toMatchObject({ state: 'degraded', disks: { required: 2, active: 1, missing: 1 } })
    expect(parse({ detail: input(detail('clean, FAILED', '')) }).arrays[0]?.state).toBe('failed')
  })

  test('a list of names or a superblock says nothing good', () => {
    expect(
      parse({ scan: input('ARRAY /dev/md0 metadata=1.2 UUID=1\nINACTIVE-ARRAY /dev/md1 UUID=2\n') }).arrays.map(array => array.state),
    ).toEqual(['unknown', 'failed'])
    const superblock = (letters: string) =>
      `/dev/vda1:\n          Magic : a92b4efc\n     Raid Level : raid1\n   Raid Devices : 2\n    Array State : ${letters} ('A' == active)\n`
    expect(parse({ examine: input(superblock('AA')) }).arrays[0]?.state).toBe('unknown')
    expect(parse({ examine: input(superblock('A.')) }).arrays[0]?.state).toBe('degraded')
  })
})

test.each([
  ['mdstat', mdstat()],
  ['sysfs', '/sys/block/md0/md/degraded:0\n'],
  ['detail', '/dev/md0:\n           Version : ddf\n        Raid Level : container\n     Member Arrays : /dev/md/vol0\n'],
  ['examine', '/dev/vda1:\n          Magic : a92b4efc\n     Raid Level : raid1\n'],
  ['scan', 'ARRAY /dev/md/0 metadata=1.2\n'],
])('%s is told from the other inputs by its text', (name, text) => {
  const recognised = Object.entries(mdProbe().inputs).filter(([, { recognise }]) => recognise?.(text))
  expect(recognised.map(([input]) => input)).toEqual([name])
})

/** Captures of other projects, where they lie beside the checkout. */
const samples = new URL('../../../../../shared/samples/raid_mdadm/', import.meta.url)
if (existsSync(samples)) {
  describe('captures', () => {
    const exporter = new URL('prometheus+node_exporter/collector/fixtures/proc/mdstat', samples)

    test('/proc/mdstat of node_exporter', () => {
      const { arrays } = parse({ mdstat: input(readFileSync(exporter, 'utf8')) })
      const states = Object.fromEntries(arrays.map(array => [array.name, array.state]))
      const whole = ['md3', 'md127', 'md0', 'md8', 'md201', 'md9', 'md10', 'md11', 'md12', 'md126', 'md00', 'md120', 'md101']
      const expected = {
        ...Object.fromEntries(whole.map(name => [name, 'ok'])),
        md4: 'failed',
        md6: 'degraded',
        md7: 'degraded',
        md219: 'unknown',
      }
      expect(states).toEqual(expected)
    })

    const folder = new URL('kellyjonbrazil+jc/tests/fixtures/generic/', samples)
    const details = readdirSync(folder).filter(name => /^mdadm-query.*\.out$/.test(name))
    test.each(details)('%s', name => {
      const [array] = parse({ detail: input(readFileSync(new URL(name, folder), 'utf8')) }).arrays
      expect(array?.state).toBe(name.includes('removed') ? 'degraded' : 'ok')
      expect(array?.disks.failed ?? 0).toBe(name.includes('failed-and-flags') ? 1 : 0)
    })
  })
}
