import type { Metric, MetricOrigin } from '@fettle/catalog'
import type { Fleet, FleetHost } from '../fleet.ts'
import { type Dropped, header, renderFamily, seriesLimits } from './series.ts'

/** Bytes that are written at once; between writes the event loop is free. */
const SLICE_BYTES = 256 * 1024
/** Longest time that rendering keeps the event loop, ms. */
const SLICE_MS = 10

/** What a scrape asks for. */
export type Selection = {
  readonly shard?: { readonly index: number; readonly of: number } | undefined
  readonly domains?: ReadonlySet<string> | undefined
  readonly instance?: string | undefined
}

/** The text of one host: a fragment a family, rendered again only where what it is made from has changed. */
type Cached = { readonly fragments: string[]; readonly revisions: Map<MetricOrigin, number>; up: boolean; series: number; instance: string }

/** A scrape under way: its slices, and how many series its hosts have (known once the last slice is there). */
export type Rendering = { series: number; readonly slices: AsyncGenerator<Buffer> }

/** Families of all hosts, family by family, streamed: fragments are rendered when a host changes, a scrape only puts them together. */
export class HostExposition {
  readonly #fleet: Fleet
  readonly #metrics: readonly Metric[]
  readonly #origins: ReadonlySet<MetricOrigin>
  readonly #dropped: Dropped
  readonly #cache = new Map<string, Cached>()

  constructor(fleet: Fleet, metrics: readonly Metric[], dropped: Dropped) {
    this.#fleet = fleet
    this.#metrics = metrics
    this.#origins = new Set(metrics.map(metric => metric.from))
    this.#dropped = dropped
  }

  forget(hostId: string): void {
    this.#cache.delete(hostId)
  }

  /** The exposition in slices; every family in one group, its header first. */
  render(selection: Selection, now: number): Rendering {
    const rendering: Rendering = { series: 0, slices: this.#slices(selection, now, series => (rendering.series += series)) }
    return rendering
  }

  async *#slices(selection: Selection, now: number, count: (series: number) => void): AsyncGenerator<Buffer> {
    const hosts: Cached[] = []
    const pace = new Pace()
    for (const host of this.#selected(selection)) {
      const cached = this.#fresh(host, now)
      hosts.push(cached)
      count(cached.series)
      if (pace.due()) await pace.yield()
    }
    let slice = ''
    for (const [i, metric] of this.#metrics.entries()) {
      if (selection.domains && !selection.domains.has(metric.domain)) continue
      let headed = false
      for (const cached of hosts) {
        const fragment = cached.fragments[i]
        if (!fragment) continue
        if (!headed) slice += header(metric)
        headed = true
        slice += fragment
        if (slice.length < SLICE_BYTES) continue
        yield Buffer.from(slice)
        slice = ''
        if (pace.due()) await pace.yield()
      }
    }
    if (slice) yield Buffer.from(slice)
  }

  *#selected(selection: Selection): Generator<FleetHost> {
    if (selection.instance !== undefined) {
      const host = this.#fleet.byInstance(selection.instance)
      if (host?.counts) yield host
      return
    }
    for (const host of this.#fleet.hosts()) {
      if (!host.counts) continue
      if (!selection.shard || shardOf(host.meta.hostId, selection.shard.of) === selection.shard.index) yield host
    }
  }

  #fresh(host: FleetHost, now: number): Cached {
    const up = this.#fleet.up(host, now)
    let cached = this.#cache.get(host.meta.hostId)
    if (!cached) {
      cached = { fragments: [], revisions: new Map(), up: !up, series: 0, instance: '' }
      this.#cache.set(host.meta.hostId, cached)
    }
    const turned = cached.up !== up || cached.instance !== host.meta.instance
    cached.up = up
    cached.instance = host.meta.instance
    const stale = new Set<MetricOrigin>()
    for (const origin of this.#origins) {
      const revision = host.revisions.get(origin) ?? 0
      // Presence changes with every frame and with time itself: a few lines, rendered for each scrape.
      if (turned || origin === 'presence' || cached.revisions.get(origin) !== revision) stale.add(origin)
      cached.revisions.set(origin, revision)
    }
    this.#renderStale(host, cached, stale, now)
    return cached
  }

  #renderStale(host: FleetHost, cached: Cached, stale: ReadonlySet<MetricOrigin>, now: number): void {
    const view = this.#fleet.view(host, now)
    const budget = { left: seriesLimits.perHost }
    for (const [i, metric] of this.#metrics.entries()) {
      if (stale.has(metric.from)) {
        const shown = cached.up || metric.life === 'state'
        cached.fragments[i] = shown ? renderFamily(metric, view, budget, this.#dropped) : ''
      } else budget.left -= lineCount(cached.fragments[i] ?? '')
    }
    cached.series = seriesLimits.perHost - budget.left
  }
}

/** Which shard a host is in: of its id alone, so that every collector agrees. @param of a power of two */
export function shardOf(hostId: string, of: number): number {
  return Number.parseInt(hostId.slice(-8), 16) % of
}

function lineCount(text: string): number {
  let count = 0
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) count++
  return count
}

/** Tells when to let others use the event loop. */
class Pace {
  #since = performance.now()

  due(): boolean {
    return performance.now() - this.#since > SLICE_MS
  }

  async yield(): Promise<void> {
    await new Promise<void>(resolve => setImmediate(resolve))
    this.#since = performance.now()
  }
}
