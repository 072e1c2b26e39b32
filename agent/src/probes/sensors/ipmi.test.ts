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

describe('FreeIPMI', () => {
  // Written after ipmi-sensors(8), "--comma-separated-output", "--output-sensor-state" and "--output-sensor-thresholds".
  const over = "'At or Above (>=) Upper Non-Critical Threshold'"
  const heading = 'ID,Name,Type,State,Reading,Units,Event\n'
  test.each([
    ['with states', `4,CPU Temp,Temperature,Warning,95.00,C,${over}\n`],
    ['with states and a heading', `${heading}4,CPU Temp,Temperature,Warning,95.00,C,${over}\n`],
    ['without states', `4,CPU Temp,Temperature,95.00,C,${over}\n`],
    ['without states, with a heading', `ID,Name,Type,Reading,Units,Event\n4,CPU Temp,Temperature,95.00,C,${over}\n`],
    [
      'with thresholds',
      `ID,Name,Type,State,Reading,Units,Lower NR,Lower C,Lower NC,Upper NC,Upper C,Upper NR,Event\n4,CPU Temp,Temperature,Warning,95.00,C,N/A,5.00,10.00,90.00,100.00,N/A,${over}\n`,
    ],
  ])('a table with commas, %s', (_, text) => {
    expect(probe.inputs.sensors?.recognise?.(text)).toBe(true)
    expect(parse(text)).toMatchObject({ sensors: [{ label: 'CPU Temp', kind: 'temperature', value: 95, state: 'warning', trusted: true }] })
  })

  test('what is critical is critical without a column of states too, and what is not told is not well', () => {
    const rows = [
      "4,CPU Temp,Temperature,101.00,C,'At or Above (>=) Upper Critical Threshold'",
      "5,Inlet Temp,Temperature,22.00,C,'OK'",
      '6,Fan1,Fan,N/A,RPM,N/A',
      "7,PS1,Power Supply,N/A,N/A,'Presence detected' 'Power Supply input lost (AC/DC)'",
      "8,Intrusion,Physical Security,N/A,N/A,'General Chassis Intrusion'",
    ]
    const { sensors } = parse(`${rows.join('\n')}\n`) as { sensors: { label: string; state: string }[] }
    expect(sensors.map(({ label, state }) => [label, state])).toEqual([
      ['CPU Temp', 'critical'],
      ['Inlet Temp', 'ok'],
      ['PS1', 'critical'],
      ['Intrusion', 'unknown'],
    ])
  })

  test.each([
    ['a row that is cut', '4,CPU Temp,Temperature,95.00,C'],
    ['an event that is cut', "4,CPU Temp,Temperature,95.00,C,'At or Ab"],
    ['a heading of something else', 'ID,Name,Type,Colour\n4,CPU Temp,Temperature,red'],
  ])('%s is refused', (_, text) => {
    expect(() => parse(`5,Inlet Temp,Temperature,22.00,C,'OK'\n${text}\n`)).toThrow(/Cannot read the row/)
  })
})
