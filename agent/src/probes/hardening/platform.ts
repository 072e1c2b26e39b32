import type { FactTypes } from '@fettle/catalog'
import { type Captured, type Inputs, sole } from '../../probe.ts'
import { type Look, lookOf } from './look.ts'

export type Entry = FactTypes['hardening']['controls'][number]
type State = Pick<Entry, 'state' | 'detail' | 'hint'>

/** A state with its story, cut to what a fact carries. */
export function state(word: Entry['state'], detail: string | null = null, hint: string | null = null): State {
  return { state: word, detail: detail?.slice(0, 500) ?? null, hint }
}

/** What is told of something that could not be seen. */
export function unseen(look: Exclude<Look, { kind: 'seen' }>, what: string): State {
  if (look.kind === 'denied') return state('unknown', `${what} may not be read`, 'Run the agent as root.')
  return state('unknown', look.kind === 'failed' ? `${what}: ${look.why}` : `${what} is not there`)
}

export const given = (inputs: Inputs, name: string): Look | undefined => {
  const captured = sole(inputs, name)
  return captured && lookOf(captured)
}

const names = (look: Look | undefined): string[] => (look?.kind === 'seen' ? look.text.split('\n').filter(name => name !== '') : [])

/**
 * Secure Boot from EFI variables: four bytes of attributes, then the value; see the UEFI specification, 3.3, and efivarfs in the kernel's
 * documentation. shim may have been told not to validate while the firmware still does.
 */
export function secureBoot(inputs: Inputs): State | undefined {
  const mokutil = given(inputs, 'mokutil')
  const told = mokutil?.kind === 'seen' ? mokutil.text : ''
  const variable = (name: string) => inputs.efivar?.find(captured => captured.name.includes(name))
  const enabled = byteOf(variable('SecureBoot') ?? (inputs.efivar?.length === 1 ? inputs.efivar[0] : undefined))
  if (enabled === undefined) return mokutil ? byMokutil(told, mokutil) : withoutVariable(inputs)
  if (byteOf(variable('SetupMode')) === 1) return state('off', 'the firmware is in setup mode: it enforces nothing')
  if (enabled === 0) return state('off')
  if (enabled !== 1) throw new Error(`the variable SecureBoot has the value ${enabled}`)
  const loose = byteOf(variable('MokSBState')) === 1 || /validation is disabled/.test(told)
  return loose ? state('partial', 'the boot loader shim does not validate what it starts') : state('on')
}

function byteOf(captured: Captured | undefined): number | undefined {
  if (!captured) return undefined
  const look = lookOf(captured)
  if (look.kind === 'seen' && look.text.length === 5) return look.text.charCodeAt(4)
  if (look.kind === 'missing') return undefined
  throw new Error(look.kind === 'denied' ? 'the EFI variable may not be read' : 'an EFI variable has not the five bytes that were wanted')
}

function byMokutil(text: string, look: Look): State {
  if (/validation is disabled/.test(text)) return state('partial', 'the boot loader shim does not validate what it starts')
  if (/Setup Mode/.test(text)) return state('off', 'the firmware is in setup mode: it enforces nothing')
  if (/^SecureBoot enabled/m.test(text)) return state('on')
  if (/^SecureBoot disabled/m.test(text)) return state('off')
  if (/doesn't support Secure Boot/.test(text)) return state('absent', 'the firmware has no Secure Boot')
  if (look.kind !== 'seen') return unseen(look, 'mokutil')
  return state('unknown', `mokutil: ${text.trim().split('\n')[0]}`)
}

/** Containers hide /sys/firmware, which every machine has: that is no BIOS. */
function withoutVariable(inputs: Inputs): State | undefined {
  const firmware = given(inputs, 'firmware')
  if (!firmware) return undefined
  if (names(firmware).length === 0)
    return state('unknown', '/sys/firmware is hidden, as in a container', 'Run the agent on the machine itself.')
  if (!names(firmware).includes('efi')) return state('absent', 'not started by UEFI firmware')
  if (names(given(inputs, 'efivars')).length === 0)
    return state('unknown', 'the EFI variables are not mounted', 'Mount efivarfs on /sys/firmware/efi/efivars.')
  return state('absent', 'the firmware has no Secure Boot')
}

/** Trusted platform module; see Documentation/ABI/stable/sysfs-class-tpm of the kernel. */
export function tpm(inputs: Inputs): State | undefined {
  const version = given(inputs, 'tpmVersion')
  if (version?.kind === 'seen') {
    const major = version.text.trim()
    if (major !== '1' && major !== '2') throw new Error(`the TPM has the version ${major.slice(0, 20)}`)
    return major === '2' ? state('on', 'TPM 2.0') : state('partial', 'TPM 1.2')
  }
  const devices = given(inputs, 'tpm')
  if (!devices) return undefined
  if (devices.kind === 'denied' || devices.kind === 'failed') return unseen(devices, '/sys/class/tpm')
  return names(devices).length > 0 ? state('on', 'of a version that this kernel does not tell') : state('absent', 'no TPM is visible')
}

/** `none [integrity] confidentiality`; see kernel_lockdown(7). */
export function lockdown(inputs: Inputs): State | undefined {
  const look = given(inputs, 'lockdown')
  if (!look) return undefined
  if (look.kind === 'seen') {
    const mode = /\[(none|integrity|confidentiality)\]/.exec(look.text)?.[1]
    if (!mode) throw new Error('the mode of the lockdown cannot be read')
    return mode === 'none' ? state('off') : state('on', mode)
  }
  if (look.kind !== 'missing') return unseen(look, 'the lockdown')
  return names(given(inputs, 'securityfs')).length > 0
    ? state('absent', 'this kernel is built without lockdown')
    : state('unknown', 'securityfs is not mounted', 'Mount securityfs on /sys/kernel/security.')
}

/** SELinux: 1 enforces; see selinux(8). Without its file system it is off where the system is set up for it, else another's platform. */
export function selinux(inputs: Inputs): State | undefined {
  const enforce = given(inputs, 'selinuxEnforce')
  const config = given(inputs, 'selinuxConfig')
  if (enforce?.kind === 'seen') {
    const word = enforce.text.trim().toLowerCase()
    if (word === '1' || word === 'enforcing') return state('on')
    if (word === '0' || word === 'permissive') return state('partial', 'permissive: it only logs')
    if (word === 'disabled') return state('off')
    throw new Error(`the state of SELinux is ${word.slice(0, 20)}`)
  }
  if (enforce && enforce.kind !== 'missing') return unseen(enforce, '/sys/fs/selinux/enforce')
  const mode = config?.kind === 'seen' ? /^SELINUX=(\w{1,20})/m.exec(config.text)?.[1] : undefined
  if (mode) return state('off', `not active in the kernel; configured as ${mode}`)
  if (config?.kind === 'missing') return state('absent', 'this system is not set up for SELinux')
  return config ? state('unknown', '/etc/selinux/config cannot be read') : undefined
}

/** AppArmor: the module is on and profiles are enforced; see apparmor(7), aa-status(8). */
export function apparmor(inputs: Inputs): State | undefined {
  const enabled = given(inputs, 'apparmorEnabled')
  const status = given(inputs, 'aaStatus')
  if (status?.kind === 'seen' && !enabled) return byStatus(status.text)
  if (!enabled) return undefined
  if (enabled.kind === 'missing') return state('absent', 'this kernel does not have AppArmor')
  if (enabled.kind !== 'seen') return unseen(enabled, 'the state of AppArmor')
  const word = enabled.text.trim()
  if (word === 'N') return given(inputs, 'selinuxEnforce')?.kind === 'seen' ? state('absent', 'SELinux is used instead') : state('off')
  if (word !== 'Y') throw new Error(`the state of AppArmor is ${word.slice(0, 20)}`)
  const profiles = given(inputs, 'apparmorProfiles')
  if (profiles?.kind === 'seen') return byModes(profiles.text.split('\n').map(line => /\((\w{1,20})\)\s*$/.exec(line)?.[1] ?? ''))
  const hint = profiles?.kind === 'missing' ? 'Mount securityfs on /sys/kernel/security.' : 'Run the agent as root.'
  return state('unknown', 'switched on; which profiles are enforced may not be read', hint)
}

function byStatus(text: string): State {
  if (/not present/.test(text)) return state('absent', 'this kernel does not have AppArmor')
  if (/not loaded|filesystem is not mounted/.test(text)) return state('off', text.trim().split('\n')[0] ?? null)
  if (!text.trimStart().startsWith('{')) {
    const count = (mode: string) => Number(new RegExp(`^(\\d{1,6}) profiles are in ${mode} mode`, 'm').exec(text)?.[1] ?? Number.NaN)
    const enforced = count('enforce')
    if (Number.isNaN(enforced)) throw new Error('aa-status does not count the enforced profiles')
    return byModes([...Array(enforced).fill('enforce'), ...Array(count('complain') || 0).fill('complain')])
  }
  const { profiles } = JSON.parse(text) as { profiles?: unknown }
  if (typeof profiles !== 'object' || profiles === null) throw new Error('aa-status gives no profiles')
  return byModes(Object.values(profiles).map(String))
}

function byModes(modes: readonly string[]): State {
  const enforced = modes.filter(mode => mode === 'enforce' || mode === 'kill').length
  const complaining = modes.filter(mode => mode === 'complain').length
  const detail = `${enforced} profiles enforced, ${complaining} only complain`
  return state(enforced > 0 ? 'on' : 'partial', detail)
}

/** Files of /sys/devices/system/cpu/vulnerabilities; see Documentation/ABI/testing/sysfs-devices-system-cpu of the kernel. */
export function cpuMitigations(inputs: Inputs): State | undefined {
  const lines = (inputs.vulnerabilities ?? []).flatMap(vulnerabilityLines)
  if (lines.length === 0) return inputs.vulnerabilities ? state('unknown', 'the kernel does not tell its vulnerabilities') : undefined
  const guest = /^flags\s*:.* hypervisor\b/m.test(sole(inputs, 'cpuinfo')?.text ?? '') ? '; as seen from inside a virtual machine' : ''
  // `BHI: Vulnerable` stands inside a mitigated line; `SMT vulnerable` is small and means the setting, not the fault.
  const open = lines.filter(([, text]) => /\bVulnerable\b/.test(text))
  if (open.length > 0) return state('off', `vulnerable: ${open.map(([name]) => name).join(', ')}${guest}`)
  const untold = lines.filter(([, text]) => !/^(Not affected|(KVM: )?Mitigation\b)/.test(text))
  if (untold.length > 0)
    return state(untold.length === lines.length ? 'unknown' : 'partial', `not told: ${untold.map(([name]) => name).join(', ')}${guest}`)
  return state('on', `${lines.length} checked${guest}`)
}

/** One file, or the lines that `grep . *` makes of them all. */
function vulnerabilityLines(captured: Captured): [string, string][] {
  const look = lookOf(captured)
  const own = (captured.name.split('/').at(-1) ?? '').slice(0, 40)
  if (look.kind !== 'seen') return [[own, '']]
  const rows = look.text.split('\n').filter(line => line.trim() !== '')
  return rows.slice(0, 64).map(line => {
    const [, name, text] = /^(?:\S*\/)?([a-z0-9_]{2,40}):(.*)$/.exec(line) ?? []
    return name && text !== undefined ? [name, text.trim()] : [own, line.trim()]
  })
}
