import { scrape, seriesOf } from './scrape.ts'

/** How often everything is looked at, ms; a scraper looks every 15 s or more, and one false answer is one too many. */
const EVERY_MS = 1_000

/** What was seen over a time. */
export type Seen = {
  readonly scrapes: number
  readonly failed: number
  /** Times that a host which should be up was shown down, or was missing where it had been shown. */
  readonly falseDowns: number
  /** Findings that ever showed another status than at the beginning. */
  readonly flapped: number
  readonly examples: readonly string[]
}

/** Scrapes collectors all along and compares with what they showed at first. */
export class Witness {
  readonly #urls: () => readonly string[]
  readonly #ca: string | undefined
  readonly #findings: boolean
  #up = new Set<string>()
  #statuses = new Map<string, number>()
  readonly #flapped = new Set<string>()
  readonly #examples: string[] = []
  #scrapes = 0
  #failed = 0
  #falseDowns = 0
  #running: Promise<void> | undefined
  #stopped = false

  /** @param urls of the collectors that should answer now @param findings whether statuses of checks are compared too */
  constructor(urls: () => readonly string[], ca: string | undefined, findings: boolean) {
    this.#urls = urls
    this.#ca = ca
    this.#findings = findings
  }

  /** Takes what is shown now as true. */
  async begin(): Promise<number> {
    const [url] = this.#urls()
    const { text } = await scrape(`${url}/metrics/hosts?domain=agent`, this.#ca)
    this.#up = new Set([...seriesOf(text, 'fettle_agent_up')].filter(([, up]) => up === 1).map(([host]) => host))
    if (this.#findings) this.#statuses = await this.#statusesOf(url ?? '')
    this.#running = this.#run()
    return this.#up.size
  }

  async end(): Promise<Seen> {
    this.#stopped = true
    await this.#running
    return {
      scrapes: this.#scrapes,
      failed: this.#failed,
      falseDowns: this.#falseDowns,
      flapped: this.#flapped.size,
      examples: this.#examples,
    }
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const started = performance.now()
      await Promise.all(this.#urls().map(url => this.#look(url)))
      await new Promise(resolve => setTimeout(resolve, Math.max(50, EVERY_MS - (performance.now() - started))))
    }
  }

  async #look(url: string): Promise<void> {
    try {
      const { text } = await scrape(`${url}/metrics/hosts?domain=agent`, this.#ca)
      this.#scrapes++
      const now = seriesOf(text, 'fettle_agent_up')
      for (const host of this.#up) {
        if (now.get(host) === 1) continue
        this.#falseDowns++
        this.#tell(`${url} shows ${host} as ${now.get(host) ?? 'missing'}`)
      }
      if (this.#findings) this.#compare(url, await this.#statusesOf(url))
    } catch (error) {
      // One that stops or starts just now: Prometheus keeps what it has, and asks the others.
      this.#failed++
      if (this.#urls().includes(url)) this.#tell(`${url}: ${(error as Error).message}`)
    }
  }

  async #statusesOf(url: string): Promise<Map<string, number>> {
    return seriesOf((await scrape(`${url}/metrics/hosts?domain=host`, this.#ca)).text, 'fettle_check_status')
  }

  #compare(url: string, now: ReadonlyMap<string, number>): void {
    for (const [series, status] of this.#statuses) {
      if (now.get(series) === status || this.#flapped.has(series)) continue
      this.#flapped.add(series)
      this.#tell(`${url} shows ${series} as ${now.get(series) ?? 'missing'}, it was ${status}`)
    }
  }

  #tell(example: string): void {
    if (this.#examples.length < 10) this.#examples.push(example)
  }
}
