import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { asCaptured } from '../sysfs.ts'
import rasdaemon from './rasdaemon.ts'

const context = { now: 1_800_000_000_000, hostname: 'machine', options: undefined }
const read = (text: string) => (rasdaemon.parse({ summary: [asCaptured('', text)] }, context) as FactTypes['memory']).controllers[0]

test('errors are summed by module; none recorded is none', () => {
  // Written after ras-mc-ctl.in of rasdaemon.
  const row = (kind: string, errors: number) => `\t${kind} on DIMM Label(s): 'CPU0_A1' location: 0:0:0:-1 errors: ${errors}\n`
  const summary = `Memory controller events summary:\n${row('Corrected', 5)}${row('Uncorrected', 1)}\nNo PCIe AER errors.\n`
  expect(read(summary)).toMatchObject({ correctable: 5, uncorrectable: 1, dimms: [{ label: 'CPU0_A1', correctable: 5, uncorrectable: 1 }] })
  expect(read('No Memory errors.\n\nNo PCIe AER errors.\n')).toMatchObject({ correctable: 0, uncorrectable: 0, dimms: [] })
})

test('what cannot be read is no zero', () => {
  expect(() => read('')).toThrow('tells nothing of memory')
  expect(() => read('Memory controller events summary:\n\tnew words\n')).toThrow('Cannot read the line')
})
