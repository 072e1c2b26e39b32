import { expect, test } from 'vitest'
import { lookUpOnWindows, windowsEnvironment } from './windows.ts'

const own = { SystemRoot: 'C:\\Windows', PATH: 'C:\\evil', SECRET: 'x', LANG: 'de_DE' }

test('a 32-bit process on a 64-bit Windows passes by the redirection of System32, so that it sees what the machine has', () => {
  expect(windowsEnvironment({ ...own, PROCESSOR_ARCHITEW6432: 'AMD64' }).PATH).toBe(
    'C:\\Windows\\Sysnative;C:\\Windows\\Sysnative\\WindowsPowerShell\\v1.0;C:\\Windows\\Sysnative\\wbem',
  )
  expect(windowsEnvironment(own).PATH).toMatch(/^C:\\Windows\\System32;/)
})

test('nothing of the own environment leaks into a command: no path, no secret, no language', () => {
  expect(JSON.stringify(windowsEnvironment(own))).not.toMatch(/evil|SECRET|de_DE/)
})

test.each(['..\\evil.exe', 'a/b', 'cmd /c', ''])('%j is no command', command => {
  expect(lookUpOnWindows(command, own)).toBeUndefined()
})
