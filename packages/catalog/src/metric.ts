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
  return { labels: [], ...declared, type, name: full, samples: host => distinct(declared.samples(host)), toString: () => full }
}

/** The first sample of each label set: two sources may tell of one thing, and a series that appears twice costs a whole scrape. */
function distinct(samples: Iterable<Sample>): Sample[] {
  const first = new Map<string, Sample>()
  for (const sample of samples) {
    const key = sample[0].join('\u0000')
    if (!first.has(key)) first.set(key, sample)
  }
  return [...first.values()]
}

/** `[]` for null, one unlabelled sample otherwise: the usual shape of a scalar metric. */
export function scalar(value: number | boolean | null | undefined, ...labels: string[]): Sample[] {
  return value === null || value === undefined ? [] : [[labels, Number(value)]]
}

/** Epoch milliseconds as Unix seconds; `null` gives nothing. */
export function timestamp(at: number | null | undefined, ...labels: string[]): Sample[] {
  return at === null || at === undefined ? [] : [[labels, at / 1000]]
}

/** The numbers of families that tell a state by one gauge; the mapping stands in their help. */
export const stateNumber = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const

/** `null` as a label value: an empty one, which Prometheus takes for none. */
export const word = (value: string | null | undefined): string => value ?? ''
