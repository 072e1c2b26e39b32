import { expect, test } from 'vitest'
import { days, hours, minutes } from '../../duration.ts'
import { findingOf, judgesEach, NOW, type Rows } from '../../testing.ts'
import type { SystemFact } from '../system/facts.ts'
import * as checks from './checks.ts'
import type { AntivirusFact } from './facts.ts'

type Product = AntivirusFact['products'][number]
const product = (more: Partial<Product> = {}): Product => ({
  name: 'Defender',
  vendor: null,
  version: null,
  kind: 'antivirus',
  running: true,
  realtime: true,
  passive: false,
  signaturesVersion: null,
  signaturesAt: NOW - hours(5),
  signaturesCurrent: null,
  updaterRunning: null,
  tamperProtection: true,
  degraded: null,
  quickScanAt: NOW - days(2),
  fullScanAt: null,
  activeThreats: 0,
  detections: 0,
  ...more,
})
const of = (...products: Product[]): { antivirus: AntivirusFact } => ({ antivirus: { products } })
const passive = product({ passive: true, realtime: false })
const clam = product({ name: 'ClamAV', realtime: false, quickScanAt: null, tamperProtection: null })
const onSchedule = (scheduled: boolean | null): Product => ({ ...clam, running: false, scheduled })
const system = (type: 'windows' | 'linux'): { system: SystemFact } => ({
  system: {
    hostname: 'h',
    domain: null,
    os: { type, id: type, like: [], name: type, version: null, codename: null, build: null, edition: null, supportEnd: null },
    kernel: { version: null, arch: null },
    bootedAt: null,
    virtualization: null,
    hardware: { vendor: null, model: null, serial: null, chassis: null, biosVersion: null, biosDate: null },
    cpu: { model: null, logical: null },
    memoryBytes: null,
    role: 'server',
    machineIdHash: null,
  },
})
const none = { antivirus: { outcome: 'absent' } } as const
const failed = { antivirus: { outcome: 'failed' } } as const

const xprotect = product({ name: 'XProtect', signaturesAt: null, quickScanAt: null })

const rows: Rows = [
  [checks.antivirusSignatures, 'XProtect, whose data comes every few weeks', of(xprotect), 'not-applicable'],
  [checks.antivirusScan, 'XProtect, which tells no scans', of(xprotect), 'not-applicable'],
  [checks.antivirusMissing, 'one is in charge', { ...of(product()), ...system('windows') }, 'ok'],
  [checks.antivirusMissing, 'none on Windows', { ...none, ...system('windows') }, 'critical'],
  [checks.antivirusMissing, 'only a passive one on Windows', { ...of(passive), ...system('windows') }, 'critical'],
  [checks.antivirusMissing, 'none on Linux', { ...none, ...system('linux') }, 'not-applicable'],
  [checks.antivirusMissing, 'none, on nobody knows what', none, 'unknown'],
  [checks.antivirusMissing, 'wrong green 39: PowerShell was blocked', { ...failed, ...system('windows') }, 'unknown'],
  [
    checks.antivirusMissing,
    'wrong green 10: a server without the Security Center',
    { 'antivirus/security-center': { outcome: 'absent' }, 'antivirus/defender': of(product()).antivirus, ...system('windows') },
    'ok',
  ],
  [checks.antivirusRunning, 'runs', of(product()), 'ok'],
  [checks.antivirusRunning, 'stopped', of(product({ running: false })), 'critical'],
  [
    checks.antivirusRunning,
    'wrong green 13: reduced functionality mode',
    of(product({ kind: 'edr', degraded: 'rfm-state=true' })),
    'warning',
  ],
  [checks.antivirusRunning, 'not told', of(product({ running: null })), 'unknown'],
  [checks.antivirusRealtime, 'watches', of(product()), 'ok'],
  [checks.antivirusRealtime, 'another watches', of(passive, product({ name: 'Other' })), 'ok'],
  [checks.antivirusRealtime, 'off', of(product({ realtime: false })), 'warning'],
  [checks.antivirusRealtime, 'wrong green 12: healthy but passive', of(passive), 'warning'],
  [checks.antivirusRealtime, 'wrong green 12: on, but it does not run', of(product({ running: false })), 'warning'],
  [checks.antivirusRealtime, 'not told', of(product({ realtime: null })), 'unknown'],
  [
    checks.antivirusRealtime,
    'off, and the other cannot be asked',
    { ...of(product({ realtime: false })), 'antivirus/b': { outcome: 'failed' } },
    'unknown',
  ],
  [checks.antivirusRealtime, 'scans on demand by design', of(clam), 'not-applicable'],
  [checks.antivirusSignatures, 'of today', of(product()), 'ok'],
  [checks.antivirusSignatures, '3 days', of(product({ signaturesAt: NOW - days(3) })), 'warning'],
  [checks.antivirusSignatures, '8 days', of(product({ signaturesAt: NOW - days(8) })), 'critical'],
  [checks.antivirusSignatures, 'no date', of(product({ signaturesAt: null })), 'unknown'],
  [checks.antivirusSignatures, 'no date, but its own word', of(product({ signaturesAt: null, signaturesCurrent: true })), 'ok'],
  [checks.antivirusSignatures, 'says that they are old', of(product({ signaturesAt: null, signaturesCurrent: false })), 'warning'],
  [checks.antivirusSignatures, 'the updater does not run', of(product({ updaterRunning: false })), 'warning'],
  [checks.antivirusThreats, 'none', of(product()), 'ok'],
  [checks.antivirusThreats, 'one', of(product({ activeThreats: 1 })), 'critical'],
  [checks.antivirusThreats, 'not readable', failed, 'unknown'],
  [checks.antivirusTamper, 'on', of(product()), 'ok'],
  [checks.antivirusTamper, 'off', of(product({ tamperProtection: false })), 'warning'],
  [checks.antivirusTamper, 'not readable', failed, 'unknown'],
  [checks.antivirusScan, 'lately', of(product()), 'ok'],
  [checks.antivirusScan, '15 days', of(product({ quickScanAt: NOW - days(15) })), 'warning'],
  [checks.antivirusScan, '31 days', of(product({ quickScanAt: NOW - days(31) })), 'critical'],
  [checks.antivirusScan, 'a full one counts', of(product({ quickScanAt: NOW - days(31), fullScanAt: NOW - days(1) })), 'ok'],
  [checks.antivirusScan, 'wrong green 11: never, or not known', of(product({ quickScanAt: null })), 'unknown'],
  [checks.antivirusScan, 'scans on demand by design', of(clam), 'not-applicable'],
  [checks.antivirusScan, 'a product that never tells its scans', of(product({ quickScanAt: null, tellsScans: false })), 'not-applicable'],
  [checks.antivirusScan, 'one that could tell, and never scanned', of(product({ quickScanAt: null, tellsScans: true })), 'unknown'],
  [checks.antivirusRunning, 'scans on schedule by design', of(onSchedule(true)), 'not-applicable'],
  [checks.antivirusRunning, 'scans on schedule, without signatures', of({ ...onSchedule(true), degraded: 'no database' }), 'warning'],
  [checks.antivirusRunning, 'no service, and nothing starts a scan', of(onSchedule(false)), 'critical'],
  [checks.antivirusRunning, 'no service, and nobody may look what starts scans', of(onSchedule(null)), 'unknown'],
  [checks.antivirusOnDemand, 'scans on schedule alone', of(onSchedule(true)), 'warning'],
  [checks.antivirusOnDemand, 'scans on schedule beside one that watches', of(onSchedule(true), product()), 'ok'],
  [checks.antivirusOnDemand, 'scans on schedule beside one that stands aside', of(onSchedule(true), passive), 'warning'],
  [checks.antivirusOnDemand, 'scans on schedule beside one that died', of(onSchedule(true), product({ running: false })), 'warning'],
  [checks.antivirusOnDemand, 'a service', of(clam), 'not-applicable'],
  [checks.antivirusOnDemand, 'nothing starts a scan', of(onSchedule(false)), 'not-applicable'],
  [
    checks.antivirusSignatures,
    'scans on schedule with old signatures',
    of({ ...onSchedule(true), signaturesAt: NOW - days(8) }),
    'critical',
  ],
]
judgesEach(rows)

test('real-time protection that was just switched off is given 15 minutes, then an hour', () => {
  const off = of(product({ realtime: false }))
  const on = findingOf(checks.antivirusRealtime, of(product()))
  const first = findingOf(checks.antivirusRealtime, off, { previous: on })
  const later = findingOf(checks.antivirusRealtime, off, { previous: first, now: NOW + minutes(15) })
  const late = findingOf(checks.antivirusRealtime, off, { previous: later, now: NOW + hours(1) })
  expect([first, later, late].map(finding => finding.status)).toEqual(['ok', 'warning', 'critical'])
})
