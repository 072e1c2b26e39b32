import { bad, type Check, defineCheck, type Thresholds } from '../../check.ts'
import { type Answer, best, notApplicable, ok, unknown, worstOr } from '../../finding.ts'
import type { FactsBySubject, Role } from '../../view.ts'
import type { Control, HardeningFact } from './facts.ts'

type State = HardeningFact['controls'][number]

type Group = {
  readonly name: string
  readonly title: string
  readonly controls: readonly Control[]
  /** `one`: any of the controls is enough. */
  readonly needs?: 'all' | 'one'
  readonly thresholds?: Thresholds
  readonly roles?: readonly Role[]
  readonly why: string
  readonly remedy: string
}

/** A check over one or several controls of the platform. */
function controlsCheck({ controls, needs = 'all', thresholds = { warning: 1 }, ...group }: Group): Check {
  return defineCheck({
    ...group,
    subject: 'hardening',
    unit: 'state',
    thresholds,
    evaluate(facts, limit) {
      const answers = states(facts, controls).map((control): Answer => {
        const name = control.name.replaceAll('_', ' ')
        const detail = control.detail ? ` (${control.detail})` : ''
        if (control.state === 'absent') return notApplicable(`${name} cannot be had on this machine`)
        if (control.state === 'unknown') return unknown(`${name} could not be read${detail}`, control.hint ?? undefined)
        if (control.state === 'on') return ok(`${name} is on${detail}`)
        return bad(limit, `${name} is ${control.state === 'partial' ? 'only partly on' : 'off'}${detail}`, control)
      })
      return needs === 'one' && answers.length > 0 ? best(answers) : worstOr('this machine has no such control', answers)
    },
  })
}

const states = ({ hardening }: FactsBySubject, wanted: readonly Control[]): State[] =>
  hardening.flatMap(fact => fact.data.controls).filter(control => wanted.includes(control.name))

export const hardeningSecureBoot = controlsCheck({
  name: 'hardening-secure-boot',
  title: 'Secure Boot is off',
  controls: ['secure_boot'],
  why: 'Without it anything can be started before the operating system, and hide from it.',
  remedy: 'Switch it on in the firmware; sign own kernel modules.',
})

export const hardeningMac = controlsCheck({
  name: 'hardening-mac',
  title: 'Mandatory access control is off',
  controls: ['selinux', 'apparmor'],
  needs: 'one',
  why: 'SELinux or AppArmor keeps a service that was broken into from the rest of the machine.',
  remedy: 'Switch it back to enforcing and mend the policy of what it blocked.',
})

export const hardeningIntegrity = controlsCheck({
  name: 'hardening-integrity',
  title: 'Protections of macOS are off',
  controls: ['sip', 'gatekeeper', 'xprotect'],
  why: 'System Integrity Protection, Gatekeeper and XProtect are what macOS has against malware.',
  remedy: 'Switch them on: `csrutil enable` from recovery, `spctl --master-enable`.',
})

export const hardeningWindows = controlsCheck({
  name: 'hardening-windows',
  title: 'Protections of Windows are off',
  controls: ['uac', 'smartscreen', 'no_smb1', 'lsa_protection'],
  why: 'Account control, SmartScreen, no SMB 1 and a protected LSA stop what most attacks on Windows begin with.',
  remedy: 'Switch them on by policy.',
})

export const hardeningSsh = controlsCheck({
  name: 'hardening-ssh',
  title: 'SSH lets root, or everyone, in with a password',
  controls: ['ssh_no_root_password', 'ssh_no_password'],
  why: 'Passwords are guessed all day long on every SSH server that can be reached.',
  remedy: 'Set `PermitRootLogin prohibit-password` (or `no`) and `PasswordAuthentication no`, after keys work.',
})

export const hardeningCpu = controlsCheck({
  name: 'hardening-cpu',
  title: 'The processor is vulnerable and not mitigated',
  controls: ['cpu_mitigations'],
  why: 'Flaws such as Spectre let one process or guest read the memory of another.',
  remedy: 'Install microcode and kernel updates; remove `mitigations=off`.',
})

export const hardeningLogin = controlsCheck({
  name: 'hardening-login',
  title: 'Whoever sits down is logged in',
  controls: ['screen_lock', 'no_automatic_login'],
  roles: ['desktop', 'laptop'],
  why: 'Without screen lock, or with automatic login, disk encryption protects nothing while the machine is on.',
  remedy: 'Switch on the screen lock and switch off automatic login, by policy.',
})

export const hardeningChecks: readonly Check[] = [
  hardeningSecureBoot,
  hardeningMac,
  hardeningIntegrity,
  hardeningWindows,
  hardeningSsh,
  hardeningCpu,
  hardeningLogin,
]
