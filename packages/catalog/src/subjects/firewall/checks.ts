import { type Check, defineCheck, type Limit, lasting } from '../../check.ts'
import { minutes } from '../../duration.ts'
import { type Answer, type Finding, ok, unknown, worst } from '../../finding.ts'
import type { SourceFact } from '../../view.ts'
import type { FirewallFact } from './facts.ts'

export const firewallOff = defineCheck({
  name: 'firewall-off',
  subject: 'firewall',
  title: 'The firewall does not filter what comes in',
  unit: 'milliseconds',
  thresholds: { default: { critical: minutes(15) }, server: { warning: minutes(15) } },
  sources: 'any',
  whenAbsent: 'evaluate',
  why: 'Whatever listens on the machine is open to everyone who reaches it: other guests of the hotel network, or a neighbour that was broken into.',
  remedy:
    'Switch the firewall on with a default of dropping, and allow what is needed. Servers behind a filter of their own: lift the limit.',
  blind: 'Filters in front of the machine (cloud security groups, routers) are not seen; nor is what the rules allow.',

  evaluate({ firewall }, limit, now, { previous }) {
    const off = (reason: string, evidence?: unknown) => offSince(reason, limit, now, previous, evidence)
    if (firewall.length === 0) return off('no firewall was found')
    const answers = firewall.map(fact => bySource(fact, off))
    const good = answers.find(ofSource => worst(ofSource).status === 'ok')
    return good ? { ...worst(good), carry: undefined } : worst(answers.flat())
  },
})

/** One source is good if every profile that applies now filters, and by default lets nothing in. */
function bySource({ source, data }: SourceFact<FirewallFact>, off: (reason: string, evidence?: unknown) => Answer): Answer[] {
  const applies = data.profiles.filter(profile => profile.inUse !== false)
  if (applies.length === 0) return [off(`${source} filters nothing`)]
  return applies.map(profile => {
    const name = `${source} ${profile.name}`
    if (profile.enabled === null) return unknown(`whether ${name} filters is not known${profile.detail ? `: ${profile.detail}` : ''}`)
    if (!profile.enabled) return off(`${name} is off`, profile)
    if (profile.inbound === 'accept') return off(`${name} lets in what no rule names`, profile)
    return ok(`${name} filters`)
  })
}

function offSince(reason: string, limit: Limit, now: number, previous: Finding | undefined, evidence: unknown): Answer {
  return lasting('off', limit, now, previous, { reason: value => `${reason} (since ${value})`, evidence })
}

export const firewallChecks: readonly Check[] = [firewallOff]
