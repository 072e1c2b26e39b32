import { judgesEach, type Rows } from '../../testing.ts'
import * as checks from './checks.ts'
import type { Control, HardeningFact } from './facts.ts'

type State = HardeningFact['controls'][number]['state']
const of = (states: Partial<Record<Control, State>>): { hardening: HardeningFact } => ({
  hardening: { controls: Object.entries(states).map(([name, state]) => ({ name: name as Control, state, detail: null, hint: null })) },
})

const rows: Rows = [
  [checks.hardeningSecureBoot, 'on', of({ secure_boot: 'on' }), 'ok'],
  [checks.hardeningSecureBoot, 'off', of({ secure_boot: 'off' }), 'warning'],
  [checks.hardeningSecureBoot, 'a BIOS', of({ secure_boot: 'absent' }), 'not-applicable'],
  [checks.hardeningSecureBoot, 'not readable', of({ secure_boot: 'unknown' }), 'unknown'],
  [checks.hardeningMac, 'one is enough', of({ selinux: 'off', apparmor: 'on' }), 'ok'],
  [checks.hardeningMac, 'permissive', of({ selinux: 'partial', apparmor: 'absent' }), 'warning'],
  [checks.hardeningMac, 'neither', of({ selinux: 'off', apparmor: 'off' }), 'warning'],
  [checks.hardeningMac, 'not readable', of({ apparmor: 'unknown' }), 'unknown'],
  [checks.hardeningIntegrity, 'all on', of({ sip: 'on', gatekeeper: 'on' }), 'ok'],
  [checks.hardeningIntegrity, 'one off', of({ sip: 'on', gatekeeper: 'off' }), 'warning'],
  [checks.hardeningIntegrity, 'one not readable', of({ sip: 'on', gatekeeper: 'unknown' }), 'unknown'],
  [checks.hardeningWindows, 'on', of({ uac: 'on' }), 'ok'],
  [checks.hardeningWindows, 'off', of({ uac: 'off' }), 'warning'],
  [checks.hardeningWindows, 'not readable', of({ uac: 'unknown' }), 'unknown'],
  [checks.hardeningSsh, 'keys only', of({ ssh_no_root_password: 'on', ssh_no_password: 'on' }), 'ok'],
  [checks.hardeningSsh, 'passwords', of({ ssh_no_root_password: 'on', ssh_no_password: 'off' }), 'warning'],
  [checks.hardeningSsh, 'no server', of({ ssh_no_password: 'absent' }), 'not-applicable'],
  [checks.hardeningSsh, 'not readable', of({ ssh_no_password: 'unknown' }), 'unknown'],
  [checks.hardeningCpu, 'mitigated', of({ cpu_mitigations: 'on' }), 'ok'],
  [checks.hardeningCpu, 'vulnerable', of({ cpu_mitigations: 'partial' }), 'warning'],
  [checks.hardeningCpu, 'not readable', of({ cpu_mitigations: 'unknown' }), 'unknown'],
  [checks.hardeningLogin, 'locks', of({ screen_lock: 'on' }), 'ok', { role: 'laptop' }],
  [checks.hardeningLogin, 'does not lock', of({ screen_lock: 'off' }), 'warning', { role: 'laptop' }],
  [checks.hardeningLogin, 'not readable', of({ screen_lock: 'unknown' }), 'unknown', { role: 'desktop' }],
  [checks.hardeningLogin, 'a server', of({ screen_lock: 'off' }), 'not-applicable'],
]
judgesEach(rows)
