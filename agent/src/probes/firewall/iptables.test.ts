import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { HostError } from '../../host.ts'
import { Absent, Denied } from '../../probe.ts'
import iptables, { parseIptables } from './iptables.ts'

const read = (text: string, name = '') => parseIptables({ rules: given(text, { name }) }).profiles[0]
const saved = (policy: string, ...rules: string[]) =>
  `*filter\n:INPUT ${policy} [0:0]\n:OUTPUT ACCEPT [0:0]\n:zone - [0:0]\n${rules.map(rule => `-A ${rule}\n`).join('')}COMMIT\n`

const cases = [
  ['nothing but policies', saved('ACCEPT'), 'accept'],
  ['policy of dropping', saved('DROP', 'INPUT -p tcp -m tcp --dport 22 -j ACCEPT'), 'drop'],
  [
    'a last rule that rejects',
    saved(
      'ACCEPT',
      'INPUT -i lo -j ACCEPT',
      'INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT',
      'INPUT -j REJECT --reject-with icmp-port-unreachable',
    ),
    'reject',
  ],
  ['a rule before it that lets everybody in', saved('DROP', 'INPUT -m comment --comment "for a while" -j ACCEPT'), 'accept'],
  ['all of one interface', saved('DROP', 'INPUT -i eth0 -j ACCEPT'), null],
  ['all new ones', saved('DROP', 'INPUT -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT'), null],
  ['all of TCP', saved('DROP', 'INPUT -p tcp -j ACCEPT'), null],
  ['a chain that drops', saved('ACCEPT', 'INPUT -j zone', 'zone -j LOG', 'zone -j DROP'), 'drop'],
  ['a chain that returns', saved('DROP', 'INPUT -j zone', 'zone -j RETURN', 'zone -j ACCEPT'), 'drop'],
  ['another table', `*nat\n:INPUT DROP [0:0]\nCOMMIT\n${saved('ACCEPT')}`, 'accept'],
  ['as rules', '-P INPUT DROP\n-A INPUT -i lo -j ACCEPT\n', 'drop'],
] as const

test.each(cases)('%s', (_, text, inbound) => {
  expect(read(text)).toMatchObject({ name: 'input-ipv4', inbound, enabled: inbound === null ? null : inbound !== 'accept' })
})

test('what is cut off, in a circle, a listing or nothing is refused', () => {
  const whole = saved('DROP', 'INPUT -j ACCEPT')
  for (const text of [
    '',
    whole.slice(0, -8),
    saved('DROP', 'INPUT -j zone', 'zone -j INPUT'),
    'Chain INPUT (policy DROP)\n',
    '*nat\nCOMMIT\n',
  ])
    expect(() => read(text)).toThrow()
  expect(() =>
    parseIptables({ rules: given('', { stderr: 'iptables-save v1.8.9: Permission denied (you must be root)', code: 4 }) }),
  ).toThrow(Denied)
})

test('no module is loaded by asking: without a table nothing is run', async () => {
  const m = machine({ files: { '/proc/net/ip_tables_names': '' } })
  await expect(iptables.read(hostOf(m), undefined)).rejects.toThrow(Absent)
  expect(m.ran).toEqual([])
})

test('loaded tables are shown; those that only translate let everything in', async () => {
  const m = machine({
    files: { '/proc/net/ip_tables_names': 'filter\n', '/proc/net/ip6_tables_names': 'nat\n' },
    commands: { 'iptables-legacy-save -t filter': { text: saved('DROP') } },
  })
  const fact = await iptables.read(hostOf(m), undefined)
  expect(fact).toMatchObject({
    profiles: [
      { name: 'input-ipv4', enabled: true },
      { name: 'input-ipv6', enabled: false },
    ],
  })
})

test('a name list that may not be read is a missing right', async () => {
  const m = machine({ files: { '/proc/net/ip_tables_names': new HostError('EACCES', '/proc/net/ip_tables_names') } })
  await expect(iptables.read(hostOf(m), undefined)).rejects.toThrow(Denied)
})

test('the real iptables in a network of its own', () => {
  const script =
    'iptables -P INPUT DROP && iptables -A INPUT -i lo -j ACCEPT && ip6tables -A INPUT -j REJECT && iptables-save -t filter && echo ===== && ip6tables-save -t filter'
  const [four = '', six = ''] = execFileSync('unshare', ['-rn', 'sh', '-c', script], { encoding: 'utf8' }).split('=====\n')
  expect(read(four)).toMatchObject({ name: 'input-ipv4', enabled: true, inbound: 'drop' })
  expect(read(six)).toMatchObject({ name: 'input-ipv6', enabled: true, inbound: 'reject' })
})

test('any text is a fact or an error', () => {
  alwaysEnds(
    iptables,
    cases.map(([, text]) => text),
  )
  for (const one of huge) expect(outcomeOf(iptables, { rules: given(one) })).toBeInstanceOf(Error)
})

const samples = new URL('../../../../../shared/samples/security_linux/', import.meta.url)
const captures = existsSync(samples)
  ? readdirSync(samples, { recursive: true, encoding: 'utf8' }).filter(name => /ip6?tables/.test(name) && !/json$/.test(name))
  : []

test.each(captures)('a sample: %s', name => {
  const text = readFileSync(new URL(name, samples), 'utf8')
  if (/^Chain /.test(text)) expect(() => read(text, name)).toThrow()
  else expect(read(text, name)).toMatchObject({ name: 'input-ipv6', enabled: true, inbound: 'drop' })
})
