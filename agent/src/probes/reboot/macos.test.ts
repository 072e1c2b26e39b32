import { expect, test } from 'vitest'
import { Absent } from '../../probe.ts'
import { parseMacReboot } from './macos.ts'

const given = (text: string) => [{ text, stderr: '', code: null, name: '', modifiedAt: null }]
const version = given('<plist version="1.0"><dict><key>ProductBuildVersion</key><string>24B91</string></dict></plist>')

test('another build than the one installed runs: a restart is due', () => {
  expect(parseMacReboot({ sysctl: given('kern.osversion: 24B83\n'), version })).toMatchObject({
    required: true,
    kernel: { running: '24B83', newest: '24B91' },
  })
})

test('the same build tells nothing, and never "no restart"', () => {
  expect(() => parseMacReboot({ sysctl: given('kern.osversion: 24B91\n'), version })).toThrow(Absent)
  expect(() => parseMacReboot({ version })).toThrow(/compare/)
})
