import type { Inputs } from '../../probe.ts'
import { lookOf } from './look.ts'
import { type Entry, given, state, unseen } from './platform.ts'

type State = Pick<Entry, 'state' | 'detail' | 'hint'>

/** Whether root is kept from logging in with a password, by the daemon's effective configuration; see sshd(8) -T, sshd_config(5). */
export function sshNoRootPassword(inputs: Inputs): State | undefined {
  return bySettings(inputs, 'user=root', settings => {
    const root = settings.get('permitrootlogin')
    if (!root) throw new Error('sshd does not tell permitrootlogin')
    if (root !== 'yes') return state('on', `permitrootlogin ${root}`)
    const passwords = passwordsBy(settings)
    return passwords === 'no' ? state('on', 'no password is taken from anyone') : state('off', 'permitrootlogin yes')
  })
}

/** Whether nobody can log in with a password. Keyboard-interactive questions ask for one as well, through PAM. */
export function sshNoPassword(inputs: Inputs): State | undefined {
  return bySettings(inputs, 'user=nobody', settings => {
    const passwords = passwordsBy(settings)
    if (passwords === 'no') return state('on')
    return passwords === 'perhaps' ? state('partial', 'kbdinteractiveauthentication yes: PAM may ask for a password') : state('off')
  })
}

function passwordsBy(settings: ReadonlyMap<string, string>): 'yes' | 'perhaps' | 'no' {
  const direct = settings.get('passwordauthentication')
  // The name before OpenSSH 8.7.
  const asked = settings.get('kbdinteractiveauthentication') ?? settings.get('challengeresponseauthentication')
  if (!direct || !asked) throw new Error('sshd does not tell how it takes passwords')
  if (direct !== 'no') return 'yes'
  return asked === 'no' ? 'no' : 'perhaps'
}

function bySettings(inputs: Inputs, who: string, judge: (settings: ReadonlyMap<string, string>) => State): State | undefined {
  const captured = inputs.sshd?.find(one => one.name.includes(who)) ?? inputs.sshd?.[0]
  if (!captured) return undefined
  const look = lookOf(captured)
  if (look.kind === 'seen') return judge(settingsOf(look.text))
  if (captured.code === 127 || /command not found/.test(captured.stderr + captured.text)) return state('absent', 'sshd is not installed')
  if (/no hostkeys available|Unable to load host key|privilege separation/i.test(captured.stderr + captured.text))
    return state(
      'unknown',
      `sshd: ${captured.stderr.trim().split('\n').at(-1)}`,
      'Run the agent as root, and start sshd once so that it has its keys.',
    )
  return unseen(look, 'the configuration of sshd')
}

function settingsOf(text: string): Map<string, string> {
  const settings = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, key, value] = /^([a-z]{2,60}) (\S{1,60})/.exec(line.trim().toLowerCase()) ?? []
    if (key && value && !settings.has(key)) settings.set(key, value)
  }
  return settings
}

/** The kernel's audit is on and a daemon takes its records; see auditctl(8) -s. */
export function audit(inputs: Inputs): State | undefined {
  const look = given(inputs, 'auditctl')
  if (!look) return undefined
  if (look.kind === 'missing') return state('off', 'auditd is not installed')
  if (look.kind !== 'seen') return unseen(look, 'the state of the audit')
  const enabled = /\benabled[ =](\d)/.exec(look.text)?.[1]
  const pid = /\bpid[ =](\d{1,10})/.exec(look.text)?.[1]
  if (!enabled || !pid) throw new Error('auditctl tells no state')
  if (enabled === '0') return state('off', 'switched off in the kernel')
  return pid === '0' ? state('partial', 'no daemon takes the records') : state('on', enabled === '2' ? 'locked until the next start' : null)
}
