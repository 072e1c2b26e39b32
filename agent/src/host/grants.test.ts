import fc from 'fast-check'
import { expect, test } from 'vitest'
import { grantsIn } from './grants.ts'

/** Written from the examples of ls(1) and chmod(1) of macOS: no Mac was at hand. */
const LISTED = `drwxr-xr-x  20 root  wheel  640 Jun  1 12:00 /
lrwxr-xr-x@ 1 root  wheel   11 Jun  1 12:00 /etc -> private/etc
drwxr-xr-x@ 6 root  wheel  192 Jun  1 12:00 /private
drwxr-xr-x+ 3 root  wheel   96 Jun  1 12:00 /private/etc/fettle dropins
 0: group:everyone deny delete
 1: user:root allow write
 2: user:ada inherited allow list,add_file,search
-rwxr-xr-x+ 1 root  wheel  312 Jun  1 12:00 /private/etc/fettle dropins/tapes
 0: user:ada allow read,execute
`
const paths = ['/', '/etc', '/private', '/private/etc/fettle dropins', '/private/etc/fettle dropins/tapes']

test('who may change something besides root is found', () => {
  expect(grantsIn({ text: LISTED, code: 0 }, paths)).toEqual([{ path: paths[3], to: 'user:ada', rights: ['add_file'] }])
})

test.each([
  ['a path that is not told of', LISTED, [...paths, '/other'], 0],
  ['an error', '', ['/'], 1],
  ['nothing', '', ['/'], 0],
  ['a line that is none', `what\n${LISTED}`, paths, 0],
])('%s is no good news', (_, text, asked, code) => {
  expect(() => grantsIn({ text, code }, asked)).toThrow('Cannot read')
})

test('any text is grants or an error', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.nat(LISTED.length), (text, at) => {
      try {
        expect(Array.isArray(grantsIn({ text: LISTED.slice(0, at) + text, code: 0 }, paths))).toBe(true)
      } catch (error) {
        expect(String(error)).toContain('Cannot read')
      }
    }),
  )
})
