import * as v from 'valibot'
import { amount, count, list, maybe, quantity, text, time } from '../../shapes.ts'

/** Most entries that one source tells of. */
export const MOST_ENTRIES = 100
/** Most measurements of one source, over all its entries. */
export const MOST_VALUES = 500

/** A range of the Nagios Plugin Development Guidelines: bad is what lies outside, or with `inside` what lies in it. `null` is infinite. */
const range = v.object({ from: maybe(quantity), to: maybe(quantity), inside: v.boolean() })
export type CustomRange = v.InferOutput<typeof range>

const value = v.object({
  name: text(128),
  /** `k=v,k2=v2` of a Prometheus series; empty for all others. */
  labels: text(256),
  /** What the source says it is; null where it does not say. */
  kind: maybe(v.picklist(['counter', 'gauge', 'histogram', 'summary', 'untyped'])),
  /** As told, in `unit`; null where the source says that it does not know (`U`). */
  value: maybe(v.union([quantity, v.picklist(['NaN', '+Inf', '-Inf'])])),
  /** As told: `s`, `%`, `B`, `MB` …; null for a bare number. */
  unit: maybe(text(32)),
  warning: maybe(range),
  critical: maybe(range),
  minimum: maybe(quantity),
  maximum: maybe(quantity),
})
export type CustomValue = v.InferOutput<typeof value>

const entry = v.object({
  /** Unique in its source: the name of a drop-in, a plug-in's in the configuration, a text file's. */
  name: text(128),
  /** As the entry says; `unknown` also where it could not be asked, or gave no answer that can be read. */
  status: v.picklist(['ok', 'warning', 'critical', 'unknown']),
  /** What it says, one line; empty where it could not be asked. */
  text: text(),
  /** More lines of it; null where there are none. */
  details: maybe(text(2048)),
  /** Why it could not be asked or read; null where it spoke for itself. */
  reason: maybe(text()),
  hint: maybe(text()),
  /** Of when what it says is, where it tells; null: of the look. */
  at: maybe(time),
  /** How old that may be, ms; null where `at` is. */
  maxAgeMs: maybe(amount),
  values: list(value, MOST_VALUES),
  /** Measurements that are left out: beyond the limits, or not readable. */
  left: count,
})
export type CustomEntry = v.InferOutput<typeof entry>

/** What an administrator added on the machine: drop-ins, monitoring plug-ins, text files of metrics. */
export const customFact = v.object({
  entries: list(entry, MOST_ENTRIES),
  /** Entries beyond the limit: they were not looked at. */
  more: count,
})
export type CustomFact = v.InferOutput<typeof customFact>
