import { expect, test } from 'vitest'
import { clip, destinationOf, learnedEvery, redact } from './job.ts'

test.each([
  ['rest:https://user:hunter2@host:8000/x', 'rest:https://host:8000/x'],
  ['rest:https://token@host/x', 'rest:https://host/x'],
  ['rest:https://user:p@ss@host/x', 'rest:https://host/x'],
  ['ssh://backup:hunter2@nas:22/./repo', 'ssh://backup@nas:22/./repo'],
  ['ssh://backup@nas/./repo', 'ssh://backup@nas/./repo'],
  ['sftp:backup@nas:/srv/restic', 'sftp:backup@nas:/srv/restic'],
  ['rclone::webdav,user=me,pass=hunter2:x', 'rclone::webdav,user=me,pass=***'],
  ['/srv/backup', '/srv/backup'],
])('the repository %s is shown as %s', (given, shown) => expect(destinationOf(given)).toBe(shown))

test('redacting a hostile text ends soon', () => {
  const started = performance.now()
  redact('://'.repeat(50_000))
  redact(`://${'a'.repeat(200_000)}`)
  redact('secret'.repeat(50_000))
  expect(performance.now() - started).toBeLessThan(500)
})

test('a cut text says how much is missing, within its limit', () => {
  const cut = clip('x'.repeat(5000))
  expect(cut.length).toBeLessThanOrEqual(512)
  expect(cut).toContain('more)')
  expect(clip('a\u0000b\nc')).toBe('a b c')
})

test('the learned interval is the median distance of at least three successes', () => {
  const hour = 3_600_000
  expect(learnedEvery([0, 24 * hour])).toBeNull()
  expect(learnedEvery([0, 24 * hour, 48 * hour, 49 * hour])).toBe(24 * hour)
})
