import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { runProbe } from '../../runner.ts'
import { asCaptured } from '../sysfs.ts'
import probe from './ipmi.ts'
import { parseEventLog } from './ipmi-events.ts'

const context = { now: 1_800_000_000_000, hostname: 'machine', options: undefined }
const parse = (text: string) => probe.parse({ sensors: [asCaptured('ipmitool', text)] }, context)

describe('the BMC', () => {
  /** Written after the manual page of ipmitool. */
  test('what it measures is told with its own judgement', () => {
    const table =
      'Inlet Temp       | 04h | ok  |  7.1 | 25 degrees C\nFan1             | 30h | cr  |  7.1 | 120 RPM\nPS1 Status       | 61h | ok  | 10.1 | Presence detected\nSEL              | 72h | ns  |  7.1 | No Reading\n'
    expect(parse(table)).toMatchObject({
      sensors: [
        { label: 'Inlet Temp', kind: 'temperature', value: 25, state: 'ok', trusted: true },
        { label: 'Fan1', kind: 'fan', value: 120, state: 'critical' },
        { label: 'PS1 Status', kind: 'supply', state: 'ok' },
      ],
    })
  })

  test('its table of limits tells how far a reading may go', () => {
    const row =
      'CPU Temp         | 45.000     | degrees C  | ok    | na        | na        | na        | 85.000    | 90.000    | 95.000    \n'
    expect(parse(row)).toMatchObject({ sensors: [{ label: 'CPU Temp', value: 45, high: 85, critical: 90, state: 'ok', trusted: true }] })
  })

  /** Written after ipmi-sensors(8) of FreeIPMI 1.6. */
  test('the table of FreeIPMI is read, where states stand in its events', () => {
    const table = `ID  | Name       | Type         | Reading | Units | Event
4   | Inlet Temp | Temperature  | 22.00   | C     | 'OK'
72  | Fan1       | Fan          | 120.00  | RPM   | 'At or Below (<=) Lower Critical Threshold'
99  | PS1 Status | Power Supply | N/A     | N/A   | 'Presence detected' 'Power Supply input lost (AC/DC)'
`
    expect(parse(table)).toMatchObject({
      sensors: [
        { label: 'Inlet Temp', kind: 'temperature', value: 22, state: 'ok' },
        { label: 'Fan1', kind: 'fan', value: 120, state: 'critical' },
        { label: 'PS1 Status', kind: 'supply', state: 'critical' },
      ],
    })
    expect(() => parse(table.slice(0, -40))).toThrow(/row/)
  })

  test('without a BMC it is absent, without the right it is denied', async () => {
    expect(await runProbe(probe, hostOf(machine()), undefined, 0)).toMatchObject({ outcome: 'absent' })
    const denied = { ...asCaptured('ipmitool', ''), stderr: 'Could not open device at /dev/ipmi0: Permission denied' }
    expect(() => probe.parse({ sensors: [denied] }, context)).toThrow(/may not be asked/)
  })
})

describe('the event log of the BMC', () => {
  /** Written after the manual page of ipmitool: `sel elist`. */
  const row = (sensor: string, event: string, direction = 'Asserted') =>
    `   1 | 11/04/2025 | 16:04:40 | ${sensor} | ${event} | ${direction}\n`

  test.each([
    ['a supply that failed', row('Power Supply PS1', 'Failure detected'), 'warning'],
    [
      'a supply that failed and came back',
      row('Power Supply PS1', 'Failure detected') + row('Power Supply PS1', 'Failure detected', 'Deasserted'),
      'warning',
    ],
    ['memory that was corrected', row('Memory DIMM A1', 'Correctable ECC'), 'warning'],
    ['a restart', row('System ACPI Power State ACPI', 'S4/S5: soft-off'), 'unknown'],
    ['an empty log', 'SEL has no entries\n', 'ok'],
  ])('%s', (_, text, state) => {
    expect(parse(text)).toMatchObject({ sensors: [{ chip: 'ipmi', state }] })
  })

  test('a row that is cut short is not read', () => {
    expect(() => parse(`${row('Power Supply PS1', 'Presence detected')}   2 | 11/04/2025 | 16:04:40 | Power Supply PS1 | Failu`)).toThrow(
      /row/,
    )
  })

  test('any text gives sensors or an error', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        try {
          expect(parseEventLog(text).length).toBeGreaterThan(0)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }),
    )
  })
})

test('texts of something else and texts that end too early are no good news', () => {
  for (const text of ['Hello', '{', '<html></html>', '{"error": "busy"}']) expect(() => parse(text)).toThrow()
})

test('without any input it cannot judge', () => {
  expect(() => probe.parse({}, context)).toThrow(Error)
})
