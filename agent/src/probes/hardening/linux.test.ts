import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { localHost } from '../../host/local.ts'
import { HostError } from '../../host.ts'
import type { Captured } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import linux, { parseHardening } from './linux.ts'

const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8')
const seen = (text: string, name = ''): Captured => ({ text, stderr: '', code: 0, name, modifiedAt: null })
const broken = (stderr: string, code = 1): Captured => ({ text: '', stderr, code, name: '', modifiedAt: null })
const missing = broken('x: No such file or directory')
const denied = broken('x: Permission denied')
const notInstalled = broken('x: command not found', 127)

/** Four bytes of attributes and the value, as efivarfs in the kernel's documentation describes them. */
const efivar = (name: string, value: number) => seen(`\x06\0\0\0${String.fromCharCode(value)}`, `${name}-guid`)
const firmware = [seen('acpi\nefi\nmemmap\n')]
const sshd = (text: string, ...users: string[]) => users.map(user => seen(text, `sshd -T -C user=${user}`))
const debian = fixture('sshd-T.txt')

type Given = Record<string, readonly Captured[]>

const controls = (inputs: Given) => {
  const fact = parseHardening(inputs)
  expect(checked(linux, fact).outcome).toBe('ok')
  return Object.fromEntries(fact.controls.map(control => [control.name, control]))
}

const cases: readonly (readonly [string, string, Given, string])[] = [
  ['secure_boot', 'value 1', { efivar: [efivar('SecureBoot', 1)] }, 'on'],
  ['secure_boot', 'value 0', { efivar: [efivar('SecureBoot', 0)] }, 'off'],
  ['secure_boot', 'setup mode enforces nothing', { efivar: [efivar('SecureBoot', 1), efivar('SetupMode', 1)] }, 'off'],
  ['secure_boot', 'shim does not validate', { efivar: [efivar('SecureBoot', 1), efivar('MokSBStateRT', 1)] }, 'partial'],
  [
    'secure_boot',
    'mokutil says so too',
    { efivar: [efivar('SecureBoot', 1)], mokutil: [seen('SecureBoot enabled\nSecureBoot validation is disabled in shim\n')] },
    'partial',
  ],
  ['secure_boot', 'a file cut short', { efivar: [seen('\x06\0\0', 'SecureBoot-guid')] }, 'unknown'],
  ['secure_boot', 'a variable of root only', { firmware, efivar: [{ ...denied, name: 'SecureBoot-guid' }] }, 'unknown'],
  ['secure_boot', 'BIOS', { firmware: [seen('acpi\nmemmap\n')], efivars: [missing], efivar: [missing] }, 'absent'],
  ['secure_boot', 'hidden firmware is no BIOS', { firmware: [seen('')], efivars: [missing], efivar: [missing] }, 'unknown'],
  ['secure_boot', 'variables not mounted', { firmware, efivars: [seen('')], efivar: [missing] }, 'unknown'],
  ['secure_boot', 'firmware without it', { firmware, efivars: [seen('BootOrder-guid\n')], efivar: [missing] }, 'absent'],
  ['secure_boot', 'mokutil alone', { mokutil: [seen('SecureBoot enabled\n')] }, 'on'],
  ['secure_boot', 'mokutil without variables', { mokutil: [seen('EFI variables are not supported on this system\n')] }, 'unknown'],
  ['tpm', '2.0', { tpm: [seen('tpm0\n')], tpmVersion: [seen('2\n')] }, 'on'],
  ['tpm', '1.2', { tpm: [seen('tpm0\n')], tpmVersion: [seen('1\n')] }, 'partial'],
  ['tpm', 'none', { tpm: [missing], tpmVersion: [missing] }, 'absent'],
  ['tpm', 'not to be listed', { tpm: [denied], tpmVersion: [denied] }, 'unknown'],
  ['kernel_lockdown', 'integrity', { lockdown: [seen('none [integrity] confidentiality\n')] }, 'on'],
  ['kernel_lockdown', 'none', { lockdown: [seen('[none] integrity confidentiality\n')] }, 'off'],
  ['kernel_lockdown', 'securityfs not mounted', { lockdown: [missing], securityfs: [seen('')] }, 'unknown'],
  ['kernel_lockdown', 'not built in', { lockdown: [missing], securityfs: [seen('lsm\n')] }, 'absent'],
  ['selinux', 'enforcing', { selinuxEnforce: [seen('1')] }, 'on'],
  ['selinux', 'permissive', { selinuxEnforce: [seen('0')], selinuxConfig: [seen('SELINUX=enforcing\n')] }, 'partial'],
  ['selinux', 'switched off', { selinuxEnforce: [missing], selinuxConfig: [seen('# x\nSELINUX=disabled\n')] }, 'off'],
  ['selinux', 'another platform', { selinuxEnforce: [missing], selinuxConfig: [missing] }, 'absent'],
  ['selinux', 'not readable', { selinuxEnforce: [denied], selinuxConfig: [missing] }, 'unknown'],
  ['apparmor', 'enforced', { apparmorEnabled: [seen('Y\n')], apparmorProfiles: [seen('man (enforce)\n/usr/bin/x (complain)\n')] }, 'on'],
  ['apparmor', 'nothing enforced', { apparmorEnabled: [seen('Y\n')], apparmorProfiles: [seen('man (complain)\n')] }, 'partial'],
  ['apparmor', 'no profile at all', { apparmorEnabled: [seen('Y\n')], apparmorProfiles: [seen('')] }, 'partial'],
  ['apparmor', 'profiles of root only', { apparmorEnabled: [seen('Y\n')], apparmorProfiles: [denied] }, 'unknown'],
  ['apparmor', 'switched off', { apparmorEnabled: [seen('N\n')], selinuxEnforce: [missing], selinuxConfig: [missing] }, 'off'],
  ['apparmor', 'SELinux instead', { apparmorEnabled: [seen('N\n')], selinuxEnforce: [seen('1')] }, 'absent'],
  ['apparmor', 'not built in', { apparmorEnabled: [missing], apparmorProfiles: [missing] }, 'absent'],
  ['apparmor', 'aa-status alone', { aaStatus: [seen('{"version": "2", "profiles": {"man": "enforce"}, "processes": {}}')] }, 'on'],
  ['cpu_mitigations', 'what the kernel here says', { vulnerabilities: [seen(fixture('vulnerabilities.txt'))] }, 'off'],
  [
    'cpu_mitigations',
    'mitigated',
    { vulnerabilities: [seen('Not affected', 'mds'), seen('Mitigation: PTI; SMT vulnerable', 'l1tf')] },
    'on',
  ],
  ['cpu_mitigations', 'a part in a line', { vulnerabilities: [seen('Mitigation: Retpolines; BHI: Vulnerable', 'spectre_v2')] }, 'off'],
  [
    'cpu_mitigations',
    'up to the hypervisor',
    { vulnerabilities: [seen('Unknown: Dependent on hypervisor status', 'srbds'), seen('Not affected', 'mds')] },
    'partial',
  ],
  ['cpu_mitigations', 'not readable', { vulnerabilities: [denied] }, 'unknown'],
  ['cpu_mitigations', 'an old kernel', { vulnerabilities: [], tpm: [missing] }, 'unknown'],
  ['ssh_no_root_password', "Debian's default", { sshd: sshd(debian, 'root', 'nobody') }, 'on'],
  ['ssh_no_root_password', 'allowed', { sshd: [seen(debian.replace('permitrootlogin without-password', 'permitrootlogin yes'))] }, 'off'],
  ['ssh_no_root_password', 'not told', { sshd: [seen('port 22\n')] }, 'unknown'],
  ['ssh_no_password', "Debian's default", { sshd: sshd(debian, 'root', 'nobody') }, 'off'],
  [
    'ssh_no_password',
    'root alone is kept from it',
    { sshd: [...sshd(debian.replace('passwordauthentication yes', 'passwordauthentication no'), 'root'), ...sshd(debian, 'nobody')] },
    'off',
  ],
  ['ssh_no_password', 'keys only', { sshd: [seen(debian.replace('passwordauthentication yes', 'passwordauthentication no'))] }, 'on'],
  [
    'ssh_no_password',
    'PAM may ask',
    { sshd: [seen('permitrootlogin no\npasswordauthentication no\nkbdinteractiveauthentication yes\n')] },
    'partial',
  ],
  ['ssh_no_password', 'not installed', { sshd: [notInstalled] }, 'absent'],
  ['ssh_no_password', 'no keys to read', { sshd: [broken('sshd: no hostkeys available -- exiting.\n')] }, 'unknown'],
  ['ssh_no_password', 'no configuration', { sshd: [broken('/etc/ssh/sshd_config: No such file or directory\n')] }, 'unknown'],
  ['ssh_no_password', 'never started', { sshd: [broken('Missing privilege separation directory: /run/sshd\n', 255)] }, 'unknown'],
  ['audit', 'what auditctl printed here', { auditctl: [seen(fixture('auditctl-s.txt'))] }, 'off'],
  ['audit', 'on', { auditctl: [seen('enabled 1\nfailure 1\npid 612\nbacklog_limit 8192\n')] }, 'on'],
  ['audit', 'on and locked, as older versions print it', { auditctl: [seen('AUDIT_STATUS: enabled=2 flag=1 pid=612 rate_limit=0')] }, 'on'],
  ['audit', 'nobody takes the records', { auditctl: [seen('enabled 1\npid 0\n')] }, 'partial'],
  ['audit', 'root only', { auditctl: [broken('You must be root to run this program.\n', 4)] }, 'unknown'],
  ['audit', 'not installed', { auditctl: [notInstalled] }, 'off'],
]

test.each(cases)('%s, %s', (name, _, inputs, expected) => {
  expect(controls(inputs)[name]?.state).toBe(expected)
})

test('what needs a right carries the way to it', () => {
  const { apparmor, audit } = controls({ apparmorEnabled: [seen('Y')], apparmorProfiles: [denied], auditctl: [denied] })

  expect([apparmor?.hint, audit?.hint]).toEqual(['Run the agent as root.', 'Run the agent as root.'])
})

test('the open vulnerabilities are named, and a guest says that it is one', () => {
  const cpuinfo = [seen('processor\t: 0\nflags\t\t: fpu hypervisor lahf_lm\n')]

  const { cpu_mitigations: cpu } = controls({ vulnerabilities: [seen(fixture('vulnerabilities.txt'))], cpuinfo })

  expect(cpu?.detail).toBe('vulnerable: spec_rstack_overflow, spec_store_bypass; as seen from inside a virtual machine')
})

test('one protection that cannot be read leaves the others as they are', () => {
  const told = controls({ lockdown: [seen('nonsense')], selinuxEnforce: [seen('1')] })

  expect(told).toMatchObject({ kernel_lockdown: { state: 'unknown' }, selinux: { state: 'on' } })
})

test('nothing given is thrown', () => {
  expect(() => parseHardening({})).toThrow(/any protection/)
})

test('any text is a fact or a thrown error', () => {
  const names = Object.keys(linux.inputs)
  const inputs = fc.dictionary(
    fc.constantFrom(...names),
    fc.oneof(fc.string(), fc.json()).map(text => [seen(text)]),
  )

  fc.assert(
    fc.property(inputs, texts => {
      try {
        expect(checked(linux, parseHardening(texts)).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
    }),
  )
})

test('this machine tells of every protection', async () => {
  const fact = await runProbe(linux, localHost(), undefined, 0)

  expect(fact.outcome).toBe('ok')
  expect((fact.data as ReturnType<typeof parseHardening>).controls).toHaveLength(9)
})

test('a machine whose files may not be read gives unknowns, nothing good', async () => {
  const refused = async (path: string) => {
    throw new HostError('EACCES', path)
  }
  const closed = { ...localHost(), bytes: refused, list: refused as never }

  const fact = await runProbe(linux, closed, undefined, 0)

  const states = (fact.data as ReturnType<typeof parseHardening>).controls
    .filter(({ name }) => !/ssh|audit/.test(name))
    .map(one => one.state)
  expect(new Set(states)).toEqual(new Set(['unknown']))
})
