import { bad, type Check, defineCheck, sinceTiers, tiers, watchGrowth } from '../../check.ts'
import { age, days, minutes } from '../../duration.ts'
import { type Answer, notApplicable, ok, unknown, worstOr } from '../../finding.ts'
import type { FactsBySubject } from '../../view.ts'
import type { AgentFact } from './facts.ts'

const perAgent = ({ agent }: FactsBySubject, judge: (fact: AgentFact) => Answer): Answer =>
  worstOr(
    'the agent does not report on itself',
    agent.map(fact => judge(fact.data)),
  )

export const agentSeen = defineCheck({
  name: 'agent-seen',
  subject: 'agent',
  title: 'The machine was not heard of',
  unit: 'milliseconds',
  thresholds: { default: { warning: days(14), critical: days(30) }, server: { warning: minutes(5), critical: minutes(15) } },
  standsOn: 'presence',
  why: 'Of a machine that is silent nothing is known; a workstation that never comes back is behind by definition. By the clock of the collector.',
  remedy: 'See whether it is on, connected, and its agent runs (`systemctl status fettle-agent`); remove it if it is gone for good.',

  evaluate: (_, limit, now, { presence }) => {
    if (presence.lastSeenAt === 0) return unknown('it has enrolled and was not heard of since')
    return sinceTiers(presence.lastSeenAt, now, limit, {
      reason: value => `last heard of ${value} ago`,
      evidence: { lastSeenAt: presence.lastSeenAt, connectedSince: presence.connectedSince },
    })
  },
})

export const agentClock = defineCheck({
  name: 'agent-clock',
  subject: 'agent',
  title: 'The clock differs from the clock of the collector',
  unit: 'milliseconds',
  thresholds: { warning: minutes(2), critical: minutes(10) },
  standsOn: 'presence',
  why: 'Times that a machine reports are as good as its clock. The collector corrects for the offset; other systems do not.',
  remedy: 'Set the clock of the machine and switch its time service on; if all machines differ, set that of the collector.',

  evaluate(_, limit, now, { presence }) {
    const { clockOffsetMs, lastSeenAt } = presence
    if (clockOffsetMs === null) return notApplicable('no collector has measured the clock')
    const direction = clockOffsetMs > 0 ? 'ahead' : 'behind'
    return tiers(Math.abs(clockOffsetMs), limit, {
      say: value => (value < 2000 ? `${Math.round(value)} ms` : age(value)),
      reason: value => `the clock is ${value} ${direction}, as measured ${age(Math.max(0, now - lastSeenAt))} ago`,
      evidence: { clockOffsetMs },
    })
  },
})

export const agentIdentity = defineCheck({
  name: 'agent-identity',
  subject: 'agent',
  title: 'Two machines use one identity',
  unit: 'state',
  thresholds: { critical: 1 },
  standsOn: 'presence',
  why: 'A disk image or snapshot with an enrolled agent in it was started twice, or the key was stolen. Which machine is which cannot be told, so neither is believed.',
  remedy:
    'On the copy run `fettle-agent enroll --new-identity` with a new token. Then `fettle-collector host release NAME` lets the original in again. If there is no copy, ask who took the key: release it only after `--new-identity` on the machine itself.',
  blind: 'A copy that never connects, and one that connected first after a Redis was wiped.',

  evaluate(_, limit, __, { presence: { quarantined } }) {
    if (quarantined === undefined) return notApplicable('no collector has seen its connections')
    return quarantined ? bad(limit, quarantined.why, { since: quarantined.since }) : ok('one machine uses the key of this host')
  },
})

/** Resident memory over which the agent is not the light one that was promised, bytes. */
const HEAVY = 256e6

export const agentResources = defineCheck({
  name: 'agent-resources',
  subject: 'agent',
  title: 'The agent takes more than it should',
  unit: 'ratio',
  thresholds: { warning: 0.1 },
  hold: minutes(30),
  why: 'An agent that is heavy harms what it watches. The tier is a share of one core; 256 MB resident and processes that hang warn too.',
  remedy: 'See which probe takes long (`fettle-agent check`), and report it with `fettle-agent capture`.',

  evaluate: (facts, limit) =>
    perAgent(facts, agent => {
      const slowest = [...agent.probes].sort((a, b) => b.tookMs - a.tookMs).slice(0, 3)
      const evidence = { residentBytes: agent.residentBytes, cpuRatio: agent.cpuRatio, stuck: agent.stuck, slowest }
      if (agent.stuck > 0) return bad(limit, `${agent.stuck} processes of probes hang and cannot be ended`, evidence)
      if (agent.residentBytes >= HEAVY) return bad(limit, `the agent holds ${Math.round(agent.residentBytes / 1e6)} MB`, evidence)
      return tiers(agent.cpuRatio ?? 0, limit, {
        say: value => `${(value * 100).toFixed(1)} %`,
        reason: value => (agent.cpuRatio === null ? 'the agent has just started' : `the agent takes ${value} of a core`),
        evidence,
      })
    }),
})

export const agentOutbox = defineCheck({
  name: 'agent-outbox',
  subject: 'agent',
  title: 'The agent cannot keep what it has observed',
  unit: 'state',
  thresholds: { warning: 1 },
  why: 'What cannot be written is lost with the next restart; entries that were dropped are gaps in the history.',
  remedy: 'Make room on the disk, or give the agent its state directory back.',

  evaluate: (facts, limit, now, { previous }) =>
    perAgent(facts, ({ outbox }) => {
      const { grewAt, ...more } = watchGrowth('dropped', outbox.dropped, now, previous)
      if (outbox.fault !== null) return { ...bad(limit, `state cannot be kept on disk: ${outbox.fault}`, outbox), ...more }
      if (grewAt !== undefined)
        return { ...bad(limit, `${outbox.dropped} entries were dropped, the last ${age(now - grewAt)} ago`, outbox), ...more }
      return ok('what was observed is kept', more)
    }),
})

export const agentPrivileges = defineCheck({
  name: 'agent-privileges',
  subject: 'agent',
  title: 'The agent may not read everything',
  unit: 'state',
  thresholds: { warning: 1 },
  why: 'Without its rights the agent is blind to disks, firewall or backups; those checks are unknown.',
  remedy:
    'Run it as the package installs it, or grant the capabilities that its unit names; on macOS give it Full Disk Access (System Settings, Privacy & Security, or a PPPC profile).',

  evaluate: (facts, limit) =>
    perAgent(facts, ({ privileged, fullDiskAccess, probes }) => {
      const denied = probes.filter(probe => probe.outcome === 'denied').map(probe => probe.key)
      if (fullDiskAccess === false)
        return bad(limit, 'macOS keeps Time Machine and other guarded files from the agent: it lacks Full Disk Access', denied)
      if (privileged && denied.length === 0) return ok('the agent has the rights that it needs')
      const which = denied.length > 0 ? `: ${denied.slice(0, 5).join(', ')} denied` : ''
      return bad(limit, `the agent runs without all of its rights${which}`, denied)
    }),
})

export const agentConfig = defineCheck({
  name: 'agent-config',
  subject: 'agent',
  title: 'The configuration of the agent has mistakes',
  unit: 'state',
  thresholds: { warning: 1 },
  why: 'A mistake in the configuration often means that something is not watched.',
  remedy: 'Mend what is named; `fettle-agent config` shows what holds.',

  evaluate: (facts, limit) =>
    perAgent(facts, ({ warnings }) =>
      warnings[0] === undefined ? ok('the configuration is sound') : bad(limit, warnings[0], warnings.slice(0, 10)),
    ),
})

export const agentChecks: readonly Check[] = [
  agentSeen,
  agentIdentity,
  agentClock,
  agentResources,
  agentOutbox,
  agentPrivileges,
  agentConfig,
]
