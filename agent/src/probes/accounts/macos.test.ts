import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import probe, { parseMacAccounts } from './macos.ts'

// Written from dscl(1): with -plist a record is a dictionary whose attributes are lists.
const record = (attributes: Record<string, string[]>) =>
  `<dict>${Object.entries(attributes)
    .map(
      ([name, values]) =>
        `<key>dsAttrTypeStandard:${name}</key><array>${values.map(value => `<string>${value}</string>`).join('')}</array>`,
    )
    .join('')}</dict>`
const plist = (inner: string) => `<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0">\n${inner}\n</plist>\n`
const user = (name: string, id: string, gid = '20') => record({ RecordName: [name], UniqueID: [id], PrimaryGroupID: [gid] })
const group = plist(record({ GroupMembership: ['root', 'ann'], NestedGroups: ['ABCD-1'] }))
const users = plist(`<array>${user('root', '0', '0')}${user('ann', '501')}${user('bob', '502', '80')}</array>`)
const sudoers = 'root ALL = (ALL) ALL\n%admin ALL = (ALL) ALL\n'
const read = (more: object = {}) => parseMacAccounts({ group: given(group), users: given(users), sudoers: given(sudoers), ...more })

test('members of admin, by list, by first group and by nested group; root itself is not counted', () => {
  expect(read()).toEqual({
    administrators: [
      { name: 'ann', via: 'group admin', enabled: null },
      { name: 'bob', via: 'group admin', enabled: null },
      { name: 'ABCD-1', via: 'group within admin', enabled: null },
    ],
    administratorCount: 3,
    superusers: [],
    emptyPasswords: null,
    passwordless: [],
    mayBeEmpty: null,
    untold: ['emptyPasswords'],
  })
})

test('a second root and a rule without a password are found', () => {
  expect(read({ users: given(users.replace('</array>\n</plist>', `${user('toor', '0')}</array>\n</plist>`)) }).superusers).toEqual(['toor'])
  expect(read({ sudoers: given('%admin ALL = (ALL) NOPASSWD: ALL\n') }).passwordless).toEqual(['%admin'])
  expect(read({ sudoers: [] }).passwordless).toBeNull()
})

test('what dscl prints for people is read too', () => {
  expect(read({ group: given('GroupMembership: root ann carl\n') }).administrators.map(({ name }) => name)).toEqual(['ann', 'carl', 'bob'])
})

test('an error, half a list or an empty one is refused', () => {
  const error = given('<dscl_cmd> DS Error: -14136 (eDSRecordNotFound)\n', { code: 56 })
  for (const more of [
    { group: error },
    { users: error },
    { users: given(plist('<array></array>')) },
    { users: given(users.slice(0, -20)) },
  ])
    expect(() => read(more)).toThrow()
  expect(() => read({ users: given(plist(`<array>${user('ann', '501')}</array>`)) })).toThrow('UID 0')
})

test('the machine is asked for no password', async () => {
  const commands = {
    'dscl -plist . -read /Groups/admin GroupMembership NestedGroups PrimaryGroupID': { text: group },
    'dscl -plist . -readall /Users RecordName UniqueID PrimaryGroupID': { text: users },
  }
  const m = machine({ commands, files: { '/etc/sudoers': sudoers } })
  expect(await probe.read(hostOf(m), undefined)).toMatchObject({ administratorCount: 3, passwordless: [] })
  expect(m.ran.join()).not.toMatch(/password|authentication/i)
})

test('any text is a fact or an error', () => {
  alwaysEnds(probe, [group, users, sudoers])
  for (const one of huge) expect(outcomeOf(probe, { group: given(one), users: given(users) })).toBeInstanceOf(Error)
})
