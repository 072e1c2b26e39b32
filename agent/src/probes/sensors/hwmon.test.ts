import { existsSync, globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FactTypes } from '@fettle/catalog'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { HostError } from '../../host.ts'
import { checked, runProbe } from '../../runner.ts'
import { asCaptured } from '../sysfs.ts'
import hwmon, { parseHwmon } from './hwmon.ts'

const folder = '/sys/devices/platform/coretemp.0/hwmon/hwmon3'
const parse = (files: Record<string, string>, chip = folder) =>
  parseHwmon({ sysfs: Object.entries(files).map(([name, text]) => asCaptured(`${chip}/${name}`, `${text}\n`)) }).sensors
const core = {
  name: 'coretemp',
  temp1_label: 'Core 0',
  temp1_input: '54000',
  temp1_max: '84000',
  temp1_crit: '100000',
  temp1_crit_alarm: '0',
}

describe('a sensor', () => {
  test('is told in whole units, with the limits and the verdict of its chip', () => {
    expect(parse(core)).toEqual([
      {
        id: 'platform/coretemp.0 coretemp Core 0',
        chip: 'coretemp',
        label: 'Core 0',
        kind: 'temperature',
        value: 54,
        high: 84,
        critical: 100,
        low: null,
        state: 'ok',
        trusted: true,
      },
    ])
  })

  test('keeps its id when the kernel numbers chips anew', () => {
    const [other] = parse(core, folder.replace('hwmon3', 'hwmon0'))
    expect(other?.id).toBe('platform/coretemp.0 coretemp Core 0')
    const nvme = (n: number) => parse({ ...core, name: 'nvme' }, `/sys/devices/pci0000:00/0000:00:1d.0/nvme/nvme${n}/hwmon${n}`)[0]?.id
    expect(nvme(0)).toBe(nvme(1))
  })

  test.each([
    ['nothing read', { temp1_input: '' }, { value: null, state: 'unknown', trusted: false }],
    ['an open input', { temp1_input: '-128000' }, { value: -128, trusted: false }],
    ['255 °C', { temp1_input: '255000' }, { trusted: false }],
    ['a faulty diode', { temp1_fault: '1' }, { value: null, state: 'warning', trusted: false }],
    ['limits nobody set', { temp1_max: '65261850', temp1_crit: '0' }, { high: null, critical: null, trusted: false }],
    ['an alarm', { temp1_max_alarm: '1' }, { state: 'warning', trusted: true }],
    ['a critical alarm', { temp1_crit_alarm: '1' }, { state: 'critical' }],
    ['an alarm without a value', { temp1_input: '', temp1_crit_alarm: '1' }, { value: null, state: 'critical' }],
  ])('with %s', (_, change, expected) => {
    expect(parse({ ...core, ...change })).toMatchObject([expected])
  })

  test('without flags is judged by nobody, and without a label not believed', () => {
    expect(parse({ name: 'acpitz', temp1_input: '27800' })).toMatchObject([{ state: 'unknown', trusted: false, label: null, value: 27.8 }])
  })

  test('fans, voltages and power have their own units; a fan at 0 without a lower limit is no evidence', () => {
    const files = {
      name: 'nct6779',
      fan2_input: '0',
      fan2_min: '0',
      fan2_alarm: '0',
      in0_input: '792',
      in0_max: '1744',
      in0_alarm: '0',
      in0_label: 'Vcore',
      power1_average: '25500000',
    }
    expect(parse(files)).toMatchObject([
      { kind: 'fan', value: 0, low: null, trusted: false },
      { kind: 'power', value: 25.5, trusted: false },
      { kind: 'voltage', value: 0.792, high: 1.744, state: 'ok', trusted: true },
    ])
  })

  test('two with one label stay apart', () => {
    const twins = parse({ ...core, temp2_label: 'Core 0', temp2_input: '1000' }).map(sensor => sensor.id)
    expect(twins).toEqual(['platform/coretemp.0 coretemp Core 0', 'platform/coretemp.0 coretemp Core 0 #2'])
  })
})

describe('the machine', () => {
  const files = () =>
    Object.fromEntries(Object.entries(core).map(([name, text]): [string, string | Error] => [`${folder}/${name}`, `${text}\n`]))
  const one = async (change: Record<string, string | Error>) => {
    const m = machine({ files: { ...files(), ...change }, links: { '/sys/class/hwmon/hwmon3': folder } })
    return (await runProbe(hwmon, hostOf(m), undefined, 0)).data as FactTypes['sensors']
  }

  test('an idle machine that jitters gives one fact; near a limit each degree counts', async () => {
    const coarse = await one({})
    expect(coarse.sensors).toMatchObject([{ id: 'platform/coretemp.0 coretemp Core 0', value: 55 }])
    expect(await one({ [`${folder}/temp1_input`]: '56400' })).toEqual(coarse)
    expect((await one({ [`${folder}/temp1_input`]: '82600' })).sensors).toMatchObject([{ value: 83 }])
  })

  test('a sensor that gives no data just now is unknown, not gone', async () => {
    const path = `${folder}/temp1_input`
    expect((await one({ [path]: new HostError('ENODATA', path) })).sensors).toMatchObject([{ value: null, state: 'unknown' }])
  })

  test('a driver that has its files in the folder of its device is read there', async () => {
    const device = '/sys/devices/platform/applesmc.768'
    const m = machine({
      files: {
        [`${device}/hwmon/hwmon2/device/name`]: 'applesmc\n',
        [`${device}/hwmon/hwmon2/device/fan1_input`]: '1998\n',
        [`${device}/hwmon/hwmon2/device/fan1_label`]: 'Left side\n',
        [`${device}/hwmon/hwmon2/uevent`]: '\n',
      },
      links: { '/sys/class/hwmon/hwmon2': `${device}/hwmon/hwmon2` },
    })
    const told = await runProbe(hwmon, hostOf(m), undefined, 0)
    expect(told.data).toMatchObject({ sensors: [{ id: 'platform/applesmc.768 applesmc Left side', kind: 'fan' }] })
  })

  test('without chips, or with chips that measure nothing, it is absent', async () => {
    expect(await runProbe(hwmon, hostOf(machine()), undefined, 0)).toMatchObject({ outcome: 'absent' })
    const mute = machine({ files: { [`${folder}/name`]: 'AC\n' }, links: { '/sys/class/hwmon/hwmon3': folder } })
    expect(await runProbe(hwmon, hostOf(mute), undefined, 0)).toMatchObject({ outcome: 'absent' })
  })
})

test('a listing and an archive are read like the files themselves', () => {
  const pci = '/sys/devices/pci0000:00/0000:00:18.3/hwmon/hwmon0'
  const listing = `${pci}/name:k10temp\n${pci}/temp1_input:40000\n${pci}/temp1_label:Tctl: a\n`
  expect(parseHwmon({ sysfs: [asCaptured('list.txt', listing)] }).sensors).toMatchObject([
    { id: 'pci0000:00/0000:00:18.3 k10temp Tctl: a', value: 40 },
  ])
  const archive = `Path: sys/class/hwmon/hwmon4/temp1_input\nLines: 1\n55000\nMode: 644\nPath: sys/class/hwmon/hwmon4/temp1_label\nLines: 1\nfooEOF\nMode: 644\n`
  expect(parseHwmon({ sysfs: [asCaptured('sys.ttar', archive)] }).sensors).toMatchObject([{ label: 'foo', value: 55 }])
})

test('any files give a fact of the schema or an error', () => {
  const name = fc.constantFrom(
    'name',
    'temp1_input',
    'temp1_crit',
    'temp1_label',
    'fan1_input',
    'in0_input',
    'power1_average',
    'temp1_alarm',
  )
  const text = fc.oneof(fc.string(), fc.integer().map(String), fc.constantFrom('1', '0', '-1'))
  fc.assert(
    fc.property(fc.dictionary(name, text), fc.string({ maxLength: 200 }), (files, device) => {
      try {
        const sensors = parse(files, `/sys/devices/${device}/hwmon/hwmon1`)
        expect(checked({ subject: 'sensors', source: 'hwmon' }, { sensors }).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
    }),
  )
})

/** A captured tree of another project, where it lies beside the checkout, with that project's own reading. */
const samples = new URL('../../../../../shared/samples/sensors_edac_power/prometheus+node_exporter/collector/fixtures/', import.meta.url)
if (existsSync(samples)) {
  test('the tree of node_exporter is read as it reads it', () => {
    const tree = fileURLToPath(new URL('sys.ttar.unpacked/', samples))
    const files = globSync('sys/**/hwmon*/*', { cwd: tree }).filter(file => /_(input|label|max|crit|min|alarm|average)$|name$/.test(file))
    const { sensors } = parseHwmon({ sysfs: files.map(file => asCaptured(`${tree}${file}`, readFileSync(`${tree}${file}`, 'utf8'))) })
    expect(sensors.filter(sensor => sensor.chip === 'coretemp').map(sensor => sensor.value)).toEqual([
      54, 52, 53, 50, 55, 54, 52, 53, 50, 55,
    ])
    expect(sensors.filter(sensor => sensor.chip === 'coretemp').every(sensor => sensor.trusted && sensor.state === 'ok')).toBe(true)
    expect(sensors.filter(sensor => sensor.chip === 'nct6779')).toMatchObject([
      { kind: 'fan', value: 1098, state: 'ok', trusted: false },
      { kind: 'voltage', value: 0.792, high: 1.744 },
      { kind: 'voltage', value: 1.024, high: null, state: 'warning', trusted: false },
    ])
    expect(sensors.filter(sensor => sensor.label === 'foosensor').map(sensor => sensor.value)).toEqual([55, 54])
  })
}
