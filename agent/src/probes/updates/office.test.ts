import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import office from './office.ts'

type Fact = FactTypes['updates']
const registry = (enabled: string, ready = '') =>
  `\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Office\\ClickToRun\\Configuration\r\n    VersionToReport    REG_SZ    16.0.18025.20160\r\n    UpdatesEnabled    REG_SZ    ${enabled}\r\n\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Office\\ClickToRun\\Updates\r\n    UpdateToVersion    REG_SZ    ${ready}\r\n`

test.each([
  ['a version that is ready waits', registry('True', '16.0.18129.20116'), ['16.0.18129.20116'], true],
  ['the version that runs does not wait', registry('True', '16.0.18025.20160'), [], true],
  ['updates that are switched off are told', registry('False'), [], false],
])('%s', (_, text, candidates, enabled) => {
  const fact = factOf<Fact>(office, { registry: text })
  expect([fact.pending.map(({ candidate }) => candidate), fact.automatic.enabled]).toEqual([candidates, enabled])
})

test('a machine without it has none', () => {
  expect(() => factOf(office, { registry: '' })).toThrow(expect.objectContaining({ name: 'Absent' }))
})

test('any text gives a fact or an error', () => survives(office, 'registry', [registry('True', '16.0.1.2')]))
