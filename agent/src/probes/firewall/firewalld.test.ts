import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { Absent, Denied } from '../../probe.ts'
import firewalld, { parseFirewalld } from './firewalld.ts'

// Written from firewall-cmd(1).
const zones = (target: string, marks = ' (active)') =>
  `block\n  target: %%REJECT%%\n  interfaces: \n\npublic${marks}\n  target: ${target}\n  icmp-block-inversion: no\n  interfaces: eth0\n`
const read = (inputs: object) => parseFirewalld(inputs as never).profiles
const state = given('running\n', { code: 0 })

const targets = [
  ['default', true, 'reject'],
  ['DROP', true, 'drop'],
  ['%%REJECT%%', true, 'reject'],
  ['ACCEPT', false, 'accept'],
] as const

test.each(targets)('an active zone with the target %s: enabled %s', (target, enabled, inbound) => {
  expect(read({ state, zones: given(zones(target)) })).toMatchObject([{ name: 'public', enabled, inbound }])
})

test.each([
  ['ports: 22/tcp 8000-9000/tcp', true, 'reject'],
  ['ports: 1-65535/tcp', null, null],
  ['protocols: tcp', null, null],
  ['rich rules: \n\trule family="ipv4" source address="192.0.2.7" accept', true, 'reject'],
  ['rich rules: \n\trule family="ipv4" source address="0.0.0.0/0" accept', false, 'accept'],
])('a zone with %s: enabled %s', (setting, enabled, inbound) => {
  const zones = `public (active)\n  target: default\n  interfaces: eth0\n  ${setting}\n`
  expect(parseFirewalld({ state: given('running\n'), zones: given(zones) }).profiles[0]).toMatchObject({ enabled, inbound })
})

test('the default zone holds besides the active ones', () => {
  expect(read({ state, zones: given(zones('default')), standard: given('block\n') })).toMatchObject([{ name: 'block' }, { name: 'public' }])
  expect(() => read({ state, zones: given(zones('default', '')) })).toThrow(/default zone/)
})

test('not running is off, whatever the zones say; settings alone are no proof', () => {
  // The third as firewall-cmd 1.3 prints it on a machine without a system bus, where it was run.
  const noBus = 'Error: DBUS_ERROR: Failed to connect to socket /run/dbus/system_bus_socket: No such file or directory\n'
  for (const one of [
    given('not running\n', { code: 252 }),
    given('', { stderr: 'not running\n', code: 252 }),
    given('', { stderr: noBus, code: 36 }),
  ]) {
    expect(read({ state: one, zones: given(zones('default')) })).toMatchObject([{ name: 'firewalld', enabled: false }])
  }
  expect(read({ zones: given(zones('default')) })).toMatchObject([{ enabled: null }])
})

test('other words, rights and machines', async () => {
  for (const text of ['', 'yes', 'no', 'true', 'runn', 'work drop internal external trusted'])
    expect(() => read({ state: given(text) })).toThrow()
  expect(() => read({ state: given('', { stderr: 'Authorization failed.', code: 253 }) })).toThrow(Denied)
  expect(() => read({ state, zones: given(zones('default').replace('target: default', 'target: def')) })).toThrow()
  await expect(firewalld.read(hostOf(machine()), undefined)).rejects.toThrow(Absent)
})

test('the zones of the real firewalld', () => {
  const text = execFileSync('firewall-offline-cmd', ['--list-all-zones'], { encoding: 'utf8' })
  expect(read({ state, zones: given(text), standard: given('trusted\n') })).toMatchObject([
    { name: 'trusted', enabled: false, inbound: 'accept' },
  ])
  expect(read({ state, zones: given(text), standard: given('drop\n') })).toMatchObject([{ name: 'drop', enabled: true, inbound: 'drop' }])
})

test('any text is a fact or an error', () => {
  alwaysEnds(firewalld, ['running\n', zones('default'), 'public\n'])
  for (const one of huge) expect(outcomeOf(firewalld, { state: given(one) })).toBeInstanceOf(Error)
})

const samples = new URL('../../../../../shared/samples/security_linux/', import.meta.url)
const captures = existsSync(samples)
  ? readdirSync(samples, { recursive: true, encoding: 'utf8' }).filter(name => /firewall-cmd|firewalld/.test(name))
  : []

test.each(captures)('a sample: %s', name => {
  const text = readFileSync(new URL(name, samples), 'utf8')
  if (/firewalld/.test(name)) expect(read({ state: given(text) })).toMatchObject([{ name: 'firewalld', enabled: true }])
  else expect(() => read({ state: given(text) })).toThrow()
})
