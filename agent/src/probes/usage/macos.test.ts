import { expect, test } from 'vitest'
import { parseMacUsage } from './macos.ts'

const given = (text: string) => [{ text, stderr: '', code: null, name: '', modifiedAt: null }]
/** Written from sysctl(8) and vm_stat(1). */
const sysctl = given(
  'hw.ncpu: 8\nhw.memsize: 17179869184\nvm.loadavg: { 2.57 2.41 2.24 }\nvm.swapusage: total = 2048.00M  used = 512.00M  free = 1536.00M  (encrypted)\n',
)
const pages = given(
  'Mach Virtual Memory Statistics: (page size of 16384 bytes)\nPages free:                   100000.\nPages active:                 300000.\nPages inactive:               200000.\n',
)

test('memory, swap and load', () => {
  expect(parseMacUsage({ sysctl, pages })).toMatchObject({
    cpu: { logical: 8, busyRatio: null },
    load: { one: 2.5, five: 2.5, fifteen: 2.25 },
    memory: { totalBytes: 17_179_869_184, availableBytes: 4_831_838_208, swapTotalBytes: 2_147_483_648, swapFreeBytes: 1_610_612_736 },
  })
})

test('what vm_stat does not tell is not known', () => {
  expect(parseMacUsage({ sysctl }).memory.availableBytes).toBeNull()
  expect(() => parseMacUsage({ sysctl: given('hw.ncpu: 8\n') })).toThrow()
})
