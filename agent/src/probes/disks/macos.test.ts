import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Absent } from '../../probe.ts'
import { parseMacDisks } from './macos.ts'

const samples = new URL('../../../../../shared/samples/', import.meta.url)
const given = (...texts: readonly string[]) => texts.map(text => ({ text, stderr: '', code: null, name: '', modifiedAt: null }))
const parse = (inputs: Parameters<typeof parseMacDisks>[0]) =>
  parseMacDisks(inputs, { now: 1_800_000_000_000, hostname: 'mac', options: undefined })
/** Written from system_profiler's and diskutil's own output as public descriptions show it. */
const report = (...disks: readonly object[]) =>
  given(JSON.stringify({ SPNVMeDataType: [{ _name: 'Apple SSD Controller', _items: disks }], SPSerialATADataType: [] }))
const disk = {
  _name: 'APPLE SSD AP0256Z',
  bsd_name: 'disk0',
  device_model: 'APPLE SSD AP0256Z',
  device_serial: '0ba0',
  size_in_bytes: 251_000_193_024,
}

test.each([
  ['Verified', true, 'read'],
  ['Failing', false, 'read'],
  ['Not Supported', null, 'unsupported'],
  ['Geprüft', null, 'unsupported'],
] as const)('the verdict %s', (smart_status, passed, standing) => {
  expect(parse({ profile: report({ ...disk, smart_status }) }).disks).toMatchObject([
    { id: 'APPLE SSD AP0256Z 0ba0', interface: 'nvme', passed, standing },
  ])
})

test('wrong green 17: no verdict at all is never "passed"', () => {
  expect(parse({ profile: report(disk) }).disks).toMatchObject([{ passed: null, standing: 'unsupported' }])
})

test('diskutil adds the values of the health log, and its failing verdict wins', () => {
  const info = given(
    '<plist version="1.0"><dict><key>DeviceIdentifier</key><string>disk0</string><key>SMARTStatus</key><string>Failing</string><key>SMARTDeviceSpecificKeysMayVaryNotGuaranteed</key><dict><key>PERCENTAGE_USED</key><integer>7</integer><key>AVAILABLE_SPARE</key><integer>100</integer><key>TEMPERATURE</key><integer>310</integer><key>MEDIA_ERRORS_0</key><integer>0</integer></dict></dict></plist>',
  )

  expect(parse({ profile: report({ ...disk, smart_status: 'Verified' }), info }).disks).toMatchObject([
    { passed: false, enduranceUsedRatio: 0.07, availableSpareRatio: 1, temperatureCelsius: 37, mediaErrors: 0 },
  ])
})

test('no disk in a whole report is absent; a report of something else is an error', () => {
  expect(() => parse({ profile: given('{"SPNVMeDataType":[],"SPSerialATADataType":[]}') })).toThrow(Absent)
  expect(() => parse({ profile: given('{"SPPowerDataType":[]}') })).toThrow(/without/)
  expect(() => parse({ info: given('<plist version="1.0"><dict><key>SMARTStatus</key><string>Verified</string></dict></plist>') })).toThrow(
    /no device/,
  )
})

const mac = 'hardware_macos/glpi-project+glpi-agent/resources/macos/system_profiler'
const inqry = 'hardware_macos/microsoft+InQRy/tests'
const captures = [
  [
    'manual/hardware_macos/system_profiler_nvme_m_series.json',
    'profile',
    { sizeBytes: 251_000_193_024, interface: 'nvme', media: 'ssd', passed: true },
  ],
  [`${mac}/SPSerialATADataType3.xml`, 'profile', { interface: 'virtual', passed: null, standing: 'unsupported' }],
  [`${mac}/10.6.6-intel`, 'profile', { serial: 'K10RT792D51G', media: 'hdd', sizeBytes: 80_026_361_856, passed: true }],
  [
    'hardware_macos/chef+ohai/spec/unit/plugins/darwin/hardware_system_profiler_output.rb.SPStorageDataType.plist',
    'profile',
    { model: 'APPLE SSD SM0256F', passed: true },
  ],
  [
    `${inqry}/mac/macdisk/test_representing_external_hdd_generic.py.DISKUTIL_OUTPUT.txt`,
    'info',
    { model: 'G-DRIVE PRO Thunderbolt', media: 'hdd', passed: true },
  ],
  [
    `${inqry}/mac/macdisk/test_representing_internal_corestorage_volume.py.DISKUTIL_OUTPUT.txt`,
    'info',
    { interface: 'virtual', passed: null },
  ],
  [
    `${inqry}/mac/macdisk/test_representing_internal_ssd_fusion_imac.py.DISKUTIL_OUTPUT.txt`,
    'info',
    { sizeBytes: 121_332_826_112, media: 'ssd', passed: true },
  ],
] as const

test.each(existsSync(samples) ? captures : [])('a sample: %s', (name, input, wanted) => {
  expect(parse({ [input]: given(readFileSync(new URL(name, samples), 'utf8')) }).disks).toMatchObject([wanted])
})

test('a size is read in the way that any language groups its digits', () => {
  const text =
    'Serial-ATA:\n\n    Bus:\n\n        DISK ONE:\n\n          Capacity: 320,07\u00a0GB (320\u00a0072\u00a0933\u00a0376 bytes)\n          Model: DISK ONE\n          BSD Name: disk0\n          S.M.A.R.T. status: Verified\n'
  const profile = [{ text, stderr: '', code: null, name: '', modifiedAt: null }]
  expect(parseMacDisks({ profile }, { now: 1, hostname: 'mac', options: undefined }).disks).toMatchObject([
    { sizeBytes: 320_072_933_376, passed: true },
  ])
})

test('a report for people without a disk may have lost it', () => {
  expect(() => parse({ profile: given('Serial-ATA:\n\n    Intel AHCI:\n\n      Vendor: Intel\n') })).toThrow(/-json/)
})
