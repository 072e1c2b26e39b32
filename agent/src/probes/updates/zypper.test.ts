import { describe, expect, test } from 'vitest'
import { input, now, testHardiness } from '../../../../test/kit/package-captures.ts'
import type { Captured } from '../../probe.ts'
import zypper, { parse } from './zypper.ts'

// Printed by zypper 1.14.42 here, and shortened.
describe('what zypper lists', () => {
  const xml = (list: string, messages = '') =>
    `<?xml version='1.0'?>\n<stream>\n${messages}<update-status version="0.6">\n<update-list>\n${list}</update-list>\n</update-status>\n</stream>\n`
  const patch = (status: string, category = 'security') =>
    `<update kind="patch" name="TEST-2026:1" edition="2.0" arch="noarch" status="${status}" category="${category}" severity="important" pkgmanager="false" restart="false" interactive="reboot"><summary>a &gt; b</summary><source url="file:/x" alias="local"/><issue-date time_t="1790812800" text="x"/><issue-list/></update>`
  const other =
    '<update kind="package" name="bash" edition="2-1" arch="x86_64" edition-old="1-1"><summary>x</summary><source url="file:/x" alias="local"/></update>'
  const read = (patches: Captured, packages?: Captured) =>
    parse({ patches: [patches], ...(packages ? { packages: [packages] } : {}) }, { now })

  test('patches that are needed are told with class, severity and date', () => {
    const fact = read(input(xml(patch('needed'))), input(xml(other)))
    expect(fact.pending).toMatchObject([
      { name: 'TEST-2026:1', class: 'security', severity: 'important', published: 1790812800000, restart: true, origin: 'local' },
      { name: 'bash.x86_64', installed: '1-1', candidate: '2-1', class: 'other' },
    ])
    expect(fact.classified).toBe(true)
  })

  test('patches are sorted to patches wherever their kind stands, as XML of older versions and as table', () => {
    const older = patch('needed').replace(' kind="patch"', '').replace('interactive="reboot"', 'interactive="reboot" kind="patch"')
    const listed =
      'Repository | Name    | Category | Severity  | Interactive | Status | Summary\n-----------+---------+----------+-----------+-------------+--------+--------\n'
    for (const text of [xml(patch('needed')), xml(older), listed])
      expect(Object.entries(zypper.inputs).find(([, spec]) => spec.recognise?.(text))?.[0]).toBe('patches')
    expect(read(input(xml(older)))).toMatchObject({ classified: true, pending: [{ class: 'security' }] })
    expect(Object.entries(zypper.inputs).find(([, spec]) => spec.recognise?.(xml(other)))?.[0]).toBe('packages')
  })

  test('patches that are not needed or applied are none', () => {
    for (const status of ['not-needed', 'applied']) expect(read(input(xml(patch(status)))).pending).toEqual([])
  })

  test('packages without any patch say nothing of security', () => expect(read(input(xml('')), input(xml(other))).classified).toBe(false))

  test('a repository that was left out is told', () => {
    const fact = read(input(xml(patch('needed'), '<message type="error">Repository &apos;x&apos; is invalid.</message>\n'), { code: 106 }))
    expect(fact.badSources).toHaveLength(2)
  })

  test.each([
    ['no repository at all', input(xml('<appletinfo status="no-update-repositories"/>\n'))],
    [
      'a warning that none is defined',
      input(xml('', '<message type="warning">No repositories defined. Operating only with the installed resolvables.</message>\n')),
    ],
    ['a lock', input('', { code: 7 })],
    ['XML that stops', input(xml(patch('needed')).slice(0, 200))],
    ['an error alone', input('<?xml version=\'1.0\'?>\n<stream>\n<message type="error">x</message>\n</stream>\n')],
    ['a search', input('S | Name | Type | Version | Arch\n--+------+------+---------+-----\n  | vim | package | 1 | noarch\n')],
    ['another language', input('Daten werden geladen...\nKeine Aktualisierungen gefunden.\n')],
  ])('is refused for %s', (_, captured) => expect(() => read(captured)).toThrow())

  testHardiness(zypper)
})
