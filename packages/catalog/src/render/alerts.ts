import {
  collectorCertificateExpiryTimestampSeconds,
  collectorCertificateUsable,
  collectorSeriesDroppedTotal,
  collectorSnapshotTimestampSeconds,
  collectorStoreUp,
  collectorStoreWarnings,
} from '../collector-metrics.ts'
import { statusNumber } from '../finding.ts'
import { agentUp, checkStatus, hostInfo } from '../metrics.ts'
import { type AlertRule, alertName, allChecks, type Group, jobs } from './rule.ts'

const host = { instance: 'host', job: jobs.hosts }
const labelled = (labels: Readonly<Record<string, string>>): string =>
  `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')}}`

/** Two alerts a check, one a severity: a finding that gets worse ends the one and starts the other. */
const checkAlerts: readonly AlertRule[] = allChecks.flatMap(({ check, subject }) =>
  (['warning', 'critical'] as const).map((severity): AlertRule => {
    const labels = { severity, domain: subject.domain, check: check.name }
    const series = `${checkStatus}${labelled({ ...host, check: check.name })}`
    const fires = [{ ...host, ...labels }]
    return {
      alert: alertName(check.name),
      expr: `${checkStatus}{check="${check.name}"} == ${statusNumber[severity]}`,
      for: '5m',
      labels,
      annotations: {
        summary: `${check.title}.`,
        description: `{{ $labels.instance }}: ${check.title} (${severity}). ${check.remedy} The collector tells the reason: /api/v1/hosts/{{ $labels.instance }}.`,
      },
      anchor: check.name,
      test: {
        // Ten minutes each of ok, warning, critical, unknown.
        inputs: [{ series, values: '0x9 1x9 2x9 3x9' }],
        expects: [
          { at: '9m', labels: [] },
          { at: '19m', labels: severity === 'warning' ? fires : [] },
          { at: '29m', labels: severity === 'critical' ? fires : [] },
          { at: '39m', labels: [] },
        ],
      },
    }
  }),
)

const servers = `${hostInfo}{role="server"}`
const hostSeries = (name: string, values: string, labels = {}) => ({ series: `${name}${labelled({ ...host, ...labels })}`, values })
const fiveHosts = (up: readonly number[]) =>
  up.flatMap((value, i) => [
    { series: `${agentUp}${labelled({ ...host, instance: `s${i}` })}`, values: `${value}x60` },
    { series: `${hostInfo}${labelled({ ...host, instance: `s${i}`, role: 'server' })}`, values: '1x60' },
  ])

const presenceAlerts: readonly AlertRule[] = [
  {
    alert: 'FettleAgentDown',
    expr: `${agentUp} == 0 and on (job, instance) ${servers}`,
    for: '10m',
    labels: { severity: 'critical', domain: 'agent' },
    annotations: {
      summary: 'A server is not heard of.',
      description: '{{ $labels.instance }}: no report and no heartbeat arrives; nothing is known of it.',
    },
    anchor: 'fettleagentdown',
    meaning:
      'A server neither reports nor beats. See whether it is on and its agent runs. Workstations come and go: for them only `agent-seen` alerts.',
    test: {
      inputs: [hostSeries(agentUp.name, '1x9 0x30'), hostSeries(hostInfo.name, '1x40', { role: 'server' })],
      expects: [
        { at: '15m', labels: [] },
        { at: '25m', labels: [{ ...host, severity: 'critical', domain: 'agent' }] },
      ],
    },
  },
  {
    alert: 'FettleAgentsDownMass',
    expr: [
      `count by (job) (${agentUp} == 0 and on (job, instance) ${servers}) >= 3`,
      `and count by (job) (${agentUp} == 0 and on (job, instance) ${servers})`,
      `  / count by (job) (${agentUp} and on (job, instance) ${servers}) > 0.2`,
    ].join('\n'),
    for: '5m',
    labels: { severity: 'critical', domain: 'agent' },
    annotations: {
      summary: 'Many servers are not heard of at once.',
      description: '{{ $value }} servers of {{ $labels.job }} are silent: more than a fifth. Look at the network before the servers.',
    },
    anchor: 'fettleagentsdownmass',
    meaning:
      'At least three servers, and more than a fifth of all, are silent at once: rather the network, the collector or a certificate than the machines. It inhibits FettleAgentDown.',
    test: {
      inputs: fiveHosts([0, 0, 0, 1, 1]),
      expects: [
        { at: '4m', labels: [] },
        { at: '10m', labels: [{ job: jobs.hosts, severity: 'critical', domain: 'agent' }] },
      ],
    },
  },
  {
    alert: 'FettleCheckUnknown',
    expr: `${checkStatus} == ${statusNumber.unknown} and on (job, instance) ${agentUp} == 1`,
    for: '24h',
    labels: { severity: 'warning', domain: 'agent' },
    annotations: {
      summary: 'A check has been blind for a day.',
      description:
        '{{ $labels.instance }}: whether {{ $labels.check }} is well is not known. The collector tells the reason and what to do: /api/v1/hosts/{{ $labels.instance }}.',
    },
    anchor: 'fettlecheckunknown',
    meaning:
      'The machine is there, but what a check needs could not be read for a day. Unknown is never taken for well. The finding says which source is blind and what it needs.',
    test: {
      inputs: [hostSeries(checkStatus.name, '3x2000', { check: 'disks-health' }), hostSeries(agentUp.name, '1x2000')],
      expects: [
        { at: '23h', labels: [] },
        { at: '25h', labels: [{ ...host, severity: 'warning', domain: 'agent', check: 'disks-health' }] },
      ],
    },
  },
]

const collector = { instance: 'c', job: jobs.collector }
const collectorSeries = (name: string, values: string, labels = {}) => ({
  series: `${name}${labelled({ ...collector, ...labels })}`,
  values,
})
const critical = { severity: 'critical', domain: 'collector' }

const collectorAlerts: readonly AlertRule[] = [
  {
    alert: 'FettleCollectorDown',
    expr: `up{job=~"${jobs.collector}|${jobs.hosts}"} == 0`,
    for: '5m',
    labels: critical,
    annotations: {
      summary: 'The collector does not answer.',
      description: 'Prometheus cannot scrape {{ $labels.instance }} ({{ $labels.job }}).',
    },
    anchor: 'fettlecollectordown',
    meaning:
      'Prometheus cannot scrape the collector or one of its shards. See whether it runs, and its log; agents keep what they observe meanwhile.',
    test: {
      inputs: [collectorSeries('up', '1x4 0x20')],
      expects: [
        { at: '8m', labels: [] },
        { at: '15m', labels: [{ ...collector, ...critical }] },
      ],
    },
  },
  {
    alert: 'FettleCollectorAbsent',
    expr: `absent(up{job="${jobs.collector}"})`,
    for: '10m',
    labels: critical,
    annotations: {
      summary: 'Prometheus knows of no collector.',
      description: 'No target of the job {{ $labels.job }} exists: every other alert of Fettle is silent.',
    },
    anchor: 'fettlecollectorabsent',
    meaning:
      'Prometheus has no target of the collector at all: its configuration or service discovery is broken. Every other alert is silent until that is mended.',
    test: {
      inputs: [collectorSeries('up', '_x15 1x30')],
      expects: [
        { at: '5m', labels: [] },
        { at: '14m', labels: [{ job: jobs.collector, ...critical }] },
        { at: '30m', labels: [] },
      ],
    },
  },
  {
    alert: 'FettleCollectorStoreUnavailable',
    expr: `${collectorStoreUp} == 0`,
    for: '2m',
    labels: critical,
    annotations: {
      summary: 'The store of the collector does not answer.',
      description:
        '{{ $labels.instance }} cannot reach its store: reports wait and are not acknowledged, what it shows is the last that it knew.',
    },
    anchor: 'fettlecollectorstoreunavailable',
    meaning: 'Redis or SQLite does not answer. Nothing is lost: agents keep what is not acknowledged. `/readyz` and the log say why.',
    test: {
      inputs: [collectorSeries(collectorStoreUp.name, '1x4 0x10')],
      expects: [
        { at: '5m', labels: [] },
        { at: '8m', labels: [{ ...collector, ...critical }] },
      ],
    },
  },
  {
    alert: 'FettleCollectorStoreUnsafe',
    expr: `${collectorStoreWarnings}{level="error"} > 0`,
    for: '15m',
    labels: { severity: 'warning', domain: 'collector' },
    annotations: {
      summary: 'The store throws away what was acknowledged.',
      description: '{{ $labels.instance }} found settings of its store by which acknowledged reports are lost; its log names them.',
    },
    anchor: 'fettlecollectorstoreunsafe',
    meaning:
      'Redis may evict keys, keeps nothing on its disk, cannot write its append-only file, or is a replica. The log of the collector says which, and what to set.',
    test: {
      inputs: [collectorSeries(collectorStoreWarnings.name, '0x10 1x30', { level: 'error' })],
      expects: [
        { at: '20m', labels: [] },
        { at: '30m', labels: [{ ...collector, severity: 'warning', domain: 'collector', level: 'error' }] },
      ],
    },
  },
  {
    alert: 'FettleCollectorSnapshotStale',
    expr: `time() - ${collectorSnapshotTimestampSeconds} > 300`,
    for: '5m',
    labels: critical,
    annotations: {
      summary: 'What the collector exposes is old.',
      description: 'The exposition of {{ $labels.instance }} reflects the store as it was more than five minutes ago.',
    },
    anchor: 'fettlecollectorsnapshotstale',
    meaning: 'The exposition has not followed the store for five minutes: the collector is overloaded, or does not read the change feed.',
    test: {
      inputs: [collectorSeries(collectorSnapshotTimestampSeconds.name, '0x20')],
      expects: [
        { at: '4m', labels: [] },
        { at: '15m', labels: [{ ...collector, ...critical }] },
      ],
    },
  },
  {
    alert: 'FettleCollectorSeriesDropped',
    expr: `increase(${collectorSeriesDroppedTotal}[15m]) > 0`,
    for: '15m',
    labels: { severity: 'warning', domain: 'collector' },
    annotations: { summary: 'Series of hosts are left out.', description: '{{ $labels.instance }} drops series: {{ $labels.reason }}.' },
    anchor: 'fettlecollectorseriesdropped',
    meaning:
      'A host has more series, or a stranger label, than the limits of the exposition allow. What is left out is not seen by dashboards; the checks judge all of it.',
    test: {
      inputs: [collectorSeries(collectorSeriesDroppedTotal.name, '0+1x60', { reason: 'host_limit' })],
      expects: [
        { at: '10m', labels: [] },
        { at: '40m', labels: [{ ...collector, severity: 'warning', domain: 'collector', reason: 'host_limit' }] },
      ],
    },
  },
  {
    alert: 'FettleCollectorCertificateExpires',
    expr: `${collectorCertificateExpiryTimestampSeconds} - time() < 14 * 86400`,
    for: '1h',
    labels: critical,
    annotations: {
      summary: 'A certificate of the collector ends soon.',
      description:
        'The certificate ({{ $labels.certificate }}) of {{ $labels.instance }} ends within two weeks: from then on no agent connects. Renew it; the collector takes the new files without a restart.',
    },
    anchor: 'fettlecollectorcertificateexpires',
    meaning:
      'The certificate that TLS is served with ends within two weeks. Agents refuse it from then on, and keep what they observe. Renew `tls.cert` and `tls.key`; with `tls.own` the collector should have done so a month before: its log tells why it did not.',
    test: {
      inputs: [collectorSeries(collectorCertificateExpiryTimestampSeconds.name, `${15 * 86_400}x3000`, { certificate: 'server' })],
      expects: [
        { at: '20h', labels: [] },
        { at: '26h', labels: [{ ...collector, ...critical, certificate: 'server' }] },
      ],
    },
  },
  {
    alert: 'FettleCollectorCertificateUnusable',
    expr: `${collectorCertificateUsable} == 0`,
    for: '5m',
    labels: { severity: 'warning', domain: 'collector' },
    annotations: {
      summary: 'The new certificate of the collector cannot be used.',
      description:
        '{{ $labels.instance }} serves the certificate from before: the new one does not fit, or cannot be read. Its log tells why.',
    },
    anchor: 'fettlecollectorcertificateunusable',
    meaning:
      'The files of `tls.cert` and `tls.key` (or `tls.ca`) have changed and do not fit together, or cannot be read. The certificate from before is served until it ends. The log of the collector says what is wrong.',
    test: {
      inputs: [collectorSeries(collectorCertificateUsable.name, '1x4 0x20', { certificate: 'server' })],
      expects: [
        { at: '8m', labels: [] },
        { at: '15m', labels: [{ ...collector, severity: 'warning', domain: 'collector', certificate: 'server' }] },
      ],
    },
  },
  {
    alert: 'FettleWatchdog',
    expr: 'vector(1)',
    labels: { severity: 'none', domain: 'collector' },
    annotations: {
      summary: 'Alerting works.',
      description: 'This alert always fires: route it to a dead man’s switch that tells when it stops.',
    },
    anchor: 'fettlewatchdog',
    meaning: 'Always fires, on purpose. Route it to something that tells when it stops: then Prometheus or Alertmanager is dead.',
    test: { inputs: [], expects: [{ at: '1m', labels: [{ severity: 'none', domain: 'collector' }] }] },
  },
]

/** The alerting rules: each check twice, presence, and the collector itself. */
export const alertGroups: readonly Group[] = [
  { name: 'fettle-checks', rules: checkAlerts },
  { name: 'fettle-presence', rules: presenceAlerts },
  { name: 'fettle-collector', rules: collectorAlerts },
]

/** Those that are no check's, for the runbook. */
export const ownAlerts: readonly AlertRule[] = [...presenceAlerts, ...collectorAlerts]
