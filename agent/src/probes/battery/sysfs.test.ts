import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { localHost } from '../../host/local.ts'
import { Absent } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import sysfs, { parseBatteries } from './sysfs.ts'

const ROOT = '/sys/class/power_supply'
/** Written from the kernel's sysfs-class-power. */
const files = (name: string, values: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries({ type: 'Battery', present: '1', ...values }).map(([file, text]) => [`${ROOT}/${name}/${file}`, `${text}\n`]),
  )
const look = (all: Readonly<Record<string, string>>) => runProbe(sysfs, hostOf(machine({ files: { ...all } })), undefined, 0)

const laptop = { status: 'Discharging', capacity: '63', energy_full: '40000000', energy_full_design: '50000000', cycle_count: '0' }

test('energy or charge, two batteries, and a cycle count of 0 that is none', async () => {
  const charge = { status: 'Not charging', capacity: '80', charge_full: '2500000', charge_full_design: '5000000', cycle_count: '412' }

  expect(await look({ ...files('BAT0', laptop), ...files('BAT1', charge), ...files('AC', { type: 'Mains' }) })).toMatchObject({
    outcome: 'ok',
    data: {
      batteries: [
        { name: 'BAT0', healthRatio: 0.8, chargeRatio: 0.6, cycles: null, state: 'discharging', service: null },
        { name: 'BAT1', healthRatio: 0.5, chargeRatio: 0.8, cycles: 412, state: 'not-charging', service: null },
      ],
    },
  })
})

test('wrong green 43 the other way round: the battery of a mouse is not the machine’s', async () => {
  expect((await look({ ...files('hidpp_battery_0', { capacity: '5', scope: 'Device' }), ...files('AC', { type: 'Mains' }) })).outcome).toBe(
    'absent',
  )
  expect((await look(files('wacom_battery_0', { capacity: '5' }))).outcome).toBe('absent')
  expect((await look(files('BAT0', { present: '0' }))).outcome).toBe('absent')
  expect((await look({})).outcome).toBe('absent')
})

test('capacities that do not fit together are no health', async () => {
  expect(await look(files('BAT0', { ...laptop, energy_full: '90000000' }))).toMatchObject({ data: { batteries: [{ healthRatio: null }] } })
  expect(await look(files('BAT0', { type: 'Battery' }))).toMatchObject({
    data: { batteries: [{ healthRatio: null, chargeRatio: null, state: 'unknown' }] },
  })
})

test('any text is a fact or an error', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      const of = (name: string, content: string) => ({
        text: content,
        stderr: '',
        code: null,
        name: `${ROOT}/BAT0/${name}`,
        modifiedAt: null,
      })
      try {
        expect(
          checked(
            sysfs,
            parseBatteries({ sysfs: [of('type', 'Battery'), of('status', text), of('capacity', text), of('model_name', text)] }),
          ).outcome,
        ).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Absent)
      }
    }),
  )
})

test('this machine answers: an empty folder of the kernel is no failure', async () => {
  expect(['ok', 'absent']).toContain((await runProbe(sysfs, localHost(), undefined, 0)).outcome)
})
