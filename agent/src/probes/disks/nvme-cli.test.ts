import type { FactTypes } from '@fettle/catalog'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { checked, runProbe } from '../../runner.ts'
import { asCaptured } from '../sysfs.ts'
import nvme from './nvme-cli.ts'
import storcli from './storcli.ts'

const context = { now: 1_800_000_000_000, hostname: 'machine', options: undefined }
const read = (text: string, input = 'log') => (nvme.parse({ [input]: [asCaptured('', text)] }, context) as FactTypes['disks']).disks

/** Written after nvme-smart-log(1). */
const log = {
  critical_warning: 0,
  temperature: 310,
  avail_spare: 100,
  spare_thresh: 5,
  percent_used: 2,
  media_errors: 0,
  power_on_hours: 4974,
}
const expected = {
  standing: 'read',
  passed: true,
  temperatureCelsius: 37,
  availableSpareRatio: 1,
  enduranceUsedRatio: 0.02,
  powerOnHours: 4974,
}

test.each([
  ['numbers', log],
  ['texts', Object.fromEntries(Object.entries(log).map(([key, value]) => [key, String(value)]))],
  ['grouped texts and bits as an object', { ...log, power_on_hours: '4,974', critical_warning: { value: 0, available_spare: 0 } }],
])('a health log of %s', (_, told) => {
  expect(read(JSON.stringify(told))).toMatchObject([expected])
})

test('a warning fails the disk, and without one nothing says that it is well', () => {
  expect(read(JSON.stringify({ ...log, critical_warning: 4 }))).toMatchObject([{ passed: false, criticalWarning: 4 }])
  expect(() => read(JSON.stringify({ ...log, critical_warning: undefined }))).toThrow('no critical_warning')
})

test('a disk that is only listed is not well', () => {
  const list = { Devices: [{ DevicePath: '/dev/nvme0n1', ModelNumber: 'X', SerialNumber: '1', PhysicalSize: 5 }] }
  expect(read(JSON.stringify(list), 'list')).toMatchObject([{ id: 'X_1', standing: 'unreadable', passed: null }])
})

test('where smartctl reads the disks it is absent', async () => {
  const files = { '/sys/class/nvme/nvme0/model': 'X\n', '/sys/class/nvme/nvme0/serial': '1\n' }
  const commands = { 'nvme smart-log -o json /dev/nvme0': { text: JSON.stringify(log) } }
  expect(await runProbe(nvme, hostOf(machine({ files, commands })), undefined, 0)).toMatchObject({
    data: { disks: [{ id: 'X_1', passed: true }] },
  })
  const both = machine({ files: { ...files, '/usr/sbin/smartctl': '' }, commands })
  expect(await runProbe(nvme, hostOf(both), undefined, 0)).toMatchObject({ outcome: 'absent' })
})

test('a drive that its controller calls failed, or that flags itself, has not passed', () => {
  const drive = (State: string, alert: string) => ({
    Controllers: [
      {
        'Command Status': { Controller: 0, Status: 'Success' },
        'Response Data': {
          'Drive /c0/e252/s0': [{ 'EID:Slt': '252:0', State, DG: 0, Model: 'X', Intf: 'SAS' }],
          'Drive /c0/e252/s0 - Detailed Information': { 'Drive /c0/e252/s0 State': { 'S.M.A.R.T alert flagged by drive': alert } },
        },
      },
    ],
  })
  const passed = (State: string, alert: string) =>
    (storcli.parse({ drives: [asCaptured('', JSON.stringify(drive(State, alert)))] }, context) as FactTypes['disks']).disks[0]?.passed
  expect([passed('Onln', 'No'), passed('Onln', 'Yes'), passed('UBad', 'No'), passed('Onln', '')]).toEqual([true, false, false, null])
})

test('any text gives disks of the schema or an error', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.object().map(value => JSON.stringify({ ...value, critical_warning: 0 })),
      ),
      text => {
        try {
          expect(checked(nvme, { disks: read(text) }).outcome).toBe('ok')
        } catch (error) {
          expect(error).not.toBeInstanceOf(TypeError)
        }
      },
    ),
  )
})

describe('what nvme prints for people', () => {
  /** Written after nvme-smart-log(1) and nvme-list(1) of nvme-cli 1.16 and 2.8. */
  const printed = (warning: string, heat: string) =>
    `Smart Log for NVME device:nvme0n1 namespace-id:ffffffff\ncritical_warning\t\t\t: ${warning}\ntemperature\t\t\t\t: ${heat}\navailable_spare\t\t\t\t: 9%\navailable_spare_threshold\t\t: 10%\npercentage_used\t\t\t\t: 103%\nData Units Written\t\t\t: 12,345,678 (6.32 TB)\npower_on_hours\t\t\t\t: 5,123\nunsafe_shutdowns\t\t\t: 20\nmedia_errors\t\t\t\t: 7\n`
  const told = (input: string, text: string) =>
    nvme.parse({ [input]: [asCaptured('capture.txt', text)] }, { now: 1, hostname: 'm', options: undefined })

  test.each([
    ['0x4', '41 °C (314 K)', 4, false],
    ['0', '41 C', 0, true],
  ])('a log with the warning %s', (warning, heat, criticalWarning, passed) => {
    expect(told('log', printed(warning, heat))).toMatchObject({
      disks: [
        {
          device: '/dev/nvme0',
          criticalWarning,
          passed,
          temperatureCelsius: 41,
          availableSpareRatio: 0.09,
          enduranceUsedRatio: 1.03,
          powerOnHours: 5123,
          mediaErrors: 7,
          writtenBytes: 12_345_678 * 512_000,
        },
      ],
    })
  })

  test('a log that ends before its warning is not read', () => {
    expect(told('log', printed('0', '41 C').slice(0, 70))).toMatchObject({ disks: [{ standing: 'unreadable', passed: null }] })
  })

  test('a table of disks says nothing of their health', () => {
    const table =
      'Node                  SN                   Model                                    FW Rev  \n--------------------- -------------------- ---------------------------------------- --------\n/dev/nvme0n1          S3EVNX0K             Samsung SSD 960 EVO 500GB                2B7QCXE7\n'
    expect(told('list', table)).toMatchObject({ disks: [{ model: 'Samsung SSD 960 EVO 500GB', serial: 'S3EVNX0K', passed: null }] })
  })
})
