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

test('an interface that is sent to a chain which lets everything in is not behind a filter', () => {
  const zone = (end: string) => saved('DROP', 'INPUT -i eth0 -j zone', `zone -j ${end}`)
  expect(read(zone('ACCEPT'))).toMatchObject({ enabled: null, inbound: null })
  expect(read(zone('RETURN'))).toMatchObject({ enabled: true, inbound: 'drop' })
  expect(read(saved('DROP', 'INPUT -i + -g elsewhere'))).toMatchObject({ enabled: null })
})

test('a chain without rules is known by its declaration', () => {
  expect(read('-P INPUT DROP\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n-N own\n-A INPUT -j own\n')).toMatchObject({ inbound: 'drop' })
})

// In the shape that iptables(8) 1.8 prints with -v.
const listing = (rules: string, policy = 'ACCEPT') => `Chain INPUT (policy ${policy} 12 packets, 640 bytes)
num   pkts bytes target     prot opt in     out     source               destination
1     4175 1130K ACCEPT     all  --  *      *       0.0.0.0/0            0.0.0.0/0            ctstate RELATED,ESTABLISHED
2        0     0 ACCEPT     all  --  lo     *       0.0.0.0/0            0.0.0.0/0
3        7   420            all  --  *      *       0.0.0.0/0            0.0.0.0/0
${rules}
Chain FORWARD (policy DROP 0 packets, 0 bytes)
num   pkts bytes target     prot opt in     out     source               destination

Chain OUTPUT (policy ACCEPT 9 packets, 540 bytes)
num   pkts bytes target     prot opt in     out     source               destination

Chain zone (1 references)
num   pkts bytes target     prot opt in     out     source               destination
1        1    64 ACCEPT     tcp  --  *      *       0.0.0.0/0            0.0.0.0/0            tcp dpt:22 /* ssh */
`

test.each([
  ['nothing else', '', 'accept'],
  ['a last rule that rejects', '4  9 540 REJECT all -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-host-prohibited\n', 'reject'],
  ['a chain that lets in one port', '4  9 540 zone all -- * * 0.0.0.0/0 0.0.0.0/0\n5 9 540 DROP 0 -- * * 0.0.0.0/0 0.0.0.0/0\n', 'drop'],
  ['an interface that everything may come by', '4  9 540 ACCEPT all -- eth0 * 0.0.0.0/0 0.0.0.0/0\n', null],
])('a listing with interfaces and %s is judged', (_, rules, inbound) => {
  expect(read(listing(rules))).toMatchObject({ inbound })
})

test('a listing that is cut, or that hides interfaces, is refused', () => {
  expect(() => read(listing('').split('Chain OUTPUT')[0] ?? '')).toThrow('stops before the end')
  expect(() => read(listing('').trimEnd())).toThrow('stops before the end')
  expect(() => read('Chain INPUT (policy DROP)\ntarget     prot opt source               destination\n')).toThrow('hides interfaces')
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
  if (name.includes('filter-nv')) expect(read(text, name)).toMatchObject({ name: 'input-ipv4', enabled: true, inbound: 'reject' })
  else if (/^Chain /.test(text)) expect(() => read(text, name)).toThrow()
  else expect(read(text, name)).toMatchObject({ name: 'input-ipv6', enabled: true, inbound: 'drop' })
})
