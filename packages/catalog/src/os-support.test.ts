import { expect, test } from 'vitest'
import { readSupportTable, shippedSupportTable, supportEnd } from './os-support.ts'
import type { SystemFact } from './subjects/system/facts.ts'

const table = shippedSupportTable()
const os = (told: Partial<SystemFact['os']>): Pick<SystemFact, 'os'> => ({
  os: { type: 'linux', id: '', like: [], name: '', version: null, codename: null, build: null, edition: null, supportEnd: null, ...told },
})
const day = (at: number | null) => (at === null ? null : new Date(at).toISOString().slice(0, 10))

test.each([
  ['Debian counts its LTS', { id: 'debian', version: '12' }, '2028-06-30'],
  ['Raspbian follows Debian', { id: 'raspbian', version: '11' }, '2026-08-31'],
  ['Ubuntu without Pro', { id: 'ubuntu', version: '24.04' }, '2029-05-31'],
  ['a minor release follows its major', { id: 'rhel', version: '9.4' }, '2032-05-31'],
  ['the longest version wins', { id: 'linuxmint', version: '22.3' }, '2029-04-30'],
  ['Alpine point release', { id: 'alpine', version: '3.20.3' }, '2026-04-01'],
  ['3.2 is not a start of 3.20', { id: 'alpine', version: '3.2000' }, null],
  ['SLES service pack', { id: 'sles', version: '15.7' }, '2031-07-31'],
  ['macOS point release', { type: 'darwin', id: 'macos', version: '13.6.1' }, '2025-09-15'],
  ['Windows 11 Pro', { type: 'windows', id: 'windows', build: '22631.4317', edition: 'Professional' }, '2025-11-11'],
  ['Windows 11 Enterprise of the same build', { type: 'windows', id: 'windows', build: '22631.4317', edition: 'Enterprise' }, '2026-11-10'],
  ['Windows 10 LTSC', { type: 'windows', id: 'windows', build: '19044.1', edition: 'EnterpriseS' }, '2027-01-12'],
  ['Windows 10 IoT LTSC', { type: 'windows', id: 'windows', build: '19044.1', edition: 'IoTEnterpriseS' }, '2032-01-13'],
  ['Windows 10 22H2, all editions', { type: 'windows', id: 'windows', build: '19045.5000', edition: 'Core' }, '2025-10-14'],
  ['Windows 11 of an edition not told', { type: 'windows', id: 'windows', build: '22631.4317' }, null],
  ['Windows Server 2022', { type: 'windows', id: 'windows-server', build: '20348.2700', edition: 'ServerStandard' }, '2031-10-14'],
  ['an unknown release', { id: 'debian', version: '99' }, null],
  ['a rolling release', { id: 'arch', version: null }, null],
] as const)('%s', (_, told, wanted) => {
  expect(day(supportEnd(os(told), table))).toBe(wanted)
})

test("the vendor's own SUPPORT_END wins", () => {
  expect(supportEnd(os({ id: 'fedora', version: '43', supportEnd: 5 }), table)).toBe(5)
})

test('wrong green 45: a boolean end is no date of 1970', () => {
  const cycles = [
    { version: '1', end: true },
    { version: '2', end: false },
  ]
  const own = readSupportTable(JSON.stringify({ date: '2026-01-02', source: 'test', products: [{ ids: ['x'], cycles }] }))

  expect(day(supportEnd(os({ id: 'x', version: '1' }), own))).toBe('2026-01-02')
  expect(supportEnd(os({ id: 'x', version: '2' }), own)).toBeNull()
})

test('a wrong table names the place', () => {
  const text = JSON.stringify({ date: '2026-01-02', source: 'test', products: [{ ids: ['x'], cycles: [{ version: '1', end: 'soon' }] }] })
  expect(() => readSupportTable(text)).toThrow('products.0.cycles.0.end')
})
