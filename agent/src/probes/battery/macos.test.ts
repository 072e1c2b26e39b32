import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Absent } from '../../probe.ts'
import { parseMacBattery } from './macos.ts'

const samples = new URL('../../../../../shared/samples/', import.meta.url)
const given = (text: string) => [{ text, stderr: '', code: null, name: '', modifiedAt: null }]
/** Written from Apple's IOPowerSources headers and public descriptions of the gauge. */
const gauge = (keys: Readonly<Record<string, number>>, nested: Readonly<Record<string, number>> = {}) => {
  const pairs = (of: Readonly<Record<string, number>>) =>
    Object.entries(of)
      .map(([key, value]) => `<key>${key}</key><integer>${value}</integer>`)
      .join('')
  return given(
    `<plist version="1.0"><array><dict>${pairs(keys)}<key>BatteryData</key><dict>${pairs(nested)}</dict><key>IsCharging</key><false/></dict></array></plist>`,
  )
}
const profile = (health: object, charge: object = {}) =>
  given(
    JSON.stringify({
      SPPowerDataType: [{ _name: 'spbattery_information', sppower_battery_charge_info: charge, sppower_battery_health_info: health }],
    }),
  )

test('MaxCapacity is mAh on Intel, and percent on Apple silicon, where it is no health', () => {
  expect(parseMacBattery({ gauge: gauge({ DesignCapacity: 6000, MaxCapacity: 4500, CurrentCapacity: 2250 }) }).batteries).toMatchObject([
    { healthRatio: 0.75, chargeRatio: 0.5 },
  ])
  expect(parseMacBattery({ gauge: gauge({ DesignCapacity: 6000, MaxCapacity: 100, CurrentCapacity: 80 }) }).batteries).toMatchObject([
    { healthRatio: null, chargeRatio: 0.8 },
  ])
  expect(parseMacBattery({ gauge: gauge({ DesignCapacity: 6000, MaxCapacity: 100, AppleRawMaxCapacity: 4800 }) }).batteries).toMatchObject([
    { healthRatio: 0.8 },
  ])
})

test('newer releases keep the raw values in BatteryData', () => {
  expect(
    parseMacBattery({
      gauge: gauge({ MaxCapacity: 100, CurrentCapacity: 50 }, { DesignCapacity: 5000, NominalChargeCapacity: 3000, CycleCount: 700 }),
    }).batteries,
  ).toMatchObject([{ healthRatio: 0.6, cycles: 700 }])
})

test.each([
  ['Normal', false],
  ['Good', false],
  ['Fair', false],
  ['Service Recommended', true],
  ['Replace Now', true],
  ['Check Battery', true],
  ['Something New', null],
] as const)('the condition %s asks for service: %s', (condition, service) => {
  expect(
    parseMacBattery({ profile: profile({ sppower_battery_health: condition, sppower_battery_health_maximum_capacity: '86%' }) }).batteries,
  ).toMatchObject([{ service, condition, healthRatio: 0.86 }])
})

test('a Mac without a battery has none; a report of something else is refused', () => {
  expect(() => parseMacBattery({ profile: given('{"SPPowerDataType":[{"_name":"sppower_information"}]}') })).toThrow(Absent)
  expect(() => parseMacBattery({ profile: given('{"SPPowerDataType":[]}') })).toThrow(/no items/)
  expect(() => parseMacBattery({ profile: given('{"SPFirewallDataType":[]}') })).toThrow()
})

const mac = 'hardware_macos/glpi-project+glpi-agent/resources/macos/system_profiler'
const captures = [
  [`${mac}/10.11-system_profiler_SPPowerDataType.txt`, { cycles: 552, condition: 'Normal', service: false, chargeRatio: 0.7 }],
  [`${mac}/charging-SPPowerDataType`, { cycles: 125, state: 'charging', chargeRatio: 0.9 }],
  [
    'hardware_macos/chef+ohai/spec/unit/plugins/darwin/hardware_system_profiler_output.rb.SPPowerDataType.plist',
    { cycles: 201, condition: 'Good', state: 'full', chargeRatio: 1 },
  ],
  [
    'updates_macos/glpi-project+glpi-agent/resources/macos/system_profiler/11.0-apple-M1',
    { cycles: 1, condition: 'Normal', healthRatio: 1 },
  ],
] as const

test.each(existsSync(samples) ? captures : [])('a sample: %s', (name, wanted) => {
  expect(parseMacBattery({ profile: given(readFileSync(new URL(name, samples), 'utf8')) }).batteries).toMatchObject([wanted])
})

test.each([
  [
    "Now drawing from 'AC Power'\n -InternalBattery-0 (id=1)\t100%; charged; 0:00 remaining present: true\n",
    { chargeRatio: 1, state: 'full' },
  ],
  [
    "Now drawing from 'Battery Power'\n -InternalBattery-0 (id=1)\t52%; discharging; 3:51 remaining present: true\n",
    { chargeRatio: 0.5, state: 'discharging' },
  ],
])('pmset tells charge and state, and nothing of health: %s', (text, wanted) => {
  const input = [{ text, stderr: '', code: null, name: '', modifiedAt: null }]
  expect(parseMacBattery({ pmset: input }).batteries).toMatchObject([{ ...wanted, healthRatio: null, service: null }])
})

test('pmset that names no battery is no proof that there is none', () => {
  const input = [{ text: "Now drawing from 'AC Power'\n", stderr: '', code: null, name: '', modifiedAt: null }]
  expect(() => parseMacBattery({ pmset: input })).toThrow(/battery/)
})
