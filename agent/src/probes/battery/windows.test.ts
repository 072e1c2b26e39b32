import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import battery from './windows.ts'

type Fact = FactTypes['battery']
// Written from the documentation of Win32_Battery and of BATTERY_INFORMATION.
const INSTANCE = 'ACPI\\PNP0C0A\\1_0'
const one = { DeviceID: '2677SMPDELL JHXPY53', PNPDeviceID: '', Name: 'DELL JHXPY53', EstimatedChargeRemaining: '83', BatteryStatus: '1' }
const driver = {
  InstanceName: INSTANCE,
  DeviceName: 'DELL JHXPY53',
  ManufactureName: 'SMP',
  SerialNumber: '2677',
  DesignedCapacity: '57532',
  Capabilities: '2147483648',
}
const whole = {
  batteries: [one],
  static: [driver],
  full: [{ InstanceName: INSTANCE, FullChargedCapacity: '48807' }],
  cycles: [{ InstanceName: INSTANCE, CycleCount: '173' }],
}
const answer = (more: object = {}) => JSON.stringify({ ...whole, ...more })
const read = (more?: object) => factOf<Fact>(battery, { answer: answer(more) }).batteries
const failed = { error: { hr: '0x80131500', msg: 'Generic failure' } }

test('wear, cycles and charge are joined from driver and system', () => {
  expect(read()).toEqual([
    {
      name: 'battery0',
      vendor: 'SMP',
      model: 'DELL JHXPY53',
      serial: '2677',
      healthRatio: 0.84,
      chargeRatio: 0.8,
      cycles: 173,
      state: 'discharging',
      service: null,
      condition: null,
    },
  ])
})

test('a driver that fails for its static data leaves wear unknown, and the battery there', () => {
  expect(read({ static: failed })).toMatchObject([{ model: 'DELL JHXPY53', healthRatio: null, chargeRatio: 0.8 }])
  expect(read({ full: failed, cycles: failed })).toMatchObject([{ serial: '2677', healthRatio: null, cycles: null }])
})

test('zero cycles are not counted, and a capacity of zero is none', () => {
  expect(read({ cycles: [{ InstanceName: INSTANCE, CycleCount: '0' }] })).toMatchObject([{ cycles: null }])
  expect(read({ static: [{ ...driver, DesignedCapacity: '0' }] })).toMatchObject([{ healthRatio: null }])
})

test('two batteries keep what is their own', () => {
  const second = { ...driver, InstanceName: 'ACPI\\PNP0C0A\\2_0', DeviceName: '01AV406' }
  const batteries = read({
    batteries: [one, { ...one, DeviceID: 'x01AV406', Name: '01AV406', EstimatedChargeRemaining: '20' }],
    static: [driver, second],
  })
  expect(batteries).toMatchObject([
    { name: 'battery0', healthRatio: 0.84, chargeRatio: 0.8 },
    { name: 'battery1', healthRatio: null, chargeRatio: 0.2 },
  ])
})

test('a desktop has none, and a UPS is none', () => {
  const absent = expect.objectContaining({ name: 'Absent' })
  expect(() => read({ batteries: [], static: [] })).toThrow(absent)
  const ups = { ...one, PNPDeviceID: 'HID\\VID_051D&PID_0002\\7' }
  expect(() => read({ batteries: [ups], static: [{ ...driver, Capabilities: '1610612736' }] })).toThrow(absent)
})

test('an answer without a list, and one that was refused, are no desktop', () => {
  expect(() => factOf(battery, { answer: '{"static":[]}' })).toThrow('no list')
  expect(() => read({ batteries: failed })).toThrow('Generic failure')
  expect(() => factOf(battery, { answer: '' })).toThrow('blocked')
})

// Written from the schema of powercfg's report.
const xml =
  '<?xml version="1.0"?>\n<BatteryReport xmlns="http://schemas.microsoft.com/battery/2012"><Batteries><Battery><Id>A</Id><SerialNumber> 541</SerialNumber><LongTerm>1</LongTerm><DesignCapacity>23540</DesignCapacity><FullChargeCapacity>19450</FullChargeCapacity><CycleCount>0</CycleCount></Battery></Batteries><RecentUsage/></BatteryReport>'
const cell = (label: string, value: string) => `<tr><td><span class="label">${label}</span></td><td>${value}\n</td></tr>`
const page = `<html>${cell('NAME', 'A')}${cell('DESIGN CAPACITY', '52.500 mWh')}${cell('FULL CHARGE CAPACITY', '36.520 mWh')}${cell('CYCLE COUNT', '\n -')}`

test('a report is read, as XML and as a page with separators of the country', () => {
  expect(factOf<Fact>(battery, { report: xml }).batteries).toMatchObject([{ model: 'A', serial: '541', healthRatio: 0.82, cycles: null }])
  expect(factOf<Fact>(battery, { page }).batteries).toMatchObject([{ model: 'A', healthRatio: 0.69, cycles: null }])
  expect(() => factOf(battery, { report: xml.slice(0, 150) })).toThrow('does not end')
  expect(() => factOf(battery, { page: '<html>DESIGN CAPACITY' })).toThrow('no capacities')
})

test('the machine is asked in one script', async () => {
  const m = machine({ commands: { 'powershell battery/windows': { text: answer() } } })
  expect(await battery.read(hostOf(m), undefined)).toMatchObject({ batteries: [{ cycles: 173 }] })
})

test('a report that lost a tag is no report without batteries', () => {
  expect(() => factOf(battery, { report: xml.replace('<Battery>', '') })).toThrow('damaged')
})

test('any text gives a fact or an error', () => {
  survives(battery, 'answer', [answer()])
  survives(battery, 'report', [xml])
  survives(battery, 'page', [page])
})
