import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseHwmon } from './hwmon.ts'
import { isSensors, sensorsFiles } from './lm-sensors.ts'

const read = (text: string) => parseHwmon({ sensors: [{ text, stderr: '', code: null, name: 'sensors', modifiedAt: null }] }).sensors

/** Written after sensors(1) of lm-sensors 3.6. */
const printed = `coretemp-isa-0000
Adapter: ISA adapter
Package id 0:  +45.0°C  (high = +80.0°C, crit = +100.0°C)
Core 0:        +101.0°C  (high = +80.0°C, crit = +100.0°C)  ALARM (CRIT)

nvme-pci-0100
Adapter: PCI adapter
Composite:    +38.9°C  (low  = -273.1°C, high = +84.8°C)
                       (crit = +89.8°C)

nct6775-isa-0290
Adapter: ISA adapter
Vcore:         890.00 mV (min =  +0.00 V, max =  +1.74 V)
fan1:          1205 RPM  (min =  300 RPM)
`

test('a report for people is read with limits and alarms', () => {
  expect(isSensors(printed)).toBe(true)
  expect(read(printed)).toMatchObject([
    { label: 'Core 0', value: 101, high: 80, critical: 100, state: 'critical', trusted: true },
    { label: 'Package id 0', value: 45, high: 80, critical: 100, state: 'unknown' },
    { label: null, kind: 'fan', value: 1205, low: 300 },
    { label: 'Vcore', kind: 'voltage', value: 0.89, high: 1.74 },
    { label: 'Composite', value: 38.9, high: 84.8, critical: 89.8 },
  ])
})

test('its JSON tells the same, and flags that are not set', () => {
  const chip = { Adapter: 'ISA adapter', 'Core 0': { temp2_input: 43, temp2_max: 80, temp2_crit: 100, temp2_crit_alarm: 0 } }
  expect(read(JSON.stringify({ 'coretemp-isa-0000': chip }))).toMatchObject([
    { id: 'coretemp-isa-0000 coretemp Core 0', value: 43, high: 80, critical: 100, state: 'ok', trusted: true },
  ])
})

test('decimal commas and Fahrenheit are read', () => {
  expect(read(printed.replaceAll('.', ','))[1]).toMatchObject({ value: 45, high: 80 })
  expect(read('a-isa-0000\nAdapter: ISA\nCore 0:  +212.0°F  (high = +176.0°F)\n')).toMatchObject([{ value: 100, high: 80 }])
})

test('a text without a chip is not read', () => {
  expect(() => sensorsFiles('Adapter: ISA adapter\n')).toThrow(/chip/)
  expect(() => sensorsFiles('{"Adapter": 1}'.slice(0, 9))).toThrow(Error)
})

test('any text gives sensors or an error', () => {
  const part = fc.constantFrom('a-isa-0000\n', 'Adapter: x\n', 'Core 0: +1.0°C', ' (high = +2.0°C)', ' ALARM', '\n')
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(part).map(parts => parts.join('')),
      ),
      text => {
        try {
          read(text)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
          expect(error).not.toBeInstanceOf(TypeError)
        }
      },
    ),
  )
})
