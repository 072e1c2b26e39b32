import { describe, expect, test } from 'vitest'
import { input, json, judge, testHardiness } from '../../../../test/kit/package-captures.ts'
import type { Captured } from '../../probe.ts'
import reboot from './rpm.ts'

describe('restarts by the tools of the rpm family', () => {
  const required = (inputs: Record<string, Captured>) => (judge(reboot, inputs) as unknown as { required: boolean | null }).required
  const yes =
    'Core libraries or services have been updated since boot-up:\n  * kernel\n  * glibc\n\nReboot is required to fully utilize these updates.\n'

  test.each([
    ['dnf4', input(yes, { code: 1 }), true],
    ['dnf4, clean', input('No core libraries or services have been updated since boot-up.\nReboot should not be necessary.\n'), false],
    [
      'dnf4 of old',
      input('Core libraries or services have not been updated since boot-up.\nReboot should not be necessary.\n', { code: null }),
      false,
    ],
    [
      'zypper',
      input(
        'Core libraries or services have been updated.\nReboot is suggested to ensure that your system benefits from these updates.\n',
        { code: 102 },
      ),
      true,
    ],
    ['zypper, clean', input('No core libraries or services have been updated.\nReboot is probably not necessary.\n'), false],
  ])('%s is taken by its sentence', (_, needsRestarting, want) => expect(required({ needsRestarting })).toBe(want))

  test.each([
    ['a missing plug-in', input('', { code: 1, stderr: 'No such command: needs-restarting. Please use /usr/bin/dnf --help\n' })],
    ['a failure without a word', input('', { code: 1 })],
    ['an empty answer', input('')],
    ['an empty capture', input('', { code: null })],
    ['a sentence against its exit code', input('Reboot should not be necessary.\n', { code: 1 })],
  ])('%s is neither yes nor no', (_, needsRestarting) => expect(() => required({ needsRestarting })).toThrow(/did not say/))

  test('dnf5 and a staged image say it in JSON', () => {
    expect(required({ json: json([{ type: 'reboot', reboot_required: true, packages: ['kernel'] }], { code: 1 }) })).toBe(true)
    expect(required({ json: json([{ type: 'reboot', reboot_required: false, packages: [] }]) })).toBe(false)
    expect(() => required({ json: json([]) })).toThrow(/did not say/)
    const deployment = { booted: true, staged: false, version: '1' }
    expect(required({ ostree: json({ deployments: [deployment] }) })).toBe(false)
    expect(required({ ostree: json({ deployments: [{ ...deployment, booted: false, staged: true }, deployment] }) })).toBe(true)
  })

  describe('a system that is changed by making the next snapshot', () => {
    const clean = input('No core libraries or services have been updated.\nReboot is probably not necessary.\n')
    // As snapper 0.10 prints it; written from its documentation.
    const snapshots = (next: number, active: number) =>
      json({
        root: [1, 2, 3].map(number => ({
          number,
          default: number === next,
          active: number === active,
          date: `2026-11-2${number} 04:00:12`,
        })),
      })

    test('is due for a restart once another snapshot is started next, since that was made', () => {
      const fact = judge(reboot, { needsRestarting: clean, snapshots: snapshots(3, 2) })
      expect(fact).toMatchObject({ required: true, since: Date.UTC(2026, 10, 23, 4, 0, 12) })
    })

    test('is not due where the next is the one that runs, by both', () => {
      expect(required({ needsRestarting: clean, snapshots: snapshots(2, 2) })).toBe(false)
    })

    test.each([
      ['nobody says which runs', snapshots(2, 9)],
      ['nobody says which is next', snapshots(9, 2)],
      ['there is no list', json({ root: null })],
    ])('is unknown where %s, whatever zypper says of the one that runs', (_, list) => {
      expect(required({ needsRestarting: clean, snapshots: list })).toBeNull()
    })
  })

  test('a list of processes alone says nothing of a restart, and names the services', () => {
    const fact = judge(reboot, { services: input('1234 : /usr/sbin/sshd -D\n', { code: null }) })
    expect(fact).toMatchObject({ required: null, services: ['sshd'] })
  })

  testHardiness(reboot)
})
