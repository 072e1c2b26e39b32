import { subjects } from '../subjects/index.ts'

/** Where the runbook is published; a deployment that hosts its own replaces it in the rendered files. */
export const RUNBOOK = 'https://github.com/fettle/fettle/blob/main/CHECKS.md'

/** Scrape jobs of the shipped configuration; rules name them. */
export const jobs = { collector: 'fettle-collector', hosts: 'fettle-hosts' } as const

/** One series that a rule test feeds in: Prometheus' notation of values, one a minute. */
type Input = { readonly series: string; readonly values: string }

/** What a test expects at a moment, by labels; annotations are worked out from the rule. */
type Expectation = { readonly at: string; readonly labels: readonly Readonly<Record<string, string>>[] }

/** An alerting rule with the unit test that shows it firing and keeping silent. */
export type AlertRule = {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  /** `summary` is a sentence of its own; `description` may name `{{ $labels.x }}`. */
  readonly annotations: { readonly summary: string; readonly description: string }
  /** Anchor in the runbook. */
  readonly anchor: string
  /** For people: what it means and what to do; `undefined` where a check's own page tells it. */
  readonly meaning?: string
  readonly test: { readonly inputs: readonly Input[]; readonly expects: readonly Expectation[] }
}

export type RecordingRule = {
  readonly record: string
  readonly expr: string
  readonly labels?: Readonly<Record<string, string>>
  readonly test: {
    readonly inputs: readonly Input[]
    readonly at: string
    readonly samples: readonly { readonly labels: string; readonly value: number }[]
  }
}

export type Group = { readonly name: string; readonly rules: readonly (AlertRule | RecordingRule)[] }

/** `updates-security-late` as `FettleUpdatesSecurityLate`. */
export function alertName(check: string): string {
  return `Fettle${check.replace(/(^|-)([a-z0-9])/g, (_, __, letter: string) => letter.toUpperCase())}`
}

/** All checks with their subject, in the order of the catalog. */
export const allChecks = subjects.flatMap(subject => subject.checks.map(check => ({ check, subject })))
