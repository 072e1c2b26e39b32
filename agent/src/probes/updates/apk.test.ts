import { describe, expect, test } from 'vitest'
import { input, judge, now, testHardiness } from '../../../../test/kit/package-captures.ts'
import apk from './apk.ts'

// Written from apk-list(8) and apk-version(8) of apk-tools 2.
describe('apk', () => {
  test.each([
    ['list', 'busybox-1.36.1-r7 x86_64 {busybox} (GPL-2.0-only) [upgradable from: busybox-1.36.1-r5]\n'],
    [
      'version',
      'Installed:                                Available:\nbusybox-1.36.1-r5                       < 1.36.1-r7 \nzlib-1.3-r0 = 1.3-r0\n',
    ],
  ])('%s tells what waits', (_, text) => {
    expect(judge(apk, { list: input(`WARNING: opening from cache https://x: temporary\n${text}`) }).pending).toMatchObject([
      { name: 'busybox', installed: '1.36.1-r5', candidate: '1.36.1-r7' },
    ])
  })

  test.each([
    ['an error', input('', { code: 99, stderr: 'ERROR: Unable to lock database: Permission denied\n' })],
    [
      'an index that is not there',
      input('', { stderr: 'WARNING: opening from cache https://dl.example.org/main: No such file or directory\n' }),
    ],
    ['an empty text without exit code', input('', { code: null })],
  ])('%s is refused', (_, list) => expect(() => judge(apk, { list })).toThrow())

  test('an index that is there makes an empty list an answer', () => {
    const fact = judge(apk, { list: input(''), indexes: input('', { modifiedAt: now - 5000 }) })
    expect([fact.pending, fact.lastCheckAt]).toEqual([[], now - 5000])
  })

  testHardiness(apk)
})
