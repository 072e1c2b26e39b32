import * as catalog from '@fettle/catalog'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Core } from '../core.ts'

/** The collector's own metrics, registered from the catalog's list: name, labels and help stand there and nowhere else. */
export type CollectorMetrics = ReturnType<typeof createCollectorMetrics>

export function createCollectorMetrics(version: string) {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  // Gauges that call themselves totals, which promtool refuses; each is the sum of a family that stays.
  for (const kind of ['handles', 'requests', 'resources']) registry.removeSingleMetric(`nodejs_active_${kind}_total`)
  const shape = (metric: catalog.CollectorMetric) => ({ name: metric.name, help: metric.help, labelNames: [...metric.labels], registers })
  const gauge = (metric: catalog.CollectorMetric, collect?: (this: Gauge) => void) =>
    new Gauge({ ...shape(metric), ...(collect ? { collect } : {}) })
  const counter = (metric: catalog.CollectorMetric) => new Counter(shape(metric))
  const histogram = (metric: catalog.CollectorMetric) => new Histogram({ ...shape(metric), buckets: [...(metric.buckets ?? [])] })

  gauge(catalog.collectorBuildInfo).set({ version, revision: '' }, 1)
  return {
    registry,
    connectionsAccepted: counter(catalog.collectorConnectionsAcceptedTotal),
    connectionsClosed: counter(catalog.collectorConnectionsClosedTotal),
    frames: counter(catalog.collectorFramesReceivedTotal),
    receivedBytes: counter(catalog.collectorReceivedBytesTotal),
    framesRejected: counter(catalog.collectorFramesRejectedTotal),
    authFailures: counter(catalog.collectorAuthFailuresTotal),
    certificateExpiry: gauge(catalog.collectorCertificateExpiryTimestampSeconds),
    certificateUsable: gauge(catalog.collectorCertificateUsable),
    strangersCut: counter(catalog.collectorStrangersCutTotal),
    shareExceeded: counter(catalog.collectorShareExceededTotal),
    processing: histogram(catalog.collectorReportProcessingSeconds),
    queue: gauge(catalog.collectorIngestQueueReports),
    storeSeconds: histogram(catalog.collectorStoreCommandSeconds),
    storeErrors: counter(catalog.collectorStoreErrorsTotal),
    seriesDropped: counter(catalog.collectorSeriesDroppedTotal),
    expositionSeconds: histogram(catalog.collectorExpositionSeconds),
    expositionBytes: gauge(catalog.collectorExpositionBytes),
    expositionSeries: gauge(catalog.collectorExpositionSeries),
    /** Gauges that are read off the running collector at each scrape. */
    observe(core: Core, now: () => number): void {
      gauge(catalog.collectorConnections, function () {
        this.set(core.gate.connections)
      })
      gauge(catalog.collectorStrangers, function () {
        this.set(core.gate.strangers)
      })
      gauge(catalog.collectorSnapshotTimestampSeconds, function () {
        this.set((core.storeFault?.since ?? now()) / 1000)
      })
      gauge(catalog.collectorStoreUp, function () {
        this.set(core.storeFault ? 0 : 1)
      })
      gauge(catalog.collectorStoreWarnings, function () {
        for (const level of ['error', 'warn'] as const) this.set({ level }, core.watch.warnings.filter(one => one.level === level).length)
      })
      gauge(catalog.collectorHosts, function () {
        const hosts = [...core.fleet.hosts()]
        const counting = hosts.filter(host => host.counts)
        const up = counting.filter(host => core.fleet.up(host, now())).length
        this.set({ state: 'up' }, up)
        this.set({ state: 'down' }, counting.length - up)
        for (const state of ['pending', 'quarantined', 'revoked'] as const)
          this.set({ state }, hosts.filter(host => host.meta.standing.state === state).length)
      })
    },
  }
}
