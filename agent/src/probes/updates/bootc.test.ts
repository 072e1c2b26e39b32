import { describe, expect, test } from 'vitest'
import { json, judge, testHardiness } from '../../../../test/kit/package-captures.ts'
import { Absent } from '../../probe.ts'
import bootc from './bootc.ts'

// Written from the schema of bootc's status.
describe('bootc', () => {
  const image = (digest: string, version = '10') => ({
    image: { image: 'quay.io/example/os', transport: 'registry' },
    version,
    timestamp: '2026-10-01T00:00:00Z',
    imageDigest: `sha256:${digest}`,
  })
  const host = (status: object) => json({ apiVersion: 'org.containers.bootc/v1', kind: 'BootcHost', status })

  test('bootc tells what is staged and what was found, by digest', () => {
    const status = { booted: { image: image('aaa'), cachedUpdate: image('ccc') }, staged: { image: image('bbb') } }
    expect(
      judge(bootc, { status: host(status) })
        .pending.map(({ candidate }) => candidate)
        .sort(),
    ).toEqual(['10 (bbb)', '10 (ccc)'])
    expect(judge(bootc, { status: host({ booted: { image: image('aaa'), cachedUpdate: image('aaa') }, staged: null }) }).pending).toEqual(
      [],
    )
    expect(judge(bootc, { status: host({ booted: { image: image('aaa'), incompatible: true } }) }).broken).toMatch(/keep bootc/)
    expect(() => judge(bootc, { status: host({ booted: null }) })).toThrow(Absent)
    expect(() => judge(bootc, { status: host({}) })).toThrow(/booted/)
  })

  testHardiness(bootc)
})
