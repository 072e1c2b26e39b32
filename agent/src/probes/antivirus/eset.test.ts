import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, around, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { Absent, Denied } from '../../probe.ts'
import eset, { parseEset } from './eset.ts'

const NOW = Date.UTC(2026, 5, 15)
// Written from ESET's online help: a module is a number, a day and a name.
const modules =
  'EM000 1095.1 (20260101) Update module\nEM001 1234 (20260202) Antivirus scanner module\nEM002 31234 (20260614) Detection engine\nEM003 1200 (20260303) Archive support module\n'
const license = 'License ID: 3AA-BBB-CCC\nLicense Validity: 2027-01-31\n'
const version = '/opt/eset/eea/bin/upd (eea) 12.0.13.0\n'
const active = 'Id=eea.service\nLoadState=loaded\nActiveState=active\n\nId=efs.service\nLoadState=not-found\nActiveState=inactive\n'
const all = { modules: given(modules), license: given(license), version: given(version), unit: given(active) }
const read = (more: object = {}) => parseEset({ ...all, ...more }, around(NOW, undefined)).products[0]

test('service, engine and licence', () => {
  expect(read()).toMatchObject({
    name: 'ESET Endpoint Antivirus',
    version: '12.0.13.0',
    running: true,
    realtime: null,
    signaturesVersion: '31234 (20260614)',
    signaturesAt: Date.UTC(2026, 5, 14),
    degraded: null,
  })
})

test('the day is that of the detection engine, not of any module', () => {
  expect(() => read({ modules: given(modules.replace('EM002', 'EM102')) })).toThrow(/EM002/)
  expect(() => read({ modules: given(modules.slice(0, modules.indexOf('0614'))) })).toThrow()
})

test('a licence that ended, or none', () => {
  expect(read({ license: given(license.replace('2027', '2025')) })?.degraded).toMatch(/ended on 2025-01-31/)
  expect(read({ license: given('Status: Not activated\n') })?.degraded).toMatch(/no licence/)
})

test('a service that is down watches nothing; one that nobody knows may', () => {
  expect(read({ unit: given(active.replace('=active', '=failed')) })).toMatchObject({ running: false, realtime: false })
  expect(read({ unit: [] })).toMatchObject({ running: null })
})

test('a right is missing, or the product', async () => {
  expect(() => read({ license: given('', { stderr: 'Permission denied', code: 1 }) })).toThrow(Denied)
  await expect(eset.read(hostOf(machine()), undefined)).rejects.toThrow(Absent)
})

test('any text is a fact or an error', () => {
  alwaysEnds(eset, [modules, license, version, active])
  for (const one of huge) expect(outcomeOf(eset, { modules: given(one) })).toBeInstanceOf(Error)
})
