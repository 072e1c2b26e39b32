import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { parsePlist } from './property-list.ts'

const list = (inside: string) => `<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0">${inside}</plist>`

test('a list is read, whatever declaration stands before it', () => {
  expect(parsePlist(list('<dict><key>a</key><true/></dict>'))).toEqual({ a: true })
  expect(parsePlist(list('<dict><key>a</key><true/></dict>').replace('1.0', '1,0'))).toEqual({ a: true })
})

test.each([
  ['a tag that another one closes', '<dict><key>a</key><array></dict></array>'],
  ['a tag that is cut', '<dict><ke</dict>'],
  ['a reference to nothing', '<string>&secret;</string>'],
  ['a reference to no character', '<string>&#0;</string>'],
  ['a tag that no list has', '<dict><key>a</key><a:b/></dict>'],
  ['an attribute', '<dict><key a="&x;">a</key><true/></dict>'],
  ['a declaration within', '<dict><!DOCTYPE x></dict>'],
  ['zeros in a tag', '<dict><key\0>a</key><true/></dict>'],
])('%s is an error, and nothing is written to the console', (_, inside) => {
  const written = watched()
  expect(() => parsePlist(list(inside))).toThrow(Error)
  for (const spy of written) expect(spy).not.toHaveBeenCalled()
})

test('comments, marked text and references to characters are part of a list', () => {
  const inside =
    '<dict><!-- ours --><key>a &amp; b</key><string><![CDATA[<x>]]></string><key>c</key><string>&#233;&#x20AC;&lt;</string></dict>'

  expect(parsePlist(list(inside))).toEqual({ 'a & b': '<x>', c: 'é€<' })
})

test('whatever is written into a list, nothing reaches the console: it would be in the log of the agent', () => {
  const good = list(
    '<dict><key>a &amp; b</key><date>2026-01-01T00:00:00Z</date><key>c</key><array><real>2.5</real><data>YWI=</data></array></dict>',
  )
  const strange = fc.constantFrom(
    ...[
      '<',
      '>',
      '&',
      '&x;',
      '&#xD800;',
      '<!--',
      '-->',
      ']]>',
      '<![CDATA[',
      '<?x ?>',
      '"',
      '=',
      '<a b=c>',
      '<a:b/>',
      '\0',
      '\uFFFF',
      '\uD800',
    ],
    ...['</dict>', '<key>', '<!DOCTYPE x>', ' x="&y;"', '<integer>z</integer>', '<data>*</data>', '<plist>', '</plist>'],
  )
  const edits = fc.array(fc.tuple(fc.nat(good.length), fc.nat(3), strange), { minLength: 1, maxLength: 3 })
  const written = watched()

  fc.assert(
    fc.property(edits, all => {
      const spoilt = all.reduce((text, [at, gone, more]) => text.slice(0, at) + more + text.slice(at + gone), good)
      try {
        parsePlist(spoilt)
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
      for (const spy of written) expect(spy).not.toHaveBeenCalled()
    }),
    { numRuns: 1500 },
  )
})

/** Every way to the console. */
function watched() {
  return (['error', 'warn', 'log', 'info', 'debug'] as const).map(way => vi.spyOn(console, way).mockImplementation(() => {}))
}
afterEach(() => {
  vi.restoreAllMocks()
})
