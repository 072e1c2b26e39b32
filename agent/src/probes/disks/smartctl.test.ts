import { existsSync, globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FactTypes } from '@fettle/catalog'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hostOf, type Machine, machine } from '../../../../test/kit/machine.ts'
import { TimedOut } from '../../host.ts'
import type { Captured } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import { asCaptured } from '../sysfs.ts'
import { parseSmartctl, smartctlProbe } from './smartctl.ts'
import type { Disk } from './smartctl-json.ts'

const now = 1_800_000_000_000
const context = { now, hostname: 'machine', options: undefined }
const capture = (text: string, name = 'disk.json'): Captured => asCaptured(name, text)
const json = (document: object) => JSON.stringify(document)
const parseAll = (...documents: object[]) => parseSmartctl({ disk: documents.map(document => capture(json(document))) }, context).disks
const parse = (document: object): Disk => parseAll(document)[0] as Disk

/** Documents below are written after the JSON of smartmontools 7.3: scsiprint.cpp, ataprint.cpp, nvmeprint.cpp. */
const smartctl = (exit = 0, ...errors: string[]) => ({
  smartctl: {
    version: [7, 3],
    argv: ['smartctl', '/dev/sda'],
    exit_status: exit,
    messages: errors.map(string => ({ string, severity: 'error' })),
  },
})
const attribute = (id: number, name: string, value: number, rest: object = {}) => ({
  id,
  name,
  value: 100,
  when_failed: '',
  raw: { value, string: String(value) },
  ...rest,
})
const ata = (exit: number, table: object[], rest: object = {}) => ({
  ...smartctl(exit),
  device: { name: '/dev/sda', type: 'sat', protocol: 'ATA' },
  model_name: 'Example 1000',
  serial_number: 'S1',
  wwn: { naa: 5, oui: 3152, id: 2761332797 },
  rotation_rate: 7200,
  smart_status: { passed: true },
  ata_smart_attributes: { table },
  ...rest,
})
const nvme = (log: object, exit = 0) => ({
  ...smartctl(exit),
  device: { name: '/dev/nvme0', type: 'nvme', protocol: 'NVMe' },
  model_name: 'Example N',
  serial_number: 'N1',
  smart_status: { passed: true },
  nvme_smart_health_information_log: {
    critical_warning: 0,
    available_spare: 100,
    available_spare_threshold: 10,
    percentage_used: 4,
    media_errors: 0,
    data_units_written: 2000,
    unsafe_shutdowns: 7,
    ...log,
  },
})

describe('one disk', () => {
  test('an ATA disk: names, verdict and the counting attributes', () => {
    const disk = parse(
      ata(
        0,
        [
          attribute(5, 'Reallocated_Sector_Ct', 4),
          attribute(197, 'Current_Pending_Sector', 1),
          attribute(199, 'UDMA_CRC_Error_Count', 12),
          attribute(241, 'Total_LBAs_Written', 2),
        ],
        { temperature: { current: 31 }, power_on_time: { hours: 1000 } },
      ),
    )
    expect(disk).toMatchObject({
      id: 'naa.5000c500a496983d',
      model: 'Example 1000',
      serial: 'S1',
      interface: 'sata',
      media: 'hdd',
      standing: 'read',
      passed: true,
      readAt: now,
    })
    expect(disk).toMatchObject({
      reallocatedSectors: 4,
      pendingSectors: 1,
      interfaceCrcErrors: 12,
      uncorrectableSectors: null,
      temperatureCelsius: 31,
      powerOnHours: 1000,
      writtenBytes: 1024,
    })
  })

  test('wrong green 17: a verdict that is missing is unknown, never passed', () => {
    expect(parse(ata(0, [attribute(5, 'Reallocated_Sector_Ct', 0)], { smart_status: undefined })).passed).toBeNull()
    expect(parse(ata(4, [], { smart_status: undefined }))).toMatchObject({ passed: null, standing: 'unsupported' })
  })

  test('wrong green 19: exit bits are judged one by one, and the data holds', () => {
    expect(parse(ata(4, [attribute(5, 'R', 0)]))).toMatchObject({ standing: 'read', passed: true })
    expect(parse(ata(64, [attribute(5, 'R', 0)]))).toMatchObject({ standing: 'read', passed: true, selfTest: null })
    expect(parse(ata(128, [attribute(5, 'R', 0)]))).toMatchObject({ passed: true, selfTest: { result: 'failed' } })
    expect(parse(ata(8, [], { smart_status: undefined }))).toMatchObject({ standing: 'read', passed: false })
    expect(parse(ata(48, []))).toMatchObject({ failingNow: ['not named'] })
  })

  test('wrong green 20: a virtual disk is absent', () => {
    const document = {
      smartctl: {
        argv: ['smartctl', '-a', '--json', '/dev/vda'],
        exit_status: 1,
        messages: [{ string: '/dev/vda: Unable to detect device type', severity: 'error' }],
      },
    }
    expect(() => parse(document)).toThrow('only virtual disks')
  })

  test('wrong greens 21 and 22: media errors are told beside a passed verdict, error log entries are not', () => {
    expect(parse(nvme({ media_errors: 3, num_err_log_entries: 4871 }))).toMatchObject({ passed: true, mediaErrors: 3 })
    expect(parse(nvme({ num_err_log_entries: 4871 }))).toMatchObject({
      mediaErrors: 0,
      enduranceUsedRatio: 0.04,
      availableSpareRatio: 1,
      writtenBytes: 1_024_000_000,
      unsafeShutdowns: 7,
    })
  })

  test.each([
    [188, 12, 12],
    [188, 0x0002_0002, 2],
    [188, 51_540_393_996, 12],
    [5, 0x0003_0000_0008, 8],
    [199, 3_118_119, 3_118_119],
  ])('attribute %i with the raw value %i counts %i: high words are other counters', (id, raw, count) => {
    const disk = parse(ata(0, [attribute(id, 'Counter', raw)]))
    expect({ 5: disk.reallocatedSectors, 188: disk.commandTimeouts, 199: disk.interfaceCrcErrors }[id]).toBe(count)
  })

  test('temperature and hours come from where smartctl has decoded them, never from packed raw values', () => {
    const disk = parse(
      ata(0, [
        attribute(194, 'Temperature_Celsius', 90_196_803_613),
        attribute(9, 'Power_On_Hours', 3_900_000),
        attribute(1, 'Raw_Read_Error_Rate', 220_000_000),
      ]),
    )
    expect(disk).toMatchObject({ temperatureCelsius: null, powerOnHours: null, mediaErrors: null })
  })

  test('failing attributes are named, the pre-fail ones apart', () => {
    const table = [
      attribute(5, 'Reallocated_Sector_Ct', 900, { when_failed: 'now', flags: { prefailure: true } }),
      attribute(190, 'Airflow_Temperature_Cel', 40, { when_failed: 'past', flags: { prefailure: false } }),
    ]
    expect(parse(ata(48, table))).toMatchObject({ failingNow: ['Reallocated_Sector_Ct'], failedBefore: ['Airflow_Temperature_Cel'] })
  })

  test('a SCSI disk: grown defects and uncorrected errors', () => {
    const log = {
      read: { total_uncorrected_errors: 2 },
      write: { total_uncorrected_errors: 1, gigabytes_processed: '2.5' },
      verify: { total_uncorrected_errors: 0 },
    }
    const disk = parse({
      ...smartctl(),
      device: { name: '/dev/sdb', type: 'scsi', protocol: 'SCSI' },
      scsi_model_name: 'MAKER X',
      serial_number: 'Z',
      scsi_transport_protocol: { name: 'SAS (SPL-4)' },
      smart_status: { passed: true },
      scsi_grown_defect_list: 5,
      scsi_error_counter_log: log,
    })
    expect(disk).toMatchObject({ interface: 'sas', mediaErrors: 3, reallocatedSectors: 5, writtenBytes: 2_500_000_000 })
  })

  test('the newest self-test with an answer counts, not one that was aborted later', () => {
    const log = {
      standard: {
        table: [
          { status: { value: 16, string: 'Aborted by host' }, lifetime_hours: 20 },
          { status: { value: 0x70, string: 'Completed: read failure' }, lifetime_hours: 10 },
        ],
      },
    }
    expect(parse(ata(128, [], { ata_smart_self_test_log: log })).selfTest).toEqual({
      result: 'failed',
      atHours: 10,
      detail: 'Completed: read failure',
    })
    const running = { current_self_test_operation: { value: 1, string: 'Short self-test in progress' } }
    expect(parse({ ...nvme({}), nvme_self_test_log: running }).selfTest?.result).toBe('running')
  })

  test.each([
    ['open failed', smartctl(2, 'Smartctl open device: /dev/sda failed: No such device'), 'unreadable'],
    ['unknown bridge', smartctl(1, '/dev/sda: Unknown USB bridge [0x1234:0x5678 (0x100)]'), 'unsupported'],
    ['RAID volume', smartctl(2, "/dev/sda: DELL or MegaRaid controller, please try adding '-d megaraid,N'"), 'unsupported'],
    [
      'no SMART',
      { ...smartctl(4), device: { name: '/dev/sda', type: 'scsi', protocol: 'SCSI' }, smart_support: { available: false } },
      'unsupported',
    ],
    ['SMART off', { ...ata(0, []), smart_status: undefined, smart_support: { available: true, enabled: false } }, 'unsupported'],
    ['nothing told', smartctl(0), 'unreadable'],
  ])('%s says nothing good', (_, document, standing) => {
    expect(parse(document)).toMatchObject({ standing, passed: null, readAt: null })
  })

  test('no right to open any disk is denied; one among others is unreadable', () => {
    const locked = smartctl(2, 'Smartctl open device: /dev/sda failed: Permission denied')
    expect(() => parse(locked)).toThrow('may not open the disks')
    expect(parseAll(locked, nvme({})).map(disk => disk.standing)).toEqual(['unreadable', 'read'])
  })

  test('an old smartctl, broken JSON and other files are failures', () => {
    const of = (text: string) => () => parseSmartctl({ disk: [capture(text)] }, context)
    expect(of('smartctl 6.6 2017-11-05 r4594\n=======> UNRECOGNIZED OPTION: json=c\n')).toThrow('too old')
    expect(of(json(ata(0, [])).slice(0, -20))).toThrow('no whole JSON')
    expect(of('# scan_smart_devices: glob(3) aborted\n')).toThrow('scan of smartctl failed')
    expect(of('')).toThrow('no whole JSON')
    expect(of('[]')).toThrow("Cannot read smartctl's output")
  })

  test('disks that share a name stay apart, paths to one disk are one', () => {
    const second = { ...ata(0, [attribute(5, 'R', 0)]), serial_number: 'S2' }
    expect(new Set(parseAll(ata(0, []), second).map(disk => disk.id)).size).toBe(2)
    expect(parseAll(ata(0, []), ata(0, []))).toHaveLength(1)
  })

  test('hostile lengths and types are bounded', () => {
    const long = 'x'.repeat(10_000)
    const data = parseSmartctl(
      {
        disk: [
          capture(
            json({
              ...ata(0, [attribute(5, long, 1, { when_failed: 'now' })]),
              model_name: long,
              serial_number: long,
              temperature: 'hot',
              wwn: 1,
            }),
          ),
        ],
      },
      context,
    )
    expect(checked({ subject: 'disks', source: 'smartctl' }, data).outcome).toBe('ok')
    const many = Array.from({ length: 300 }, (_, i) => ({ ...ata(0, []), wwn: undefined, serial_number: `S${i}` }))
    expect(parseAll(...many).at(-1)).toMatchObject({ id: 'more', standing: 'unreadable', reason: '45 more disks than a fact may carry' })
  })

  test('any document gives a fact of the schema or an error', () => {
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom(0, 1, 3, 255, -1, '', 'now', 'past'))
    const document = fc.record(
      {
        smartctl: fc.record({ exit_status: value, messages: value, argv: value }),
        device: value,
        smart_status: value,
        wwn: value,
        temperature: value,
        ata_smart_attributes: fc.record({ table: value }),
        nvme_smart_health_information_log: value,
        scsi_error_counter_log: value,
        ata_smart_self_test_log: value,
        devices: value,
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.oneof(document.map(json), fc.string()), text => {
        let data: unknown
        try {
          data = parseSmartctl({ disk: [capture(text)] }, context)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
          return
        }
        expect(checked({ subject: 'disks', source: 'smartctl' }, data)).toMatchObject({ outcome: 'ok' })
      }),
    )
  })
})

const look = (type: string, device: string) => `smartctl --json=c -n standby,3 -d ${type} -i -H -A -l error -l selftest ${device}`
const scan = (...devices: object[]) => ({ 'smartctl --scan --json=c': { text: json({ ...smartctl(), devices }) } })
/** What smartctl prints for a sleeping disk with an exit status of one's own (ataprint.cpp). */
const sleeping = {
  text: json({
    smartctl: {
      argv: ['smartctl', '-n', 'standby,3', '/dev/sda'],
      exit_status: 3,
      messages: [{ string: 'Device is in STANDBY mode, exit(3)', severity: 'information' }],
    },
  }),
  code: 3,
}

function withDisk(commands: Machine['commands']): Machine {
  const files = {
    '/dev/sda': '',
    '/sys/block/sda/size': '1953525168\n',
    '/sys/block/sda/removable': '0\n',
    '/sys/block/sda/queue/rotational': '1\n',
    '/sys/block/sda/device/vendor': 'ATA     \n',
    '/sys/block/sda/device/model': 'Example 1000    \n',
    '/sys/block/sda/device/wwid': 'naa.5000c500a496983d\n',
    '/sys/block/loop0/size': '0\n',
    '/sys/block/dm-0/size': '100\n',
    '/sys/block/vda/size': '100\n',
  }
  return machine({ files, commands: { ...scan(), ...commands } })
}
const run = (m: Machine, probe = smartctlProbe(), options: object = { types: {} }) => runProbe(probe, hostOf(m), options, 0)
const disksOf = (held: { data?: unknown }) => (held.data as FactTypes['disks']).disks

describe('the machine', () => {
  test('only the physical disk is asked, by the type that sysfs tells, without waking it', async () => {
    const m = withDisk({ [look('sat', '/dev/sda')]: { text: json(ata(0, [], { power_on_time: { hours: 1001 } })) } })
    const held = await run(m)
    expect(m.ran).toEqual(['smartctl --scan --json=c', look('sat', '/dev/sda')])
    expect(disksOf(held)).toMatchObject([{ id: 'naa.5000c500a496983d', passed: true, powerOnHours: 984, sizeBytes: 1_000_204_886_016 }])
  })

  test('wrong green 18: a sleeping disk keeps its last values and their age', async () => {
    // given a disk that was read
    const m = withDisk({ [look('sat', '/dev/sda')]: { text: json(ata(0, [attribute(5, 'R', 4)])) } })
    const probe = smartctlProbe()
    await run(m, probe)
    // when it sleeps an hour later
    m.commands[look('sat', '/dev/sda')] = sleeping
    m.now += 3_600_000
    const asleep = disksOf(await run(m, probe))
    // then
    expect(asleep).toMatchObject([{ id: 'naa.5000c500a496983d', standing: 'asleep', passed: true, reallocatedSectors: 4, readAt: now }])
  })

  test('a disk that sleeps from the start is known by name only', async () => {
    const held = await run(withDisk({ [look('sat', '/dev/sda')]: sleeping }))
    expect(disksOf(held)).toMatchObject([
      { id: 'naa.5000c500a496983d', model: 'Example 1000', standing: 'asleep', passed: null, readAt: null },
    ])
  })

  test('a disk that stops answering loses its values: old ones would look healthy', async () => {
    const m = withDisk({ [look('sat', '/dev/sda')]: { text: json(ata(0, [attribute(5, 'R', 4)])) } })
    const probe = smartctlProbe()
    await run(m, probe)
    m.commands[look('sat', '/dev/sda')] = new TimedOut('late')
    expect(disksOf(await run(m, probe))).toMatchObject([
      {
        id: 'naa.5000c500a496983d',
        serial: 'S1',
        standing: 'unreadable',
        passed: null,
        reallocatedSectors: null,
        reason: 'it did not answer within 30 s',
      },
    ])
  })

  test('smartctl that is not installed is no absence: the disks are there', async () => {
    const m = withDisk({})
    m.commands = {}
    expect(await run(m)).toMatchObject({ outcome: 'failed', hint: expect.stringContaining('smartmontools') })
  })

  test('only virtual disks, or the disks of a container host, are absent', async () => {
    const virtual = machine({ files: { '/dev/vda': '', '/sys/block/vda/size': '1', '/sys/block/loop0/size': '1' } })
    expect(await run(virtual)).toMatchObject({ outcome: 'absent' })
    const emulated = withDisk({})
    emulated.files['/sys/block/sda/device/vendor'] = 'QEMU    '
    expect(await run(emulated)).toMatchObject({ outcome: 'absent' })
    const container = withDisk({})
    delete container.files['/dev/sda']
    expect(await run(container)).toMatchObject({ outcome: 'absent' })
  })

  test('members of a controller are found by the scan and named by their own world-wide name', async () => {
    const member = {
      ...ata(0, []),
      device: { name: '/dev/bus/0', type: 'sat+megaraid,4', protocol: 'ATA' },
      wwn: { naa: 5, oui: 1, id: 2 },
    }
    const volume = smartctl(2, "DELL or MegaRaid controller, please try adding '-d megaraid,N'")
    const m = withDisk({
      ...scan({ name: '/dev/sda', type: 'scsi' }, { name: '/dev/bus/0', type: 'megaraid,4', protocol: 'SCSI' }),
      [look('auto', '/dev/sda')]: { text: json(volume), code: 2 },
      [look('megaraid,4', '/dev/bus/0')]: { text: json(member) },
    })
    m.files['/sys/block/sda/device/vendor'] = 'DELL    '
    const probe = smartctlProbe()
    expect(disksOf(await run(m, probe))).toMatchObject([
      { interface: 'raid', standing: 'unsupported', passed: null },
      { id: 'naa.5000001000000002', device: '/dev/bus/0 megaraid,4', standing: 'read' },
    ])
    // and when the member hangs, it is known by its place
    m.commands[look('megaraid,4', '/dev/bus/0')] = new TimedOut('late')
    expect(disksOf(await run(m, probe))[1]).toMatchObject({ id: 'naa.5000001000000002', standing: 'unreadable', passed: null })
  })

  test('an NVMe controller that is lost is unreadable, though its block device is gone', async () => {
    const files = {
      '/sys/block/loop0/size': '0',
      '/sys/class/nvme/nvme0/state': 'dead\n',
      '/sys/class/nvme/nvme0/model': 'Example N\n',
      '/sys/class/nvme/nvme0/serial': 'N1\n',
      '/sys/class/nvme/nvme0/transport': 'pcie\n',
    }
    const held = await run(machine({ files, commands: scan() }))
    expect(disksOf(held)).toMatchObject([
      { id: 'Example_N_N1', interface: 'nvme', standing: 'unreadable', reason: 'the controller is lost: its state is dead' },
    ])
  })

  test('the administrator may name a type', async () => {
    const m = withDisk({ [look('sntjmicron', '/dev/sda')]: { text: json(nvme({})) } })
    expect(disksOf(await run(m, smartctlProbe(), { types: { '/dev/sda': 'sntjmicron' } }))).toMatchObject([{ standing: 'read' }])
  })

  test('a look at an idle machine gives the same fact an hour later', async () => {
    const m = withDisk({ [look('sat', '/dev/sda')]: { text: json(ata(0, [], { power_on_time: { hours: 1001 } })) } })
    const first = disksOf(await run(m))
    m.now += 3_600_000
    m.commands[look('sat', '/dev/sda')] = { text: json(ata(0, [], { power_on_time: { hours: 1002 } })) }
    expect(disksOf(await run(m))).toEqual(first)
  })
})

/** Captures of other projects, where they lie beside the checkout. */
const samples = new URL('../../../../../shared/samples/disk_smart_json/', import.meta.url)
if (existsSync(samples)) {
  const files = globSync('**/*.json', { cwd: fileURLToPath(samples) })
  test.each(files)('capture %s', file => {
    const text = readFileSync(new URL(file, samples), 'utf8')
    const document = JSON.parse(text)
    const { disks } = parseSmartctl({ disk: [capture(text, file)] }, context)
    expect(checked({ subject: 'disks', source: 'smartctl' }, { disks }).outcome).toBe('ok')
    if (document.devices) return expect(disks.every(disk => disk.passed === null && disk.standing !== 'read')).toBe(true)
    expect(disks).toMatchObject([
      {
        standing: 'read',
        passed: document.smart_status.passed,
        temperatureCelsius: document.temperature?.current || null,
        powerOnHours: document.power_on_time?.hours ?? null,
        criticalWarning: document.nvme_smart_health_information_log?.critical_warning ?? null,
      },
    ])
  })
}

test('a scan with a device that cannot be read does not hide the others', () => {
  const scan = { smartctl: { argv: ['smartctl', '--scan', '--json'] }, devices: [{ name: '/dev/sda', type: 'sat' }, { type: 'sat' }] }
  expect(() => parseSmartctl({ scan: [asCaptured('', JSON.stringify(scan))] }, context)).toThrow(/devices/)
})
