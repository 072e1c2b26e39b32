import { expect, test } from 'vitest'
import { Denied } from '../../probe.ts'
import { parsePf } from './pf.ts'

const given = (text: string) => [{ text, stderr: '', code: null, name: '', modifiedAt: null }]
/** Written from pfctl(8) and pf.conf(5). */
const enabled = given('Status: Enabled for 0 days 00:12:34          Debug: Urgent\n')

test.each([
  ['scrub-anchor "com.apple/*" all fragment reassemble\nanchor "com.apple/*" all\n', false, null],
  ['block drop in all\npass in proto tcp from any to any port = 22\n', true, 'drop'],
  ['block return all\n', true, 'reject'],
  ['block drop in quick from 203.0.113.7 to any\n', false, 'accept'],
  ['block drop all\npass all flags S/SA keep state\n', false, 'accept'],
] as const)('rules %j', (rules, filters, inbound) => {
  expect(parsePf({ info: enabled, rules: given(rules) }).profiles).toMatchObject([{ name: 'pf', enabled: filters, inbound }])
})

test('switched off is off; enabled without its rules is not known', () => {
  expect(parsePf({ info: given('Status: Disabled                              Debug: Urgent\n') }).profiles).toMatchObject([
    { enabled: false },
  ])
  expect(() => parsePf({ info: enabled })).toThrow()
})

test('others than root get a missing right', () => {
  expect(() => parsePf({ info: given('pfctl: /dev/pf: Permission denied\n') })).toThrow(Denied)
})
