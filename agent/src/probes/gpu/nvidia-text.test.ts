import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseNvidia } from './nvidia-smi.ts'
import { queryDocument } from './nvidia-text.ts'

const read = (text: string) => parseNvidia({ xml: [{ text, stderr: '', code: null, name: 'nvidia-smi', modifiedAt: null }] }).gpus

/** Written after nvidia-smi(1): `nvidia-smi -q` of driver 535. */
const printed = `
==============NVSMI LOG==============

Timestamp                                 : Mon Jan  5 10:00:00 2026
Driver Version                            : 535.54.03
Attached GPUs                             : 1
GPU 00000000:01:00.0
    Product Name                          : NVIDIA RTX A4000
    GPU UUID                              : GPU-11111111-2222-3333-4444-555555555555
    Clocks Throttle Reasons
        Idle                              : Active
        HW Slowdown                       : Not Active
            HW Thermal Slowdown           : Active
            HW Power Brake Slowdown       : Not Active
    ECC Errors
        Volatile
            DRAM Correctable              : 1
            DRAM Uncorrectable            : 0
        Aggregate
            SRAM Correctable              : 0
            SRAM Uncorrectable            : 0
            DRAM Correctable              : 5
            DRAM Uncorrectable            : 2
    Retired Pages
        Single Bit ECC                    : 3
        Double Bit ECC                    : 0
        Pending Page Blacklist            : Yes
    Remapped Rows
        Correctable Error                 : 0
        Uncorrectable Error               : 1
        Pending                           : No
        Remapping Failure Occurred        : Yes
    Temperature
        GPU Current Temp                  : 45 C
        GPU Shutdown Temp                 : 98 C
        GPU Slowdown Temp                 : 95 C
    Processes                             : None
`

test('a report for people tells the same as the XML', () => {
  expect(read(printed)).toEqual([
    {
      id: 'GPU-11111111-2222-3333-4444-555555555555',
      name: 'NVIDIA RTX A4000',
      driver: '535.54.03',
      standing: 'read',
      reason: null,
      temperatureCelsius: 45,
      temperatureLimitCelsius: 95,
      correctable: 5,
      uncorrectable: 2,
      retired: 4,
      retirementPending: true,
      remapFailed: true,
      slowedBy: ['heat'],
    },
  ])
})

test('a GPU that is cut short is not read, and one that is counted and not told of is unreadable', () => {
  expect(() => read(printed.slice(0, printed.indexOf('    Remapped')))).toThrow(/cut short/)
  expect(read(printed.replace('GPUs                             : 1', 'GPUs                             : 2'))).toMatchObject([
    { standing: 'read' },
    { standing: 'unreadable' },
  ])
})

test('any text after the heading gives a document or an error', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      try {
        queryDocument(`==NVSMI LOG==\nGPU 00000000:01:00.0\n${text}`)
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
        expect(error).not.toBeInstanceOf(TypeError)
      }
    }),
  )
})
