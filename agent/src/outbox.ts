import type { HeldFact } from '@fettle/catalog'
import type { Clock, Log } from '@fettle/kit'
import { type Frame, factHash } from '@fettle/protocol'
import type { StateDir } from './host/state.ts'
import { decodeLines, type Entry, encodeLine, type Line, type Marks } from './outbox-lines.ts'

/** Every limit of the outbox. */
export const outboxLimits = {
  /** Most superseded states that wait for an acknowledgement. */
  journalEntries: 1000,
  /** Most text of those, characters. */
  journalChars: 4 * 1024 * 1024,
  /** Largest fact, characters of JSON: it must pass in one frame even where it does not deflate. */
  factChars: 1000 * 1024,
  /** Sequence numbers that are set aside with one write, so that none is given out twice after a crash. */
  seqBlock: 1024,
  /** Changes within this time go to the disk in one write, ms. */
  groupMs: 200,
  /** After a failed write the next one is tried after this, ms. */
  retryMs: 60_000,
  /** A look is told once this share of its interval has passed since the one told before. */
  toldShare: 0.9,
  /** The file is rewritten once it is larger than this and thrice what it must hold, characters. */
  rewriteOverChars: 256 * 1024,
} as const

const FILE = 'outbox'

/** A report without the moment it is sent at. */
export type Waiting = Omit<Frame<'report'>, 'sentAt'>

type Newest = Entry & {
  /** When the source was last looked at, epoch ms. */
  freshAt: number
  /** The look that the collector has acknowledged on this connection, epoch ms; 0 where none. */
  knownAt: number
  readonly hint: unknown
}

type Needs = {
  readonly state: StateDir
  readonly clock: Clock
  readonly log: Log
  /** The key was made just now: nobody has ever seen a seq of this host. */
  readonly fresh: boolean
}

/**
 * What the collector has not yet, kept through crashes: the newest state of each key and a bounded journal of what was replaced before it was
 * acknowledged. Where the disk does not take it, it goes on in memory, says so in `fault`, and tries again.
 */
export class Outbox {
  readonly #needs: Needs
  readonly #newest = new Map<string, Newest>()
  /** Superseded and not acknowledged, by seq. */
  readonly #journal = new Map<number, Entry>()
  #journalChars = 0
  #next = 1
  #high = 0
  /** What the disk knows of `#high`: a seq above it is not shown to anyone. */
  #durableHigh = 0
  /** Entries up to this seq are on the disk. */
  #writtenUpTo = 0
  #acked = 0
  #dropped = 0
  #fault: string | null = null
  #unwritten: string[] = []
  #fileChars = 0
  #rewrite = false
  #writing: Promise<void> | undefined
  #cancelTimer: (() => void) | undefined
  #listener: () => void = () => {}

  private constructor(needs: Needs) {
    this.#needs = needs
  }

  /** Reads what was kept. Never throws: without a readable file it starts empty, with numbers that were never used. */
  static async open(needs: Needs): Promise<Outbox> {
    const outbox = new Outbox(needs)
    await outbox.#load()
    return outbox
  }

  /** Called whenever there may be something new to send. */
  onPending(listener: () => void): void {
    this.#listener = listener
  }

  /** Takes the newest look at a source. Resolves once a change is on the disk, or cannot be put there. */
  async observe(fact: HeldFact): Promise<void> {
    const entry = this.#entryOf(fact)
    const known = this.#newest.get(fact.key)
    if (known && known.hash === entry.hash && known.everyMs === entry.everyMs && known.hint === fact.hint) {
      known.freshAt = fact.at
      return
    }
    this.#place({ ...entry, seq: this.#takeSeq() })
    await this.#written()
  }

  /** The next report above a seq, in order; undefined where none waits. */
  after(seq: number): Waiting | undefined {
    let first: Entry | undefined
    for (const entry of this.#waitingEntries()) if (entry.seq > seq && (!first || entry.seq < first.seq)) first = entry
    // What is sent before it is on the disk would be unknown to this agent after a crash, and be taken back.
    return first && (first.seq <= this.#writtenUpTo || this.#fault !== null) ? this.#reportOf(first) : undefined
  }

  /** Whether anything above a seq waits, on the disk or not. */
  hasAfter(seq: number): boolean {
    for (const entry of this.#waitingEntries()) if (entry.seq > seq) return true
    return false
  }

  /** The collector holds everything up to this seq. */
  ack(seq: number): void {
    if (seq <= this.#acked) return
    const before = this.#acked
    this.#acked = Math.min(seq, this.#next - 1)
    for (const entry of this.#journal.values()) if (entry.seq <= this.#acked) this.#forget(entry)
    for (const entry of this.#newest.values()) if (entry.seq > before && entry.seq <= this.#acked) entry.knownAt = entry.at
  }

  /**
   * A connection begins: `acked` is the highest seq that the collector holds of this host, `want` the keys that it lacks.
   * Where it holds more than was ever given out, the memory of this host was lost: everything that waits gets numbers above.
   */
  welcome(acked: number, want: readonly string[]): void {
    if (acked >= this.#next) this.#renumber(acked)
    else this.ack(acked)
    for (const entry of this.#newest.values()) entry.knownAt = 0
    for (const key of want) {
      const entry = this.#newest.get(key)
      if (entry && entry.seq <= this.#acked) this.#place({ ...entry, at: entry.freshAt, seq: this.#takeSeq() })
    }
    if (this.#unwritten.length > 0) this.#schedule()
  }

  /** What is held, for the collector to compare. */
  digests(): Record<string, string> {
    return Object.fromEntries([...this.#newest.values()].map(entry => [entry.key, entry.hash]))
  }

  /** A beat with the looks that the collector does not know of; undefined while something else must be sent first. */
  beat(sent: number): Omit<Frame<'beat'>, 'at'> | undefined {
    if (this.hasAfter(sent)) return undefined
    const seq = this.#takeSeq()
    if (this.#unwritten.length > 0) this.#schedule()
    if (!this.#isGiven(seq)) return undefined
    // A look sooner than the fact's own interval needs no telling: the collector calls it stale only after three. One that seems to be before what
    // was told is told: the clock was set back.
    const untold = (entry: Newest) => {
      const since = entry.freshAt - (entry.seq > this.#acked ? entry.at : entry.knownAt)
      return since < 0 || since >= outboxLimits.toldShare * entry.everyMs
    }
    const fresh = [...this.#newest.values()].filter(untold).map(entry => [entry.key, entry.freshAt])
    return { type: 'beat', seq, fresh: Object.fromEntries(fresh), ...this.#droppedPart() }
  }

  /** The looks of an acknowledged beat need not be told again. */
  beatAcked(fresh: Readonly<Record<string, number>>): void {
    for (const [key, at] of Object.entries(fresh)) {
      const entry = this.#newest.get(key)
      if (entry) entry.knownAt = at
    }
  }

  /** Forgets keys that this agent does not look at any more. */
  keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.#newest.keys()) if (!keys.has(key)) this.#newest.delete(key)
    this.#rewrite = true
  }

  /** Highest seq ever given out. */
  get lastSeq(): number {
    return this.#next - 1
  }

  get waiting(): number {
    return [...this.#waitingEntries()].length
  }

  get dropped(): number {
    return this.#dropped
  }

  /** Why state cannot be kept on disk; null where it can. */
  get fault(): string | null {
    return this.#fault
  }

  /** Writes what is not on the disk yet, acknowledgements too. */
  async close(): Promise<void> {
    this.#unwritten.push(encodeLine({ marks: this.#marks() }))
    await this.flush()
    this.#cancelTimer?.()
  }

  /** Writes now. Never throws: a failure becomes `fault`. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    if (this.#unwritten.length === 0 && !this.#fault) return
    this.#writing = this.#write()
    await this.#writing
    this.#writing = undefined
    this.#listener()
  }

  #entryOf(fact: HeldFact): Entry {
    const { key, at, everyMs, tookMs, outcome, reason, hint, data } = fact
    const body = JSON.stringify({ tookMs, outcome, reason, hint, data })
    if (body.length <= outboxLimits.factChars) return { seq: 0, key, at, everyMs, hash: factHash(fact), body }
    const told = { outcome: 'failed', reason: `the fact is too large to send: ${body.length} characters` }
    return { seq: 0, key, at, everyMs, hash: factHash(told), body: JSON.stringify({ tookMs, ...told }) }
  }

  /** Makes an entry the newest of its key; what it replaces goes to the journal unless the collector has it. */
  #place(entry: Entry): void {
    const old = this.#newest.get(entry.key)
    if (old && old.seq > this.#acked) this.#supersede(old)
    this.#newest.set(entry.key, { ...plain(entry), freshAt: entry.at, knownAt: 0, hint: hintOf(entry.body) })
    this.#unwritten.push(encodeLine({ entry }))
  }

  #supersede(old: Newest): void {
    this.#journal.set(old.seq, plain(old))
    this.#journalChars += old.body.length
    while (this.#journal.size > outboxLimits.journalEntries || this.#journalChars > outboxLimits.journalChars) {
      const oldest = this.#journal.get(Math.min(...this.#journal.keys()))
      if (!oldest) return
      this.#forget(oldest)
      this.#dropped++
    }
  }

  #forget(entry: Entry): void {
    if (this.#journal.delete(entry.seq)) this.#journalChars -= entry.body.length
  }

  *#waitingEntries(): Generator<Entry> {
    yield* this.#journal.values()
    for (const entry of this.#newest.values()) if (entry.seq > this.#acked) yield entry
  }

  #reportOf(entry: Entry): Waiting {
    const { seq, key, at, everyMs, hash } = entry
    const superseded = this.#journal.has(seq) ? { superseded: true } : {}
    return { type: 'report', seq, key, at, everyMs, hash, ...JSON.parse(entry.body), ...superseded, ...this.#droppedPart() }
  }

  #droppedPart(): { dropped?: number } {
    return this.#dropped > 0 ? { dropped: this.#dropped } : {}
  }

  #takeSeq(): number {
    const seq = this.#next++
    if (seq > this.#high) {
      this.#high = seq + outboxLimits.seqBlock
      this.#unwritten.push(encodeLine({ marks: this.#marks() }))
    }
    return seq
  }

  #isGiven(seq: number): boolean {
    return seq <= this.#durableHigh || this.#fault !== null
  }

  #marks(): Marks {
    return { high: this.#high, acked: this.#acked, dropped: this.#dropped }
  }

  /** New numbers, in the old order, for everything that waits. */
  #renumber(above: number): void {
    const waiting = [...this.#waitingEntries()].sort((a, b) => a.seq - b.seq)
    const journaled = new Set(this.#journal.keys())
    this.#next = above + 1
    this.#acked = above
    this.#journal.clear()
    for (const entry of waiting) {
      const renumbered = { ...plain(entry), seq: this.#takeSeq() }
      const newest = this.#newest.get(entry.key)
      if (journaled.has(entry.seq)) this.#journal.set(renumbered.seq, renumbered)
      else if (newest) this.#newest.set(entry.key, { ...newest, seq: renumbered.seq })
    }
    this.#unwritten.push(encodeLine({ marks: this.#marks() }))
    this.#rewrite = true
  }

  #written(): Promise<void> {
    if (this.#fault) {
      this.#unwritten = []
      this.#listener()
      return Promise.resolve()
    }
    this.#schedule()
    this.#listener()
    return this.#grouped.promise
  }

  #grouped = Promise.withResolvers<void>()

  #schedule(delay: number = this.#fault ? outboxLimits.retryMs : outboxLimits.groupMs): void {
    if (this.#cancelTimer) return
    this.#cancelTimer = this.#needs.clock.after(delay, () => {
      this.#cancelTimer = undefined
      void this.flush()
    })
  }

  async #write(): Promise<void> {
    const grouped = this.#grouped
    this.#grouped = Promise.withResolvers<void>()
    const high = this.#high
    const upTo = this.#next - 1
    const whole = this.#rewrite || this.#fault !== null || this.#fileChars > this.#rewriteSize()
    const text = this.#framed(whole ? this.#wholeLines() : this.#unwritten)
    this.#unwritten = []
    this.#rewrite = false
    try {
      await (whole ? this.#needs.state.write(FILE, text) : this.#needs.state.append(FILE, text))
      this.#fileChars = whole ? text.length : this.#fileChars + text.length
      this.#durableHigh = high
      this.#writtenUpTo = upTo
      this.#clearFault()
    } catch (error) {
      this.#fail(error)
    }
    grouped.resolve()
  }

  #rewriteSize(): number {
    let live = this.#journalChars
    for (const entry of this.#newest.values()) live += entry.body.length
    return Math.max(outboxLimits.rewriteOverChars, 3 * live)
  }

  /** The marks stand before the lines, so that nothing acknowledged is replayed into the journal, and after them, where they count what was dropped. */
  #framed(lines: readonly string[]): string {
    const marks = encodeLine({ marks: this.#marks() })
    return [marks, ...lines, this.#dropped > 0 ? marks : ''].join('')
  }

  /** Replayed in order of seq these lines give the same outbox. */
  #wholeLines(): string[] {
    const entries = [...this.#journal.values(), ...this.#newest.values()].sort((a, b) => a.seq - b.seq)
    return entries.map(entry => encodeLine({ entry: plain(entry) }))
  }

  #clearFault(): void {
    if (this.#fault) this.#needs.log.info('the outbox is on the disk again')
    this.#fault = null
  }

  /** Numbers above what the disk knows were not shown to anyone: they start again at the clock, where none was ever given out before. */
  #fail(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    if (!this.#fault) {
      this.#needs.log.error({ reason }, 'cannot write the outbox: it goes on in memory')
      this.#leap()
    }
    this.#fault = reason.slice(0, 500)
    this.#schedule()
  }

  #leap(): void {
    const floor = Math.max(this.#next, this.#needs.clock.now())
    const unshown = [...this.#waitingEntries()].filter(entry => entry.seq > this.#durableHigh).sort((a, b) => a.seq - b.seq)
    this.#next = floor
    for (const entry of unshown) {
      const seq = this.#takeSeq()
      const newest = this.#newest.get(entry.key)
      if (this.#journal.delete(entry.seq)) this.#journal.set(seq, { ...entry, seq })
      else if (newest) this.#newest.set(entry.key, { ...newest, seq })
    }
    this.#unwritten = []
  }

  async #load(): Promise<void> {
    const { lines, damaged } = await this.#readLines()
    for (const line of lines) this.#replay(line)
    this.#unwritten = []
    const marked = lines.some(line => 'marks' in line)
    const lost = damaged || (!marked && !this.#needs.fresh)
    this.#next = Math.max(this.#high + 1, this.#next, lost ? this.#needs.clock.now() : 1)
    this.#durableHigh = this.#high
    this.#writtenUpTo = this.#next - 1
    if (damaged) {
      this.#needs.log.warn('the outbox was damaged: what could be read of it holds')
      this.#rewrite = true
    }
  }

  async #readLines(): Promise<{ readonly lines: readonly Line[]; readonly damaged: boolean }> {
    try {
      const bytes = await this.#needs.state.read(FILE)
      this.#fileChars = bytes?.length ?? 0
      return bytes ? decodeLines(bytes) : { lines: [], damaged: false }
    } catch (error) {
      this.#needs.log.error({ reason: (error as Error).message }, 'cannot read the outbox: it starts empty')
      return { lines: [], damaged: true }
    }
  }

  #replay(line: Line): void {
    if ('marks' in line) {
      this.#high = Math.max(this.#high, line.marks.high)
      this.#acked = Math.max(this.#acked, line.marks.acked)
      this.#dropped = line.marks.dropped
      this.#next = Math.max(this.#next, this.#acked + 1)
      for (const entry of this.#journal.values()) if (entry.seq <= this.#acked) this.#forget(entry)
      return
    }
    this.#next = Math.max(this.#next, line.entry.seq + 1)
    this.#high = Math.max(this.#high, line.entry.seq)
    this.#place(line.entry)
  }
}

/** Forgets everything that was kept for another identity: its numbers and what it had not told yet are not this machine's. */
export async function clearOutbox(state: StateDir): Promise<void> {
  await state.write(FILE, encodeLine({ marks: { high: 0, acked: 0, dropped: 0 } }))
}

function plain({ seq, key, at, everyMs, hash, body }: Entry): Entry {
  return { seq, key, at, everyMs, hash, body }
}

function hintOf(body: string): unknown {
  return (JSON.parse(body) as { hint?: unknown }).hint
}
