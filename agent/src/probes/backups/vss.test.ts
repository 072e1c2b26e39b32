import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { runProbe } from '../../runner.ts'
import vss from './vss.ts'

// Written after the documentation of Win32_ShadowCopy, Win32_ShadowStorage, SystemRestore and of `vssadmin list writers`: there is no Windows here.

type Fact = FactTypes['backups']
const NOW = Date.UTC(2026, 10, 22, 3)
const C = '\\\\?\\Volume{5b1e6b0a-0000-0000-0000-100000000000}\\'
const copy = (at: string | null, volume = C) => ({ volume, at, clientAccessible: 'True', state: '12' })
const whole = {
  copies: [copy('2026-11-20T06:00:00Z'), copy('2026-11-22T02:00:00Z'), copy('2026-11-21T06:00:00Z')],
  storage: { volume: C, used: '60', max: '100' },
  volumes: [{ volume: C, name: 'C:\\' }],
  points: [{ number: '7', created: '20261121213000.000000-000' }],
}
const jobsOf = (own: object = {}) => factOf<Fact>(vss, { answer: JSON.stringify({ ...whole, ...own }) }, NOW).jobs

const writer = (state: string, name = 'System Writer') => `Writer name: '${name}'
   Writer Id: {e8132975-6f93-4464-a53e-1050253ae220}
   Writer Instance Id: {cb7e2b2e-f1d5-4b1c-b6ac-5b3f2d8a6c0e}
   State: ${state}
   Last error: No error

`
const banner = `vssadmin 1.1 - Volume Shadow Copy Service administrative command-line tool
(C) Copyright 2001-2013 Microsoft Corp.

`

test('shadow copies and restore points are snapshots and no backup', () => {
  expect(jobsOf()).toMatchObject([
    {
      name: 'shadow copies of C:\\',
      kind: 'snapshot',
      standing: 'known',
      lastSuccessAt: Date.UTC(2026, 10, 22, 2),
      snapshots: 3,
      destinationFreeRatio: 0.4,
    },
    { name: 'System Restore', kind: 'snapshot', lastSuccessAt: Date.UTC(2026, 10, 21, 21, 30), snapshots: 1 },
  ])
})

test('a machine without any has none, and no bound is no full disk', () => {
  expect(jobsOf({ copies: [], points: [] })).toEqual([])
  expect(jobsOf({ storage: [{ volume: C, used: '60', max: '18446744073709551615' }] })[0]).toMatchObject({ destinationFreeRatio: null })
})

test('a list of one, as Windows PowerShell writes it, is read', () => {
  expect(jobsOf({ copies: { value: [copy('2026-11-20T06:00:00Z')], Count: 1 } })[0]).toMatchObject({ snapshots: 1 })
})

test.each([
  ['no time', [copy(null)]],
  ['a time in the future', [copy('2027-11-22T02:00:00Z')]],
])('%s is unknown', (_, copies) => {
  expect(jobsOf({ copies })[0]).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
})

test('what only administrators may see is denied, never none', () => {
  const error = {
    hr: '0x80131500',
    msg: 'Initialization failure',
    id: 'HRESULT 0x80041014,Microsoft.Management.Infrastructure.CimCmdlets.GetCimInstanceCommand',
  }
  expect(() => jobsOf({ copies: { error } })).toThrow(expect.objectContaining({ name: 'Denied' }))
})

test('a server without System Restore still tells its shadow copies', () => {
  const error = { hr: '0x8004100e', msg: 'Invalid class', id: 'HRESULT 0x80041010' }
  expect(jobsOf({ points: { error } })).toHaveLength(1)
})

const failedOf = (writers: string) =>
  factOf<Fact>(vss, { answer: JSON.stringify(whole), writers }, NOW).jobs.find(job => job.name === 'writers')

test('a writer that failed is told, in any language', () => {
  expect(failedOf(banner + writer('[1] Stable') + writer('[5] Waiting for completion', 'WMI Writer'))).toBeUndefined()
  expect(failedOf(banner + writer('[1] Stable') + writer('[8] Failed', 'SqlServerWriter'))).toMatchObject({
    kind: 'snapshot',
    lastResult: 'failed',
    warnings: ['the writer SqlServerWriter is in the state 8 (Failed): a backup that needs it fails'],
  })
  const german = writer('[7] Fehler').replace('Writer name', 'Verfassername').replace('State', 'Status')
  expect(failedOf(german)?.warnings).toEqual(['the writer System Writer is in the state 7 (Fehler): a backup that needs it fails'])
})

test('a language that sets a space before its colons is read', () => {
  const french = writer('[9] Échec').replace('Writer name:', 'Nom du rédacteur :').replace('State:', 'État :')
  expect(failedOf(french)?.warnings).toEqual(['the writer System Writer is in the state 9 (Échec): a backup that needs it fails'])
})

test('a vssadmin that is not there hides no shadow copy', async () => {
  const commands = { 'powershell backups/vss': { text: JSON.stringify(whole) } }
  const outcome = await runProbe(vss, hostOf(machine({ now: NOW, commands })), undefined, 3_600_000)
  expect(outcome).toMatchObject({ outcome: 'ok', data: { jobs: [{ snapshots: 3 }, {}, { name: 'writers', standing: 'unknown' }] } })
})

test('writers that cannot be asked are unknown, and alone denied', () => {
  expect(failedOf('')).toMatchObject({ standing: 'unknown' })
  expect(failedOf(banner + writer('[1] Stable').slice(0, 120))).toMatchObject({ standing: 'unknown' })
  expect(() => factOf(vss, { writers: 'Error: You do not have the correct permissions: run as administrator.' })).toThrow(
    expect.objectContaining({ name: 'Denied' }),
  )
})

test('any text gives a fact or an error', () => {
  survives(vss, 'answer', [JSON.stringify(whole)])
  survives(vss, 'writers', [banner + writer('[1] Stable') + writer('[8] Failed')])
})
