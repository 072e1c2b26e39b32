import { describe, expect, test } from 'vitest'
import { input, json, judge, testHardiness } from '../../../../test/kit/package-captures.ts'
import { Absent } from '../../probe.ts'
import fwupd from './fwupd.ts'

// Written from fwupdmgr(1) and its JSON of 1.9 and 2.0.
describe('fwupd', () => {
  const device = { Name: 'System Firmware', Version: '1.2', Flags: ['updatable', 'needs-reboot'] }
  const release = { Version: '1.3', Urgency: 'high', Created: 1790812800, RemoteId: 'lvfs' }

  test('the newest release of each device waits', () => {
    const older = { ...release, Version: '1.2.5' }
    expect(judge(fwupd, { updates: json({ Devices: [{ ...device, Releases: [release, older] }] }) }).pending).toMatchObject([
      {
        name: 'System Firmware',
        class: 'firmware',
        installed: '1.2',
        candidate: '1.3',
        severity: 'important',
        restart: true,
        published: 1790812800000,
      },
    ])
  })

  test('exit code 2 is nothing to do, in JSON or in words', () => {
    for (const text of ['', '{"Devices":[]}', '{"Error":{"Message":"No updates available"}}'])
      expect(judge(fwupd, { updates: input(text, { code: 2 }) }).pending).toEqual([])
  })

  test('a machine whose devices take no firmware has no such source', () => {
    expect(() => judge(fwupd, { updates: input('{"Error":{"Message":"No updatable devices"}}', { code: 2 }) })).toThrow(Absent)
    expect(() =>
      judge(fwupd, { updates: json({ Devices: [] }), devices: json({ Devices: [{ Name: 'x', Flags: ['internal'] }] }) }),
    ).toThrow(Absent)
  })

  test('an error is one, and the devices alone tell nothing', () => {
    expect(() => judge(fwupd, { updates: input('{"Error":{"Message":"Failed to connect to daemon"}}', { code: 1 }) })).toThrow(/connect/)
    expect(() => judge(fwupd, { updates: input('{"Error":{"Message":"Failed to connect to daemon"}}', { code: null }) })).toThrow(/connect/)
    expect(() => judge(fwupd, { devices: json({ Devices: [device] }) })).toThrow(/devices alone/)
  })

  testHardiness(fwupd)
})
