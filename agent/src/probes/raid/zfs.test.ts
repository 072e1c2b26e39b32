import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { FactTypes } from '@fettle/catalog'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import type { Probe } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import { asCaptured } from '../sysfs.ts'
import arcconf from './arcconf.ts'
import btrfs from './btrfs.ts'
import lvm from './lvm.ts'
import megacli from './megacli.ts'
import multipath from './multipath.ts'
import ssacli from './ssacli.ts'
import storcli from './storcli.ts'
import zfs from './zfs.ts'

type Fact = FactTypes['raid']
const context = { now: 1_800_000_000_000, hostname: 'machine', options: undefined }
const read = (probe: Probe, input: string, text: string, name = '') =>
  (probe.parse({ [input]: [asCaptured(name, text)] }, context) as Fact).arrays

describe('ZFS', () => {
  /** Written after zpool-status(8). */
  const pool = (
    state: string,
    rows: string,
    errors = 'No known data errors',
    scan = 'scrub repaired 0B in 00:00:01 with 0 errors on Sun Nov 16 08:00:21 2025',
  ) =>
    `  pool: tank\n state: ${state}\nstatus: Some supported features are not enabled on the pool.\n  scan: ${scan}\nconfig:\n\n\tNAME        STATE     READ WRITE CKSUM\n\ttank        ${state}       0     0     0\n\t  mirror-0  ${state}       0     0     0\n${rows}\nerrors: ${errors}\n`
  const whole = '\t    sda     ONLINE       0     0     0\n\t    sdb     ONLINE       0     0     0\n'

  test.each([
    ['whole, with features that are not enabled', pool('ONLINE', whole), 'ok', 0],
    ['online with data errors', pool('ONLINE', whole, "3 data errors, use '-v' for a list"), 'ok', 3],
    ['online with checksum errors', pool('ONLINE', whole.replace('0     0     0', '0     0  1.5K')), 'ok', 1536],
    ['a lost disk', pool('DEGRADED', whole.replace('ONLINE ', 'REMOVED')), 'degraded', 0],
    ['suspended', pool('ONLINE', whole, 'pool I/O is currently suspended'), 'failed', null],
  ])('%s', (_, text, state, errors) => {
    expect(read(zfs, 'status', text)[0]).toMatchObject({ name: 'tank', level: 'mirror', state, errors, disks: { required: 2 } })
  })

  test('a resilver is told with its progress; a section that is cut short is refused', () => {
    const text = pool(
      'DEGRADED',
      whole,
      undefined,
      'resilver in progress since Sun Nov 16 08:00:21 2025\n\t1.00T scanned, 45.20% done, 00:10:00 to go',
    )
    expect(read(zfs, 'status', text)[0]?.sync).toEqual({ action: 'recovery', ratio: 0.45 })
    expect(() => read(zfs, 'status', text.slice(0, -30))).toThrow('cut short')
  })

  test('a suspended pool is told by the kernel, and zpool is not run: it would hang', async () => {
    const m = machine({ files: { '/proc/spl/kstat/zfs/tank/state': 'SUSPENDED\n', '/proc/spl/kstat/zfs/rpool/state': 'ONLINE\n' } })
    expect(await runProbe(zfs, hostOf(m), undefined, 0)).toMatchObject({
      outcome: 'ok',
      data: {
        arrays: [
          { name: 'rpool', state: 'ok' },
          { name: 'tank', state: 'failed' },
        ],
      },
    })
    expect(m.ran).toEqual([])
  })

  test('without the module it is absent; with the module alone it has failed', async () => {
    expect(await runProbe(zfs, hostOf(machine()), undefined, 0)).toMatchObject({ outcome: 'absent' })
    const m = machine({ files: { '/proc/spl/kstat/zfs/tank/state': 'ONLINE\n' } })
    expect(await runProbe(zfs, hostOf(m), undefined, 0)).toMatchObject({ outcome: 'failed', hint: expect.stringContaining('zfsutils') })
  })
})

describe('btrfs', () => {
  /** Written after btrfs-device(8) and btrfs-filesystem(8). */
  const stats = (device: string, errors = 0) =>
    ['write_io', 'read_io', 'flush_io', 'corruption', 'generation']
      .map(kind => `[${device}].${kind}_errs    ${kind === 'corruption' ? errors : 0}\n`)
      .join('')
  const uuid = '11111111-2222-3333-4444-555555555555'
  const show = (second: string) =>
    `Label: none  uuid: ${uuid}\n\tTotal devices 2 FS bytes used 1.00MiB\n\tdevid    1 size 1.00GiB used 1.00MiB path /dev/sda\n\tdevid    2 size 1.00GiB used 1.00MiB path ${second}\n`

  test('counters alone never say that all devices are there; a device without a name is missing', () => {
    expect(read(btrfs, 'stats', stats('/dev/sda') + stats('/dev/sdb'))[0]).toMatchObject({ state: 'unknown', errors: 0 })
    expect(read(btrfs, 'stats', stats('/dev/sda') + stats('devid:2'))[0]).toMatchObject({ state: 'degraded', errors: 0 })
  })

  test('a scrub of a file system that is not named is no proof that there is none', () => {
    const scrub = `UUID:             ${uuid}\nScrub started:    Sun Nov 16 08:00:01 2025\nStatus:           finished\nDuration:         0:00:10\nError summary:    no errors found\n`
    expect(read(btrfs, 'scrub', scrub)[0]).toMatchObject({ errors: 0, state: 'unknown' })
    expect(() => read(btrfs, 'scrub', scrub.replace(/^UUID.*\n/, ''))).toThrow(/UUID/)
  })

  test('a missing device degrades; with nothing to lose it is a loss', () => {
    expect(read(btrfs, 'show', show('/dev/sdb'))[0]?.state).toBe('ok')
    expect(() => read(btrfs, 'show', show('MISS'))).toThrow(/device/)
    expect(read(btrfs, 'show', show(' MISSING'))[0]).toMatchObject({ state: 'degraded', disks: { required: 2, missing: 1 } })
    const sysfs = [
      asCaptured('', `/sys/fs/btrfs/${uuid}/devinfo/2/missing:1\n/sys/fs/btrfs/${uuid}/allocation/data/raid0/total_bytes:1024\n`),
    ]
    expect((btrfs.parse({ sysfs }, context) as Fact).arrays[0]).toMatchObject({ level: 'raid0', state: 'failed' })
  })

  test('without a right it is denied', () => {
    const denied = { ...asCaptured('btrfs', ''), stderr: 'ERROR: cannot open: Operation not permitted', code: 1 }
    expect(() => btrfs.parse({ stats: [denied] }, context)).toThrow('may not ask')
  })
})

describe('controllers', () => {
  /** Written after the JSON of storcli's user guide. */
  const controller = (volume: string, drives: readonly string[], count = 1) =>
    JSON.stringify({
      Controllers: [
        {
          'Command Status': { Controller: 0, Status: 'Success', Description: 'None' },
          'Response Data': {
            'Virtual Drives': count,
            'VD LIST': [{ 'DG/VD': '0/0', TYPE: 'RAID1', State: volume, Name: 'data' }],
            'PD LIST': drives.map((State, slot) => ({ 'EID:Slt': `252:${slot}`, State, DG: State === 'UGood' ? '-' : 0, Model: 'DISK' })),
          },
        },
      ],
    })

  test.each([
    ['Optl', ['Onln', 'Onln'], 'ok', null],
    ['Dgrd', ['Onln', 'Rbld'], 'degraded', { action: 'recovery', ratio: null }],
    ['Optl', ['Onln', 'Failed'], 'degraded', null],
    ['OfLn', ['Offln', 'Offln'], 'failed', null],
    ['Strange', ['Onln', 'Onln'], 'unknown', null],
  ])('storcli: a volume that is %s', (volume, drives, state, sync) => {
    expect(read(storcli, 'all', `talk before\n${controller(volume, drives)}`)[0]).toMatchObject({
      name: 'c0/v0 data',
      level: 'raid1',
      state,
      sync,
    })
  })

  test('a list shorter than its count, and no controller, say nothing good', () => {
    expect(() => read(storcli, 'all', controller('Optl', ['Onln'], 2))).toThrow('2 Virtual Drives, and 1 are listed')
    const none = { Controllers: [{ 'Command Status': { 'Status Code': 0, Status: 'Success', Description: 'No Controller found' } }] }
    expect(() => read(storcli, 'all', JSON.stringify(none))).toThrow('no array')
  })

  test('ssacli, megacli and arcconf are read, and refused where they are cut short', () => {
    const hp = (state: string) =>
      `\nSmart Array P410i in Slot 0 (Embedded)\n\n   array A (SAS)\n\n      logicaldrive 1 (2.2 TB, RAID 5, ${state})\n\n      physicaldrive 1I:1:1 (port 1I:box 1:bay 1, SAS, 600 GB, OK)\n`
    expect(read(ssacli, 'config', hp('OK'))[0]).toMatchObject({ level: 'raid5', state: 'ok' })
    expect(read(ssacli, 'config', hp('Recovering, 45% complete'))[0]).toMatchObject({
      state: 'degraded',
      sync: { action: 'recovery', ratio: 0.45 },
    })
    const mega =
      'Adapter #0\n\nNumber of Virtual Disks: 1\nVirtual Drive: 0 (Target Id: 0)\nRAID Level          : Primary-1, Secondary-0\nState               : Degraded\nNumber Of Drives    : 2\nPD: 0 Information\nEnclosure Device ID: 32\nSlot Number: 0\nFirmware state: Online, Spun Up\n\nPD: 1 Information\n\nExit Code: 0x00\n'
    expect(read(megacli, 'config', mega)[0]).toMatchObject({ state: 'degraded', disks: { required: 2, active: 1, missing: 1 } })
    expect(() => read(megacli, 'config', mega.slice(0, -20))).toThrow('exit code')
    const adaptec =
      'Controllers found: 1\nLogical device number 0\n   RAID level : 1\n   Status of logical device : Degraded\n   Segment 0 : Present (Device:0) A1\n   Segment 1 : Missing\nCommand completed successfully.\n'
    expect(read(arcconf, 'config', adaptec)[0]).toMatchObject({ state: 'degraded', disks: { active: 1, missing: 1 } })
  })

  test('a controller whose tool is missing is unwatched, not absent', async () => {
    const m = machine({ files: { '/sys/bus/pci/drivers/megaraid_sas/0000:01:00.0/vendor': '0x1000\n' } })
    expect(await runProbe(storcli, hostOf(m), undefined, 0)).toMatchObject({
      outcome: 'failed',
      hint: expect.stringContaining('storcli64'),
    })
    expect(await runProbe(storcli, hostOf(machine()), undefined, 0)).toMatchObject({ outcome: 'absent' })
  })
})

test('LVM: a full thin pool has failed, one that does not tell is unknown, plain volumes are no arrays', () => {
  const lvs = (attributes: string, data: string) =>
    JSON.stringify({
      report: [
        {
          lv: [
            { lv_name: 'pool', vg_name: 'vg', lv_attr: attributes, data_percent: data, metadata_percent: '10.00', lv_health_status: '' },
          ],
        },
      ],
    })
  expect(['50.00', '96.20', '100.00', ''].map(full => read(lvm, 'lvs', lvs('twi-aotz--', full))[0]?.state)).toEqual([
    'ok',
    'degraded',
    'failed',
    'unknown',
  ])
  expect(() => read(lvm, 'lvs', lvs('-wi-ao----', ''))).toThrow('no volume of LVM')
  const pvs = JSON.stringify({
    report: [
      {
        pv: [
          { pv_name: '[unknown]', vg_name: 'vg', pv_missing: 'missing' },
          { pv_name: '/dev/sda', vg_name: 'vg', pv_missing: '' },
        ],
      },
    ],
  })
  expect(read(lvm, 'pvs', pvs)[0]).toMatchObject({ name: 'vg (group)', state: 'degraded', disks: { missing: 1 } })
})

test('multipath: a failed path degrades, no path left has failed', () => {
  const map = (second: string) =>
    `mpatha (3600a) dm-0 IBM,2145\nsize=10G features='0' hwhandler='0' wp=rw\n|-+- policy='service-time 0' prio=1 status=active\n| \`- 2:0:0:1 sdb 8:16 ${second}\n\`-+- policy='service-time 0' prio=1 status=enabled\n  \`- 3:0:0:1 sdc 8:32 failed faulty running\n`
  expect(read(multipath, 'paths', map('active ready running'))[0]).toMatchObject({ name: 'mpatha', state: 'degraded' })
  expect(read(multipath, 'paths', map('failed faulty offline'))[0]?.state).toBe('failed')
})

test('any text gives arrays of the schema or an error', () => {
  const parts = fc.constantFrom(
    '  pool: ',
    ' state: ',
    'config:\n',
    'errors: ',
    '\tNAME STATE\n',
    'ONLINE',
    'Label: none  uuid: ',
    '[/dev/sda].read_io_errs 0\n',
    'Virtual Drive: 0\n',
    'Exit Code: 0x00',
    'State : Optimal\n',
    ' in Slot 1\n',
    '  array A\n',
    '{"Controllers":[{}]}',
    '{"report":[{"lv":[{}]}]}',
    '{"pools":{"a":{"vdevs":{}}}}',
    '\n',
  )
  const text = fc.oneof(
    fc.string(),
    fc.array(fc.oneof(parts, fc.string({ maxLength: 5 }))).map(found => found.join('')),
  )
  fc.assert(
    fc.property(fc.constantFrom(zfs, btrfs, storcli, ssacli, megacli, arcconf, lvm, multipath), text, (probe, given) => {
      for (const input of Object.keys(probe.inputs)) {
        try {
          expect(checked(probe, probe.parse({ [input]: [asCaptured('/x/pool/state', given)] }, context)).outcome).toBe('ok')
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
          expect(error).not.toBeInstanceOf(TypeError)
        }
      }
    }),
  )
})

/** Captures of other projects, where they lie beside the checkout. */
const samples = new URL('../../../../../shared/samples/', import.meta.url)
if (existsSync(samples)) {
  const text = (path: string) => readFileSync(new URL(path, samples), 'utf8')

  test('captures of pools are read as their projects read them', () => {
    const state = (path: string) => read(zfs, 'status', text(`zfs/bitranox+check_zpools/tests/${path}`)).map(array => array.state)
    expect(new Set(state('zpool_status_sample.md'))).toEqual(new Set(['ok']))
    expect(state('zpool_status_degraded.json')).toEqual(['degraded'])
    expect(read(zfs, 'status', text('zfs/bitranox+check_zpools/tests/zpool_status_with_errors.json'))[0]?.errors).toBe(8)
    expect(read(zfs, 'status', text('zfs/kellyjonbrazil+jc/tests/fixtures/generic/zpool-status-v3.out'))[0]).toMatchObject({
      state: 'failed',
      errors: 8,
    })
  })

  test('captures of btrfs: errors, and a device that is missing though all counters are 0', () => {
    const live = (name: string) => text(`live/debian-12/storage_tools/${name}`)
    expect(read(btrfs, 'stats', live('btrfs-device-stats-errors.json'))[0]?.errors).toBe(4864)
    expect(read(btrfs, 'stats', live('btrfs-device-stats-missing-check.txt'))[0]).toMatchObject({ state: 'degraded', errors: 0 })
    expect(read(btrfs, 'show', live('btrfs-fi-show-missing.txt'))[0]?.state).toBe('degraded')
  })

  test('captures of controllers', () => {
    const glpi = 'raid_controllers/glpi-project+glpi-agent/resources/linux/megacli/'
    const summaries = readdirSync(new URL(glpi, samples)).filter(name => name.endsWith('ShowSummary'))
    for (const name of summaries)
      expect(new Set(read(megacli, 'config', text(glpi + name)).map(array => array.state))).toEqual(new Set(['ok']))
    expect(() => read(ssacli, 'config', text('raid_controllers/glpi-project+glpi-agent/resources/generic/hpacucli/sample2-slots'))).toThrow(
      'arrays are not told',
    )
  })
}
