import type { FactTypes } from '@fettle/catalog'
import { cut } from '../gather.ts'

export type MacControl = FactTypes['hardening']['controls'][number]
type Name = MacControl['name']
type State = MacControl['state']

/** A control of the fact. */
export function control(name: Name, state: State, detail: string | null = null, hint: string | null = null): MacControl {
  return { name, state, detail: detail === null ? null : cut(detail, 300), hint }
}

const unreadable = (name: Name, text: string, hint: string | null = null): MacControl =>
  control(name, 'unknown', cut(text, 200) || 'nothing was printed', hint)

/** `csrutil status`, and whether the system volume is sealed; see csrutil(8). A custom configuration leaves part of it off. */
export function sip(status: string, sealed: string | undefined): MacControl {
  const [, word, more] = /^System Integrity Protection status: (enabled|disabled|unknown)(?: \(([^)]{1,80})\))?\./m.exec(status) ?? []
  if (!word) return unreadable('sip', status)
  if (more !== undefined || word === 'unknown') {
    const off = [...status.matchAll(/^[ \t]*([A-Z][\w ]{2,40}): disabled\s*$/gm)].slice(0, 16).map(([, name]) => name)
    return control('sip', 'partial', `${more ?? 'state unknown'}${off.length > 0 ? `: without ${off.join(', ')}` : ''}`)
  }
  if (word === 'disabled') return control('sip', 'off')
  const seal = /^Authenticated Root status: (enabled|disabled)/m.exec(sealed ?? '')?.[1]
  return seal === 'disabled'
    ? control('sip', 'partial', 'the system volume is not sealed (authenticated root is off)')
    : control('sip', 'on')
}

/** `spctl --status`; see spctl(8). */
export function gatekeeper(text: string): MacControl {
  const word = /^assessments (enabled|disabled)\s*$/m.exec(text)?.[1]
  if (!word) return unreadable('gatekeeper', text)
  return control('gatekeeper', word === 'enabled' ? 'on' : 'off')
}

/** `systemsetup -getremotelogin`, or where that wants Full Disk Access, launchd's list of services that are switched off. */
export function remoteLogin(setup: string | undefined, disabled: string | undefined): MacControl {
  const word = /^Remote Login: (On|Off)\s*$/m.exec(setup ?? '')?.[1]
  if (word) return control('no_remote_login', word === 'Off' ? 'on' : 'off')
  // macOS before 10.15 wrote true and false for disabled and enabled.
  const state = /"com\.openssh\.sshd" => (disabled|enabled|true|false)\s*$/m.exec(disabled ?? '')?.[1]
  if (state) return control('no_remote_login', state === 'disabled' || state === 'true' ? 'on' : 'off')
  return unreadable('no_remote_login', setup ?? disabled ?? '', 'Run the agent as root, with Full Disk Access.')
}

/** `sysadminctl -screenLock status` for the user at the screen, which it prints on standard error. */
export function screenLock(text: string): MacControl {
  const [, off, immediate, seconds] = /screenLock (?:delay )?is (?:(off)|(immediate)|(\d{1,9}) seconds?)/i.exec(text) ?? []
  if (off) return control('screen_lock', 'off')
  if (immediate) return control('screen_lock', 'on', 'locks at once')
  if (seconds === undefined) return unreadable('screen_lock', text)
  const delay = Number(seconds)
  return control('screen_lock', delay <= 15 * 60 ? 'on' : 'partial', `asks for the password ${delay} s after the screen went dark`)
}

/** What Apple's firmware starts: "Secure Boot" of the report on the T2 or Apple silicon, or of bputil(1). */
export function secureBoot(bridge: string | undefined, policy: string | undefined): MacControl {
  const reported = /^[ \t]*Secure Boot: (Full|Medium|Reduced|Permissive|No) Security\s*$/m.exec(bridge ?? '')?.[1]
  const modes = [...(policy ?? '').matchAll(/^Security Mode:\s+(Full|Reduced|Permissive)\b/gm)].map(([, mode]) => mode ?? '')
  const failed = /Failed to display local policy|Can't get local policy/.test(policy ?? '')
  const worst = ['No', 'Permissive', 'Reduced', 'Medium', 'Full'].find(mode => mode === reported || modes.includes(mode))
  if (worst === undefined || (failed && worst === 'Full' && reported === undefined)) {
    return unreadable('secure_boot', policy === undefined ? (bridge ?? '') : 'bputil names no security mode')
  }
  return control('secure_boot', worst === 'Full' ? 'on' : worst === 'No' || worst === 'Permissive' ? 'off' : 'partial', `${worst} Security`)
}
