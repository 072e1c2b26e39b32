import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { FactTypes } from '@fettle/catalog'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import type { Probe } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import { asCaptured } from '../sysfs.ts'
import amd from './amd.ts'
import nvidia from './nvidia-smi.ts'

const context = { now: 1_800_000_000_000, hostname: 'machine', options: undefined }
const read = (probe: Probe, input: string, text: string) =>
  (probe.parse({ [input]: [asCaptured('', text)] }, context) as FactTypes['gpu']).gpus

/** Written after the document of nvidia-smi(1). */
const xml = (inside: string, attached = 1) =>
  `<?xml version="1.0" ?>\n<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">\n<nvidia_smi_log><driver_version>550.54</driver_version><attached_gpus>${attached}</attached_gpus><gpu id="00000000:01:00.0"><uuid>GPU-1</uuid>${inside}</gpu></nvidia_smi_log>\n`
const cool = '<temperature><gpu_temp>40 C</gpu_temp><gpu_temp_slow_threshold>93 C</gpu_temp_slow_threshold></temperature>'

describe('nvidia-smi', () => {
  test('a GPU without ECC counts nothing; one with it counts over its life', () => {
    expect(read(nvidia, 'xml', xml(cool))).toMatchObject([
      { id: 'GPU-1', standing: 'read', temperatureCelsius: 40, temperatureLimitCelsius: 93, uncorrectable: null, slowedBy: null },
    ])
    const ecc =
      '<ecc_errors><volatile><dram_uncorrectable>0</dram_uncorrectable></volatile><aggregate><dram_correctable>7</dram_correctable><dram_uncorrectable>2</dram_uncorrectable></aggregate></ecc_errors><remapped_rows><remapped_row_failure>Yes</remapped_row_failure></remapped_rows>'
    expect(read(nvidia, 'xml', xml(cool + ecc))).toMatchObject([{ correctable: 7, uncorrectable: 2, remapFailed: true }])
  })

  test('what is lost, broken or not told is never well', () => {
    expect(read(nvidia, 'xml', xml('<temperature><gpu_temp>GPU is lost</gpu_temp></temperature>'))).toMatchObject([{ standing: 'lost' }])
    expect(read(nvidia, 'xml', xml('<temperature><gpu_temp>ERR!</gpu_temp></temperature>'))).toMatchObject([{ standing: 'unreadable' }])
    expect(read(nvidia, 'xml', xml(cool, 2)).map(gpu => gpu.standing)).toEqual(['read', 'unreadable'])
    expect(
      read(
        nvidia,
        'xml',
        'Unable to determine the device handle for GPU 0000:01:00.0: GPU is lost.  Reboot the system to recover this GPU\n',
      ),
    ).toMatchObject([{ standing: 'lost' }])
    expect(() => read(nvidia, 'xml', 'No devices were found\n')).toThrow('finds no GPU')
    expect(() => read(nvidia, 'xml', xml(cool).slice(0, -20))).toThrow('Cannot read the XML')
  })

  test('CSV needs its line of names', () => {
    const rows = 'GPU-1, Tesla T4, 40, 0, [N/A]\n'
    expect(
      read(nvidia, 'csv', `uuid, name, temperature.gpu, ecc.errors.uncorrected.volatile.total, retired_pages.pending\n${rows}`),
    ).toMatchObject([{ id: 'GPU-1', temperatureCelsius: 40, uncorrectable: 0, retirementPending: null }])
    expect(() => read(nvidia, 'csv', rows)).toThrow('Cannot read nvidia-smi')
  })

  test('a sleeping GPU is told as asleep, and nothing is run', async () => {
    const folder = '/sys/bus/pci/devices/0000:01:00.0'
    const m = machine({
      files: {
        [`${folder}/vendor`]: '0x10de\n',
        [`${folder}/class`]: '0x030000\n',
        [`${folder}/power/runtime_status`]: 'suspended\n',
        '/sys/bus/pci/drivers/nvidia/x': '',
      },
      links: { [`${folder}/driver`]: '/sys/bus/pci/drivers/nvidia' },
    })
    expect(await runProbe(nvidia, hostOf(m), undefined, 0)).toMatchObject({ outcome: 'ok', data: { gpus: [{ standing: 'asleep' }] } })
    expect(m.ran).toEqual([])
    expect(await runProbe(nvidia, hostOf(machine()), undefined, 0)).toMatchObject({ outcome: 'absent' })
  })
})

test('amdgpu is read from sysfs with its errors', async () => {
  const folder = '/sys/bus/pci/devices/0000:03:00.0'
  const files = {
    vendor: '0x1002',
    class: '0x038000',
    unique_id: '02f048617326b1ea',
    'ras/umc_err_count': 'ue: 1\nce: 4',
    'hwmon/hwmon2/temp1_input': '41000',
    'hwmon/hwmon2/temp1_crit': '100000',
  }
  const m = machine({
    files: {
      ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, `${text}\n`])),
      '/sys/bus/pci/drivers/amdgpu/x': '',
    },
    links: { [`${folder}/driver`]: '/sys/bus/pci/drivers/amdgpu' },
  })
  expect(await runProbe(amd, hostOf(m), undefined, 0)).toMatchObject({
    data: {
      gpus: [
        {
          id: 'AMD-2f048617326b1ea',
          standing: 'read',
          temperatureCelsius: 40,
          temperatureLimitCelsius: 100,
          correctable: 4,
          uncorrectable: 1,
        },
      ],
    },
  })
})

test('any text gives GPUs of the schema or an error', () => {
  const part = fc.constantFrom(
    '<nvidia_smi_log>',
    '</nvidia_smi_log>',
    '<gpu>',
    '</gpu>',
    '<uuid>x</uuid>',
    '{"card0":{',
    '}}',
    '"gpu":1',
    'uuid, name\n',
    'a, b',
    '\n',
    'GPU is lost',
  )
  const text = fc.oneof(
    fc.string(),
    fc.array(fc.oneof(part, fc.string({ maxLength: 5 }))).map(parts => parts.join('')),
  )
  fc.assert(
    fc.property(fc.constantFrom(nvidia, amd), text, (probe, given) => {
      try {
        expect(checked(probe, { gpus: read(probe, Object.keys(probe.inputs)[0] ?? '', given) }).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
        expect(error).not.toBeInstanceOf(TypeError)
      }
    }),
  )
})

/** Captures of other projects, where they lie beside the checkout. */
const samples = new URL('../../../../../shared/samples/gpu/influxdata+telegraf/plugins/inputs/', import.meta.url)
if (existsSync(samples)) {
  const files = (folder: string) => readdirSync(new URL(folder, samples)).map(name => readFileSync(new URL(folder + name, samples), 'utf8'))

  test('captures of all driver versions have a name and a temperature', () => {
    for (const text of files('nvidia_smi/testdata/'))
      expect(read(nvidia, 'xml', text)[0]).toMatchObject({
        standing: 'read',
        name: expect.any(String),
        temperatureCelsius: expect.any(Number),
      })
    for (const text of files('amd_rocm_smi/testdata/'))
      expect(read(amd, 'smi', text)[0]).toMatchObject({ standing: 'read', temperatureCelsius: expect.any(Number) })
  })
}
