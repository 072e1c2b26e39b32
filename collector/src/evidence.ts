import type { Finding } from '@fettle/catalog'

/** Bounds of what a finding carries as evidence: it is stored with every change, and listed for many hosts at once. */
export const evidenceLimits = {
  /** Of its JSON, characters; beyond it lists and texts are cut short. */
  chars: 16 * 1024,
  /** Entries that stay of a list. */
  entries: 10,
  /** Characters that stay of a text. */
  text: 128,
} as const

/** The finding with evidence that is bounded, however much a host put into its facts. */
export function bounded(finding: Finding): Finding {
  if (finding.evidence === undefined || JSON.stringify(finding.evidence).length <= evidenceLimits.chars) return finding
  const { evidence, ...rest } = finding
  const short = shortened(evidence)
  return JSON.stringify(short).length <= evidenceLimits.chars ? { ...rest, evidence: short } : rest
}

function shortened(value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, evidenceLimits.text)
  if (Array.isArray(value)) return value.slice(0, evidenceLimits.entries).map(shortened)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, shortened(part)]))
}
