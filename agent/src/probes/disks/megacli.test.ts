import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { runProbe } from '../../runner.ts'
import { asCaptured } from '../sysfs.ts'
import probe from './megacli.ts'

const context = { now: 1_800_000_000_000, hostname: 'machine', options: undefined }

/** Written after the manual of MegaCLI 8: `-PDList -aALL`. */
const list = (slot: number, state: string, alert: string) => `
Enclosure Device ID: 32
Slot Number: ${slot}
Media Error Count: ${slot}
Predictive Failure Count: 0
PD Type: SAS
Raw Size: 558.911 GB [0x45dd2fb0 Sectors]
Firmware state: ${state}
Inquiry Data: SEAGATE ST600MM0006     LS0AS0M000${slot}
Media Type: Hard Disk Device
Drive Temperature :3${slot}C (87.80 F)
Drive has flagged a S.M.A.R.T alert : ${alert}
`
const all = (...drives: string[]) => `Adapter #0\n${drives.join('')}\nExit Code: 0x00\n`

test('drives are told with what the controller knows of them', () => {
  const text = all(list(0, 'Online, Spun Up', 'No'), list(1, 'Failed', 'No'), list(2, 'Online, Spun Up', 'Yes'))
  expect(probe.parse({ config: [asCaptured('megacli', text)] }, context)).toMatchObject({
    disks: [
      {
        device: 'a0 32:0',
        model: 'SEAGATE ST600MM0006',
        serial: 'S0M0000',
        passed: true,
        mediaErrors: 0,
        temperatureCelsius: 30,
        media: 'hdd',
      },
      { device: 'a0 32:1', passed: false, reason: 'the controller calls it Failed', mediaErrors: 1 },
      { device: 'a0 32:2', passed: false },
    ],
  })
})

test('two slots of one number, in an enclosure and inside, are two drives', () => {
  const drive = (connector: string) =>
    `                Connector          : ${connector}: Slot 0 \n                Vendor Id          : MAKER \n                Product Id         : DISK\n                State              : Online\n                Disk Type          : SAS,Hard Disk Device\n`
  const text = `System\nHardware\n        PD \n${drive('00<Internal><Encl Pos 1 >')}\n${drive('00<Internal>')}\nStorage\nExit Code: 0x00\n`
  expect(probe.parse({ config: [asCaptured('megacli', text)] }, context)).toMatchObject({
    disks: [{ device: 'a0 1:0' }, { device: 'a0 0' }],
  })
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
