import type { FactTypes } from '@fettle/catalog'
import { type Host, HostError } from '../../host.ts'
import { type Captured, defineProbe, type Inputs, needed, sole } from '../../probe.ts'
import { cut, present } from '../gather.ts'
import { passwordlessIn, sudoersOf } from './sudoers.ts'

const GROUPS = ['sudo', 'wheel', 'admin']
const NAMED = 64
/** Most administrators that are named. */
const MOST = 256

/** Local accounts with the rights of root; see passwd(5), group(5), shadow(5), sudoers(5). Names are kept only of who has such rights. */
export default defineProbe({
  subject: 'accounts',
  source: 'linux',
  platforms: ['linux'],
  every: '1h',
  timeout: '20s',
  privilege: 'root: shadow and sudoers are readable by nobody else',
  blind: 'Accounts of a directory service (LDAP, Active Directory); rights by polkit, doas or SSH keys; aliases in sudoers.',
  watch: ['/etc/passwd', '/etc/group', '/etc/sudoers'],
  inputs: {
    passwd: { from: '/etc/passwd', recognise: text => /^[^:\n]{1,64}:[^:\n]{0,64}:\d{1,10}:\d{1,10}:/m.test(text) },
    group: { from: '/etc/group', recognise: text => /^[^:\n]{1,64}:[^:\n]{0,64}:\d{1,10}:[^:\n]*$/m.test(text) },
    shadow: { from: '/etc/shadow', recognise: text => /^[^:\n]{1,64}:[^:\n]{0,300}:\d{0,8}:\d{0,8}:\d{0,8}:/m.test(text) },
    sudoers: { from: '/etc/sudoers; /etc/sudoers.d/*', recognise: text => /^(Defaults\b|\S{1,64}\s{1,20}\S{1,64}\s?=)/m.test(text) },
  },
  parse: parseAccounts,

  async read(host: Host) {
    return parseAccounts({
      passwd: [await host.captured('/etc/passwd')],
      group: [await host.captured('/etc/group')],
      shadow: present(await allowed(host, '/etc/shadow')),
      sudoers: await sudoersOf(host),
    })
  },
})

/** A file that only root may read is not known to others. */
async function allowed(host: Host, path: string): Promise<Captured | undefined> {
  try {
    return await host.captured(path, { missing: undefined })
  } catch (error) {
    if (error instanceof HostError && /^(EACCES|EPERM)$/.test(error.code)) return undefined
    throw error
  }
}

/** @throws where passwd or group cannot be read, or a line of theirs is no entry */
export function parseAccounts(inputs: Inputs): FactTypes['accounts'] {
  const users = entries(needed(inputs, 'passwd'), 7)
  const groups = entries(needed(inputs, 'group'), 4)
  if (!users.some(user => user[2] === '0')) throw new Error('Cannot believe a passwd without an account of UID 0')
  const superusers = users.filter(user => Number(user[2]) === 0 && user[0] !== 'root').map(nameOf)
  const administrators = new Map(superusers.map(name => [name, 'UID 0']))
  for (const [group = '', , gid, members = ''] of groups.filter(one => GROUPS.includes(one[0] ?? ''))) {
    const primary = users.filter(user => user[3] === gid).map(nameOf)
    for (const name of [...members.split(','), ...primary])
      if (name.trim() !== '' && !administrators.has(name)) administrators.set(name, `group ${group}`)
  }
  const shadow = sole(inputs, 'shadow')
  const open = shadow && [...entries(shadow, 9), ...users].filter(entry => entry[1] === '').map(nameOf)
  const rules = inputs.sudoers ?? []
  return {
    administrators: [...administrators].slice(0, MOST).map(([name, via]) => ({ name: cut(name, 64), via, enabled: null })),
    administratorCount: administrators.size,
    superusers: superusers.slice(0, NAMED),
    emptyPasswords: open ? [...new Set(open)].slice(0, NAMED) : null,
    passwordless: rules.length > 0 ? [...new Set(rules.flatMap(passwordlessIn))].slice(0, NAMED) : null,
    mayBeEmpty: null,
    untold: [],
  }
}

const nameOf = (entry: readonly string[]): string => cut(entry[0] ?? '', 64)

/** Lines of fields between colons; NIS lines begin with a sign. */
function entries({ text, name }: Captured, fields: number): string[][] {
  const lines = text.split('\n').filter(line => line.trim() !== '' && !/^[#+-]/.test(line))
  const read = lines.map(line => line.split(':'))
  const odd = read.find(entry => entry.length !== fields)
  if (odd || read.length === 0) throw new Error(`Cannot read ${cut(name, 60) || 'the accounts'}: wanted lines of ${fields} fields`)
  return read
}
