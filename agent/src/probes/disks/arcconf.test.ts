import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { runProbe } from '../../runner.ts'
import raid from '../raid/arcconf.ts'
import { asCaptured } from '../sysfs.ts'
import probe from './arcconf.ts'

const context = { now: 1_800_000_000_000, hostname: 'machine', options: undefined }

/** Written after Microchip's ARCCONF user's guide: `arcconf getconfig N al`. */
const config = (found: number, state: string, warnings: number) => `Controllers found: ${found}
----------------------------------------------------------------------
Physical Device information
----------------------------------------------------------------------
      Device #0
         Device is a Hard drive
         State                              : ${state}
         Transfer Speed                     : SAS 6.0 Gb/s
         Model                              : ST600
         Serial number                      : SERIAL1
         Size                               : 572325 MB
         S.M.A.R.T.                         : No
         S.M.A.R.T. warnings                : ${warnings}
         SSD                                : No


Command completed successfully.
`
const given = asCaptured

test.each([
  ['a drive that works', 'Online', 0, true],
  ['a drive that warns', 'Online', 3, false],
  ['a drive that failed', 'Failed', 0, false],
])('%s', (_, state, warnings, passed) => {
  expect(probe.parse({ config: [given('arcconf getconfig 1 al', config(1, state, warnings))] }, context)).toMatchObject({
    disks: [{ model: 'ST600', serial: 'SERIAL1', passed, media: 'hdd', interface: 'sas' }],
  })
})

test('every controller that the first answer counts is asked', async () => {
  const commands = {
    'arcconf getconfig 1 al': { text: config(2, 'Online', 0) },
    'arcconf getconfig 2 al': { text: config(2, 'Failed', 0).replace('SERIAL1', 'SERIAL2') },
  }
  const files = { '/sys/bus/pci/drivers/aacraid/0000:01:00.0/vendor': '0x9005\n' }
  const told = await runProbe(probe, hostOf(machine({ files, commands })), undefined, 0)
  expect(told.data).toMatchObject({
    disks: [
      { serial: 'SERIAL1', passed: true },
      { serial: 'SERIAL2', passed: false },
    ],
  })
})

test('a controller that is counted and not told of is unknown', () => {
  expect(raid.parse({ config: [given('capture.txt', config(2, 'Online', 0))] }, context)).toMatchObject({
    arrays: [{ name: 'controller 2', state: 'unknown' }],
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
