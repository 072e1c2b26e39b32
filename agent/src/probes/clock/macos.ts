import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, Denied, defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut, present } from '../gather.ts'
import { runIfThere } from '../property-list.ts'

/** Whether the clock is set by the network; see systemsetup(8). timed(8) tells nobody whether it has succeeded. */
export default defineProbe({
  subject: 'clock',
  source: 'macos',
  platforms: ['darwin'],
  every: '6h',
  timeout: '30s',
  privilege: 'root: systemsetup answers nobody else',
  blind: 'Whether the clock is right: macOS does not tell its offset. The collector sees how far it is off.',
  inputs: {
    using: { from: 'systemsetup -getusingnetworktime', recognise: text => /^Network Time:|administrator access/m.test(text) },
    server: { from: 'systemsetup -getnetworktimeserver', recognise: text => /^Network Time Server:/m.test(text) },
  },
  parse: parseMacClock,

  async read(host: Host) {
    const using = await runIfThere(host, ['systemsetup', '-getusingnetworktime'], 10_000)
    if (!using) throw new Absent('systemsetup is not there')
    return parseMacClock({ using: [using], server: present(await runIfThere(host, ['systemsetup', '-getnetworktimeserver'], 10_000)) })
  },
})

/** @throws Denied to others than root, Error where the setting is not told */
export function parseMacClock(inputs: Inputs): FactTypes['clock'] {
  const said = ['using', 'server']
    .flatMap(name => inputs[name] ?? [])
    .map(({ text, stderr }) => `${text}\n${stderr}`)
    .join('\n')
  const word = /^Network Time: (On|Off)\s*$/m.exec(said)?.[1]
  const server = /^Network Time Server: (\S{1,253})\s*$/m.exec(sole(inputs, 'server')?.text ?? '')?.[1]
  if (!word && /administrator access/i.test(said)) throw new Denied('systemsetup answers administrators only', 'Run the agent as root.')
  if (!word && !server) throw new Error(`Cannot tell whether the clock is set by the network: ${cut(said, 150) || 'nothing was printed'}`)
  return {
    synchronized: null,
    service: 'timed',
    enabled: word ? word === 'On' : null,
    reference: server ?? null,
    stratum: null,
    offsetSeconds: null,
    lastSyncAt: null,
  }
}
