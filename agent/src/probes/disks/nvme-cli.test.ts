import type { FactTypes } from '@fettle/catalog'
import fc from 'fast-check'
import { expect, test } from 'vitest'
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
