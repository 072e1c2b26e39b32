import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { type Captured, defineProbe, type Inputs } from '../../probe.ts'
import { audit, sshNoPassword, sshNoRootPassword } from './logins.ts'
import { lookAtCommand, lookAtFile, lookAtFolder } from './look.ts'
import { apparmor, cpuMitigations, type Entry, lockdown, secureBoot, selinux, state, tpm } from './platform.ts'

const EFIVARS = '/sys/firmware/efi/efivars'
const VULNERABILITIES = '/sys/devices/system/cpu/vulnerabilities'
const GLOBAL_VARIABLES = '8be4df61-93ca-11d2-aa0d-00e098032b8c'
const SHIM_VARIABLES = '605dab50-e046-4300-abb6-3dd810dd8b23'

/** Every protection that is told here, and who tells it. One that fails is `unknown`, and the others stay. */
const judges: readonly (readonly [Entry['name'], (inputs: Inputs) => Omit<Entry, 'name'> | undefined])[] = [
  ['secure_boot', secureBoot],
  ['tpm', tpm],
  ['kernel_lockdown', lockdown],
  ['selinux', selinux],
  ['apparmor', apparmor],
  ['cpu_mitigations', cpuMitigations],
  ['ssh_no_root_password', sshNoRootPassword],
  ['ssh_no_password', sshNoPassword],
  ['audit', audit],
]

/** Protections of a Linux machine that are switched on or off; each file and command is named with its parser. */
export default defineProbe({
  subject: 'hardening',
  source: 'linux',
  platforms: ['linux'],
  every: '1h',
  timeout: '60s',
  privilege: "root: AppArmor's profiles, the effective configuration of sshd, and the state of the audit are shown to nobody else",
  blind: 'Match blocks of sshd for addresses or groups; single domains that SELinux lets be; a TPM that the firmware hides.',
  inputs: {
    sshd: { from: 'sshd -T -C user=root,…', recognise: text => /^permitrootlogin /m.test(text) },
    efivar: { from: `${EFIVARS}/{SecureBoot,SetupMode}-${GLOBAL_VARIABLES}`, recognise: text => /^[\x01-\x7f]\0\0\0[\0\x01]$/.test(text) },
    mokutil: {
      from: 'mokutil --sb-state',
      recognise: text => /^(SecureBoot|EFI variables|Platform is in Setup|This system doesn)/m.test(text),
    },
    lockdown: {
      from: '/sys/kernel/security/lockdown',
      recognise: text => /^\S+ \S+ \S+\s*$/.test(text) && /\[(none|integrity|conf)/.test(text),
    },
    vulnerabilities: {
      from: `${VULNERABILITIES}/*`,
      recognise: text => /^(\S+:)?(Vulnerable|Mitigation|Not affected|KVM:|Unknown:)/m.test(text),
    },
    auditctl: { from: 'auditctl -s', recognise: text => /\benabled[ =]\d/.test(text) && /\bbacklog_limit\b/.test(text) },
    aaStatus: { from: 'aa-status --json', recognise: text => /^apparmor |"profiles":|profiles are in enforce mode/.test(text) },
    apparmorProfiles: { from: '/sys/kernel/security/apparmor/profiles', recognise: text => /^\S.* \((enforce|complain)\)$/m.test(text) },
    apparmorEnabled: { from: '/sys/module/apparmor/parameters/enabled', recognise: text => /^[YN]\s*$/.test(text) },
    selinuxConfig: { from: '/etc/selinux/config', recognise: text => /^SELINUX=/m.test(text) },
    selinuxEnforce: { from: '/sys/fs/selinux/enforce', recognise: text => /^([01]|Enforcing|Permissive|Disabled)\s*$/.test(text) },
    tpmVersion: { from: '/sys/class/tpm/tpm0/tpm_version_major', recognise: text => /^2\s*$/.test(text) },
    tpm: { from: 'ls /sys/class/tpm' },
    firmware: { from: 'ls /sys/firmware' },
    efivars: { from: `ls ${EFIVARS}` },
    securityfs: { from: 'ls /sys/kernel/security' },
    cpuinfo: { from: '/proc/cpuinfo', recognise: text => text.startsWith('processor') },
  },
  parse: parseHardening,

  async read(host: Host) {
    return parseHardening({
      firmware: [await lookAtFolder(host, '/sys/firmware')],
      efivars: [await lookAtFolder(host, EFIVARS)],
      efivar: await variables(host),
      tpm: [await lookAtFolder(host, '/sys/class/tpm')],
      tpmVersion: [await lookAtFile(host, '/sys/class/tpm/tpm0/tpm_version_major')],
      securityfs: [await lookAtFolder(host, '/sys/kernel/security')],
      lockdown: [await lookAtFile(host, '/sys/kernel/security/lockdown')],
      selinuxEnforce: [await lookAtFile(host, '/sys/fs/selinux/enforce')],
      selinuxConfig: [await lookAtFile(host, '/etc/selinux/config')],
      apparmorEnabled: [await lookAtFile(host, '/sys/module/apparmor/parameters/enabled')],
      apparmorProfiles: [await lookAtFile(host, '/sys/kernel/security/apparmor/profiles')],
      vulnerabilities: await vulnerabilities(host),
      cpuinfo: [await lookAtFile(host, '/proc/cpuinfo')],
      sshd: [await sshd(host, 'root'), await sshd(host, 'nobody')],
      auditctl: [await lookAtCommand(host, ['auditctl', '-s'])],
    })
  },
})

function variables(host: Host): Promise<Captured[]> {
  const paths = [`SecureBoot-${GLOBAL_VARIABLES}`, `SetupMode-${GLOBAL_VARIABLES}`, `MokSBStateRT-${SHIM_VARIABLES}`]
  return Promise.all(paths.map(path => lookAtFile(host, `${EFIVARS}/${path}`)))
}

async function vulnerabilities(host: Host): Promise<Captured[]> {
  const folder = await lookAtFolder(host, VULNERABILITIES)
  const names = folder.text.split('\n').filter(name => name !== '')
  return Promise.all(names.slice(0, 64).map(name => lookAtFile(host, `${VULNERABILITIES}/${name}`)))
}

/** As somebody from outside meets it: an address of the documentation's network, which no Match block names. */
function sshd(host: Host, user: string): Promise<Captured> {
  return lookAtCommand(host, ['sshd', '-T', '-C', `user=${user},host=unknown,addr=203.0.113.1,laddr=203.0.113.2,lport=22`])
}

/** @throws where none of the inputs tells of a protection */
export function parseHardening(inputs: Inputs): FactTypes['hardening'] {
  const controls = judges.flatMap(([name, judge]) => {
    const told = isolated(() => judge(inputs))
    return told ? [{ name, ...told }] : []
  })
  if (controls.length === 0) throw new Error('Cannot tell of any protection from what was given')
  return { controls }
}

function isolated(judge: () => Omit<Entry, 'name'> | undefined): Omit<Entry, 'name'> | undefined {
  try {
    return judge()
  } catch (error) {
    return state('unknown', error instanceof Error ? error.message : String(error))
  }
}
