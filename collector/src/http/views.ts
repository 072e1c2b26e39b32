import { byBadness, type Finding, subjects } from '@fettle/catalog'
import type { Fleet, FleetHost } from '../fleet.ts'

const checks = new Map(
  subjects.flatMap(subject => subject.checks.map(check => [check.name, { check, domain: subject.domain, subject: subject.name }] as const)),
)

/** How a host is told in lists: who it is, whether it is there, and how bad it is. */
export function hostSummary(host: FleetHost, fleet: Fleet, now: number) {
  const findings = [...host.findings.values()]
  const worst = [...findings].sort(byBadness)[0]
  return {
    instance: host.meta.instance,
    hostId: host.meta.hostId,
    standing: host.meta.standing,
    role: host.role,
    labels: host.meta.labels,
    os: host.system ? { id: host.system.os.id, name: host.system.os.name, version: host.system.os.version } : null,
    up: fleet.up(host, now),
    connected: host.connectedSince !== null,
    lastSeenAt: host.lastSeenAt || null,
    agentVersion: host.agentVersion,
    status: worst?.status ?? 'unknown',
    counts: countsOf(findings),
    worst: findings
      .filter(finding => finding.status === 'critical' || finding.status === 'warning')
      .sort(byBadness)
      .slice(0, 5)
      .map(findingView),
  }
}
export type HostSummary = ReturnType<typeof hostSummary>

/** Everything about one host. */
export function hostDetail(host: FleetHost, fleet: Fleet, now: number) {
  return {
    ...hostSummary(host, fleet, now),
    enrolledAt: host.meta.enrolledAt,
    clockOffsetMs: host.clockOffsetMs,
    dropped: host.dropped,
    supportEnd: host.supportEnd,
    facts: [...host.held.values()]
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map(fact => ({ ...fact, reason: fact.reason ?? null, hint: fact.hint ?? null, data: fact.data ?? null })),
    findings: [...host.findings.values()].sort(byBadness).map(findingView),
  }
}

/** A finding with what a person needs to act on it. */
export function findingView(finding: Finding) {
  const known = checks.get(finding.check)
  return {
    check: finding.check,
    title: known?.check.title ?? finding.check,
    subject: known?.subject ?? null,
    domain: known?.domain ?? null,
    status: finding.status,
    since: finding.since,
    reason: finding.reason,
    hint: finding.hint ?? null,
    why: known?.check.why ?? null,
    remedy: known?.check.remedy ?? null,
    evidence: finding.evidence ?? null,
  }
}

export type FindingView = ReturnType<typeof findingView>

export function countsOf(findings: Iterable<Pick<Finding, 'status'>>) {
  const counts = { critical: 0, warning: 0, unknown: 0, ok: 0, 'not-applicable': 0 }
  for (const finding of findings) counts[finding.status]++
  return counts
}
