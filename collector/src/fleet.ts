import {
  type FactsBySubject,
  type FactTypes,
  type Finding,
  factsBySubject,
  type HeldFact,
  type HostView,
  keyParts,
  type Presence,
  type Role,
  roles,
  subjectOf,
} from '@fettle/catalog'
import { PROTOCOL } from '@fettle/protocol'
import * as v from 'valibot'
import { shareLimits } from './share.ts'
import {
  type Change,
  FIRST_SEEN_KEPT,
  FRESH_AHEAD_MS,
  type HostMeta,
  SEEN_AHEAD_MS,
  type StoredFact,
  type StoredHost,
} from './store/store.ts'

/** A host as this collector holds it in memory: what the store has, plus what only a live connection knows. */
export class FleetHost {
  meta: HostMeta
  seq = 0
  lastSeenAt = 0
  agentVersion = ''
  clockOffsetMs: number | null = null
  dropped = 0
  /** When the agent said goodbye, collector's clock: gone at once, not only when its window has passed. Any later frame takes it back. */
  leftAt = 0
  /** Collector's clock; null while no agent of it is connected here. */
  connectedSince: number | null = null
  readonly held = new Map<string, HeldFact>()
  readonly hashes = new Map<string, string>()
  /** Characters of its large facts, by key. */
  readonly #large = new Map<string, number>()
  findings = new Map<string, Finding>()
  supportEnd: number | null = null
  /** Grows with every change: tells renderers that a cached fragment is old. */
  readonly revisions = new Map<string, number>()
  /** What changed since its findings were judged. */
  readonly unjudged = new Set<string>()
  #facts: FactsBySubject | undefined
  /** Asked for with every frame, and seldom another one; null where there is none. */
  #system: FactTypes['system'] | null | undefined

  constructor(meta: HostMeta) {
    this.meta = meta
  }

  get facts(): FactsBySubject {
    this.#facts ??= factsBySubject(this.held)
    return this.#facts
  }

  /** Whether it counts as one of the fleet: judged, shown in metrics. One that waits for approval was never there, one that was revoked is gone. */
  get counts(): boolean {
    const { state } = this.meta.standing
    return state === 'active' || state === 'quarantined'
  }

  get system(): FactTypes['system'] | undefined {
    if (this.#system === undefined) this.#system = this.facts.system[0]?.data ?? null
    return this.#system ?? undefined
  }

  /** From the fact, unless the agent's configuration or enrolment set it as a label. */
  get role(): Role {
    const set = this.meta.labels.role
    return roles.find(role => role === set) ?? this.system?.role ?? 'server'
  }

  /** Puts a fact in place. @param data its data where it has just passed the subject's schema; else the text is read back */
  put(stored: StoredFact, data?: unknown): void {
    this.held.set(stored.key, data === undefined ? heldFrom(stored) : { ...toldFrom(stored), data })
    this.hashes.set(stored.key, stored.hash)
    const chars = stored.data?.length ?? 0
    if (chars > shareLimits.largeFact) this.#large.set(stored.key, chars)
    else this.#large.delete(stored.key)
    this.changed(keyParts(stored.key).subject)
    this.changed('probes')
  }

  /** Puts a fact in place as the store has it. What is known already is left alone: nothing is read, judged or rendered again for it. */
  take(stored: StoredFact): void {
    const known = this.held.get(stored.key)
    const same = this.hashes.get(stored.key) === stored.hash && known?.everyMs === stored.everyMs && known.hint === stored.hint
    if (!same) return this.put(stored)
    const at = Math.max(stored.at, stored.freshAt)
    if (known.at === at) return
    this.held.set(stored.key, { ...known, at })
    this.changed(keyParts(stored.key).subject)
    this.changed('probes')
  }

  /** Characters of its large facts, were this one of them. */
  charsWith(key: string, chars: number): number {
    let sum = chars > shareLimits.largeFact ? chars : 0
    for (const [other, held] of this.#large) if (other !== key) sum += held
    return sum
  }

  /** The host looked again and nothing had changed. */
  renew(key: string, at: number, now: number): void {
    const fact = this.held.get(key)
    if (!fact || (fact.at >= at && fact.at <= now + FRESH_AHEAD_MS)) return
    this.held.set(key, { ...fact, at })
    this.changed(keyParts(key).subject)
    this.changed('probes')
  }

  changed(what: string): void {
    this.#facts = undefined
    if (what === 'system') this.#system = undefined
    this.unjudged.add(what)
    this.revisions.set(what, (this.revisions.get(what) ?? 0) + 1)
  }
}

/** A stored fact read back. Its data passed the schema when it came in, and passes it again: a store may be older than this catalog. */
export function heldFrom(stored: StoredFact): HeldFact {
  const told = toldFrom(stored)
  if (stored.outcome !== 'ok') return told
  const subject = subjectOf(keyParts(stored.key).subject)
  const result = subject && v.safeParse(subject.fact, JSON.parse(stored.data ?? 'null'))
  if (result?.success) return { ...told, data: result.output }
  return { ...told, outcome: 'failed', reason: 'kept by another version of the collector and not readable by this one', hint: undefined }
}

function toldFrom({ key, at, freshAt, everyMs, tookMs, outcome, reason, hint }: StoredFact): HeldFact {
  return { key, at: Math.max(at, freshAt), everyMs, tookMs, outcome, reason, hint }
}

/** What memory knows of a host that is connected elsewhere cannot be this much newer than what the store knows, ms. */
const LOADED_AHEAD_MS = 24 * 3_600_000

/** How long a host counts as present after its last frame, ms; three beats, and never under 90 s. */
export const presenceWindow = (beatMs: number): number => Math.max(3 * beatMs, 90_000)

/** The whole fleet in memory. Whoever changes it tells what changed; nothing here speaks to a store. */
export class Fleet {
  readonly #hosts = new Map<string, FleetHost>()
  readonly #byInstance = new Map<string, FleetHost>()
  readonly #firstSeen = new Map<string, number>()
  readonly #beatMs: number
  /** Presence is the last known until one window has passed since the start: a restart makes nobody look gone. */
  readonly #graceUntil: number

  constructor(beatMs: number, now: number) {
    this.#beatMs = beatMs
    this.#graceUntil = now + presenceWindow(beatMs)
  }

  get size(): number {
    return this.#hosts.size
  }

  hosts(): IterableIterator<FleetHost> {
    return this.#hosts.values()
  }

  byId(hostId: string): FleetHost | undefined {
    return this.#hosts.get(hostId)
  }

  byInstance(instance: string): FleetHost | undefined {
    return this.#byInstance.get(instance)
  }

  /** Takes a host as the store has it; what a live connection knows stays. */
  load(stored: StoredHost): FleetHost {
    const host = this.enrol(stored.meta)
    host.seq = stored.seq
    // Pongs are known here alone, but not for days: what is so far ahead of the store is from a clock that was wrong.
    const isAhead = stored.lastSeenAt > 0 && host.lastSeenAt - stored.lastSeenAt > LOADED_AHEAD_MS
    host.lastSeenAt = isAhead ? stored.lastSeenAt : Math.max(host.lastSeenAt, stored.lastSeenAt)
    host.agentVersion = stored.agentVersion || host.agentVersion
    host.clockOffsetMs = stored.clockOffsetMs
    host.dropped = stored.dropped
    for (const fact of stored.facts) host.take(fact)
    for (const finding of stored.findings) if (!host.findings.has(finding.check)) host.findings.set(finding.check, finding)
    return host
  }

  enrol(meta: HostMeta): FleetHost {
    const known = this.#hosts.get(meta.hostId)
    const host = known ?? new FleetHost(meta)
    if (known && known.meta.instance !== meta.instance) this.#byInstance.delete(known.meta.instance)
    const stood = host.counts
    host.meta = meta
    if (host.counts !== stood) host.changed('findings')
    host.changed('presence')
    this.#hosts.set(meta.hostId, host)
    this.#byInstance.set(meta.instance, host)
    return host
  }

  remove(hostId: string): FleetHost | undefined {
    const host = this.#hosts.get(hostId)
    if (!host) return undefined
    this.#hosts.delete(hostId)
    this.#byInstance.delete(host.meta.instance)
    return host
  }

  /** Mirrors a change that the store has applied. @param data of its fact, where it has just passed the subject's schema */
  apply(change: Change, data?: unknown): FleetHost | undefined {
    const host = this.#hosts.get(change.hostId)
    if (!host) return undefined
    host.seq = Math.max(host.seq, change.seq)
    host.clockOffsetMs = change.clockOffsetMs
    host.dropped = change.dropped
    this.seen(host, change.receivedAt)
    if (change.kind === 'beat') for (const [key, at] of Object.entries(change.fresh)) host.renew(key, at, change.receivedAt)
    else if (!change.superseded) host.put(change.fact, data)
    return host
  }

  /** Any accepted frame is a sign of life, on the collector's clock. */
  seen(host: FleetHost, at: number): void {
    const wasAhead = host.lastSeenAt > at + SEEN_AHEAD_MS
    host.lastSeenAt = wasAhead ? at : Math.max(host.lastSeenAt, at)
    if (wasAhead) host.leftAt = 0
  }

  up(host: FleetHost, now: number): boolean {
    // Enrolling is a sign of life: collectors that the agent is not connected to hear of it before its first report.
    const seenAt = host.lastSeenAt === 0 ? host.meta.enrolledAt : host.lastSeenAt
    if (seenAt <= host.leftAt) return false
    // By a clock that was set back: only a connection that stands says more.
    if (seenAt - now > SEEN_AHEAD_MS) return host.connectedSince !== null
    return now - seenAt < presenceWindow(this.#beatMs) || (now < this.#graceUntil && host.lastSeenAt > 0)
  }

  presence(host: FleetHost, now: number): Presence {
    return {
      up: this.up(host, now),
      lastSeenAt: host.lastSeenAt,
      connectedSince: host.connectedSince,
      clockOffsetMs: host.clockOffsetMs,
      agentVersion: host.agentVersion,
      protocol: String(PROTOCOL),
      dropped: host.dropped,
      beatMs: this.#beatMs,
      quarantined: host.meta.standing.state === 'quarantined' ? host.meta.standing : null,
    }
  }

  view(host: FleetHost, now: number): HostView {
    return {
      hostId: host.meta.hostId,
      instance: host.meta.instance,
      role: host.role,
      labels: host.meta.labels,
      facts: host.facts,
      held: host.held,
      findings: [...host.findings.values()],
      presence: this.presence(host, now),
      supportEnd: host.supportEnd,
      firstSeen: update => this.#firstSeen.get(update) ?? null,
    }
  }

  firstSeen(update: string): number | null {
    return this.#firstSeen.get(update) ?? null
  }

  /** What the store remembers of when updates were first seen. */
  learnFirstSeen(times: ReadonlyMap<string, number>): void {
    for (const [update, at] of times) this.#firstSeen.set(update, at)
    // What is forgotten here is asked of the store again when a host shows it.
    for (const update of this.#firstSeen.keys()) {
      if (this.#firstSeen.size <= FIRST_SEEN_KEPT) break
      this.#firstSeen.delete(update)
    }
  }

  metas(): HostMeta[] {
    return [...this.#hosts.values()].map(host => host.meta)
  }
}
