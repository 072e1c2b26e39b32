import type * as v from 'valibot'
import type { Check } from './check.ts'
import type { Domain, Metric } from './metric.ts'
import type { FactTypes, SubjectName } from './subjects/facts.ts'

/** What is reported on: one word that names folder, metrics, checks and tests. */
export type Subject<S extends SubjectName = SubjectName> = {
  readonly name: S
  readonly title: string
  readonly domain: Domain
  /** Every source's fact passes it; unknown keys are dropped, so a newer agent may add. */
  readonly fact: v.GenericSchema<unknown, FactTypes[S]>
  readonly metrics: readonly Metric[]
  readonly checks: readonly Check[]
}

/** A subject of the catalog; the name decides which fact the schema must give. */
export function defineSubject<S extends SubjectName>(subject: Subject<S>): Subject<S> {
  return subject
}
