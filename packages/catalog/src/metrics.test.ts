import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { collectorMetrics } from './collector-metrics.ts'
import type { Finding, Status } from './finding.ts'
import type { Metric } from './metric.ts'
import * as all from './metrics.ts'
import type { BackupJob } from './subjects/backups/facts.ts'
import type { UpdatesFact } from './subjects/updates/facts.ts'
import { held, NOW, type Told, viewOf } from './testing.ts'
import { type HostView, SWITCHED_OFF } from './view.ts'

const samplesOf = (metric: Metric, told: Told, more: Partial<HostView> = {}) => [...metric.samples(viewOf(told, more))]

const updates = (more: Partial<UpdatesFact> = {}): UpdatesFact => ({
  pending: [],
  more: 0,
  classified: true,
  lastCheckAt: NOW,
  lastCheckError: null,
  lastInstallAt: null,
  lastInstallSucceeded: null,
  automatic: { enabled: null, detail: null, lastRunAt: null },
  broken: null,
  badSources: [],
  managedBy: null,
  ...more,
})
const job = (more: Partial<BackupJob> = {}): BackupJob => ({
  name: 'home',
  tool: 'restic',
  kind: 'backup',
  destination: 's3:https://example/bucket',
  standing: 'known',
  reason: null,
  hint: null,
  lastRunAt: null,
  lastResult: null,
  lastSuccessAt: null,
  runningSince: null,
  durationMs: null,
  sourceBytes: null,
  addedBytes: null,
  files: null,
  snapshots: null,
  earlierBytes: [],
  expectedEveryMs: 86_400_000,
  learnedEveryMs: null,
  verify: null,
  restoreTestedAt: null,
  destinationFreeRatio: null,
  warnings: [],
  ...more,
})
const finding = (check: string, status: Status): Finding => ({ check, status, reason: '', since: NOW })

test('names are unique, their texts too, and each is the value of its identifier', () => {
  const names = [...all.metrics, ...collectorMetrics].map(metric => metric.name)
  expect(new Set(names).size).toBe(names.length)
  for (const name of names) expect(name).toMatch(/^fettle_[a-z0-9_]+$/)
  expect(`${all.updatesPending}`).toBe('fettle_updates_pending')
})

test('no label is one that only the scraper may set', () => {
  for (const metric of [...all.metrics, ...collectorMetrics]) {
    expect(metric.labels.filter(label => ['job', 'instance', 'le', 'quantile'].includes(label))).toEqual([])
  }
})

test('promtool finds nothing to complain about in any family', () => {
  const text = [...all.metrics, ...collectorMetrics.filter(metric => metric.type !== 'histogram')]
    .map(metric => {
      const labels = metric.labels.map(label => `${label}="x"`).join(',')
      return `# HELP ${metric.name} ${metric.help}\n# TYPE ${metric.name} ${metric.type}\n${metric.name}{${labels}} 1\n`
    })
    .join('')
  expect(execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })).toBe('')
})

test('every sample has a value for each label, and no label set comes twice', () => {
  const view = viewOf({ 'updates/apt': updates(), 'backups/a': { jobs: [job()] }, 'backups/b': { jobs: [job()] } })
  for (const metric of all.metrics) {
    const samples = [...metric.samples(view)]
    for (const [labels, value] of samples) {
      expect(labels).toHaveLength(metric.labels.length)
      expect(Number.isFinite(value)).toBe(true)
    }
    expect(new Set(samples.map(([labels]) => labels.join('\n'))).size).toBe(samples.length)
  }
})

test.each([
  [
    'asked and classified',
    updates(),
    [
      ['apt', 'security'],
      ['apt', 'quality'],
      ['apt', 'other'],
    ],
  ],
  ['never asked: no zero is told', updates({ lastCheckAt: null }), []],
  ['does not tell security apart: no zero of security', updates({ classified: false }), [['apt', 'other']]],
])('nothing pending: %s', (_, fact, wanted) => {
  expect(samplesOf(all.updatesPending, { 'updates/apt': fact }).map(([labels]) => labels)).toEqual(wanted)
})

test('the oldest update counts from its publication, else from when the fleet first saw it', () => {
  const update = {
    name: 'a',
    installed: null,
    candidate: '2',
    severity: null,
    published: null,
    origin: null,
    withheld: null,
    restart: null,
  }
  const pending = [
    { ...update, class: 'security' as const },
    { ...update, name: 'b', class: 'other' as const, published: 7000 },
    { ...update, name: 'c', class: 'other' as const, published: 5000, withheld: 'held' as const },
  ]
  const firstSeen = (key: string) => (key === 'apt:a@2' ? 3000 : null)
  expect(samplesOf(all.updatesOldestPendingTimestampSeconds, { 'updates/apt': updates({ pending }) }, { firstSeen })).toEqual([
    [['apt', 'security'], 3],
    [['apt', 'other'], 7],
  ])
})

test.each([
  ['never backed up is 0', job(), [[['home', 'restic'], 0]]],
  ['could not be asked is nothing', job({ standing: 'unknown' }), []],
  ['a snapshot on the same disk is nothing', job({ kind: 'snapshot', lastSuccessAt: NOW }), []],
  ['a backup', job({ lastSuccessAt: 5000 }), [[['home', 'restic'], 5]]],
])('last success: %s', (_, fact, wanted) => {
  expect(samplesOf(all.backupLastSuccessTimestampSeconds, { backups: { jobs: [fact] } })).toEqual(wanted)
})

test.each([
  ['a job', { backups: { jobs: [job()] } }, [[[], 1]]],
  ['no tool at all', { backups: { outcome: 'absent' } }, [[[], 0]]],
  ['a tool that cannot be asked', { 'backups/a': { outcome: 'absent' }, 'backups/b': { outcome: 'denied' } }, []],
  ['a tool that nobody looked for', { 'backups/a': { outcome: 'absent', reason: SWITCHED_OFF }, 'backups/b': { outcome: 'absent' } }, []],
  ['nothing reported', {}, []],
] as readonly [string, Told, unknown][])('backup configured: %s', (_, told, wanted) => {
  expect(samplesOf(all.backupConfigured, told)).toEqual(wanted)
})

test('the age that counts as overdue follows the interval', () => {
  expect(samplesOf(all.backupMaxAgeSeconds, { backups: { jobs: [job()] } })).toEqual([[['home', 'restic'], 26.4 * 3600]])
})

test('findings: not applicable has no series, unknown is not compliant, the worst makes the component', () => {
  const findings = [
    finding('updates-late', 'ok'),
    finding('reboot-pending', 'unknown'),
    finding('backups-late', 'ok'),
    finding('backups-size', 'not-applicable'),
    finding('disks-health', 'critical'),
    finding('disks-wear', 'ok'),
    finding('raid-degraded', 'not-applicable'),
  ]
  expect(samplesOf(all.checkStatus, {}, { findings }).map(([[check], value]) => [check, value])).toEqual([
    ['updates-late', 0],
    ['reboot-pending', 3],
    ['backups-late', 0],
    ['disks-health', 2],
    ['disks-wear', 0],
  ])
  expect(samplesOf(all.policyCompliant, {}, { findings })).toEqual([
    [['updates'], 0],
    [['backup'], 1],
  ])
  expect(samplesOf(all.hardwareHealthState, {}, { findings })).toEqual([[['disk'], 2]])
})

test('a probe that the machine has nothing for has no success series', () => {
  const known = held({ 'raid/md': { outcome: 'absent' }, 'disks/smartctl': { outcome: 'denied' }, 'updates/apt': updates() })
  expect(samplesOf(all.agentProbeSuccess, {}, { held: known })).toEqual([
    [['disks/smartctl'], 0],
    [['updates/apt'], 1],
  ])
})

test('routing labels are two, whatever a host claims', () => {
  expect(samplesOf(all.hostGroupInfo, {}, { labels: { site: 'Basel', job: 'evil' } })).toEqual([[['Basel', ''], 1]])
})

test('what the facts do not say has no series', () => {
  for (const metric of all.metrics.filter(metric => !['presence', 'system'].includes(metric.from))) {
    expect(samplesOf(metric, {})).toEqual([])
  }
})
