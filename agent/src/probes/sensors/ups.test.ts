import { existsSync, readFileSync } from 'node:fs'
import type { FactTypes } from '@fettle/catalog'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import type { Probe } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import { asCaptured } from '../sysfs.ts'
import apcupsd from './apcupsd.ts'
import ipmi from './ipmi.ts'
import ups from './ups.ts'

const context = { now: 1_800_000_000_000, hostname: 'machine', options: undefined }
const read = (probe: Probe, text: string) =>
  (probe.parse({ [Object.keys(probe.inputs)[0] ?? '']: [asCaptured('', text)] }, context) as FactTypes['sensors']).sensors

describe('IPMI', () => {
  test('the three tables of ipmitool and the CSV of FreeIPMI give the same sensor', () => {
    const sensor = 'CPU Temp | 95.000 | degrees C | nc | 0.000 | 0.000 | 0.000 | 90.000 | 100.000 | 100.000\n'
    const texts = [
      sensor,
      'CPU Temp | 95 degrees C | nc\n',
      'CPU Temp | 30h | nc | 7.1 | 95 degrees C\n',
      "4,CPU Temp,Temperature,Warning,95.00,C,'At or Above (>=) Upper Non-Critical Threshold'\n",
    ]
    for (const text of texts) expect(read(ipmi, text)).toMatchObject([{ kind: 'temperature', value: 95, state: 'warning', trusted: true }])
    expect(read(ipmi, sensor)).toMatchObject([{ high: 90, critical: 100 }])
  })

  test.each([
    ['PS1 Status | 0x1 | discrete | 0x0100| na | na | na | na | na | na', 'ok'],
    ['PS1 Status | 0x1 | discrete | 0x0900| na | na | na | na | na | na', 'critical'],
    ['PS1 Status | 0x1 | discrete | 0x0500| na | na | na | na | na | na', 'warning'],
    ['Power Supply 1 | 03h | ok | 10.1 | 110 Watts, Presence detected', 'ok'],
    ['Power Supply 1 | 03h | ok | 10.1 | Presence detected, Failure detected', 'critical'],
    ['Power Supply 1 | 03h | ok | 10.1 | Presence detected, Power Supply AC lost', 'critical'],
    ['Power Supply 1 | 03h | ok | 10.1 | Presence detected, Predictive failure', 'warning'],
  ])('%s', (row, state) => {
    expect(read(ipmi, `${row}\n`)).toMatchObject([{ kind: 'supply', state }])
  })

  test('slots without a sensor and complaints are left out; a row that is cut short is refused', () => {
    const table = 'Fan1 | 30h | ok | 7.1 | 5040 RPM\nUnable to send command: Invalid argument\nSEL | 72h | ns | 7.1 | No Reading\n'
    expect(read(ipmi, table)).toHaveLength(1)
    expect(() => read(ipmi, `${table}Fan2 | 31h`)).toThrow('Cannot read the row')
  })

  test('without a BMC it is absent; with one and no tool it has failed', async () => {
    expect(await runProbe(ipmi, hostOf(machine()), undefined, 0)).toMatchObject({ outcome: 'absent' })
    expect(await runProbe(ipmi, hostOf(machine({ files: { '/dev/ipmi0': '' } })), undefined, 0)).toMatchObject({ outcome: 'failed' })
  })
})

describe('UPS', () => {
  test.each([
    ['OL', 'ok'],
    ['OL CHRG', 'ok'],
    ['OL RB', 'warning'],
    ['OB DISCHRG', 'warning'],
    ['OB LB DISCHRG', 'critical'],
    ['OL STRANGE', 'unknown'],
    ['CHRG', 'unknown'],
  ])('NUT says %s', (status, state) => {
    expect(read(ups, `battery.charge: 100\nups.model: X\nups.status: ${status}\n`)).toMatchObject([
      { kind: 'supply', state },
      { kind: 'other', value: 100 },
    ])
  })

  test('stale data and a report without a status are refused: old values would look healthy', () => {
    expect(() => read(ups, 'Error: Data stale\n')).toThrow('Data stale')
    expect(() => read(ups, 'battery.charge: 100\n')).toThrow('no ups.status')
  })

  test('one that is configured and does not answer has failed; without NUT there is none', async () => {
    const m = machine({
      files: { '/etc/nut/ups.conf': '[rack]\n  driver = usbhid-ups\n' },
      commands: { 'upsc -l': { code: 1, stderr: 'Error: Connection failure: Connection refused' } },
    })
    expect(await runProbe(ups, hostOf(m), undefined, 0)).toMatchObject({ outcome: 'failed' })
    expect(await runProbe(ups, hostOf(machine()), undefined, 0)).toMatchObject({ outcome: 'absent' })
  })

  /** Written after the status report of apcupsd's manual. */
  const report = (status: string) =>
    `APC      : 001,036,0879\nUPSNAME  : rack\nSTATUS   : ${status}\nBCHARGE  : 100.0\nMBATTCHG : 5\nEND APC  : 2025-11-16 08:00:21 +0000\n`

  test('apcupsd tells what is wrong, and a lost UPS is refused', () => {
    const states = ['ONLINE', 'ONLINE REPLACEBATT', 'ONBATT LOWBATT'].map(status => read(apcupsd, report(status))[0]?.state)
    expect(states).toEqual(['ok', 'warning', 'critical'])
    expect(() => read(apcupsd, report('COMMLOST'))).toThrow('lost its UPS')
    expect(() => read(apcupsd, report('ONLINE').slice(0, -40))).toThrow('not whole')
  })
})

test('any text gives sensors of the schema or an error', () => {
  const part = fc.constantFrom(
    ' | ',
    'ok',
    'CPU Temp',
    '95 degrees C',
    'ups.status: ',
    'OL',
    '\n',
    '1,',
    'Nominal,',
    'STATUS : ',
    'END APC : x',
    '0x0100',
  )
  const text = fc.oneof(
    fc.string(),
    fc.array(fc.oneof(part, fc.string({ maxLength: 5 }))).map(parts => parts.join('')),
  )
  fc.assert(
    fc.property(fc.constantFrom(ipmi, ups, apcupsd), text, (probe, given) => {
      try {
        expect(checked(probe, { sensors: read(probe, given) }).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
        expect(error).not.toBeInstanceOf(TypeError)
      }
    }),
  )
})

/** Captures of other projects, where they lie beside the checkout. */
const samples = new URL('../../../../../shared/samples/sensors_ipmi_ups/', import.meta.url)
if (existsSync(samples)) {
  test('captures are read as their projects read them', () => {
    const text = (path: string) => readFileSync(new URL(path, samples), 'utf8')
    const plugin = 'Linuxfabrik+monitoring-plugins/check-plugins/ipmi-sensor/unit-test/stdout/'
    expect(read(ipmi, text(`${plugin}thirtyone-sensors-ok`)).every(sensor => sensor.state === 'ok' || sensor.state === 'unknown')).toBe(
      true,
    )
    expect(
      read(ipmi, text(`${plugin}thirtyeight-sensors-with-critical`)).some(sensor => sensor.state === 'critical' && sensor.trusted),
    ).toBe(true)
    const nut = 'Linuxfabrik+monitoring-plugins/check-plugins/ups-nut/unit-test/stdout/'
    expect(['bypass', 'calibrating', 'on-battery-low', 'replace-battery'].map(name => read(ups, text(nut + name))[0]?.state)).toEqual([
      'warning',
      'ok',
      'critical',
      'warning',
    ])
  })
}
