import type { Finding } from './finding.ts'
import type { FactTypes, SubjectName } from './subjects/facts.ts'

/** How looking at a source went. Only `ok` carries data; `absent`: this machine has no such thing; `denied`: needs a right we lack. */
export const outcomes = ['ok', 'absent', 'denied', 'failed', 'timeout'] as const
export type Outcome = (typeof outcomes)[number]

export const roles = ['server', 'desktop', 'laptop'] as const
export type Role = (typeof roles)[number]

/** The newest that is known from one source, as the collector (or `fettle-agent check`) holds it. */
export type HeldFact = {
  /** `subject/source` */
  readonly key: string
  readonly outcome: Outcome
  /** When the source was looked at, epoch ms, already corrected for the offset of the host's clock. */
  readonly at: number
  /** The probe's interval in ms: a fact is stale after three of them. */
  readonly everyMs: number
  readonly tookMs: number
  readonly reason?: string | undefined
  readonly hint?: string | undefined
  /** Present exactly where the outcome is `ok`; already validated by the subject's schema. */
  readonly data?: unknown
}

/**
 * The reason of an `absent` fact whose source the machine's administrator has switched off: nobody looked, so that there is none is not known. Agents
 * send this text, so it stays as it is.
 */
export const SWITCHED_OFF = "switched off in the agent's configuration"

/** Whether nobody looked, since the source is switched off on the machine. */
export const isSwitchedOff = ({ outcome, reason }: Pick<HeldFact, 'outcome' | 'reason'>): boolean =>
  outcome === 'absent' && (reason === SWITCHED_OFF || reason?.startsWith(`${SWITCHED_OFF}: `) === true)

/** A fresh and good fact of one source. */
export type SourceFact<T> = { readonly source: string; readonly at: number; readonly data: T }

/** Facts by subject: one entry a source; empty where no source gave a fact. */
export type FactsBySubject = { readonly [S in SubjectName]: readonly SourceFact<FactTypes[S]>[] }

export type Presence = {
  readonly up: boolean
  /** Collector's clock, epoch ms. */
  readonly lastSeenAt: number
  /** `null` while disconnected. */
  readonly connectedSince: number | null
  /** Agent clock minus collector clock at the last frame, ms; `null` where not measured. */
  readonly clockOffsetMs: number | null
  readonly agentVersion: string
  readonly protocol: string
  /** Entries that the agent's outbox dropped in its life. */
  readonly dropped: number
  /** How often the agent beats when nothing changes, as it was told, ms; `null` or missing where not known. */
  readonly beatMs?: number | null
  /** Since when, epoch ms, and why the collector shuts the host out because its key was seen on two machines; `null` or missing where it does not. */
  readonly quarantined?: { readonly since: number; readonly why: string } | null
}

/** All that is known of one host: what metrics are made from. */
export type HostView = {
  readonly hostId: string
  readonly instance: string
  readonly role: Role
  readonly labels: Readonly<Record<string, string>>
  /** Last known facts with outcome `ok`, stale or not: checks judge freshness, series keep the last truth with its timestamps. */
  readonly facts: FactsBySubject
  readonly held: ReadonlyMap<string, HeldFact>
  readonly findings: readonly Finding[]
  readonly presence: Presence
  /** End of vendor security support of the host's release, epoch ms; from the collector's table. */
  readonly supportEnd: number | null
  /** When any host of the fleet first saw an update, epoch ms; `null` where there is no fleet memory. See `updateKey`. */
  firstSeen(update: string): number | null
}
