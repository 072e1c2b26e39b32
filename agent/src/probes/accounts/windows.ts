import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { type Answer, answerOf, isAnswer, partOf } from '../windows/answer.ts'
import { type Properties, tableRows, truth } from '../windows/properties.ts'

type Accounts = FactTypes['accounts']
type Administrator = Accounts['administrators'][number]

const SCRIPT = 'accounts/windows'
/** Most administrators, and most names of a list. */
const MOST = { administrators: 256, names: 64 } as const
/** Windows has no UID 0 and no sudoers, and shows nobody who has an empty password: only who need not have one. */
const UNTOLD: Accounts['untold'] = ['superusers', 'emptyPasswords', 'passwordless']

/**
 * Members of the group of administrators (S-1-5-32-544), local, of a domain and of Entra, and local accounts that need no password; see
 * IADsGroup, Win32_UserAccount. Members of a member that is a group are not looked up: that would ask the domain.
 */
export default defineProbe({
  subject: 'accounts',
  source: 'windows',
  platforms: ['win32'],
  every: '1h',
  timeout: '1m',
  shares: 'powershell',
  blind:
    'Who is in the groups of a domain that are members; whether an account that needs no password has one; rights by policy (SeDebugPrivilege …).',
  inputs: {
    answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'members', 'users', 'group') },
    members: {
      from: 'Get-LocalGroupMember -SID S-1-5-32-544; net localgroup Administrators',
      recognise: text => /^ObjectClass\s+Name\s+PrincipalSource/m.test(text) || /^-{30,}\s*$/m.test(text),
    },
  },
  parse: parseWindowsAccounts,

  async read(host: Host) {
    return parseWindowsAccounts({ answer: [await host.powershell(SCRIPT)] })
  },
})

/** @throws Denied, Error where the members of the group are not told: nobody in it is never believed */
export function parseWindowsAccounts(inputs: Inputs): Accounts {
  const captured = sole(inputs, 'answer')
  const answer = captured ? answerOf(captured) : undefined
  const users = answer ? partOf(answer, 'users') : undefined
  const administrators = answer ? membersOf(answer, users ?? []) : printedMembers(sole(inputs, 'members')?.text ?? '')
  if (administrators.length === 0) throw new Error('Cannot believe a group of administrators without members')
  return {
    administrators: administrators.slice(0, MOST.administrators),
    administratorCount: administrators.length,
    superusers: [],
    emptyPasswords: null,
    passwordless: null,
    mayBeEmpty: users
      ? users
          .filter(mayBeEmpty)
          .map(user => cut(user.get('name') ?? '', 64))
          .slice(0, MOST.names)
      : null,
    untold: UNTOLD,
  }
}

function mayBeEmpty(user: Properties): boolean {
  const [disabled, required] = [truth(user.get('disabled')), truth(user.get('passwordrequired'))]
  if (disabled === null || required === null)
    throw new Error('Cannot read a local account: it tells neither whether it is disabled nor whether it needs a password')
  return !disabled && !required
}

function membersOf(answer: Answer, users: readonly Properties[]): Administrator[] {
  const second = partOf(answer, 'second')
  const members = second ?? partOf(answer, 'members')
  if (!members) throw new Error('Cannot read who is an administrator: the answer has no members')
  const group = cut(partOf(answer, 'group')?.[0]?.get('name') ?? 'Administrators', 24)
  const machine = users.flatMap(user => /^(S-1-5-21-\d+-\d+-\d+)-\d+$/.exec(user.get('sid') ?? '')?.[1] ?? [])[0]
  return members.map(member => {
    const sid = member.get('sid')
    if (sid === undefined || !/^S-1-[\d-]{1,180}$/.test(sid)) throw new Error('Cannot read an administrator: it has no SID')
    const user = users.find(one => one.get('sid') === sid)
    const disabled = truth(user?.get('disabled'))
    const local = user !== undefined || (machine !== undefined && sid.startsWith(`${machine}-`))
    return { name: nameOf(member, local), via: `${group}: ${kindOf(member, sid, local)}`, enabled: disabled === null ? null : !disabled }
  })
}

/** `WinNT://CONTOSO/Domain Admins`, `WinNT://WORKGROUP/PC/ann`, `CONTOSO\ann`; of an account that nobody knows any more the SID alone. */
function nameOf(member: Properties, local: boolean): string {
  const words = (member.get('name') ?? member.get('path')?.replace(/^WinNT:\/\//i, '') ?? '').split(/[\\/]/).filter(word => word !== '')
  return cut(local ? (words.at(-1) ?? '') : words.slice(-2).join('\\'), 64) || 'unnamed'
}

/** By the SID; see "Well-known SIDs". */
function kindOf(member: Properties, sid: string, local: boolean): string {
  const isGroup = /group/i.test(member.get('class') ?? '')
  if (/^WinNT:\/\/S-1-(?!12-1-)/i.test(member.get('path') ?? '')) return 'account unknown'
  if (local) return sid.endsWith('-500') ? 'built-in account' : isGroup ? 'local group' : 'local account'
  if (sid.startsWith('S-1-12-1-')) return 'Entra account or role'
  if (sid.startsWith('S-1-5-21-')) return isGroup ? 'domain group' : 'domain account'
  return 'well-known account'
}

/** What a person prints: a table of the cmdlet, or the lines between the dashes and the last sentence of `net`, which ends in a full stop in every language. */
function printedMembers(text: string): Administrator[] {
  const rows = tableRows(text).flatMap(row => row.get('name') ?? [])
  if (rows.length > 0) return rows.map(name => ({ name: cut(name, 64), via: 'Administrators', enabled: null }))
  const lines = text.split(/\r?\n/).map(line => line.slice(0, 300).trim())
  const dashes = lines.findIndex(line => /^-{30,}$/.test(line))
  const names = lines.slice(dashes + 1).filter(line => line !== '')
  const last = names.pop()
  if (dashes < 0 || last === undefined || !/[.。]$/.test(last))
    throw new Error('Cannot read who is an administrator: the list is not whole')
  return names.map(name => ({ name: cut(name, 64), via: 'Administrators', enabled: null }))
}
