import { metrics, type SupportTable } from '@fettle/catalog'
import type { Clock, Rate } from '@fettle/kit'
import type { AdmissionLimits } from './admission.ts'
import { Audit } from './audit.ts'
import type { Override } from './config.ts'
import type { Events } from './events.ts'
import { HostExposition } from './exposition/hosts.ts'
import { Fleet, type FleetHost } from './fleet.ts'
import { Follower } from './follower.ts'
import { Gate } from './gate.ts'
import { Healer } from './heal.ts'
import { Ingest } from './ingest.ts'
import { Judge, type SoftwareRules } from './judge.ts'
import { Members } from './members.ts'
import { Shares } from './share.ts'
import { ACTIVE, type Standing, type Store } from './store/store.ts'
import { type Fault, StoreWatch } from './store-watch.ts'

export type CoreDeps = {
  readonly store: Store
  readonly clock: Clock
  readonly events: Events
  readonly supportTable: SupportTable
  readonly overrides: readonly Override[]
  /** What must and must not be installed; left out: nothing. */
  readonly software?: SoftwareRules
  readonly server: string
  readonly beatMs: number
  readonly maxBytes: number
  readonly maxConnections: number
  /** Limits on strangers that differ from the usual ones. */
  readonly admission?: Partial<AdmissionLimits> | undefined
  /** Frames of one host, where they differ from the usual. */
  readonly hostFrames?: Rate | undefined
  /** Whether an address is one of the proxies that this collector trusts to end TLS for it. */
  isProxy(address: string): boolean
  /** PEM of the certificate authorities that agents are to trust from now on; empty where their systems know them. */
  authorities?(): readonly string[]
  readonly detail: boolean
  /** File in which to keep who belongs to the fleet; left out for a store that cannot be wiped under the collector. */
  readonly members?: { readonly path: string; readonly storeName: string } | undefined
}

/** The collector without its doors: everything between session and exposition, wired together. */
export class Core {
  readonly fleet: Fleet
  readonly ingest: Ingest
  readonly judge: Judge
  readonly gate: Gate
  readonly exposition: HostExposition
  readonly healer: Healer
  readonly audit: Audit
  readonly watch: StoreWatch
  readonly #deps: CoreDeps
  readonly #follower: Follower
  readonly #members: Members | undefined
  #epoch = ''
  #frozen: string | undefined

  constructor(deps: CoreDeps) {
    const { store, clock, events } = deps
    this.#deps = deps
    this.audit = new Audit({ store, clock, events })
    this.fleet = new Fleet(deps.beatMs, clock.now())
    this.watch = new StoreWatch({ store, clock, events })
    this.ingest = new Ingest({ store, clock, events, maxBytes: deps.maxBytes })
    const shares = new Shares({ clock, events, frames: deps.hostFrames })
    this.judge = new Judge({ ...deps, fleet: this.fleet, shares })
    const shown = metrics.filter(metric => deps.detail || metric.tier === 'core')
    this.exposition = new HostExposition(this.fleet, shown, (reason, series) => events.seriesDropped(reason, series))
    this.healer = new Healer({
      server: deps.server,
      fleet: this.fleet,
      store,
      events,
      gate: () => this.gate,
      judge: () => this.judge,
      setEpoch: epoch => this.#setEpoch(epoch),
      removed: host => this.#forget(host),
    })
    this.gate = new Gate({
      ...deps,
      fleet: this.fleet,
      ingest: this.ingest,
      shares,
      epoch: () => this.#epoch,
      changed: host => this.judge.touch(host),
      enrolled: async (instance, tokenId) => {
        await this.audit.own('host.enrol', instance, `by the token ${tokenId}`)
        await this.tokensChanged()
      },
      quarantine: async (hostId, why) => {
        await this.audit.own('host.quarantine', this.fleet.byId(hostId)?.meta.instance ?? hostId, why)
        await this.setStanding(hostId, { state: 'quarantined', since: clock.now(), why })
      },
      isProxy: address => deps.isProxy(address),
      kept: (hostId, hash) => store.keepLink(hostId, hash).catch(error => events.storeFailed('keepLink', error)),
      storeForgot: () => this.healer.start('the store does not know a host that is connected'),
    })
    this.#follower = new Follower({
      ...deps,
      fleet: this.fleet,
      isConnectedHere: hostId => this.gate.session(hostId) !== undefined,
      changed: host => this.#changedElsewhere(host),
      removed: host => this.#removed(host),
      lost: why => this.healer.start(why),
      membersChanged: () => this.#members?.changed(),
    })
    this.#members =
      deps.members &&
      new Members({ ...deps, ...deps.members, epoch: () => this.#epoch, hosts: () => this.fleet.metas(), tokens: () => this.healer.tokens })
  }

  /** Loads the fleet and follows it. @throws StoreUnavailable */
  async start(): Promise<void> {
    this.#epoch = await this.#deps.store.epoch()
    await this.#members?.heal(this.#deps.store)
    await this.tokensChanged()
    await this.#follower.start()
    this.#members?.start()
  }

  /** Tokens were made or revoked: the healer keeps a copy. */
  async tokensChanged(): Promise<void> {
    this.healer.remember(await this.#deps.store.tokens())
    this.#members?.changed()
  }

  /** Decommissions a host: data, key, connection and series end. */
  async remove(hostId: string, why: 'operator' | 'ttl'): Promise<boolean> {
    if (why === 'ttl') await this.audit.own('host.remove', this.fleet.byId(hostId)?.meta.instance ?? hostId, 'it came no more')
    const removed = await this.#deps.store.remove(hostId)
    const host = this.fleet.remove(hostId)
    if (host) {
      this.#removed(host)
      this.#deps.events.removed(hostId, host.meta.instance, why)
    }
    return removed || host !== undefined
  }

  /**
   * Approves, quarantines, revokes or releases a host. Its live connection ends where it may not talk any more, on whichever collector holds it.
   * @returns the host as it is now; undefined where there is none
   */
  async setStanding(hostId: string, standing: Standing): Promise<FleetHost | undefined> {
    const meta = await this.#deps.store.setStanding(hostId, standing)
    if (!meta) return undefined
    const host = this.fleet.enrol(meta)
    this.#deps.events.standing(hostId, meta.instance, standing)
    this.#changedElsewhere(host)
    this.#members?.changed()
    return host
  }

  /** Lets a host in again that was quarantined or revoked: whoever comes next with its key is believed. */
  async release(hostId: string): Promise<FleetHost | undefined> {
    await this.#deps.store.clearLink(hostId)
    return this.setStanding(hostId, { ...ACTIVE, since: this.#deps.clock.now() })
  }

  /** @returns `taken` where another host has the name */
  async rename(hostId: string, instance: string): Promise<'renamed' | 'taken' | 'gone'> {
    const done = await this.#deps.store.rename(hostId, instance)
    const stored = done === 'renamed' ? await this.#deps.store.host(hostId) : undefined
    if (stored) this.judge.touch(this.fleet.enrol(stored.meta))
    this.#members?.changed()
    return done
  }

  /** Welcomes every connected agent again, spread over a minute: what a welcome tells has changed. */
  welcomeAgain(): void {
    for (const session of this.gate.sessions()) this.#deps.clock.after(Math.random() * WELCOME_SPREAD_MS, () => session.welcome())
  }

  #changedElsewhere(host: FleetHost): void {
    const { state } = host.meta.standing
    if (state !== 'active') this.gate.session(host.meta.hostId)?.shutOut(state)
    this.judge.touch(host)
  }

  /** Asks the agent of a host to look again soon. @returns false where none is connected here */
  refresh(hostId: string, keys: string[]): boolean {
    const session = this.gate.session(hostId)
    session?.refresh(keys)
    return session !== undefined
  }

  /** Since when the picture of the fleet may be old, and why; undefined while it is what the store has. */
  get storeFault(): Fault | undefined {
    const faults = [this.ingest.fault, this.watch.fault].filter(fault => fault !== undefined)
    return faults.sort((a, b) => a.since - b.since)[0]
  }

  /** Why the collector cannot do its work; empty when it can. */
  async problems(): Promise<string[]> {
    const fault = this.ingest.fault
    const answers = await this.#deps.store.ping(2_000).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    )
    return [
      ...(this.#frozen ? [`${this.#frozen}: restart the collector with the new store`] : []),
      ...(fault ? [`reports wait for the store since ${new Date(fault.since).toISOString()}`] : []),
      ...(answers ? [`the store does not answer: ${answers}`] : []),
    ]
  }

  /** Sends every agent away and writes nothing any more, until the end of the process. What is known stays readable. */
  async freeze(why: string): Promise<void> {
    this.#frozen ??= why
    await this.stop()
  }

  /** Why nothing is written any more; undefined while all is as usual. */
  get frozen(): string | undefined {
    return this.#frozen
  }

  async stop(): Promise<void> {
    await this.gate.stop(GO_AWAY_SPREAD_MS)
    this.watch.stop()
    await this.ingest.stop()
    await this.#follower.stop()
    await this.judge.stop()
    await this.#members?.stop()
  }

  #setEpoch(epoch: string): void {
    this.#epoch = epoch
    this.#members?.changed()
  }

  #forget(host: FleetHost): void {
    this.fleet.remove(host.meta.hostId)
    this.#removed(host)
  }

  #removed(host: FleetHost): void {
    this.gate.session(host.meta.hostId)?.revoke()
    this.judge.forget(host.meta.hostId)
    this.exposition.forget(host.meta.hostId)
  }
}

/** Agents that are welcomed again are so within this, ms. */
const WELCOME_SPREAD_MS = 60_000
/** Agents that are sent away at a stop come back spread over this, ms. */
const GO_AWAY_SPREAD_MS = 5_000
