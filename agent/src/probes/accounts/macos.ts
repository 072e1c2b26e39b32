import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { defineProbe, type Inputs, needed } from '../../probe.ts'
import { cut } from '../gather.ts'
import { type Dict, dictOf, dictsOf, isPlistWith, parsePlist, textIn } from '../property-list.ts'
import { passwordlessIn, sudoersOf } from './sudoers.ts'

type Accounts = FactTypes['accounts']

const GROUP = ['dscl', '-plist', '.', '-read', '/Groups/admin', 'GroupMembership', 'NestedGroups', 'PrimaryGroupID'] as const
const USERS = ['dscl', '-plist', '.', '-readall', '/Users', 'RecordName', 'UniqueID', 'PrimaryGroupID'] as const
const MOST = { administrators: 256, names: 64 } as const
/** The gid of `admin`, the same on every Mac. */
const ADMIN = '80'

/** Local accounts with the rights of an administrator on a Mac; see dscl(1). Passwords and their hints are never asked for. */
export default defineProbe({
  subject: 'accounts',
  source: 'macos',
  platforms: ['darwin'],
  every: '1h',
  timeout: '1m',
  privilege: 'root: sudoers is readable by nobody else',
  blind: 'Who is in a group of a directory that is a member; empty passwords, which macOS does not tell; aliases in sudoers.',
  inputs: {
    group: {
      from: GROUP.join(' '),
      recognise: text => isPlistWith(text, 'dsAttrTypeStandard:GroupMembership') || /^GroupMembership:/m.test(text),
    },
    users: { from: USERS.join(' '), recognise: text => isPlistWith(text, 'dsAttrTypeStandard:UniqueID') },
    sudoers: { from: '/etc/sudoers; /etc/sudoers.d/*', recognise: text => /^(Defaults\b|\S{1,64}\s{1,20}\S{1,64}\s?=)/m.test(text) },
  },
  parse: parseMacAccounts,

  async read(host: Host) {
    return parseMacAccounts({
      group: [await host.run(GROUP, { timeoutMs: 20_000 })],
      users: [await host.run(USERS, { timeoutMs: 20_000 })],
      sudoers: await sudoersOf(host),
    })
  },
})

/** @throws where the group cannot be read; without the accounts nobody could know who else is root */
export function parseMacAccounts(inputs: Inputs): Accounts {
  const group = groupOf(needed(inputs, 'group'))
  const users = usersOf(needed(inputs, 'users'))
  if (!users.some(({ id }) => id === '0')) throw new Error('Cannot believe a list of accounts without one of UID 0')
  const superusers = users.filter(({ id, name }) => Number(id) === 0 && name !== 'root').map(({ name }) => name)
  const members = new Map<string, string>(superusers.map(name => [name, 'UID 0']))
  const named = [...group.members, ...users.filter(({ primary }) => primary === ADMIN).map(({ name }) => name)]
  for (const name of named) if (name !== 'root' && !members.has(name)) members.set(name, 'group admin')
  for (const nested of group.nested) members.set(nested, 'group within admin')
  const rules = inputs.sudoers ?? []
  return {
    administrators: [...members].slice(0, MOST.administrators).map(([name, via]) => ({ name: cut(name, 64), via, enabled: null })),
    administratorCount: members.size,
    superusers: superusers.map(name => cut(name, 64)).slice(0, MOST.names),
    emptyPasswords: null,
    passwordless: rules.length > 0 ? [...new Set(rules.flatMap(passwordlessIn))].slice(0, MOST.names) : null,
    mayBeEmpty: null,
    untold: ['emptyPasswords'],
  }
}

type Read = { readonly text: string; readonly stderr: string; readonly code: number | null }

function failed({ text, stderr, code }: Read): void {
  if (code !== null && code !== 0) throw new Error(`Cannot ask for the accounts: dscl ended with ${code}: ${cut(stderr || text, 120)}`)
  if (/eDS\w*Error|DS Error: -\d+/.test(text.slice(0, 2000))) throw new Error(`Cannot ask for the accounts: ${cut(text, 120)}`)
}

/** A property list, or `GroupMembership: root ann` as dscl prints it without -plist. */
function groupOf(captured: Read): { readonly members: string[]; readonly nested: string[] } {
  failed(captured)
  const line = /^GroupMembership:(.*)$/m.exec(captured.text)?.[1]
  const dict = line === undefined ? dictOf(parsePlist(captured.text)) : undefined
  const members = line === undefined ? valuesOf(dict, 'GroupMembership') : line.trim().split(/\s+/)
  if (!members || members.length === 0) throw new Error('Cannot believe a group of administrators without members')
  return { members, nested: valuesOf(dict, 'NestedGroups') ?? [] }
}

function usersOf(captured: Read): { readonly name: string; readonly id: string; readonly primary: string | undefined }[] {
  failed(captured)
  const records = dictsOf(parsePlist(captured.text))
  if (records.length === 0) throw new Error('Cannot read the accounts: the list is empty')
  return records.map(record => {
    const [name, id] = [valuesOf(record, 'RecordName')?.[0], valuesOf(record, 'UniqueID')?.[0]]
    if (name === undefined || id === undefined) throw new Error('Cannot read an account of the list: it has no name or no id')
    return { name, id, primary: valuesOf(record, 'PrimaryGroupID')?.[0] }
  })
}

function valuesOf(record: Dict | undefined, attribute: string): string[] | undefined {
  const value = record?.[`dsAttrTypeStandard:${attribute}`]
  return Array.isArray(value) ? value.flatMap(one => textIn(one) ?? []) : undefined
}
