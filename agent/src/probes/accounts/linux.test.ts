import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { HostError } from '../../host.ts'
import probe, { parseAccounts } from './linux.ts'

const passwd = 'root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/bash\nbob:x:1001:27::/home/bob:/bin/sh\n'
const group = 'root:x:0:\nsudo:x:27:ann\nann:x:1000:\n'
const shadow = 'root:*:19000:0:99999:7:::\nann:$y$x:19000:0:99999:7:::\nbob:!:19000:0:99999:7:::\n'
const sudoers = 'Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\nmon ALL=NOPASSWD: /usr/bin/df\n'
const read = (more: object = {}) =>
  parseAccounts({ passwd: given(passwd), group: given(group), shadow: given(shadow), sudoers: given(sudoers), ...more })

test('members of the group, by list and as their first group', () => {
  expect(read()).toEqual({
    administrators: [
      { name: 'ann', via: 'group sudo', enabled: null },
      { name: 'bob', via: 'group sudo', enabled: null },
    ],
    administratorCount: 2,
    superusers: [],
    emptyPasswords: [],
    passwordless: [],
    mayBeEmpty: null,
    untold: [],
  })
})

test('a second root and an empty password are found', () => {
  expect(read({ passwd: given(`${passwd}toor:x:0:0::/root:/bin/sh\n`) }).superusers).toEqual(['toor'])
  expect(read({ shadow: given(shadow.replace('bob:!', 'bob:')) }).emptyPasswords).toEqual(['bob'])
})

const rules = [
  ['%wheel ALL=(ALL) NOPASSWD: ALL', ['%wheel']],
  ['ann ALL=(ALL:ALL) NOPASSWD:ALL', ['ann']],
  ['ann ALL=(ALL) \\\n NOPASSWD: ALL', ['ann']],
  ['ann ALL=NOPASSWD: /bin/a, PASSWD: ALL', []],
  ['# ann ALL=(ALL) NOPASSWD: ALL', []],
  ['Defaults !authenticate', ['everyone (!authenticate)']],
] as const

test.each(rules)('sudoers: %s', (rule, wanted) => {
  expect(read({ sudoers: given(`${rule}\n`) }).passwordless).toEqual(wanted)
})

test('what may not be read is not known, never empty', async () => {
  expect(read({ shadow: [], sudoers: [] })).toMatchObject({ emptyPasswords: null, passwordless: null })
  const denied = (path: string) => new HostError('EACCES', path)
  const files = { '/etc/passwd': passwd, '/etc/group': group, '/etc/shadow': denied('/etc/shadow'), '/etc/sudoers': denied('/etc/sudoers') }
  expect(await probe.read(hostOf(machine({ files })), undefined)).toMatchObject({ emptyPasswords: null, passwordless: null })
})

test('half a file is refused', () => {
  expect(() => read({ passwd: given(passwd.slice(0, -20)) })).toThrow()
  expect(() => read({ passwd: given('') })).toThrow()
})

test('any text is a fact or an error', () => {
  alwaysEnds(probe, [passwd, group, shadow, sudoers])
  for (const one of huge) expect(outcomeOf(probe, { passwd: given(one), group: given(group) })).toBeInstanceOf(Error)
})
