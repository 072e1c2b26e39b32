import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { runProbe } from '../../runner.ts'
import { asCaptured } from '../sysfs.ts'
import probe from './apcupsd.ts'

const context = { now: 1_800_000_000_000, hostname: 'machine', options: undefined }

// What it reads right is told with its neighbours in ups.test.ts.
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

test('what the real apcupsd says of a UPS without a battery is critical, whatever its charge, and cut in half it says nothing', () => {
  const status = readFileSync(new URL('./fixtures/apcupsd-status.txt', import.meta.url), 'utf8')
  const read = (text: string) => probe.parse({ status: [asCaptured('', text)] }, context)

  expect(read(status)).toMatchObject({
    sensors: [{ kind: 'supply', state: 'critical', label: 'UPS Test Driver (no battery)' }, { value: 100 }, { value: 30 }],
  })
  expect(read(status.replace('ONLINE NOBATT', 'ONLINE'))).toMatchObject({ sensors: [{ kind: 'supply', state: 'ok' }, {}, {}] })
  expect(() => read(status.slice(0, 500))).toThrow('not whole')
})

test('an apcupsd that is gone has failed, in the words of the real apcaccess', async () => {
  const stderr = 'Error contacting apcupsd @ 127.0.0.1:13552: Connection refused\n'
  const m = machine({ commands: { 'apcaccess -u': { stderr, code: 1 } } })

  expect(await runProbe(probe, hostOf(m), undefined, 0)).toMatchObject({ outcome: 'failed', reason: 'apcupsd does not answer' })
})
