import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, type Inputs, needed, sole } from '../../probe.ts'
import { cut } from '../gather.ts'

type FirewallFact = FactTypes['firewall']

/** The packet filter; see pfctl(8) and pf.conf(5). macOS itself leaves it with nothing but anchors of Apple's. */
export default defineProbe({
  subject: 'firewall',
  source: 'pf',
  platforms: ['darwin'],
  every: '30m',
  timeout: '30s',
  privilege: 'root: /dev/pf belongs to it',
  blind: 'Rules in anchors, and what the rules let in.',
  inputs: {
    info: { from: 'pfctl -s info', recognise: text => /^Status: (Enabled|Disabled)/m.test(text) || /\/dev\/pf/.test(text) },
    rules: { from: 'pfctl -s rules', recognise: text => /^(scrub|anchor|scrub-anchor|block|pass)\b/m.test(text) },
  },
  parse: parsePf,

  async read(host: Host) {
    try {
      const info = await host.run(['pfctl', '-s', 'info'], { timeoutMs: 10_000 })
      const rules = await host.run(['pfctl', '-s', 'rules'], { timeoutMs: 10_000 })
      return parsePf({ info: [info], rules: [rules] })
    } catch (error) {
      if (error instanceof NotInstalled) throw new Absent('there is no pf')
      throw error
    }
  },
})

/** @throws Denied to others than root, Error where the state or the rules of an enabled pf cannot be told */
export function parsePf(inputs: Inputs): FirewallFact {
  const info = needed(inputs, 'info')
  const said = `${info.text}\n${info.stderr}`
  const status = /^Status: (Enabled|Disabled)\b/m.exec(said)?.[1]
  if (!status) {
    if (/permission denied|\/dev\/pf/i.test(said)) throw new Denied('pfctl answers root only', 'Run the agent as root.')
    throw new Error(`Cannot read the state of pf: ${cut(said, 150) || 'pfctl printed nothing'}`)
  }
  if (status === 'Disabled') return one(false, null, 'switched off')
  const rules = rulesOf(sole(inputs, 'rules'))
  if (!rules.some(rule => /^(block|pass)\b/.test(rule))) return one(false, null, 'enabled, but without rules of its own')
  const inbound = incoming(rules)
  return one(inbound !== 'accept', inbound, inbound === 'accept' ? 'enabled, but no rule blocks what comes in' : null)
}

function rulesOf(captured: Captured | undefined): string[] {
  if (!captured || (captured.code !== null && captured.code !== 0))
    throw new Error('Cannot tell what pf does without its rules (`pfctl -s rules`)')
  const rules = captured.text.split('\n').map(line => line.trim())
  return rules.filter(line => line !== '')
}

/** The last rule that matches a packet decides, unless one before it is `quick`. */
function incoming(rules: readonly string[]): 'drop' | 'reject' | 'accept' {
  const all = rules.flatMap(rule => {
    const [, action, way] = /^(block|pass)(?: (drop|return|return-rst|return-icmp))?(?: in)?(?: log)?( quick)? all\b/.exec(rule) ?? []
    return action ? [{ action, way, quick: / quick all/.test(rule) }] : []
  })
  const decides = all.find(rule => rule.quick) ?? all.at(-1)
  if (decides?.action !== 'block') return 'accept'
  return decides.way?.startsWith('return') ? 'reject' : 'drop'
}

function one(enabled: boolean, inbound: FirewallFact['profiles'][number]['inbound'], detail: string | null): FirewallFact {
  return { profiles: [{ name: 'pf', enabled, inUse: null, inbound, detail }] }
}
