import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { runProbe } from '../../runner.ts'
import { asCaptured } from '../sysfs.ts'
import probe from './btrfs.ts'

const context = { now: 1_800_000_000_000, hostname: 'machine', options: undefined }

// What it reads right is told with its neighbours in zfs.test.ts.
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
