import type { Log } from '@fettle/kit'
import type { CollectorMetrics } from './exposition/self.ts'
import { Seldom } from './seldom.ts'
import type { Excess } from './share.ts'
import type { AuditEntry, Standing, StoreWarning } from './store/store.ts'
import type { Served } from './tls/served.ts'

/** Everything that happens to a collector, each as one function that writes log line and counter together. */
export type Events = ReturnType<typeof createEvents>

export function createEvents(log: Log, metrics: CollectorMetrics) {
  const told = new Seldom()
  /** What comes often is told a few times a minute, with how often it was not told before. */
  const seldom = (what: string, tell: (untold: number | undefined) => void) => {
    const untold = told.say(what)
    if (untold !== undefined) tell(untold || undefined)
  }
  return {
    connected(hostId: string, instance: string): void {
      metrics.connectionsAccepted.inc({ result: 'accepted' })
      log.debug({ hostId, instance }, 'agent connected')
    },
    refused(reason: 'signature' | 'token' | 'unknown-host' | 'malformed' | 'timeout' | 'busy' | 'pace' | 'channel'): void {
      const isFull = reason === 'busy' || reason === 'pace'
      metrics.connectionsAccepted.inc({ result: isFull ? 'busy' : 'refused' })
      if (!isFull) metrics.authFailures.inc({ reason })
      seldom(`refused ${reason}`, untold => log.info({ reason, untold }, 'connection refused'))
    },
    closed(hostId: string, reason: 'left' | 'lost' | 'silent' | 'superseded' | 'protocol' | 'stopping' | 'revoked' | 'store'): void {
      metrics.connectionsClosed.inc({ reason })
      log.debug({ hostId, reason }, 'agent disconnected')
    },
    enrolled(hostId: string, instance: string, tokenId: string): void {
      log.info({ hostId, instance, tokenId }, 'host enrolled')
    },
    standing(hostId: string, instance: string, { state, why }: Standing): void {
      const level = state === 'quarantined' ? 'error' : 'info'
      log[level]({ hostId, instance, state, why }, 'standing of a host changed')
    },
    audited(entry: Omit<AuditEntry, 'id'>): void {
      log.info({ ...entry, at: new Date(entry.at).toISOString() }, 'act')
    },
    unauthorized(reason: 'api-token' | 'session' | 'rate'): void {
      metrics.authFailures.inc({ reason })
      log.debug({ reason }, 'request refused')
    },
    /** @param why what a provider or this collector said of it, never what it was shown */
    signInFailed(why: string): void {
      metrics.authFailures.inc({ reason: 'sign-in' })
      log.warn({ why }, 'sign-in failed')
    },
    removed(hostId: string, instance: string, why: 'operator' | 'ttl'): void {
      log.info({ hostId, instance, why }, 'host removed')
    },
    frame(type: string, bytes: number): void {
      metrics.frames.inc({ type })
      metrics.receivedBytes.inc({ type }, bytes)
    },
    /** A socket of somebody who has not proved anything was cut, or another gave way to it. */
    cut(reason: 'address' | 'total' | 'rate' | 'slow'): void {
      metrics.strangersCut.inc({ reason })
      seldom(`cut ${reason}`, untold => log.warn({ reason, untold }, 'connections of strangers are cut'))
    },
    /** A host wanted more than its share. */
    overShare(hostId: string, reason: Excess): void {
      metrics.shareExceeded.inc({ reason })
      seldom(`share ${reason} ${hostId}`, untold => log.warn({ hostId, reason, untold }, 'a host wants more than its share'))
    },
    frameRejected(hostId: string, reason: 'schema' | 'size' | 'fact' | 'order' | 'store' | 'rate', detail: string): void {
      metrics.framesRejected.inc({ reason })
      seldom(`rejected ${hostId}`, untold => log.warn({ hostId, reason, detail, untold }, 'frame rejected'))
    },
    processed(seconds: number): void {
      metrics.processing.observe(seconds)
    },
    queue(changes: number): void {
      metrics.queue.set(changes)
    },
    storeCommand(command: string, seconds: number): void {
      metrics.storeSeconds.observe({ command }, seconds)
    },
    storeDown(error: unknown): void {
      log.error({ err: error }, 'store unavailable; reports wait')
    },
    storeFailed(command: string, error: unknown): void {
      metrics.storeErrors.inc({ command })
      log.debug({ command, err: error }, 'store command failed')
    },
    storeBack(): void {
      log.info('store available again')
    },
    storeWarning({ level, text }: StoreWarning): void {
      log[level](text)
    },
    storeLost(why: string): void {
      log.warn({ why }, 'store lost data or entries; asking every agent for what differs')
    },
    healed(hosts: number, asked: number): void {
      log.info({ hosts, asked }, 'store is whole again as far as agents are connected')
    },
    shed(reason: string): void {
      metrics.framesRejected.inc({ reason: 'rate' })
      log.debug({ reason }, 'report refused for now')
    },
    seriesDropped(reason: 'host_limit' | 'family_limit', dropped: number): void {
      metrics.seriesDropped.inc({ reason }, dropped)
    },
    exposed(endpoint: string, seconds: number, bytes: number, series: number): void {
      metrics.expositionSeconds.observe({ endpoint }, seconds)
      metrics.expositionBytes.set({ endpoint }, bytes)
      metrics.expositionSeries.set({ endpoint }, series)
    },
    certificate({ expiresAt, authorityExpiresAt }: Pick<Served, 'expiresAt' | 'authorityExpiresAt'>): void {
      metrics.certificateUsable.set({ certificate: 'server' }, 1)
      metrics.certificateExpiry.set({ certificate: 'server' }, expiresAt / 1000)
      if (authorityExpiresAt !== null) metrics.certificateExpiry.set({ certificate: 'authority' }, authorityExpiresAt / 1000)
      log.info({ expiresAt: new Date(expiresAt).toISOString() }, 'serves TLS with this certificate from now on')
    },
    certificateFailed(error: unknown, { expiresAt }: Pick<Served, 'expiresAt'>): void {
      metrics.certificateUsable.set({ certificate: 'server' }, 0)
      log.error(
        { err: error, servedUntil: new Date(expiresAt).toISOString() },
        'cannot use the new certificate; the one before is served on',
      )
    },
    authority(what: 'made' | 'restored' | 'replaced', name: string, expiresAt: number): void {
      const level = what === 'replaced' ? 'error' : 'info'
      log[level]({ what, name, expiresAt: new Date(expiresAt).toISOString() }, 'certificate authority of the collector')
    },
    failed(what: string, error: unknown): void {
      log.error({ err: error }, what)
    },
  }
}
