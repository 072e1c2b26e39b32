import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { localHost } from '../../host/local.ts'
import { lookUp } from '../../host/run.ts'
import type { Host } from '../../host.ts'
import { type Captured, Denied, Failed } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import nftables, { parseNftables } from './nftables.ts'

const fixtures = new URL('./fixtures/', import.meta.url)
const samples = new URL('../../../../../shared/samples/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, fixtures), 'utf8')
const captured = (text: string, more: Partial<Captured> = {}): Captured => ({
  text,
  stderr: '',
  code: null,
  name: '',
  modifiedAt: null,
  ...more,
})
const given = (texts: Record<string, string>) =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, [captured(text)]] as const))

/** Written from proc_net(5): the default route leaves over eth0. */
const route =
  'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n' +
  'eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n'

const zeros = '0'.repeat(32)
const route6 = `${zeros} 00 ${zeros} 00 fe800000000000000000000000000001 00000400 00000002 00000000 00000003     eth0\n`

const rulesets: readonly (readonly [string, string, readonly [boolean | null, string | null], readonly [boolean | null, string | null]])[] =
  [
    ['nothing loaded is an open machine, not an absent one', 'none', [false, 'accept'], [false, 'accept']],
    ['a policy of an inet table covers both families', 'drops', [true, 'drop'], [true, 'drop']],
    [
      'a reject at the end of a chain that is gone to filters; IPv6 beside it stays open',
      'rejects-at-end',
      [true, 'reject'],
      [false, 'accept'],
    ],
    ['tables that translate addresses or forward are no filter', 'translates-only', [false, 'accept'], [false, 'accept']],
    ['rules of iptables-nft are read, and a catch-all behind a comment opens', 'iptables', [true, 'drop'], [false, 'accept']],
    ['rules of ufw are read', 'ufw', [true, 'drop'], [true, 'drop']],
    ['a policy that a rule for the outer interface undoes does not filter', 'open-in-disguise', [false, 'accept'], [false, 'accept']],
    ['a table that may be dormant is no proof', 'asleep', [null, null], [null, null]],
  ]

test.each(rulesets)('%s', (_, name, v4, v6) => {
  const fact = parseNftables(given({ ruleset: read(`${name}.json`), route, route6 }))

  expect(checked(nftables, fact).outcome).toBe('ok')
  expect(fact.profiles.map(profile => [profile.name, profile.enabled, profile.inbound])).toEqual([
    ['input-ipv4', ...v4],
    ['input-ipv6', ...v6],
  ])
})

test('the interface of the default route decides which zone a packet comes into', () => {
  const ruleset = read('zone-trusted.json')

  const inPublic = parseNftables(given({ ruleset, route }))
  const inTrusted = parseNftables(given({ ruleset, route: route.replace('eth0', 'wlan0') }))

  expect(inPublic.profiles[0]?.enabled).toBe(true)
  expect(inTrusted.profiles[0]?.enabled).toBe(false)
})

test('legacy tables beside an empty ruleset are unknown, beside a filter they change nothing', () => {
  const legacy = { legacy4: 'filter\n', legacy6: '' }

  const empty = parseNftables(given({ ...legacy, ruleset: read('none.json') }))
  const filtering = parseNftables(given({ ...legacy, ruleset: read('drops.json') }))

  expect(empty.profiles.map(profile => profile.enabled)).toEqual([null, false])
  expect(empty.profiles[0]?.detail).toContain('iptables-legacy')
  expect(filtering.profiles.map(profile => profile.enabled)).toEqual([true, true])
})

test('IPv6 without an address outside loopback is not in use', () => {
  const lo = '00000000000000000000000000000001 01 80 10 80       lo\n'
  const eth = 'fe800000000000000000000000000001 02 40 20 80     eth0\n'

  const inUse = ['', lo, lo + eth].map(addresses6 => parseNftables(given({ ruleset: read('none.json'), addresses6 })).profiles[1]?.inUse)

  expect(inUse).toEqual([false, false, true])
})

test('what nft tells others than root is a missing right, any other failure a failure', () => {
  // Printed by nft 1.0.6 to an unprivileged user.
  const stderr = 'Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted\n'

  expect(() => parseNftables({ ruleset: [captured('', { stderr, code: 1 })] })).toThrow(Denied)
  expect(() => parseNftables({ ruleset: [captured(stderr)] })).toThrow(Denied)
  expect(() => parseNftables({ ruleset: [captured('', { stderr: 'Error: out of memory', code: 1 })] })).toThrow(/out of memory/)
  expect(() => parseNftables({ ruleset: [captured('')] })).toThrow()
  expect(() => parseNftables({ ruleset: [captured('{"nftables": []}')] })).toThrow(/not whole/)
})

test('one set of a table is not a ruleset without rules', () => {
  const set = { family: 'inet', name: 'doors', table: 'own', type: 'inet_service', elem: [22] }
  const text = JSON.stringify({ nftables: [{ metainfo: { json_schema_version: 1 } }, { set }] })
  expect(() => parseNftables({ ruleset: [captured(text)] })).toThrow(/part of the rules/)
})

test('a jump that leads nowhere or in a circle is thrown', () => {
  const jumping = (target: string) => read('rejects-at-end.json').replace('"goto": {"target": "tail"}', `"goto": {"target": "${target}"}`)

  expect(() => parseNftables(given({ ruleset: jumping('gone') }))).toThrow(/not there/)
  expect(() => parseNftables(given({ ruleset: jumping('input') }))).toThrow(/leads to itself/)
})

test('without nft, rules in the kernel are a failure with a way out', async () => {
  const host = { ...localHost(), uid: 0, run: () => localHost().run(['no-such-command']) }
  const used = { ...host, text: async () => '3', captured: async () => null } as unknown as Host

  await expect(nftables.read(used, undefined)).rejects.toThrow(Failed)
})

test('any text is a fact or a thrown error', () => {
  const expr = fc.oneof(
    fc.constantFrom({ accept: null }, { drop: null }, { jump: { target: 'c' } }, { goto: { target: 'd' } }, { vmap: { key: 1, data: 2 } }),
    fc.json().map(text => JSON.parse(text)),
  )
  const rule = fc.record({ family: fc.constant('ip'), table: fc.constant('t'), chain: fc.constantFrom('c', 'd'), expr: fc.array(expr) })
  const chain = (name: string) => ({ chain: { family: 'ip', table: 't', name, type: 'filter', hook: 'input', policy: 'drop' } })
  const head = [{ metainfo: {} }, { table: { family: 'ip', name: 't' } }, chain('c'), chain('d')]
  const ruleset = fc.array(rule).map(rules => JSON.stringify({ nftables: [...head, ...rules.map(one => ({ rule: one }))] }))

  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), ruleset), fc.string(), (text, routes) => {
      try {
        expect(checked(nftables, parseNftables(given({ ruleset: text, route: routes }))).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
    }),
  )
})

const live = process.getuid?.() === 0 && lookUp('unshare') && lookUp('nft') && existsSync('/proc/self/ns/net')

test.each(live ? ['drops', 'translates-only', 'zone-trusted'] : [])('the kernel gives %s back as its fixture', async name => {
  const file = new URL(`${name}.nft`, fixtures).pathname
  const host = localHost()
  const apart = ['unshare', '-n', 'sh', '-c', 'ip link set lo up; nft -f "$1" && shift && exec "$@"', 'sh', file]
  const there = (await nftables.read({ ...host, run: argv => host.run([...apart, ...argv]) } as Host, undefined)) as ReturnType<
    typeof parseNftables
  >
  const routes = {
    route: await host.text('/proc/net/route', { missing: '' }),
    route6: await host.text('/proc/net/ipv6_route', { missing: '' }),
  }

  const expected = parseNftables(given({ ruleset: read(`${name}.json`), ...routes }))

  expect(there.profiles).toMatchObject(expected.profiles.map(({ enabled, inbound }) => ({ enabled, inbound })))
})

test('this machine answers', async () => {
  const fact = await runProbe(nftables, localHost(), undefined, 0)

  expect(['ok', 'absent', 'denied']).toContain(fact.outcome)
})

const sample = new URL('live/debian-12/storage_tools/nft-ruleset.json', samples)

test.each([sample].filter(url => existsSync(url)))('a sample: %s has no rules', url => {
  const fact = parseNftables(given({ ruleset: readFileSync(url, 'utf8') }))

  expect(fact.profiles.map(profile => profile.enabled)).toEqual([false, false])
})
