import { describe, expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { input, judge, now, testHardiness } from '../../../../test/kit/package-captures.ts'
import { Absent } from '../../probe.ts'
import dnf5 from './dnf5.ts'

// Written from dnf5-check-upgrade(8).
describe('dnf5', () => {
  test('is read from JSON, where replacements are no updates', () => {
    const entry = { name: 'bash', arch: 'x86_64', evr: '0:2.0-1', repository: 'updates' }
    const list = input(
      JSON.stringify({ 'Available upgrades': [entry], 'Obsoleting packages': [{ ...entry, name: 'new', obsoletes: [entry] }] }),
      { code: 100 },
    )
    expect(judge(dnf5, { list }).pending.map(({ name, candidate }) => [name, candidate])).toEqual([['bash.x86_64', '2.0-1']])
    expect(judge(dnf5, { list: input('{}') }).pending).toEqual([])
  })

  test('an empty list that no repository stands behind is refused', () => {
    const metadata = input('<repomd/>', { name: '/var/cache/libdnf5/updates-0123456789abcdef/repodata/repomd.xml', modifiedAt: now - 1000 })
    expect(judge(dnf5, { list: input('{}'), metadata }).lastCheckAt).toBe(now - 1000)
    expect(() => dnf5.parse({ list: [input('{}')], metadata: [] }, { now, hostname: 'vm', options: null })).toThrow(/no repository/)
  })

  test('a system without dnf5 has no such source', async () => {
    await expect(dnf5.read(hostOf(machine()), null)).rejects.toThrow(Absent)
  })

  testHardiness(dnf5)
})
