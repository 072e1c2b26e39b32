import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Cases, findingOf, judges } from '../../testing.ts'
import { softwareBroken, softwareForbidden, softwareRequired } from './checks.ts'
import { MOST_PACKAGES, type SoftwareFact } from './facts.ts'
import { fits } from './glob.ts'
import { packagesNamed } from './lookup.ts'
import type { SoftwareRule } from './policy.ts'
import { compareVersions } from './versions.ts'

const fact = (more: Partial<SoftwareFact> = {}): SoftwareFact => ({ packages: [], total: 0, broken: [], unseen: null, ...more })
const one = (name: string, version: string | null = null, more: Partial<SoftwareFact> = {}): SoftwareFact =>
  fact({ packages: [{ name, version, arch: null, origin: null, installedAt: null }], total: 1, ...more })
const software = (broken: string[] | null) => ({ software: fact({ total: 5, broken }) })

judges(softwareBroken, [
  ['all whole', software([]), 'ok'],
  ['not told', software(null), 'ok'],
  ['one half installed', software(['linux-image']), 'warning'],
  ['the database does not answer', { software: { outcome: 'failed' } }, 'unknown'],
])

const must = (...required: SoftwareRule[]) => ({ software: { required, forbidden: [] } })
const mustNot = (...forbidden: SoftwareRule[]) => ({ software: { required: [], forbidden } })
const edr = must({ name: 'falcon-*' })
const cut = { total: MOST_PACKAGES + 1 }

const required: Cases = [
  ['nothing is required', { software: one('a') }, 'not-applicable'],
  ['nothing is required, and a source is blind', { software: { outcome: 'denied' } }, 'not-applicable', must()],
  ['installed', { software: one('Falcon-Sensor') }, 'ok', edr],
  ['not installed', { software: one('bash') }, 'critical', edr],
  ['not installed, by several sources', { 'software/dpkg': one('bash'), 'software/snap': one('core') }, 'critical', edr],
  ['in one of several sources', { 'software/dpkg': one('bash'), 'software/snap': one('falcon-x') }, 'ok', edr],
  ['of another architecture', { 'software/dpkg': one('falcon-sensor:arm64') }, 'ok', must({ name: 'falcon-sensor' })],
  ['not in a list that is cut', { software: one('bash', null, cut) }, 'unknown', edr],
  ['not in a list that does not hold all', { software: one('bash', null, { unseen: '2 users are not logged in' }) }, 'unknown', edr],
  ['in a list that is cut', { software: one('falcon-sensor', null, cut) }, 'ok', edr],
  ['not installed, while a source is blind', { 'software/dpkg': one('bash'), 'software/snap': { outcome: 'denied' } }, 'unknown', edr],
  ['installed, while a source is blind', { 'software/dpkg': one('falcon-x'), 'software/snap': { outcome: 'denied' } }, 'ok', edr],
  ['no source can be read', { software: { outcome: 'failed' } }, 'unknown', edr],
  ['no source is on this machine', { software: { outcome: 'absent' } }, 'unknown', edr],
  ['only half installed', { software: one('falcon-sensor', '1', { broken: ['falcon-sensor'] }) }, 'critical', edr],
  ['one of two missing', { software: one('falcon-sensor') }, 'critical', must({ name: 'falcon-*' }, { name: 'osquery' })],
  ['new enough', { 'software/dpkg': one('openssl', '3.0.15-1') }, 'ok', must({ name: 'openssl', atLeast: '3.0.9' })],
  ['too old', { 'software/dpkg': one('openssl', '3.0.2-1') }, 'critical', must({ name: 'openssl', atLeast: '3.0.9' })],
  ['too old, in spite of an epoch', { 'software/dpkg': one('ssh', '1:9.2p1-2') }, 'critical', must({ name: 'ssh', atLeast: '9.6' })],
  [
    'too old, and the list is cut',
    { 'software/dpkg': one('openssl', '3.0.2', cut) },
    'unknown',
    must({ name: 'openssl', atLeast: '3.0.9' }),
  ],
  ['without a version', { software: one('app') }, 'unknown', must({ name: 'app', atLeast: '2' })],
  ['a version that is none', { 'software/registry': one('app', 'Windows XP') }, 'unknown', must({ name: 'app', atLeast: '2' })],
  ['a pre-release of the wanted one', { 'software/macos': one('app', '2.0-beta') }, 'unknown', must({ name: 'app', atLeast: '2.0' })],
]
judges(softwareRequired, required)

const remote = mustNot({ name: '*TeamViewer*' })
const oldJava = mustNot({ name: 'java', below: '17' })
const forbidden: Cases = [
  ['nothing is forbidden', { software: one('a') }, 'not-applicable', edr],
  ['not installed', { software: one('bash') }, 'ok', remote],
  ['installed', { 'software/registry': one('TeamViewer 15 Host', '15.2') }, 'critical', remote],
  ['only half installed is there too', { software: one('teamviewer', null, { broken: ['teamviewer'] }) }, 'critical', remote],
  ['not in a list that is cut', { software: one('bash', null, cut) }, 'unknown', remote],
  ['in a list that is cut', { software: one('teamviewer', null, cut) }, 'critical', remote],
  ['not in a list that does not hold all', { software: one('bash', null, { unseen: 'a user is not logged in' }) }, 'unknown', remote],
  ['a source is blind', { 'software/dpkg': one('bash'), 'software/snap': { outcome: 'denied' } }, 'unknown', remote],
  ['installed, while a source is blind', { 'software/a': one('teamviewer'), 'software/snap': { outcome: 'denied' } }, 'critical', remote],
  ['no source is on this machine', { software: { outcome: 'absent' } }, 'unknown', remote],
  ['an old version', { 'software/registry': one('Java', '8.0.4010') }, 'critical', oldJava],
  ['a new version', { 'software/registry': one('Java', '21.0.1') }, 'ok', oldJava],
  ['a version that is none', { 'software/registry': one('Java', 'eight') }, 'unknown', oldJava],
]
judges(softwareForbidden, forbidden)

test('the finding names what is there', () => {
  const { reason } = findingOf(softwareForbidden, { 'software/registry': one('TeamViewer', '15.2') }, remote)
  expect(reason).toBe('TeamViewer 15.2 is installed')
})

test.each([
  ['*', 'anything', true],
  ['Git', 'git', true],
  ['Git', 'gitg', false],
  ['*Office*', 'Microsoft Office LTSC', true],
  ['?ffice', 'Office', true],
  ['7-Zip ??.?? (x64)', '7-Zip 19.00 (x64)', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-b-b-', false],
  ['[a-z]', 'b', false],
  ['', '', true],
  ['', 'a', false],
])('the name %s and %s: %s', (pattern, name, wanted) => {
  expect(fits(pattern, name)).toBe(wanted)
})

test('a lookup finds what a comparison of every name finds', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'B', 'c', '-', '\n', ':', 'İ'), maxLength: 6 })
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', 'C', '-', '*', '?', ':'), maxLength: 5 })
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), pattern, (names, wanted) => {
      const data = fact({ packages: names.map(name => ({ name, version: null, arch: null, origin: null, installedAt: null })) })
      const slow = names.filter(name => fits(wanted, name) || fits(wanted, name.replace(/:[a-z0-9-]+$/, '')))
      expect(packagesNamed(data, wanted).map(({ name }) => name)).toEqual(slow)
    }),
  )
})

test('a hundred rules over six thousand packages take no time worth telling', () => {
  const packages = Array.from({ length: 6000 }, (_, i) => ({
    name: `lib-some-package-${i}`,
    version: null,
    arch: null,
    origin: null,
    installedAt: null,
  }))
  const data = fact({ packages })
  const started = performance.now()
  for (let i = 0; i < 100; i++) expect(packagesNamed(data, `*vendor ${i}*`)).toEqual([])
  expect(performance.now() - started).toBeLessThan(100)
})

test('no pattern runs away', () => {
  const started = performance.now()
  expect(fits('*a'.repeat(64), 'a'.repeat(127))).toBe(true)
  expect(fits(`${'*a'.repeat(63)}b`, 'a'.repeat(128))).toBe(false)
  expect(performance.now() - started).toBeLessThan(100)
  fc.assert(fc.property(fc.string(), text => fits('*', text) && fits(text.replaceAll(/[*?]/g, ''), text.replaceAll(/[*?]/g, ''))))
})

test.each([
  ['dpkg', '1.0~rc1', '1.0', -1],
  ['dpkg', '1:1.0', '2.0', -1],
  ['dpkg', '1:1.0', '1:1.0', 0],
  ['rpm', '4.18.0-553.el8', '4.18.0-80.el8', 1],
  ['rpm', '4.18.0-553.el8', '4.18.0', 0],
  ['rpm', '1.0~beta', '1.0', -1],
  ['rpm', '1.0^git1', '1.0', 1],
  ['rpm', '1.0a', '1.0.1', -1],
  ['rpm', '2:1.0-1', '1.5', -1],
  ['pacman', '6.10.3-1', '6.9', 1],
  ['apk', '1.2.3_rc1-r0', '1.2.3', -1],
  ['apk', '1.2.3_p1-r0', '1.2.3', 1],
  ['apk', '3.1.4-r5', '3.1.4', 1],
  ['registry', '10.0.2', '9.9', 1],
  ['registry', '19.00', '19.0', 0],
  ['registry', '2.0.1', '2', 1],
  ['macos', '16.84 (24041420)', '16.83', 1],
  ['macos', '16.84 (24041420)', '16.84', undefined],
  ['macos', 'Windows XP', '1', undefined],
  ['registry', '', '1', undefined],
])('%s: %s against %s', (source, installed, wanted, order) => {
  const told = compareVersions(source, installed, wanted)
  expect(told === undefined ? undefined : Math.sign(told)).toBe(order)
})

test('any two versions are ordered both ways alike', () => {
  const version = fc.string({ unit: fc.constantFrom('0', '1', '9', '.', '-', '~', '^', ':', 'a', '_'), maxLength: 20 })
  const source = fc.constantFrom('dpkg', 'rpm', 'apk', 'pacman', 'registry')
  fc.assert(
    fc.property(source, version, (from, text) => {
      const told = compareVersions(from, text, text)
      expect([0, undefined]).toContain(told === undefined ? undefined : Math.abs(told))
    }),
  )
})
