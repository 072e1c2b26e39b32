import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { type Captured, Denied, defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { type Answer, answerOf, isAnswer, partOf } from '../windows/answer.ts'
import { listObjects, type Properties, truth, whole } from '../windows/properties.ts'
import { hasKey, isRegistry, queryKeys, type Registry, registryOf, registryValue } from '../windows/registry.ts'

type ControlState = FactTypes['hardening']['controls'][number]
type Told = Pick<ControlState, 'state'> & Partial<Pick<ControlState, 'detail' | 'hint'>>

const SCRIPT = 'hardening/windows'
const CONTROL = 'HKLM\\SYSTEM\\CurrentControlSet\\Control'
const SERVICES = 'HKLM\\SYSTEM\\CurrentControlSet\\Services'
const QUERIED = [
  `${CONTROL}\\SecureBoot\\State`,
  `${CONTROL}\\Lsa`,
  'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System',
  'HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon',
  'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Explorer',
  'HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\System',
  `${CONTROL}\\Terminal Server`,
  `${CONTROL}\\Terminal Server\\WinStations\\RDP-Tcp`,
  `${SERVICES}\\mrxsmb10`,
] as const
/** SecurityServicesRunning of Win32_DeviceGuard. */
const HVCI = '2'
const ADMINISTRATOR = 'Run the agent as a service (LocalSystem).'
/** Ends of the keys, in lower case. */
const KEYS = {
  secureBoot: '\\secureboot\\state',
  lsa: '\\control\\lsa',
  system: '\\currentversion\\policies\\system',
  winlogon: '\\currentversion\\winlogon',
  explorer: '\\currentversion\\explorer',
  policy: '\\policies\\microsoft\\windows\\system',
  terminal: '\\control\\terminal server',
  rdp: '\\winstations\\rdp-tcp',
} as const

/** Protections of the platform: registry, TPM (Win32_Tpm), virtualisation-based security (Win32_DeviceGuard), SMB 1. */
export default defineProbe({
  subject: 'hardening',
  source: 'windows',
  platforms: ['win32'],
  shares: 'powershell',
  every: '1h',
  timeout: '1m',
  privilege: 'LocalSystem or an administrator for TPM and SMB 1; everything else is readable by all.',
  blind: 'Settings of single users, such as a screen saver; what an application allows itself.',
  inputs: {
    answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'tpm', 'guard') },
    registry: { from: 'reg.exe query KEY /reg:64', recognise: isRegistry },
    tpm: { from: 'Get-Tpm', recognise: text => /\bTpmPresent\b/.test(text) },
  },
  parse: parseHardening,

  async read(host: Host) {
    // PowerShell is asked first, to share its process with the other probes that are due.
    const [answer, registry] = await Promise.all([host.powershell(SCRIPT), queryKeys(host, QUERIED)])
    return parseHardening({ answer: [answer], registry })
  },
})

/** @throws where none of the inputs tells of any protection */
export function parseHardening(inputs: Inputs): FactTypes['hardening'] {
  const captured = sole(inputs, 'answer')
  const printed = sole(inputs, 'tpm')
  const registry = registryOf(inputs.registry ?? [])
  const controls = [
    ...(captured ? fromAnswer(captured) : []),
    ...(printed ? [control('tpm', tpmOf(listObjects(printed.text).find(object => object.has('tpmpresent'))))] : []),
    ...fromRegistry(registry, key => (inputs.registry ?? []).some(({ name }) => name.toLowerCase().includes(`${key} `))),
  ]
  if (controls.length === 0) throw new Error('Cannot read any protection of the platform')
  return { controls }
}

function control(name: ControlState['name'], { state, detail = null, hint = null }: Told): ControlState {
  return { name, state, detail: detail === null ? null : cut(detail, 300), hint }
}

/** A failed part leaves its protections unknown; a PowerShell that does not answer at all leaves them unknown too, since the registry speaks for itself. */
function fromAnswer(captured: Captured): ControlState[] {
  const answer = untilError(() => answerOf(captured))
  if (answer instanceof Error) return (['tpm', 'hvci', 'no_smb1'] as const).map(name => control(name, unknown(answer)))
  return [
    control('tpm', part(answer, 'tpm', tpmOf)),
    control('hvci', part(answer, 'guard', guardOf)),
    control('no_smb1', part(answer, 'smb', smbOf)),
  ]
}

function untilError<T>(act: () => T): T | Error {
  try {
    return act()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

function unknown(error: Error): Told {
  return { state: 'unknown', detail: error.message, hint: error instanceof Denied ? error.hint : ADMINISTRATOR }
}

function part(answer: Answer, key: string, judge: (object: Properties | undefined) => Told): Told {
  const objects = untilError(() => partOf(answer, key))
  return objects instanceof Error ? unknown(objects) : judge(objects?.[0])
}

function tpmOf(object: Properties | undefined): Told {
  const present = truth(object?.get('tpmpresent'))
  if (present === null) return { state: 'unknown', detail: 'not told', hint: ADMINISTRATOR }
  if (!present) return { state: 'absent', detail: 'none, or switched off in the firmware' }
  const ready = [truth(object?.get('tpmready')), truth(object?.get('tpmenabled')), truth(object?.get('tpmactivated'))]
  const version = object?.get('specversion')?.split(',')[0]
  const detail = version === undefined ? null : `version ${version}`
  if (ready.includes(false))
    return { state: ready[1] === false ? 'off' : 'partial', detail: ready[1] === false ? 'not enabled' : 'present, and not ready for use' }
  return ready.some(one => one === true)
    ? { state: 'on', detail }
    : { state: 'unknown', detail: 'present; whether it is enabled is not told', hint: ADMINISTRATOR }
}

function guardOf(object: Properties | undefined): Told {
  if (!object?.has('status')) return { state: 'unknown', detail: 'not told', hint: ADMINISTRATOR }
  const running = (object.get('running') ?? '').split(',')
  const configured = (object.get('configured') ?? '').split(',')
  if (running.includes(HVCI)) return { state: 'on' }
  return configured.includes(HVCI) ? { state: 'partial', detail: 'configured, and not running' } : { state: 'off' }
}

function smbOf(object: Properties | undefined): Told {
  const on = truth(object?.get('enablesmb1protocol'))
  return on === null
    ? { state: 'unknown', detail: 'not told', hint: ADMINISTRATOR }
    : { state: on ? 'off' : 'on', detail: on ? 'the server speaks SMB 1' : null }
}

/** That a value is missing says something only where its key was asked for: nobody says what a file leaves out. */
function fromRegistry(registry: Registry, queried: (key: string) => boolean): ControlState[] {
  const number = (key: string, name: string) => whole(registryValue(registry, key, name))
  const asked = (key: string) => hasKey(registry, key)
  const secure = number(KEYS.secureBoot, 'UEFISecureBootEnabled')
  const uac = number(KEYS.system, 'EnableLUA')
  const automatic = registryValue(registry, KEYS.winlogon, 'AutoAdminLogon')
  const denied = number(KEYS.terminal, 'fDenyTSConnections')
  const found: (ControlState | null)[] = [
    asked(KEYS.secureBoot) || queried(KEYS.secureBoot) ? control('secure_boot', secureBoot(secure, asked(KEYS.secureBoot))) : null,
    uac === null ? null : control('uac', uacOf(uac, number(KEYS.system, 'ConsentPromptBehaviorAdmin'))),
    asked(KEYS.lsa) ? control('lsa_protection', lsaOf(number(KEYS.lsa, 'RunAsPPL'))) : null,
    smartScreen(registryValue(registry, KEYS.explorer, 'SmartScreenEnabled'), number(KEYS.policy, 'EnableSmartScreen')),
    automatic !== undefined || (queried(KEYS.winlogon) && asked(KEYS.winlogon))
      ? control('no_automatic_login', automatic === '1' ? { state: 'off', detail: 'AutoAdminLogon is 1' } : { state: 'on' })
      : null,
    denied === null ? null : control('no_remote_login', remoteOf(denied, number(KEYS.rdp, 'UserAuthentication'))),
    screenLock(number(KEYS.system, 'InactivityTimeoutSecs')),
  ]
  return found.filter(one => one !== null)
}

/** The key is there on UEFI only. */
function secureBoot(enabled: number | null, asked: boolean): Told {
  if (!asked) return { state: 'absent', detail: 'the machine starts by BIOS, or its firmware has no Secure Boot' }
  return enabled === null ? { state: 'unknown', detail: 'UEFISecureBootEnabled is missing' } : { state: enabled === 1 ? 'on' : 'off' }
}

function uacOf(enabled: number, prompt: number | null): Told {
  if (enabled === 0) return { state: 'off' }
  return prompt === 0 ? { state: 'partial', detail: 'administrators are raised without being asked' } : { state: 'on' }
}

/** 1 with UEFI lock, 2 without; see "Configure added LSA protection". On new installations of 22H2 and later it may be on without the value. */
function lsaOf(level: number | null): Told {
  if (level === 1 || level === 2) return { state: 'on' }
  return level === 0 ? { state: 'off' } : { state: 'unknown', detail: 'RunAsPPL is not set; newer versions may protect all the same' }
}

function smartScreen(said: string | undefined, policy: number | null): ControlState | null {
  if (policy !== null) return control('smartscreen', { state: policy === 0 ? 'off' : 'on', detail: 'by policy' })
  if (said === undefined) return null
  return control('smartscreen', {
    state: /^off$/i.test(said) ? 'off' : /^(on|warn|prompt|requireadmin|block)$/i.test(said) ? 'on' : 'unknown',
    detail: cut(said, 40),
  })
}

function remoteOf(denied: number, network: number | null): Told {
  if (denied === 1) return { state: 'on' }
  return network === 1
    ? { state: 'partial', detail: 'Remote Desktop is on, with network level authentication' }
    : { state: 'off', detail: network === 0 ? 'Remote Desktop is on, without network level authentication' : 'Remote Desktop is on' }
}

/** Security option "Interactive logon: Machine inactivity limit". Without it each user decides. */
function screenLock(seconds: number | null): ControlState | null {
  if (seconds === null) return null
  return control(
    'screen_lock',
    seconds === 0 ? { state: 'off', detail: 'no inactivity limit' } : { state: 'on', detail: `after ${seconds} s` },
  )
}
