import type { FactTypes } from '@fettle/catalog'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { runProbe } from '../../runner.ts'
import { asCaptured } from '../sysfs.ts'
import probe from './tw-cli.ts'

/** Written from tw_cli(8), "/cx show" and "show", with the states that it names. */
const HEADING = 'Unit  UnitType  Status         %RCmpl  %V/I/M  Stripe  Size(GB)  Cache  AVrfy\n'
const PORTS = 'VPort Status         Unit Size      Type  Phy Encl-Slot    Model\n'
const LINE = `${'-'.repeat(78)}\n`
const port = (id: number, word = 'OK', unit = 'u0') =>
  `p${id}    ${word.padEnd(14)} ${unit}   931.51 GB SATA  ${id}   -            MADE-UP-1000\n`
const unit = (word = 'OK', level = 'RAID-5', progress = '-       -  ', id = 0) =>
  `u${id}    ${level.padEnd(9)} ${word.padEnd(14)} ${progress}     64K     1862.62   RiW    ON     \n`
const battery = (word: string) =>
  `\nName  OnlineState  BBUReady  Status    Volt     Temp     Hours  LastCapTest\n${LINE}bbu   On           Yes       ${word.padEnd(9)} OK       OK       129    xx-xxx-xxxx\n`
const output = (units: string, ports: string, more = '') => `\n${HEADING}${LINE}${units}\n${PORTS}${LINE}${ports}${more}\n`
const three = port(0) + port(1) + port(2)
const whole = output(unit(), three)
const show = (units = 1, notOptimal = 0, bbu = '-') =>
  `\nCtl   Model        (V)Ports  Drives   Units   NotOpt  RRate   VRate  BBU\n${LINE}c0    9750-4i      3         3        ${units}       ${notOptimal}       1       1      ${bbu}\n\n`

const context = { now: 1_800_000_000_000, hostname: 'machine', options: undefined }
const arrays = (units: string, controllers?: string) =>
  (
    probe.parse(
      {
        units: [{ ...asCaptured('', units), name: 'tw_cli /c0 show' }],
        ...(controllers === undefined ? {} : { show: [asCaptured('', controllers)] }),
      },
      context,
    ) as FactTypes['raid']
  ).arrays

test('a unit is told with its drives', () => {
  expect(arrays(whole, show())).toEqual([
    expect.objectContaining({
      name: 'c0 u0',
      implementation: '3ware',
      level: 'RAID-5',
      state: 'ok',
      sync: null,
      disks: { required: null, active: 3, failed: 0, spare: 0, missing: 0 },
      detail: null,
    }),
  ])
})

test.each([
  ['VERIFYING', '-       58%', 'ok', { action: 'check', ratio: 0.58 }],
  ['VERIFY-PAUSED', '-       0% ', 'ok', { action: 'check', ratio: 0 }],
  ['INITIALIZING', '-       12%', 'degraded', { action: 'resync', ratio: 0.12 }],
  ['REBUILDING', '45%     -  ', 'degraded', { action: 'recovery', ratio: 0.45 }],
  ['REBUILD-PAUSED', '45%     -  ', 'degraded', { action: 'recovery', ratio: 0.45 }],
  ['MIGRATING', '-       3% ', 'degraded', { action: 'reshape', ratio: 0.03 }],
  ['DEGRADED', '-       -  ', 'degraded', null],
  ['INOPERABLE', '-       -  ', 'failed', null],
  ['STRANGE', '-       -  ', 'unknown', null],
])('a unit that is %s', (word, progress, state, sync) => {
  expect(arrays(output(unit(word, 'RAID-5', progress), three))).toMatchObject([{ name: 'c0 u0', state, sync }])
})

describe('drives', () => {
  test.each([
    ['DRIVE-REMOVED', 'degraded', 'missing'],
    ['NOT-PRESENT', 'degraded', 'missing'],
    ['DEGRADED', 'degraded', 'failed'],
    ['DEVICE-ERROR', 'degraded', 'failed'],
    ['REBUILDING', 'degraded', 'rebuilding'],
    ['ECC-ERROR', 'ok', 'active'],
    ['SMART-FAILURE', 'ok', 'active'],
  ])('one that is %s in a unit that says OK', (word, state, member) => {
    const [array] = arrays(output(unit(), port(0) + port(1) + port(2, word)))

    expect(array).toMatchObject({ state, members: expect.arrayContaining([expect.objectContaining({ state: member })]) })
    expect(array?.detail).toMatch(/c0 p2 (is|predicts)/)
  })

  test('one that was thrown out of its unit is told, and an empty port is none', () => {
    const told = arrays(
      output(
        unit('DEGRADED'),
        `${port(0)}${port(1)}${port(2, 'CFG-OP-FAIL', '-')}p3    NOT-PRESENT    -      -           -             -\n`,
      ),
    )

    expect(told.map(({ name, state }) => [name, state])).toEqual([
      ['c0 u0', 'degraded'],
      ['c0 p2', 'degraded'],
    ])
  })

  test('a spare is no unit, and one that is broken is a fault', () => {
    const ports = three + port(3, 'OK', 'u1')
    const spare = (word: string) => output(unit() + unit(word, 'SPARE', '-       -  ', 1), ports)

    expect(arrays(spare('OK'))).toHaveLength(1)
    expect(arrays(spare('INOPERABLE'))).toMatchObject([{ state: 'ok' }, { name: 'c0 u1', state: 'degraded' }])
  })

  test('the columns of old versions are read as well', () => {
    const old =
      'Unit  UnitType  Status         %Cmpl  Stripe  Size(GB)  Cache  AVerify  IgnECC\n------------\nu0    RAID-1    REBUILDING     45     64 K     465.641   OFF    OFF      OFF\n\n' +
      'Port   Status           Unit   Size        Blocks        Serial\n------------\np0     OK               u0     233.76 GB   490234752     X1\np1     DEGRADED         u0     233.76 GB   490234752     X2\n'

    expect(arrays(old)).toMatchObject([{ level: 'RAID-1', state: 'degraded', disks: { active: 1, failed: 1 } }])
  })
})

test.each([
  ['OK', []],
  ['Testing', []],
  ['WeakBat', [['c0 battery', 'degraded']]],
  ['Failed', [['c0 battery', 'degraded']]],
])('a battery that is %s', (word, faults) => {
  const told = (all: FactTypes['raid']['arrays']) => all.map(({ name, state }) => [name, state])

  expect(told(arrays(output(unit(), three, battery(word))))).toEqual([['c0 u0', 'ok'], ...faults])
  expect(told(arrays(whole, show(1, 0, word)))).toEqual([['c0 u0', 'ok'], ...faults])
})

test.each([
  ['a list of controllers alone', () => probe.parse({ show: [asCaptured('', show())] }, context)],
  ['fewer units than the controller has', () => arrays(whole, show(2))],
  ['units that are well on a controller that says they are not', () => arrays(whole, show(1, 1))],
  ['no ports', () => arrays(`${HEADING}${LINE}${unit()}\n`)],
  ['fewer drives than the level needs', () => arrays(output(unit(), port(0) + port(1)))],
  ['a row that is cut', () => arrays(`${whole.trimEnd()}\np3    OK\n`)],
  ['an output that is cut', () => arrays(whole.trimEnd().slice(0, -4))],
  ['another table', () => arrays('Unit  Type\nu0  RAID-5\n')],
])('%s says nothing', (_, read) => {
  expect(read).toThrow(/Cannot/)
})

test('every cut of the output says nothing better than the whole', () => {
  const bad = output(unit('OK'), port(0) + port(1) + port(2, 'DRIVE-REMOVED'), battery('Failed'))
  const drivesAt = bad.indexOf('p2')
  fc.assert(
    fc.property(fc.nat(drivesAt), at => {
      try {
        expect(arrays(bad.slice(0, at)).every(({ state }) => state !== 'ok')).toBe(true)
      } catch (error) {
        expect((error as Error).message).toMatch(/Cannot/)
      }
    }),
  )
})

test('any text is a fact or an error', () => {
  survives(probe, 'units', [whole])
  survives(probe, 'show', [show()])
})

describe('on a machine', () => {
  const files = { '/sys/bus/pci/drivers/3w-sas/0000:01:00.0/x': '' }
  test('each controller is asked', async () => {
    const m = machine({ files, commands: { 'tw_cli show': { text: show() }, 'tw_cli /c0 show': { text: whole } } })

    expect(await runProbe(probe, hostOf(m), undefined, 0)).toMatchObject({
      outcome: 'ok',
      data: { arrays: [{ name: 'c0 u0', state: 'ok' }] },
    })
    expect(m.ran).toEqual(['tw_cli show', 'tw_cli /c0 show'])
  })

  test('without a controller it is absent; with one and no tool it has failed', async () => {
    expect((await runProbe(probe, hostOf(machine()), undefined, 0)).outcome).toBe('absent')
    expect(await runProbe(probe, hostOf(machine({ files })), undefined, 0)).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining('tw_cli is not installed'),
    })
  })
})
