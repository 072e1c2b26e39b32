import { setTimeout as delay } from 'node:timers/promises'

/** How often a collector is asked, ms. */
const EVERY_MS = 150
const PATIENCE_MS = 4_000

/** What a collector said of itself and of the fleet at one moment. */
export type Sample = {
  readonly at: number
  /** The answer of `/readyz`, 0 where there was none. */
  readonly ready: number
  readonly problems: string
  readonly storeUp: number | undefined
  /** How old the collector says that its picture is, ms. */
  readonly pictureAgeMs: number | undefined
  /** `fettle_agent_up` by instance. */
  readonly up: ReadonlyMap<string, number>
}

/** Asks a collector all the time what people and Prometheus would ask it. */
export class Witness {
  readonly samples: Sample[] = []
  readonly #url: string
  readonly #running: Promise<void>
  #stopped = false

  constructor(url: string) {
    this.#url = url
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  /** Since a moment of `performance.now()`. */
  since(at: number): Sample[] {
    return this.samples.filter(sample => sample.at >= at)
  }

  /** Samples that show a host as gone. */
  down(instance: string, since = 0): Sample[] {
    return this.since(since).filter(sample => sample.up.get(instance) === 0)
  }

  /** When, after a moment, it first said that it is ready, or that it is not; ms after it. */
  after(at: number, wanted: 'ready' | 'not ready'): number | undefined {
    const found = this.since(at).find(sample => sample.ready === (wanted === 'ready' ? 200 : 503))
    return found && found.at - at
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.samples.push(await this.#look())
      await delay(EVERY_MS)
    }
  }

  async #look(): Promise<Sample> {
    const [ready, own, hosts] = await Promise.all(['/readyz', '/metrics', '/metrics/hosts'].map(path => this.#get(path)))
    const at = performance.now()
    const snapshot = metricOf(own?.text ?? '', 'fettle_collector_snapshot_timestamp_seconds')
    const up = [...(hosts?.text ?? '').matchAll(/^fettle_agent_up\{instance="([^"]+)"\} (\d)$/gm)]
    return {
      at,
      ready: ready?.status ?? 0,
      problems: ready?.text ?? '',
      storeUp: metricOf(own?.text ?? '', 'fettle_collector_store_up'),
      pictureAgeMs: snapshot === undefined || !own ? undefined : own.at - snapshot * 1000,
      up: new Map(up.map(([, instance = '', value]) => [instance, Number(value)])),
    }
  }

  async #get(path: string): Promise<{ status: number; text: string; at: number } | undefined> {
    try {
      const answer = await fetch(`${this.#url}${path}`, { signal: AbortSignal.timeout(PATIENCE_MS) })
      return { status: answer.status, text: await answer.text(), at: Date.now() }
    } catch {
      return undefined
    }
  }
}

function metricOf(text: string, metric: string): number | undefined {
  const found = new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)
  return found ? Number(found[1]) : undefined
}
