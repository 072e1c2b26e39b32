import type { FactTypes } from '@fettle/catalog'
import { factsOf, filesystemsOf } from '../../bench/simulated.ts'
import { busy, guard, internalBattery, madeOf, ownHealth, packages } from './common.ts'
import { DAY, type Member, type Told } from './member.ts'

const LOAD = { one: 0.5, five: 0.4, fifteen: 0.3 }

/** What a Linux server says of itself: the facts of the bench, and the subjects that cost it too much to send over and over. */
export function linuxFacts({ seed }: Member, now: number): Told {
  const bench = Object.fromEntries(factsOf(seed, 0, now).map(({ key, data }) => [key, data]))
  return {
    ...(bench as Told),
    'software/dpkg': packages(400, 'Debian', now),
    'accounts/linux': {
      administrators: [{ name: 'admin', via: 'sudo', enabled: null }],
      administratorCount: 1,
      superusers: [],
      emptyPasswords: [],
      passwordless: seed % 10 === 0 ? ['deploy'] : [],
      mayBeEmpty: null,
      untold: [],
    },
    'hardware/systeminformation': madeOf(seed),
    ...(seed % 3 === 0 ? { 'custom/dropin': ownChecks(seed, now) } : {}),
    ...(seed % 30 === 0 ? { 'antivirus/clamav': { products: [scannedAtNight(now)] } } : {}),
    ...(seed % 4 === 0 ? { 'sensors/ipmi': { sensors: ['PSU 1', 'PSU 2'].map(supply) } } : {}),
    ...(seed % 25 === 0 ? { 'gpu/nvidia-smi': accelerator(seed) } : {}),
    // A machine room has a few notebooks that serve.
    ...(seed % 40 === 0 ? { 'battery/sysfs': internalBattery(300) } : {}),
  }
}

/** Facts that another round finds changed. */
export function linuxMoving({ seed }: Member, round: number, now: number): Told {
  return {
    'usage/proc': busy(8, 64, round, LOAD),
    'filesystems/mounts': filesystemsOf(seed, round % 4_000),
    'clock/chrony': {
      ...{ synchronized: true, service: 'chronyd', enabled: true, reference: 'ntp.example.com', stratum: 3 },
      ...{ offsetSeconds: (round % 100) / 1000, lastSyncAt: now },
    },
    'services/systemd': {
      manager: 'systemd',
      state: round % 2 === 0 ? 'running' : 'degraded',
      bad:
        round % 2 === 0 ? [] : [{ name: 'report.service', description: 'Report', kind: 'failed', result: 'exit-code', since: now - DAY }],
    },
    'agent/self': ownHealth(now, round),
  }
}

/** A file server on which clamscan runs by a timer. */
function scannedAtNight(now: number): FactTypes['antivirus']['products'][number] {
  return {
    ...guard('ClamAV', 'Cisco', now),
    running: false,
    realtime: false,
    scheduled: true,
    tellsScans: false,
    quickScanAt: null,
    fullScanAt: null,
  }
}

/** A drop-in that looks at certificates: fine on most machines. */
function ownChecks(seed: number, now: number): FactTypes['custom'] {
  const days = seed % 90
  const value = {
    name: 'days_left',
    labels: '',
    kind: null,
    value: days,
    unit: 'd',
    warning: null,
    critical: null,
    minimum: null,
    maximum: null,
  }
  const status = days < 7 ? ('critical' as const) : days < 30 ? ('warning' as const) : ('ok' as const)
  const told = {
    status,
    text: `the certificate ends in ${days} days`,
    details: null,
    reason: null,
    hint: null,
    at: now - DAY / 2,
    maxAgeMs: DAY,
  }
  return { entries: [{ name: 'certificates', ...told, values: [value], left: 0 }], more: 0 }
}

function supply(label: string) {
  const none = { value: null, high: null, critical: null, low: null, chip: null }
  return { ...none, id: `ipmi/${label}`, label, kind: 'supply' as const, state: 'ok' as const, trusted: true }
}

function accelerator(seed: number) {
  const told = {
    name: 'Example A2',
    driver: '550.90',
    standing: 'read' as const,
    reason: null,
    retirementPending: false,
    remapFailed: false,
  }
  const ecc = { correctable: 0, uncorrectable: 0, retired: 0, slowedBy: [] }
  return { gpus: [{ id: `GPU-${seed}`, ...told, ...ecc, temperatureCelsius: 55, temperatureLimitCelsius: 90 }] }
}
