import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, type Inputs } from '../../probe.ts'
import { cut, told } from '../gather.ts'
import { textIn } from '../property-list.ts'
import { isProfile, isTextProfile, leaves, profileOf, sectionsOf, textProfile } from '../system-profiler.ts'

type FirewallFact = FactTypes['firewall']
type Profile = FirewallFact['profiles'][number]
type State = 'off' | 'on' | 'block-all'

const TOOL = '/usr/libexec/ApplicationFirewall/socketfilterfw'
const TYPE = 'SPFirewallDataType'
/** What socketfilterfw tells: 0 off, 1 on, 2 on and blocks all that is not essential. */
const NUMBERED: { readonly [state: string]: State } = { '0': 'off', '1': 'on', '2': 'block-all' }
/** Ends of system_profiler's keys, and the words of its report for people. */
const REPORTED: { readonly [word: string]: State } = {
  allow_all: 'off',
  limit_connections: 'on',
  block_all: 'block-all',
  'allow all incoming connections': 'off',
  'limit incoming connections to specific services and applications': 'on',
  'block all incoming connections': 'block-all',
}

/**
 * The application firewall of macOS, as the tool that runs it says. Its property list com.apple.alf.plist is never read: macOS 15 has none any
 * more, and what is not there would look like off.
 */
export default defineProbe({
  subject: 'firewall',
  source: 'application-firewall',
  platforms: ['darwin'],
  every: '30m',
  timeout: '30s',
  blind: 'Firewalls of others that filter through a network extension (Little Snitch, LuLu), and which applications are let through.',
  inputs: {
    state: { from: `${TOOL} --getglobalstate --getstealthmode`, recognise: text => /^Firewall |Must be root/m.test(text) },
    profile: {
      from: `system_profiler -json ${TYPE}`,
      recognise: text => isProfile(text, TYPE) || isTextProfile(text, 'Firewall Settings'),
    },
  },
  parse: parseApplicationFirewall,

  async read(host: Host) {
    try {
      const state = await host.run([TOOL, '--getglobalstate'], { timeoutMs: 10_000 })
      const stealth = await host.run([TOOL, '--getstealthmode'], { timeoutMs: 10_000 })
      return parseApplicationFirewall({ state: [state, told('--getstealthmode', stealth.text)] })
    } catch (error) {
      if (error instanceof NotInstalled) throw new Absent('this macOS has no application firewall')
      throw error
    }
  },
})

/** @throws Denied where the tool answers root only, Error where the state is not told without doubt */
export function parseApplicationFirewall(inputs: Inputs): FirewallFact {
  const state = inputs.state ?? []
  const profiles = inputs.profile ?? []
  const found = [...(state.length > 0 ? [byTool(state)] : []), ...profiles.map(({ text }) => byReport(text))]
  const [first] = found
  if (!first) throw new Error('Cannot tell of the firewall without what socketfilterfw or system_profiler prints')
  return { profiles: [found.find(profile => !profile.enabled) ?? first] }
}

function byTool(captures: readonly Captured[]): Profile {
  const text = captures.map(captured => `${captured.text}\n${captured.stderr}`).join('\n')
  const states = [...text.matchAll(/^Firewall is (enabled|disabled)\. \(State = (\d)\)\s*$/gm)]
  const [, word, number = ''] = states[0] ?? []
  if (states.length === 1 && NUMBERED[number] && (word === 'disabled') === (number === '0')) {
    const stealth = /stealth mode (?:is )?(on|off|enabled|disabled)\s*$/im.exec(text)?.[1]?.toLowerCase()
    return profileFor(NUMBERED[number], stealth === undefined ? null : stealth === 'on' || stealth === 'enabled')
  }
  if (/must be root/i.test(text)) throw new Denied('socketfilterfw answers root only here', 'Run the agent as root.')
  if (/globalstate|<plist/.test(text)) {
    throw new Error('com.apple.alf.plist is no evidence: macOS 15 has none. Give what socketfilterfw --getglobalstate prints')
  }
  throw new Error(`Cannot read the state of the firewall: ${cut(text, 150) || 'socketfilterfw printed nothing'}`)
}

function byReport(text: string): Profile {
  const [mode, stealth] = /^\s*\{|<plist/.test(text) ? reported(text) : printed(text)
  const word = mode?.toLowerCase().replace(/^spfirewall_(globalstate|mode)_/, '')
  const state = word === undefined || !Object.hasOwn(REPORTED, word) ? undefined : REPORTED[word]
  if (!state) throw new Error(`Cannot read the state of the firewall from system_profiler: ${cut(mode ?? 'none is told', 100)}`)
  return profileFor(state, /^(yes|enabled|on)$/i.test(stealth ?? '') ? true : /^(no|disabled|off)$/i.test(stealth ?? '') ? false : null)
}

function reported(text: string): [string | null, string | null] {
  const item = leaves(profileOf(text, TYPE) ?? []).find(found => 'spfirewall_globalstate' in found)
  return [textIn(item?.spfirewall_globalstate), textIn(item?.spfirewall_stealthenabled)]
}

function printed(text: string): [string | null, string | null] {
  const values = sectionsOf(textProfile(text), 'Firewall Settings')[0]?.values
  return [values?.get('Mode') ?? null, values?.get('Stealth Mode') ?? null]
}

/** Where it is on, applications that nobody allowed are asked about or blocked, but what macOS and known developers signed may be let in by itself. */
function profileFor(state: State, stealth: boolean | null): Profile {
  const words = [
    state === 'block-all' ? 'blocks all that is not essential' : null,
    stealth === null ? null : `stealth mode ${stealth ? 'on' : 'off'}`,
  ]
  return {
    name: 'application',
    enabled: state !== 'off',
    inUse: null,
    inbound: state === 'block-all' ? 'drop' : null,
    detail: words.filter(word => word !== null).join(', ') || null,
  }
}
