import type { HostView } from './view.ts'

/** One line of the exposition, before the collector adds `instance`: the values of the metric's labels, in their order, and the number. */
export type Sample = readonly [labels: readonly string[], value: number]

export type Metric = {
  /** Full name, prefix included. */
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly help: string
  readonly labels: readonly string[]
  /** `core` is always exposed; `detail` only where the collector's configuration asks for it. */
  readonly tier: 'core' | 'detail'
  /** `volatile` series end when the agent is gone; `state` series stay until the host is removed. */
  readonly life: 'volatile' | 'state'
  /** The domain that `?domain=` filters by. */
  readonly domain: Domain
  /** What changes it: a subject's name, or one of the collector's own matters. The collector renders it anew only then. */
  readonly from: MetricOrigin
  /** Pure. `null`s of a fact give no sample; "never" gives 0 on a timestamp. */
  samples(host: HostView): Iterable<Sample>
  toString(): string
}

export type Domain = 'agent' | 'host' | 'hardware' | 'updates' | 'backups' | 'security'
export type MetricOrigin = keyof HostView['facts'] | 'presence' | 'findings' | 'probes'

type Declared = Omit<Metric, 'name' | 'type' | 'labels' | 'toString'> & { readonly labels?: readonly string[] }

/** A value that goes up and down. @param name without the prefix `fettle_` */
export function gauge(name: string, declared: Declared): Metric {
  return metric('gauge', name, declared)
}

/** A value that only grows, and starts anew with its device or host. @param name without the prefix, ending in `_total` */
export function counter(name: string, declared: Declared): Metric {
  return metric('counter', name, declared)
}

function metric(type: Metric['type'], name: string, declared: Declared): Metric {
  const full = `fettle_${name}`
  return { labels: [], ...declared, type, name: full, toString: () => full }
}

/** `[]` for null, one unlabelled sample otherwise: the usual shape of a scalar metric. */
export function scalar(value: number | boolean | null | undefined, ...labels: string[]): Sample[] {
  return value === null || value === undefined ? [] : [[labels, Number(value)]]
}

/** Epoch milliseconds as Unix seconds; `null` gives nothing. */
export function timestamp(at: number | null | undefined, ...labels: string[]): Sample[] {
  return at === null || at === undefined ? [] : [[labels, at / 1000]]
}
