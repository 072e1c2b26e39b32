import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut } from '../gather.ts'

type Profile = FactTypes['firewall']['profiles'][number]

const inbounds: Readonly<Record<string, Profile['inbound']>> = {
  default: 'reject',
  '%%REJECT%%': 'reject',
  REJECT: 'reject',
  DROP: 'drop',
  ACCEPT: 'accept',
}

/** firewalld: whether it runs, and what its active zones do with what nobody named; see firewall-cmd(1) and firewalld.zone(5). A zone that accepts (trusted) is open. */
export default defineProbe({
  subject: 'firewall',
  source: 'firewalld',
  platforms: ['linux'],
  every: '30m',
  timeout: '60s',
  privilege: 'root, or the right by polkit to read the settings',
  blind: 'Which services a zone allows; direct rules; what Docker publishes.',
  inputs: {
    state: {
      from: 'firewall-cmd --state',
      recognise: text => /^(not )?running\s*$/.test(text) || /firewalld\.service - /.test(text.slice(0, 400)),
    },
    zones: { from: 'firewall-cmd --list-all-zones', recognise: text => /^\s{1,4}target: /m.test(text) },
    standard: { from: 'firewall-cmd --get-default-zone' },
  },
  parse: parseFirewalld,

  async read(host: Host) {
    try {
      const state = await host.run(['firewall-cmd', '--state'], { timeoutMs: 20_000 })
      if (runs(state) !== true) return parseFirewalld({ state: [state] })
      const zones = await host.run(['firewall-cmd', '--list-all-zones'], { timeoutMs: 20_000 })
      const standard = await host.run(['firewall-cmd', '--get-default-zone'], { timeoutMs: 20_000 })
      if (zones.code !== 0 || standard.code !== 0) refuse(zones.code === 0 ? standard : zones)
      return parseFirewalld({ state: [state], zones: [zones], standard: [standard] })
    } catch (error) {
      if (error instanceof NotInstalled) throw new Absent('firewalld is not installed')
      throw error
    }
  },
})

/** One profile an active zone. @throws Denied without the right, Error where the state or a zone cannot be read */
export function parseFirewalld(inputs: Inputs): FactTypes['firewall'] {
  const state = sole(inputs, 'state')
  const running = state ? runs(state) : null
  if (state && running === null) refuse(state)
  if (running === false) return { profiles: [{ name: 'firewalld', enabled: false, inUse: null, inbound: null, detail: 'not running' }] }
  const listed = sole(inputs, 'zones')
  if (!listed) {
    if (!state) throw new Error('Cannot judge without `firewall-cmd --state` or its zones')
    return { profiles: [{ name: 'firewalld', enabled: true, inUse: null, inbound: null, detail: 'runs; its zones are not told' }] }
  }
  const standard = sole(inputs, 'standard')?.text.trim()
  const zones = zonesOf(listed)
  const active = zones.filter(zone => zone.active || zone.name === standard)
  if (active.length === 0) throw new Error('Cannot tell which zone holds: none is active, and the default zone is not told')
  // What was not seen running may be the settings of a service that is down.
  return { profiles: active.slice(0, 64).map(zone => profile(zone, running)) }
}

type Zone = {
  readonly name: string
  readonly active: boolean
  readonly target: string | undefined
  /** What undoes the target: `everything` by a rich rule, `much` by every port or a whole protocol. */
  readonly open: 'everything' | 'much' | null
}

function profile({ name, target, open }: Zone, running: boolean | null): Profile {
  if (target === undefined || !(target in inbounds)) throw new Error(`Cannot read the target of zone ${cut(name, 40)}`)
  const own = inbounds[target] ?? null
  const inbound = open === 'everything' ? 'accept' : open === 'much' && own !== 'accept' ? null : own
  const isOpen = inbound === 'accept'
  return {
    name: cut(name, 64),
    enabled: isOpen ? false : inbound === null && running ? null : running,
    inUse: null,
    inbound,
    detail: isOpen ? 'the zone lets everything in' : open === 'much' ? 'the zone lets in every port, or a whole protocol' : null,
  }
}

/** A zone begins at the margin: `public (default, active)`; its settings are indented. */
function zonesOf({ text }: Captured): Zone[] {
  const blocks = text.slice(0, 2_000_000).split(/\n(?=\S)/)
  const zones = blocks.flatMap(block => {
    const [, name, marks = ''] = /^\s*([\w.-]{1,64})(?: \(([\w, ]{1,60})\))?[ \t]*\n/.exec(`${block}\n`) ?? []
    if (name === undefined) return []
    return [
      { name, active: /\bactive\b/.test(marks), target: /^[ \t]{1,8}target: (\S{1,20})[ \t]*$/m.exec(block)?.[1], open: openingOf(block) },
    ]
  })
  if (zones.length === 0) throw new Error('Cannot read the zones: wanted what `firewall-cmd --list-all-zones` prints')
  return zones
}

/** See firewalld.richlanguage(5): a rule without an element, of everybody, that accepts. */
function openingOf(block: string): Zone['open'] {
  const everybody =
    /^[ \t]{1,16}rule(?: family="ipv[46]")?(?: priority="-?\d{1,5}")?(?: source address="(?:0\.0\.0\.0\/0|::\/0)")? accept[ \t]*$/m
  if (everybody.test(block)) return 'everything'
  const [ports = '', protocols = ''] = ['ports', 'protocols'].map(
    key => new RegExp(`^[ \\t]{1,8}${key}: (.{0,4000})$`, 'm').exec(block)?.[1],
  )
  return /(?:^|\s)[01]-65535\/(?:tcp|udp)\b/.test(ports) || /(?:^|\s)(?:tcp|udp|all|ipv?[46]?)(?:\s|$)/.test(protocols) ? 'much' : null
}

/** The words of `--state`, or what systemd tells of the service. */
function runs({ text, stderr, code }: Captured): boolean | null {
  const said = text.trim()
  if (said === 'running') return code === null || code === 0
  if (said === 'not running' || stderr.trim() === 'not running') return false
  // firewalld is a service of the system bus: where no bus listens, no firewalld runs.
  if (/DBUS_ERROR: Failed to connect to socket \S{1,80}: No such file/.test(`${stderr}\n${text}`.slice(0, 2000))) return false
  const active = /^\s{0,8}Active: (\w+)(?: \((\w+)\))?/m.exec(/firewalld\.service/.test(text.slice(0, 400)) ? text.slice(0, 8192) : '')
  return active ? active[1] === 'active' && active[2] === 'running' : null
}

function refuse({ text, stderr, code }: Captured): never {
  const said = `${stderr}\n${text}`.trim()
  if (/authorization failed|not authorized|need to be root|access denied/i.test(said.slice(0, 2000)))
    throw new Denied('firewalld does not answer this user', 'Run the agent as root.')
  throw new Error(`Cannot read the state of firewalld (exit ${code ?? 'unknown'}): ${cut(said, 120)}`)
}
