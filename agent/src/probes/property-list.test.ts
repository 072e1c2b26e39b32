import { expect, test, vi } from 'vitest'
import { parsePlist } from './property-list.ts'

const list = (inside: string) => `<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0">${inside}</plist>`

test('a list is read, whatever declaration stands before it', () => {
  expect(parsePlist(list('<dict><key>a</key><true/></dict>'))).toEqual({ a: true })
  expect(parsePlist(list('<dict><key>a</key><true/></dict>').replace('1.0', '1,0'))).toEqual({ a: true })
})

test.each([
  ['a tag that another one closes', '<dict><key>a</key><array></dict></array>'],
  ['a tag that is cut', '<dict><ke</dict>'],
  ['zeros in a tag', '<dict><key\0>a</key><true/></dict>'],
])('%s is an error, and nothing is written to the console', (_, inside) => {
  const written = [vi.spyOn(console, 'error'), vi.spyOn(console, 'warn'), vi.spyOn(console, 'log')]
  expect(() => parsePlist(list(inside))).toThrow(Error)
  for (const spy of written) {
    expect(spy).not.toHaveBeenCalled()
    spy.mockRestore()
  }
})
