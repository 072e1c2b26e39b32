import { describe, expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { input, judge, testHardiness } from '../../../../test/kit/package-captures.ts'
import { Absent } from '../../probe.ts'
import pacman from './pacman.ts'

// Printed by pacman 6.0.2 here; checkupdates prints the same rows.
describe('pacman', () => {
  test('what IgnorePkg keeps is held, and a kernel needs a restart', () => {
    const { pending, classified } = judge(pacman, { list: input('fettle-b 1.0-1 -> 2.0-1 [ignored]\nlinux 6.1-1 -> 6.2-1\n') })
    expect(pending.map(({ name, withheld, restart }) => [name, withheld, restart])).toEqual([
      ['fettle-b', 'held', null],
      ['linux', null, true],
    ])
    expect(classified).toBe(false)
  })

  test('nothing waits with exit code 1 and no word, as with 2 of checkupdates', () => {
    for (const code of [1, 2]) expect(judge(pacman, { list: input('', { code }) }).pending).toEqual([])
  })

  test.each([
    ['no database', input('', { code: 1, stderr: "warning: database file for 'extra' does not exist (use '-Sy' to download)\n" })],
    ['no repository', input('', { code: 1, stderr: 'error: no usable package repositories configured.\n' })],
    ['checkupdates that failed', input('', { code: 1, name: 'checkupdates', stderr: '==> ERROR: Cannot fetch updates\n' })],
    ['checkupdates that failed without a word', input('', { code: 1, name: 'checkupdates' })],
    ['an empty text without exit code', input('', { code: null })],
    ['another text', input('hello world\n')],
  ])('%s is refused', (_, list) => expect(() => judge(pacman, { list })).toThrow())

  test('a fetch counts where an upgrade followed it', () => {
    const line = (time: string, said: string) => `[2026-11-${time}:00:00+0000] ${said}\n`
    const log =
      line('20T10', '[PACMAN] synchronizing package lists') +
      line('20T11', '[PACMAN] starting full system upgrade') +
      line('21T10', '[PACMAN] synchronizing package lists')
    expect(judge(pacman, { list: input('', { code: 1 }), log: input(log) }).lastCheckAt).toBe(Date.UTC(2026, 10, 20, 10))
  })

  test('pacman on a system of another family is absent', async () => {
    await expect(pacman.read(hostOf(machine({ commands: { 'pacman -Qu': { code: 1 } } })), null)).rejects.toThrow(Absent)
  })

  testHardiness(pacman)
})
