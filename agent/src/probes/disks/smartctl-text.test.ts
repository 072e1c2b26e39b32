import { existsSync, globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checked } from '../../runner.ts'
import { asCaptured } from '../sysfs.ts'
import { parseSmartctl } from './smartctl.ts'
import { textDocument } from './smartctl-text.ts'

const context = { now: 1_800_000_000_000, hostname: 'machine', options: undefined }
const parse = (text: string) => parseSmartctl({ disk: [asCaptured('smartctl.txt', text)] }, context).disks

/** Texts below are written after smartctl(8) and the print functions of smartmontools 7.3. */
const head = 'smartctl 7.3 2022-02-28 r5338 [x86_64-linux] (local build)\n\n=== START OF INFORMATION SECTION ===\n'
const ata = (status: string, ...rows: string[]) =>
  `${head}Device Model:     Example 1000\nSerial Number:    S1\nLU WWN Device Id: 5 000c50 0a496983d\nUser Capacity:    1'000'204'886'016 bytes [1.00 TB]\nRotation Rate:    7200 rpm\nSMART support is: Available - device has SMART capability.\nSMART support is: Enabled\n\n${status}\n\nID# ATTRIBUTE_NAME          FLAG     VALUE WORST THRESH TYPE      UPDATED  WHEN_FAILED RAW_VALUE\n${rows.join('\n')}\n`

test('an ATA disk in the table of -A', () => {
  const [disk] = parse(
    ata(
      'SMART overall-health self-assessment test result: FAILED!',
      '  5 Reallocated_Sector_Ct   0x0033   001   001   010    Pre-fail  Always   FAILING_NOW 2040',
      '190 Airflow_Temperature_Cel 0x0022   067   040   045    Old_age   Always   In_the_past 33 (Min/Max 20/60)',
      '188 Command_Timeout         0x0032   100   099   000    Old_age   Always       -       2 2 3',
      '# 1  Extended offline    Completed: read failure       80%       685         5405327816',
    ),
  )
  expect(disk).toMatchObject({
    id: 'naa.5000c500a496983d',
    passed: false,
    media: 'hdd',
    sizeBytes: 1_000_204_886_016,
    temperatureCelsius: 33,
  })
  expect(disk).toMatchObject({
    reallocatedSectors: 2040,
    commandTimeouts: 2,
    failingNow: ['Reallocated_Sector_Ct'],
    failedBefore: ['Airflow_Temperature_Cel'],
  })
  expect(disk?.selfTest).toEqual({ result: 'failed', atHours: 685, detail: 'Completed: read failure' })
})

test('an ATA disk in the brief table of -x', () => {
  const row = '  5 Reallocated_Sector_Ct   PO--CK   001   001   010    NOW  12'
  expect(parse(ata('SMART overall-health self-assessment test result: PASSED', row))).toMatchObject([
    { passed: true, reallocatedSectors: 12, failingNow: ['Reallocated_Sector_Ct'] },
  ])
})

test('an NVMe disk', () => {
  const log =
    'Critical Warning:                   0x04\nTemperature:                        37 Celsius\nAvailable Spare:                    90%\nPercentage Used:                    101%\nPower On Hours:                     11,044\nMedia and Data Integrity Errors:    71\n'
  const text = `${head}Model Number:                       Example N\nSerial Number:                      N1\nSMART overall-health self-assessment test result: PASSED\n${log}`
  expect(parse(text)).toMatchObject([
    { interface: 'nvme', criticalWarning: 4, mediaErrors: 71, enduranceUsedRatio: 1.01, powerOnHours: 11_044, temperatureCelsius: 37 },
  ])
})

test('a volume of a controller has no health of its own', () => {
  const text = `${head}Vendor:               DELL\nProduct:              PERC H710\nSMART support is:     Unavailable - device lacks SMART capability.\nCurrent Drive Temperature:     0 C\n`
  expect(parse(text)).toMatchObject([
    { interface: 'raid', standing: 'unsupported', passed: null, temperatureCelsius: null, reason: 'it has no SMART' },
  ])
})

test('a text without a disk is no fact', () => {
  expect(() => parse(head)).toThrow('it has no disk')
  expect(() => parse(`${head}Smartctl open device: /dev/sda failed: Permission denied\n`)).toThrow('may not open')
})

test('any text gives a fact of the schema or an error', () => {
  const piece = fc.constantFrom(
    'Device Model: X\n',
    'Serial Number: Y\n',
    '  5 A 0x0033 001 001 010 Pre-fail Always - 1\n',
    'Temperature: 1 C\n',
    '# 1  Short  Completed  00%  1 -\n',
    'read: 1 1 1 1 1 1.0 1\n',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string())), parts => {
      try {
        expect(checked({ subject: 'disks', source: 'smartctl' }, { disks: parse(`smartctl 7.3\n${parts.join('')}`) }).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
    }),
  )
})

/** Captures of another project, where they lie beside the checkout. */
const samples = new URL('../../../../../shared/samples/disk_smart_text/', import.meta.url)
if (existsSync(samples)) {
  const files = globSync('**/smartctl-v6-text-*', { cwd: fileURLToPath(samples) })
  test.each(files)('capture %s', file => {
    const [disk] = parse(readFileSync(new URL(file, samples), 'utf8'))
    const volume = /empty-output-v[23]$/.test(file)
    expect(disk).toMatchObject(volume ? { standing: 'unsupported', passed: null } : { standing: 'read', passed: true })
  })
}

test('a text with all values that ends before its self-tests is not read', () => {
  const values =
    '=== START OF INFORMATION SECTION ===\nDevice Model:     DISK\nGeneral SMART Values:\nVendor Specific SMART Attributes with Thresholds:\n'
  expect(() => textDocument(values)).toThrow(/cut short/)
  expect(
    textDocument(
      `${values}SMART Self-test log structure revision number 1\nNo self-tests have been logged.  [To run self-tests, use: smartctl -t]\n`,
    ),
  ).toBeDefined()
})
