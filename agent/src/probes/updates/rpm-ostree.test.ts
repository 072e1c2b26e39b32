import { describe, expect, test } from 'vitest'
import { input, json, judge, testHardiness } from '../../../../test/kit/package-captures.ts'
import { Absent } from '../../probe.ts'
import rpmOstree from './rpm-ostree.ts'

// Written from rpm-ostree's D-Bus interface.
describe('rpm-ostree', () => {
  const booted = {
    booted: true,
    staged: false,
    version: '41.1',
    origin: 'fedora:fedora/41/x86_64/silverblue',
    timestamp: 1790000000,
    checksum: 'aa',
  }

  test('a staged deployment waits for a restart, and a found one tells its advisories', () => {
    const staged = { ...booted, booted: false, staged: true, version: '41.2', checksum: 'bb' }
    const cached = {
      version: '41.3',
      checksum: 'cc',
      timestamp: 1790800000,
      advisories: [['FEDORA-2026-1', 1, 3, ['bash-2-1.x86_64'], {}]],
    }
    const fact = judge(rpmOstree, { status: json({ deployments: [staged, booted], 'cached-update': cached }) })
    expect(fact.pending.map(({ candidate, class: kind, severity, restart }) => [candidate, kind, severity, restart])).toEqual([
      ['41.3', 'security', 'important', true],
      ['41.2', 'other', null, true],
    ])
  })

  test('nothing found is nothing pending of unknown age', () => {
    expect(judge(rpmOstree, { status: json({ deployments: [booted], 'cached-update': null }) })).toMatchObject({
      pending: [],
      lastCheckAt: null,
    })
    expect(() => judge(rpmOstree, { status: json({ deployments: [] }) })).toThrow(Absent)
    expect(() => judge(rpmOstree, { status: input('', { code: 1, stderr: 'error: Loading sysroot' }) })).toThrow(/sysroot/)
  })

  test('a failed automatic check is an error of the check', () => {
    const units = input('Id=rpm-ostreed-automatic.service\nResult=exit-code\nExecMainExitTimestamp=Sun 2026-11-22 06:00:00 UTC\n')
    expect(judge(rpmOstree, { status: json({ deployments: [booted] }), units })).toMatchObject({
      lastCheckAt: null,
      lastCheckError: expect.stringContaining('exit-code'),
    })
  })

  testHardiness(rpmOstree)
})
