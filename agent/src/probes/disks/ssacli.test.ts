import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { runProbe } from '../../runner.ts'
import { asCaptured } from '../sysfs.ts'
import probe from './ssacli.ts'

const context = { now: 1_800_000_000_000, hostname: 'machine', options: undefined }

/** Written after the manual of HPE's Smart Storage Administrator CLI: `ssacli ctrl all show config detail`. */
const config = (status: string) => `
Smart Array P440 in Slot 1
   Slot: 1
   Controller Status: OK
   Array: A
      Status: OK
      Logical Drive: 1
         Fault Tolerance: 1
         Status: OK
      physicaldrive 1I:1:1
         Status: ${status}
         Drive Type: Data Drive
         Interface Type: SAS
         Size: 600 GB
         Rotational Speed: 10000
         Firmware Revision: HPD1
         Serial Number: SERIAL1
         Model: HP      EG0600
         Current Temperature (C): 31
   Unassigned
      physicaldrive 1I:1:2
         Status: OK
         Drive Type: Unassigned Drive
         Interface Type: Solid State SATA
         Size: 480 GB
         Serial Number: SERIAL2
         Model: ATA     SSD480
         Usage remaining: 93.00%
         Power On Hours: 1000
`

test('drives are told with what the controller knows of them', () => {
  expect(probe.parse({ config: [asCaptured('ssacli', config('OK'))] }, context)).toMatchObject({
    disks: [
      { id: 'HP_EG0600_SERIAL1', device: 'slot 1 1I:1:1', interface: 'sas', media: 'hdd', passed: true, temperatureCelsius: 31 },
      { id: 'ATA_SSD480_SERIAL2', interface: 'sata', media: 'ssd', passed: true, enduranceUsedRatio: 0.07, powerOnHours: 984 },
    ],
  })
})

test.each([
  ['Failed', { passed: false, reason: 'the controller calls it Failed' }],
  ['Predictive Failure', { passed: false }],
])('a drive that is %s has not passed', (status, wanted) => {
  expect(probe.parse({ config: [asCaptured('ssacli', config(status))] }, context)).toMatchObject({ disks: [wanted, { passed: true }] })
})

test('on a machine without such a thing it is absent, and nothing is left running', async () => {
  expect(await runProbe(probe, hostOf(machine()), undefined, 0)).toMatchObject({ outcome: 'absent' })
})

test('texts of something else and texts that end too early are no good news', () => {
  for (const text of ['Hello', '{', '<html></html>', '{"error": "busy"}']) {
    const [input = ''] = Object.keys(probe.inputs)
    expect(() => probe.parse({ [input]: [asCaptured('', text)] }, context)).toThrow()
  }
})

test('without any input it cannot judge', () => {
  expect(() => probe.parse({}, context)).toThrow(Error)
})
