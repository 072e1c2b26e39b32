import { expect, test } from 'vitest'
import { days } from '../../duration.ts'
import { type Cases, findingOf, judges, NOW } from '../../testing.ts'
import { osSupport } from './checks.ts'
import type { SystemFact } from './facts.ts'

const system = (os: Partial<SystemFact['os']> = {}): SystemFact => ({
  hostname: 'h',
  domain: null,
  os: {
    type: 'linux',
    id: 'debian',
    like: [],
    name: 'Debian',
    version: '12',
    codename: null,
    build: null,
    edition: null,
    supportEnd: null,
    ...os,
  },
  kernel: { version: null, arch: null },
  bootedAt: null,
  virtualization: null,
  hardware: { vendor: null, model: null, serial: null, chassis: null, biosVersion: null, biosDate: null },
  cpu: { model: null, logical: null },
  memoryBytes: null,
  role: 'server',
  machineIdHash: null,
})

const cases: Cases = [
  ['a year to go', { system: system() }, 'ok', { supportEnd: NOW + days(365) }],
  ['half a year to go', { system: system() }, 'warning', { supportEnd: NOW + days(179) }],
  ['over', { system: system() }, 'critical', { supportEnd: NOW - days(1) }],
  ['a release that nobody knows', { system: system() }, 'unknown'],
  ['a rolling release', { system: system({ id: 'arch', version: null }) }, 'not-applicable'],
  ['a rolling release with a version', { system: system({ id: 'opensuse-tumbleweed', version: '20260101' }) }, 'not-applicable'],
  [
    'Debian testing, which has a name and no version',
    { system: system({ id: 'debian', name: 'Debian GNU/Linux forky/sid', version: null }) },
    'not-applicable',
  ],
  ['a stable Debian whose version was lost', { system: system({ id: 'debian', version: null, codename: 'buster' }) }, 'unknown'],
  ['a release that is not told', { system: system({ id: 'ubuntu', version: null }) }, 'unknown'],
  ['Windows without a version', { system: system({ type: 'windows', version: null }) }, 'unknown'],
]
judges(osSupport, cases)

test('support tells when time alone changes the answer', () => {
  const end = NOW + days(365)
  const { changesAt } = findingOf(osSupport, { 'system/linux': { outcome: 'ok', data: system(), everyMs: days(300) } }, { supportEnd: end })
  expect(changesAt).toBe(end - days(180))
})
