import type { Log } from '@fettle/kit'
import type { CollectorMetrics } from './exposition/self.ts'
import type { Standing } from './store/store.ts'

/** Everything that happens to a collector, each as one function that writes log line and counter together. */
export type Events = ReturnType<typeof createEvents>

export function createEvents(log: Log, metrics: CollectorMetrics) {
  return {
    connected(hostId: string, instance: string): void {
      metrics.connectionsAccepted.inc({ result: 'accepted' })
      log.debug({ hostId, instance }, 'agent connected')
    },
    refused(reason: 'signature' | 'token' | 'unknown-host' | 'malformed' | 'timeout' | 'busy' | 'channel'): void {
      metrics.connectionsAccepted.inc({ result: reason === 'busy' ? 'busy' : 'refused' })
      metrics.authFailures.inc({ reason })
      log.info({ reason }, 'connection refused')
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
    removed(hostId: string, instance: string, why: 'operator' | 'ttl'): void {
      log.info({ hostId, instance, why }, 'host removed')
    },
    frame(type: string, bytes: number): void {
      metrics.frames.inc({ type })
      metrics.receivedBytes.inc({ type }, bytes)
    },
    frameRejected(hostId: string, reason: 'schema' | 'size' | 'fact' | 'order' | 'store', detail: string): void {
      metrics.framesRejected.inc({ reason })
      log.warn({ hostId, reason, detail }, 'frame rejected')
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
      metrics.storeUp.set(0)
      log.error({ err: error }, 'store unavailable; reports wait')
    },
    storeFailed(command: string, error: unknown): void {
      metrics.storeErrors.inc({ command })
      log.debug({ command, err: error }, 'store command failed')
    },
    storeBack(): void {
      metrics.storeUp.set(1)
      log.info('store available again')
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
    failed(what: string, error: unknown): void {
      log.error({ err: error }, what)
    },
  }
}
