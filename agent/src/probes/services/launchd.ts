import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { defineProbe, type Inputs, needed } from '../../probe.ts'
import { cut } from '../gather.ts'

type Bad = FactTypes['services']['bad'][number]

const MOST = 512
/** Signals that a program does not ask for: illegal instruction, trap, abort, bus error, segmentation fault. SIGTERM and SIGKILL are how launchd stops. */
const CRASHES: { readonly [signal: number]: string } = { 4: 'SIGILL', 5: 'SIGTRAP', 6: 'SIGABRT', 10: 'SIGBUS', 11: 'SIGSEGV' }

/** Daemons whose last run went wrong and that do not run now; see launchctl(1), `list`. */
export default defineProbe({
  subject: 'services',
  source: 'launchd',
  platforms: ['darwin'],
  every: '15m',
  timeout: '20s',
  privilege: "root, or launchctl lists the user's own agents",
  blind:
    "Apple's own daemons: many end with an error on a healthy Mac. Since when a daemon is down. Daemons that start again and again are seen only between two starts.",
  inputs: { list: { from: 'launchctl list', recognise: text => /^PID\s+Status\s+Label/m.test(text) } },
  parse: parseLaunchd,
  read: async (host: Host) => parseLaunchd({ list: [await host.run(['launchctl', 'list'], { timeoutMs: 15_000 })] }),
})

/** @throws where it is no table of launchctl, or a row cannot be read */
export function parseLaunchd(inputs: Inputs): FactTypes['services'] {
  const [head = '', ...rows] = needed(inputs, 'list')
    .text.split('\n')
    .filter(line => line.trim() !== '')
  if (!/^PID\s+Status\s+Label\s*$/.test(head)) throw new Error(`Cannot read what launchctl list printed: ${cut(head, 100) || 'nothing'}`)
  if (rows.length === 0) throw new Error('Cannot believe that launchd runs nothing')
  const bad = rows.flatMap(badOf)
  return { manager: 'launchd', state: null, bad: bad.slice(0, MOST) }
}

function badOf(row: string): Bad[] {
  const [, pid, status, label] = /^(-|\d{1,10})\s+(-?\d{1,10}|-)\s+(\S.{0,2000})$/.exec(row.trimEnd()) ?? []
  if (pid === undefined || label === undefined) throw new Error(`Cannot read the row ${cut(row, 100)} of launchctl list`)
  const code = Number(status)
  // Running now, or never run.
  if (pid !== '-' || !Number.isInteger(code) || code === 0) return []
  if (/^(com\.apple\.|application\.)/.test(label) || /^0x[0-9a-f]+\./.test(label)) return []
  const result = code > 0 ? `exit code ${code}` : CRASHES[-code]
  return result === undefined ? [] : [{ name: cut(label, 256), description: null, kind: 'failed', result, since: null }]
}
