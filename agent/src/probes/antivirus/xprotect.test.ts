import { expect, test } from 'vitest'
import { parseXProtect } from './xprotect.ts'

const given = (...texts: readonly string[]) => texts.map(text => ({ text, stderr: '', code: null, name: '', modifiedAt: null }))
/** Written from what the bundle's property list and xprotect(8) are known to hold. */
const bundle = (version: string) =>
  `<plist version="1.0"><dict><key>CFBundleIdentifier</key><string>com.apple.XProtect</string><key>CFBundleShortVersionString</key><string>${version}</string></dict></plist>`

test('the higher version of the two bundles is in use, compared as a number', () => {
  expect(parseXProtect({ bundle: given(bundle('5299'), bundle('5310')) }).products).toMatchObject([
    { signaturesVersion: '5310', running: null, signaturesAt: null },
  ])
  expect(parseXProtect({ bundle: given(bundle('999'), bundle('5310')) }).products[0]?.signaturesVersion).toBe('5310')
})

test('scans that are switched off are told', () => {
  const status = (launch: string, background: string) =>
    given(`XProtect launch scans: ${launch}\nXProtect background scans: ${background}\n`)

  expect(parseXProtect({ bundle: given(bundle('1')), status: status('enabled', 'enabled') }).products).toMatchObject([
    { running: true, degraded: null },
  ])
  expect(parseXProtect({ bundle: given(bundle('1')), status: status('disabled', 'enabled') }).products).toMatchObject([
    { running: false, realtime: false },
  ])
  expect(parseXProtect({ bundle: given(bundle('1')), status: status('enabled', 'disabled') }).products[0]?.degraded).toContain('background')
})

test('a bundle without a version is an error', () => {
  expect(() => parseXProtect({ bundle: given('<plist version="1.0"><dict/></plist>') })).toThrow()
  expect(() => parseXProtect({})).toThrow()
})
