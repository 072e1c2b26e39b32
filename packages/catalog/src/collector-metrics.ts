/** A metric of the collector itself. The collector registers it with its client library; rules and dashboards name it. */
export type CollectorMetric = {
  /** Full name, prefix included. */
  readonly name: string
  readonly type: 'gauge' | 'counter' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
  /** Upper bounds of a histogram's buckets, in the metric's unit. */
  readonly buckets?: readonly number[]
  toString(): string
}

type Told = { readonly help: string; readonly labels?: readonly string[]; readonly buckets?: readonly number[] }

function own(type: CollectorMetric['type'], name: string, told: Told): CollectorMetric {
  const full = `fettle_collector_${name}`
  return { labels: [], ...told, type, name: full, toString: () => full }
}

/** From what memory takes to what a slow disk or a far Redis takes, seconds. */
const latency = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

export const collectorBuildInfo = own('gauge', 'build_info', {
  help: 'Version of the collector, value is always 1.',
  labels: ['version', 'revision'],
})
export const collectorHosts = own('gauge', 'hosts', {
  help: 'Hosts by state: up, down, and those that do not count (pending, quarantined, revoked).',
  labels: ['state'],
})
export const collectorConnections = own('gauge', 'connections', { help: 'Agent connections that are open now.' })
export const collectorStrangers = own('gauge', 'strangers', {
  help: 'Sockets that are open now and belong to no agent that was let in: half-open ones, and those of readers.',
})
export const collectorStrangersCutTotal = own('counter', 'strangers_cut_total', {
  help: 'Sockets cut before they proved anything, by reason (address, total, rate, slow).',
  labels: ['reason'],
})
export const collectorShareExceededTotal = own('counter', 'share_exceeded_total', {
  help: 'How often a host was refused what is more than its share, by reason (frames, bytes, queue, facts, fact-size, connections, updates, unread).',
  labels: ['reason'],
})
export const collectorConnectionsAcceptedTotal = own('counter', 'connections_accepted_total', {
  help: 'Agent connections by the result of the handshake.',
  labels: ['result'],
})
export const collectorConnectionsClosedTotal = own('counter', 'connections_closed_total', {
  help: 'Agent connections that ended, by reason.',
  labels: ['reason'],
})
export const collectorFramesReceivedTotal = own('counter', 'frames_received_total', {
  help: 'Frames from agents by type.',
  labels: ['type'],
})
export const collectorReceivedBytesTotal = own('counter', 'received_bytes_total', {
  help: 'Bytes of frames from agents by type of frame, as they came over the wire.',
  labels: ['type'],
})
export const collectorFramesRejectedTotal = own('counter', 'frames_rejected_total', {
  help: 'Frames refused, by reason (schema, fact, order, rate, size, store).',
  labels: ['reason'],
})
export const collectorAuthFailuresTotal = own('counter', 'auth_failures_total', {
  help: 'Handshakes and requests that failed authentication, by reason.',
  labels: ['reason'],
})
export const collectorReportProcessingSeconds = own('histogram', 'report_processing_seconds', {
  help: 'Time from the arrival of a report until it is durable and acknowledged.',
  buckets: latency,
})
export const collectorIngestQueueReports = own('gauge', 'ingest_queue_reports', {
  help: 'Reports that wait in memory for the store.',
})
export const collectorStoreUp = own('gauge', 'store_up', { help: 'Whether the store answers.' })
export const collectorStoreWarnings = own('gauge', 'store_warnings', {
  help: 'What is not as it should be with the settings of the store, by level (error: what was acknowledged is thrown away; warn: a crash may lose some).',
  labels: ['level'],
})
export const collectorStoreCommandSeconds = own('histogram', 'store_command_seconds', {
  help: 'How long the store takes, by command.',
  labels: ['command'],
  buckets: latency,
})
export const collectorStoreErrorsTotal = own('counter', 'store_errors_total', {
  help: 'Failures of the store by command.',
  labels: ['command'],
})
export const collectorExpositionSeconds = own('histogram', 'exposition_seconds', {
  help: 'Time to render and send an exposition, by endpoint.',
  labels: ['endpoint'],
  buckets: latency,
})
export const collectorExpositionBytes = own('gauge', 'exposition_bytes', {
  help: 'Size of the last exposition before compression, by endpoint.',
  labels: ['endpoint'],
})
export const collectorExpositionSeries = own('gauge', 'exposition_series', {
  help: 'Series in the last exposition, by endpoint.',
  labels: ['endpoint'],
})
export const collectorSeriesDroppedTotal = own('counter', 'series_dropped_total', {
  help: 'Series left out of the exposition, by reason (host_limit, family_limit, invalid_label).',
  labels: ['reason'],
})
export const collectorSnapshotTimestampSeconds = own('gauge', 'snapshot_timestamp_seconds', {
  help: 'Unix time up to which the exposition reflects the store.',
})

export const collectorCertificateExpiryTimestampSeconds = own('gauge', 'certificate_expiry_timestamp_seconds', {
  help: 'Unix time at which a certificate ends that TLS is served with: the server’s own, and the authority where the collector knows it.',
  labels: ['certificate'],
})
export const collectorCertificateUsable = own('gauge', 'certificate_usable', {
  help: 'Whether the newest certificate is served; 0 where it cannot be used and the one before is served on.',
  labels: ['certificate'],
})

/** All of the collector's own, in the order in which they are documented. */
export const collectorMetrics: readonly CollectorMetric[] = [
  collectorBuildInfo,
  collectorHosts,
  collectorConnections,
  collectorStrangers,
  collectorStrangersCutTotal,
  collectorShareExceededTotal,
  collectorConnectionsAcceptedTotal,
  collectorConnectionsClosedTotal,
  collectorFramesReceivedTotal,
  collectorReceivedBytesTotal,
  collectorFramesRejectedTotal,
  collectorAuthFailuresTotal,
  collectorReportProcessingSeconds,
  collectorIngestQueueReports,
  collectorStoreUp,
  collectorStoreWarnings,
  collectorStoreCommandSeconds,
  collectorStoreErrorsTotal,
  collectorExpositionSeconds,
  collectorExpositionBytes,
  collectorExpositionSeries,
  collectorSeriesDroppedTotal,
  collectorSnapshotTimestampSeconds,
  collectorCertificateExpiryTimestampSeconds,
  collectorCertificateUsable,
]
