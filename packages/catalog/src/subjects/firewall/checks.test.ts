import { expect, test } from 'vitest'
import { type Cases, findingOf, judges } from '../../testing.ts'
import { firewallOff } from './checks.ts'
import type { FirewallFact } from './facts.ts'

type Profile = FirewallFact['profiles'][number]
const profile = (more: Partial<Profile> = {}): Profile => ({
  name: 'p',
  enabled: true,
  inUse: null,
  inbound: 'drop',
  detail: null,
  ...more,
})
const of = (...profiles: Profile[]): FirewallFact => ({ profiles })
const off = profile({ enabled: false })

const cases: Cases = [
  ['filters', { firewall: of(profile()) }, 'ok'],
  ['off on a server', { firewall: of(off) }, 'warning'],
  ['off on a laptop', { firewall: of(off) }, 'critical', { role: 'laptop' }],
  ['one of two profiles off', { firewall: of(profile(), off) }, 'warning'],
  ['the profile that is off is not in use', { firewall: of(profile({ inUse: true }), { ...off, inUse: false }) }, 'ok'],
  ['lets everything in', { firewall: of(profile({ inbound: 'accept' })) }, 'warning'],
  ['not told', { firewall: of(profile({ enabled: null })) }, 'unknown'],
  ['no source at all', { 'firewall/ufw': { outcome: 'absent' }, 'firewall/nftables': { outcome: 'absent' } }, 'warning'],
  ['one good source is enough', { 'firewall/ufw': of(off), 'firewall/nftables': of(profile()) }, 'ok'],
  ['ufw absent, nftables denied', { 'firewall/ufw': { outcome: 'absent' }, 'firewall/nftables': { outcome: 'denied' } }, 'unknown'],
  ['ufw off, nftables denied', { 'firewall/ufw': of(off), 'firewall/nftables': { outcome: 'denied' } }, 'unknown'],
  ['rules that are empty', { firewall: of() }, 'warning'],
]
judges(firewallOff, cases)

test('a firewall that is reloaded is given time', () => {
  const on = findingOf(firewallOff, { firewall: of(profile()) })
  expect(findingOf(firewallOff, { firewall: of(off) }, { previous: on }).status).toBe('ok')
})

test('the reason counts what is like it once', () => {
  expect(findingOf(firewallOff, { 'firewall/a': of(off, off), 'firewall/b': of(off) }).reason).toBe(
    'a p is off (since an unknown time) (and 2 more)',
  )
})
