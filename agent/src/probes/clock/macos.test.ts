import { expect, test } from 'vitest'
import { Denied } from '../../probe.ts'
import { parseMacClock } from './macos.ts'

const given = (text: string) => [{ text, stderr: '', code: null, name: '', modifiedAt: null }]

test('network time is on or off, and never "synchronized": written from systemsetup(8)', () => {
  expect(parseMacClock({ using: given('Network Time: On\n'), server: given('Network Time Server: time.apple.com\n') })).toMatchObject({
    enabled: true,
    reference: 'time.apple.com',
    synchronized: null,
  })
  expect(parseMacClock({ using: given('Network Time: Off\n') }).enabled).toBe(false)
})

test('others than root get a missing right; what cannot be read is an error', () => {
  expect(() => parseMacClock({ using: given('You need administrator access to run this tool... exiting!\n') })).toThrow(Denied)
  expect(() => parseMacClock({ using: given('Netzwerkzeit: Ein\n') })).toThrow()
})
