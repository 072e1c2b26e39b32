import {
  type Check,
  days,
  type Finding,
  judge,
  judgeAgain,
  type Limit,
  limitFor,
  type SoftwarePolicy,
  type SupportTable,
  supportEnd,
  updateKey,
} from '@fettle/catalog'
import type { Clock } from '@fettle/kit'
import { canonical } from '@fettle/protocol'
import type { Override, SelectedRule, Selector } from './config.ts'
import { Due } from './due.ts'
import type { Events } from './events.ts'
import { bounded } from './evidence.ts'
import type { Fleet, FleetHost } from './fleet.ts'
import type { Shares } from './share.ts'
import { FRESH_AHEAD_MS, type Store } from './store/store.ts'

/** Keys of updates asked of the store at once; a machine three years behind has about this many. */
const FIRST_SEEN_BATCH = 2_000
/**
 * How far back a host is believed that it saw an update, ms: as long as a weekend without a collector. Else a single host could make an update look old
 * on every other one.
 */
const FIRST_SEEN_BELIEVED = days(3)
/** Reports of one host that come together are judged once, this long after the first, ms; a tenth of what a fact may take to the alerts. */
const SETTLE_MS = 200
/** Every host is judged at least this often, ms: a bound on what a wrong `changesAt` could cost. */
const LATEST = days(1)

/** Rules about software, each with the hosts that it holds for. */
export type SoftwareRules = { readonly required: readonly SelectedRule[]; readonly forbidden: readonly SelectedRule[] }

const NOTHING_UNSEEN: Map<string, number> = new Map()

type Deps = {
  readonly fleet: Fleet
  readonly store: Store
  readonly clock: Clock
  readonly events: Events
  readonly shares: Shares
  readonly supportTable: SupportTable
  readonly overrides: readonly Override[]
  /** What must and must not be installed, and where; left out: nothing. */
  readonly software?: SoftwareRules | undefined
}

/** Keeps every host's findings true: judges when a fact changed and when time alone changes an answer; nothing polls. */
export class Judge {
  readonly #deps: Deps
  readonly #due: Due
  /** Hosts that are to be judged within moments: what comes meanwhile does not put that off. */
  readonly #settling = new Set<string>()
  readonly #saving = new Map<string, Promise<void>>()
  /** Hosts whose findings the store did not take: written with the next judgement, which the next beat brings. */
  readonly #unsaved = new Set<string>()
  /** What each host was judged by when all of it was judged last. */
  readonly #judged = new WeakMap<FleetHost, Pick<FleetHost, 'meta' | 'role' | 'supportEnd'> & { readonly at: number }>()
  #running = true

  constructor(deps: Deps) {
    this.#deps = deps
    this.#due = new Due(deps.clock, hostId => {
      const host = deps.fleet.byId(hostId)
      if (host && this.#running) this.#judge(host)
    })
  }

  /** Something about the host changed. */
  touch(host: FleetHost): void {
    const { hostId } = host.meta
    if (this.#settling.has(hostId)) return
    this.#settling.add(hostId)
    this.#due.set(hostId, this.#deps.clock.now() + SETTLE_MS)
  }

  /** Judges at once what would be judged within moments. */
  now(host: FleetHost): void {
    this.#judge(host)
  }

  forget(hostId: string): void {
    this.#settling.delete(hostId)
    this.#unsaved.delete(hostId)
    this.#due.delete(hostId)
  }

  async stop(): Promise<void> {
    this.#running = false
    this.#due.stop()
    await Promise.allSettled(this.#saving.values())
  }

  #judge(host: FleetHost): void {
    const { clock, events } = this.#deps
    this.#settling.delete(host.meta.hostId)
    if (!host.counts) {
      host.findings.clear()
      return
    }
    const unseen = host.unjudged.has('updates') ? this.#withinShare(host, this.#unseenUpdates(host)) : NOTHING_UNSEEN
    if (unseen.size > 0) {
      this.#learn(unseen).then(
        () => {
          // Since when an update waits is told by series of the fact.
          host.changed('updates')
          this.touch(host)
        },
        error => {
          events.storeFailed('firstSeen', error)
          host.unjudged.add('updates')
          this.#settling.delete(host.meta.hostId)
          this.#due.set(host.meta.hostId, clock.now() + 5_000)
        },
      )
    }
    const now = clock.now()
    const system = host.system
    const end = system ? supportEnd(system, this.#deps.supportTable) : null
    if (end !== host.supportEnd) host.changed('system')
    host.supportEnd = end
    const findings = this.#findings(host, now)
    // What is not remembered yet, or not within the share of the host, is looked for again.
    if (unseen.size > 0) host.unjudged.add('updates')
    const changed = findings.length !== host.findings.size || findings.some(finding => differs(host.findings.get(finding.check), finding))
    host.findings = new Map(findings.map(finding => [finding.check, finding]))
    if (changed) host.changed('findings')
    if (changed || this.#unsaved.has(host.meta.hostId)) this.save(host)
    const next = Math.min(...findings.map(finding => finding.changesAt ?? Number.POSITIVE_INFINITY), now + LATEST)
    this.#due.set(host.meta.hostId, Math.max(next, now + SETTLE_MS))
  }

  /** Judges what may have another answer; everything where more than facts and time changed. */
  #findings(host: FleetHost, now: number): Finding[] {
    const { meta, role, supportEnd, held, findings: previous } = host
    const context = {
      ...{ role, supportEnd, presence: this.#deps.fleet.presence(host, now), instance: meta.instance },
      firstSeen: (update: string) => this.#deps.fleet.firstSeen(update),
      software: this.#software(host),
    }
    const judged = { held, context, limitOf: (check: Check) => this.#limit(check, host), previous }
    const before = this.#judged.get(host)
    const whole = before?.meta !== meta || before.role !== role || before.supportEnd !== supportEnd || now - before.at >= LATEST
    const findings = whole ? judge(judged, now) : judgeAgain(judged, now, host.unjudged)
    if (whole) this.#judged.set(host, { meta, role, supportEnd, at: now })
    host.unjudged.clear()
    return findings.map(finding => (previous.get(finding.check) === finding ? finding : bounded(finding)))
  }

  #limit(check: Check, host: FleetHost): Limit {
    const limit: { warning?: number; critical?: number } = { ...limitFor(check.thresholds, host.role) }
    for (const override of this.#deps.overrides) {
      if (override.check !== check.name || !isMeant(override, host)) continue
      for (const tier of ['warning', 'critical'] as const) {
        const wanted = override[tier]
        if (wanted === 'off') delete limit[tier]
        else if (wanted !== undefined) limit[tier] = wanted
      }
    }
    return limit
  }

  /** The rules about software that hold for a host. */
  #software(host: FleetHost): SoftwarePolicy {
    const { required = [], forbidden = [] } = this.#deps.software ?? {}
    return { required: required.filter(rule => isMeant(rule, host)), forbidden: forbidden.filter(rule => isMeant(rule, host)) }
  }

  /** Pending updates without a date of their vendor that this collector has no first-seen time of. */
  #unseenUpdates(host: FleetHost): Map<string, number> {
    const unseen = new Map<string, number>()
    const now = this.#deps.clock.now()
    const earliest = Math.max(now - FIRST_SEEN_BELIEVED, host.meta.enrolledAt)
    for (const { source, at, data } of host.facts.updates) {
      for (const update of data.pending) {
        const key = updateKey(source, update)
        const first = this.#deps.fleet.firstSeen(key)
        // What was first seen by a clock that was ahead would never be late: the store keeps the earlier time.
        const isKnown = first !== null && first <= now + FRESH_AHEAD_MS
        if (update.published === null && !isKnown) unseen.set(key, Math.min(now, Math.max(at, earliest)))
        if (unseen.size >= FIRST_SEEN_BATCH) return unseen
      }
    }
    return unseen
  }

  /** What the fleet remembers is for all: one host may fill only so much of it. */
  #withinShare(host: FleetHost, unseen: Map<string, number>): Map<string, number> {
    if (unseen.size === 0) return unseen
    const granted = this.#deps.shares.of(host).newUpdates(unseen.size)
    return granted === unseen.size ? unseen : new Map([...unseen].slice(0, granted))
  }

  async #learn(unseen: ReadonlyMap<string, number>): Promise<void> {
    this.#deps.fleet.learnFirstSeen(await this.#deps.store.firstSeen(unseen))
  }

  /** Writes the findings of a host to the store. One write at a time per host; what changes meanwhile is written after it. */
  save(host: FleetHost): void {
    const { hostId } = host.meta
    const before = this.#saving.get(hostId) ?? Promise.resolve()
    const saving = before
      .then(() => this.#deps.store.putFindings(hostId, [...host.findings.values()]))
      .then(
        () => void this.#unsaved.delete(hostId),
        error => {
          this.#unsaved.add(hostId)
          this.#deps.events.storeFailed('putFindings', error)
        },
      )
      .finally(() => {
        if (this.#saving.get(hostId) === saving) this.#saving.delete(hostId)
      })
    this.#saving.set(hostId, saving)
  }
}

/** Whether a host has the role and all of the labels that something is meant for. */
function isMeant({ role, labels }: Selector, host: FleetHost): boolean {
  if (role !== undefined && role !== host.role) return false
  return Object.entries(labels).every(([name, value]) => Object.hasOwn(host.meta.labels, name) && host.meta.labels[name] === value)
}

function differs(before: Finding | undefined, after: Finding): boolean {
  if (before === after) return false
  if (before?.status !== after.status || before.since !== after.since || before.worseSince !== after.worseSince) return true
  return before.carry !== after.carry && canonical(before.carry) !== canonical(after.carry)
}
