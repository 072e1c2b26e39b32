import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checked } from '../../runner.ts'
import { parseAcpi, parseUpower } from './tools.ts'

describe('acpi(1)', () => {
  /** Written after the manual page and print.c of acpiclient 1.7. */
  test('a worn battery that discharges, and one that is full', () => {
    const text =
      'Battery 0: Discharging, 52%, 01:02:03 remaining\nBattery 0: design capacity 5000 mAh, last full capacity 2900 mAh = 58%\nBattery 1: Full, 100%\nAdapter 0: off-line\n'
    expect(parseAcpi(text)).toMatchObject([
      { name: 'Battery 0', state: 'discharging', chargeRatio: 0.5, healthRatio: 0.58 },
      { name: 'Battery 1', state: 'full', chargeRatio: 1, healthRatio: null },
    ])
  })

  test('a charge limit on mains is no fault, and a line that is cut is not guessed', () => {
    expect(parseAcpi('Battery 0: Not charging, 80%')).toMatchObject([{ state: 'not-charging', chargeRatio: 0.8 }])
    expect(() => parseAcpi('Battery 0: Disch')).toThrow(/line of acpi/)
    expect(() => parseAcpi('Battery 0: Full, 100%\nBatt')).toThrow(/line of acpi/)
    expect(() => parseAcpi('Battery 0: Full, 100%\nBattery 0: design capacity 5000 mAh, last full ca')).toThrow(/line of acpi/)
  })
})

describe('upower(1)', () => {
  /** Written after up-tool.c of upower 1.90. */
  const device = (supply: string, full: string) =>
    `  native-path:          BAT0\n  vendor:               Maker\n  power supply:         ${supply}\n  battery\n    present:             yes\n    state:               charging\n    energy-full:         ${full} Wh\n    energy-full-design:  50 Wh\n    percentage:          61%\n    charge-cycles:       212\n`

  test('the battery of the machine is told, that of a mouse is not', () => {
    expect(parseUpower(device('yes', '40.5'))).toMatchObject([
      { name: 'BAT0', vendor: 'Maker', healthRatio: 0.81, chargeRatio: 0.6, cycles: 212, state: 'charging' },
    ])
    expect(parseUpower(device('no', '40.5'))).toEqual([])
  })

  test('a device that does not tell what it is, or whether it supplies power, is no proof that there is no battery', () => {
    expect(() => parseUpower(device('ja', '40.5'))).toThrow(/cut short/)
    expect(() => parseUpower(device('yes', '40.5').slice(0, 60))).toThrow(/cut short/)
  })

  test('a decimal comma is one', () => {
    expect(parseUpower(device('yes', '40,5'))).toMatchObject([{ healthRatio: 0.81 }])
  })
})

test('any text gives batteries of the schema or an error', () => {
  const text = fc.array(
    fc.constantFrom('Battery 0: ', 'Full', ', 100%', '\n', 'native-path: a\n', 'battery\n', 'power supply: yes\n', 'energy-full: 9 Wh\n'),
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        text.map(parts => parts.join('')),
      ),
      said => {
        for (const parse of [parseAcpi, parseUpower]) {
          try {
            expect(checked({ subject: 'battery', source: 'sysfs' }, { batteries: parse(said).slice(0, 16) }).outcome).toBe('ok')
          } catch (error) {
            expect(error).toBeInstanceOf(Error)
          }
        }
      },
    ),
  )
})
