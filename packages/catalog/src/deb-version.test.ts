import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareDebVersions } from './deb-version.ts'

/** Cases named in deb-version(7) and in dpkg's own tests of versions. */
const ordered: readonly (readonly [string, '<' | '=' | '>', string])[] = [
  ['1.0~rc1-1', '<', '1.0-1'],
  ['1.0~~', '<', '1.0~'],
  ['1.0', '<', '1.0a'],
  ['1.0a', '<', '1.0+'],
  ['9', '<', '10'],
  ['6.1.0-9', '<', '6.1.0-13'],
  ['2:1.0', '>', '1:9.0'],
  ['1.0', '=', '0:1.0'],
  ['1.0', '=', '1.0-0'],
  ['1.00', '=', '1.0'],
  ['3.0.19-1~deb12u2', '<', '3.0.22-1~deb12u2'],
  ['5.2.15-2+b8', '<', '5.2.15-2+b13'],
  ['1.0-20261122123456789012345', '<', '1.0-20261122123456789012346'],
]

test.each(ordered)('%s %s %s', (a, sign, b) => {
  const difference = Math.sign(compareDebVersions(a, b))

  expect(difference).toBe({ '<': -1, '=': 0, '>': 1 }[sign])
  expect(Math.sign(compareDebVersions(b, a))).toBe(difference === 0 ? 0 : -difference)
})

const part = fc.string({ unit: fc.constantFrom(...'0129.+~abZ'), maxLength: 8 }).map(text => `1${text}`)
const version = fc
  .tuple(fc.option(fc.nat(3)), part, fc.option(part))
  .map(([epoch, upstream, revision]) => `${epoch === null ? '' : `${epoch}:`}${upstream}${revision === null ? '' : `-${revision}`}`)

test.runIf(existsSync('/usr/bin/dpkg'))('orders as dpkg does, whatever the versions', () => {
  const verdict = (a: string, b: string) =>
    spawnSync('/usr/bin/dpkg', ['--compare-versions', a, 'lt', b]).status === 0
      ? -1
      : spawnSync('/usr/bin/dpkg', ['--compare-versions', a, 'gt', b]).status === 0
        ? 1
        : 0
  expect(execFileSync('/usr/bin/dpkg', ['--version'], { encoding: 'utf8' })).toContain('dpkg')

  fc.assert(
    fc.property(version, version, (a, b) => Math.sign(compareDebVersions(a, b)) === verdict(a, b)),
    { numRuns: 150 },
  )
})

test('is a total order over any text, and ends', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      expect(compareDebVersions(a, a)).toBe(0)
      expect(Math.sign(compareDebVersions(a, b))).toBe(-Math.sign(compareDebVersions(b, a)) + 0)
    }),
  )
})
