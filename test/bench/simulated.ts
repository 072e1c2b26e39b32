import type { FactTypes, SubjectName } from '@fettle/catalog'
import { factHash } from '@fettle/protocol'
import { seeded } from './statistics.ts'

/** Facts of a made-up fleet of servers: every subject, with as many disks, sensors, updates as a real one has. Written from the schemas. */
export type SimulatedFact = { readonly key: string; readonly everyMs: number; readonly hash: string; readonly data: unknown }

const HOUR = 3_600_000
const DAY = 24 * HOUR
const GIB = 2 ** 30

export const instanceOf = (host: number): string => `srv-${String(host).padStart(5, '0')}.example.com`

/** Facts of a host. The same host and round give the same facts; another round changes something in each of them. */
export function factsOf(host: number, round: number, now: number): SimulatedFact[] {
  const random = seeded(host * 7919 + 1)
  const drawn = draw(random)
  const told = { ...steady(drawn, now), ...moving(drawn, round, now) }
  return Object.entries(told).map(([key, data]) => ({ key, everyMs: HOUR, hash: factHash({ outcome: 'ok', data }), data }))
}

/** The fact that the ingest bench sends over and over: two file systems, about 600 bytes a frame. */
export function filesystemsOf(host: number, round: number): FactTypes['filesystems'] {
  const random = seeded(host * 31 + 7)
  const one = (mountpoint: string, device: string, gib: number) => ({
    mountpoint,
    device,
    fstype: 'ext4',
    kind: 'local' as const,
    sizeBytes: gib * GIB,
    availBytes: Math.floor(gib * GIB * (0.2 + 0.6 * random())) - round * 4096,
    inodes: gib * 65_536,
    inodesFree: Math.floor(gib * 65_536 * 0.9) - round,
    readonly: false,
    readonlyWanted: false,
    standing: 'answers' as const,
    reason: null,
  })
  return { filesystems: [one('/', '/dev/md0', 100), one('/srv', '/dev/mapper/data-srv', 2000)] }
}

type Drawn = { readonly random: () => number; readonly cores: number; readonly pending: number; readonly sensors: number }

function draw(random: () => number): Drawn {
  return {
    random,
    cores: [4, 8, 16, 32][Math.floor(random() * 4)] ?? 8,
    pending: Math.floor(random() * 25),
    sensors: 4 + Math.floor(random() * 8),
  }
}

type Told = { readonly [key in `${SubjectName}/${string}`]?: FactTypes[SubjectName] }

function steady({ random, cores }: Drawn, now: number): Told {
  const disk = (n: number) => diskOf(n, now, random)
  const system: FactTypes['system'] = {
    hostname: 'srv',
    domain: 'example.com',
    os: {
      type: 'linux',
      id: 'debian',
      like: [],
      name: 'Debian GNU/Linux 12 (bookworm)',
      version: '12',
      codename: 'bookworm',
      build: null,
      edition: null,
      supportEnd: null,
    },
    kernel: { version: '6.1.0-28-amd64', arch: 'x86_64' },
    bootedAt: now - Math.floor(random() * 60) * DAY,
    virtualization: { kind: 'none', name: null },
    hardware: {
      vendor: 'Dell Inc.',
      model: 'PowerEdge R650',
      serial: null,
      chassis: 'rack mount chassis',
      biosVersion: '1.9.2',
      biosDate: now - 400 * DAY,
    },
    cpu: { model: 'Intel(R) Xeon(R) Silver 4310', logical: cores },
    memoryBytes: 64 * GIB,
    role: 'server',
    machineIdHash: null,
  }
  const hardening: FactTypes['hardening'] = {
    controls: (
      ['secure_boot', 'tpm', 'kernel_lockdown', 'apparmor', 'ssh_no_root_password', 'ssh_no_password', 'cpu_mitigations', 'audit'] as const
    ).map(name => ({ name, state: random() < 0.8 ? ('on' as const) : ('off' as const), detail: null, hint: null })),
  }
  return {
    'system/linux': system,
    'disks/smartctl': { disks: [disk(0), disk(1)] },
    'raid/md': { arrays: [arrayOf(now)] },
    'memory/edac': { controllers: [{ id: 'mc0', kind: 'Skylake', correctable: 0, uncorrectable: 0, since: now - 9 * DAY, dimms: [] }] },
    'encryption/luks': { volumes: [{ name: '/', role: 'system', state: 'on', method: 'luks2', progressRatio: null, detail: null }] },
    'hardening/linux': hardening,
    'firewall/nftables': {
      profiles: ['input-ipv4', 'input-ipv6'].map(name => ({ name, enabled: true, inUse: null, inbound: 'drop' as const, detail: null })),
    },
  }
}

/** Facts that another round finds changed. */
function moving({ random, cores, pending, sensors }: Drawn, round: number, now: number): Told {
  const usage: FactTypes['usage'] = {
    cpu: { logical: cores, busyRatio: (0.1 + round * 0.05) % 1, stealRatio: 0 },
    load: { one: 0.5, five: 0.4, fifteen: 0.3 },
    memory: { totalBytes: 64 * GIB, availableBytes: 40 * GIB - round * GIB, swapTotalBytes: 0, swapFreeBytes: 0 },
    pressure: { cpu: 0, memory: 0, io: 0.05 },
  }
  const clock: FactTypes['clock'] = {
    synchronized: true,
    service: 'chronyd',
    enabled: true,
    reference: 'ntp.example.com',
    stratum: 3,
    offsetSeconds: round / 1000,
    lastSyncAt: now - 60_000,
  }
  const reboot: FactTypes['reboot'] = {
    required: false,
    since: null,
    reasons: [],
    kernel: { running: '6.1.0-28-amd64', newest: '6.1.0-28-amd64', livePatched: false },
    services: round % 2 === 0 ? [] : ['ssh.service'],
  }
  const antivirus: FactTypes['antivirus']['products'][number] = {
    ...{ name: 'ClamAV', vendor: 'Cisco', version: '1.0.7', kind: 'antivirus', running: true, realtime: false, passive: null },
    ...{ signaturesVersion: String(27_000 + round), signaturesAt: now - 8 * HOUR, signaturesCurrent: null, updaterRunning: true },
    ...{ tamperProtection: null, degraded: null, quickScanAt: null, fullScanAt: null, activeThreats: null, detections: null },
  } as const
  return {
    'usage/proc': usage,
    'filesystems/mounts': filesystemsOf(cores, round),
    'sensors/hwmon': { sensors: Array.from({ length: sensors }, (_, n) => sensorOf(n, round)) },
    'clock/chrony': clock,
    'services/systemd': { manager: 'systemd', state: 'running', bad: [] },
    'updates/apt': updatesOf(pending + (round % 2), now),
    'reboot/linux': reboot,
    'backups/restic': { jobs: [jobOf('system', round, now, random), jobOf('data', round, now, random)] },
    'antivirus/clamav': { products: [antivirus] },
    'agent/self': agentOf(round, now),
  }
}

function diskOf(n: number, now: number, random: () => number): FactTypes['disks']['disks'][number] {
  const zero = { mediaErrors: 0, reallocatedSectors: null, pendingSectors: null, uncorrectableSectors: null, endToEndErrors: null }
  const none = { reportedUncorrectable: null, commandTimeouts: null, spinRetries: null, reallocationEvents: null, interfaceCrcErrors: null }
  return {
    ...zero,
    ...none,
    id: `eui.00253885019${n}${Math.floor(random() * 1e6)}`,
    device: `/dev/nvme${n}`,
    model: 'SAMSUNG MZQL2960HCJR-00A07',
    serial: `S64FNE0R${Math.floor(random() * 1e6)}`,
    firmware: 'GDC5602Q',
    interface: 'nvme',
    media: 'ssd',
    sizeBytes: 960_197_124_096,
    standing: 'read',
    reason: null,
    hint: null,
    readAt: now - 1000,
    passed: true,
    temperatureCelsius: 38,
    powerOnHours: 12_000,
    enduranceUsedRatio: 0.04,
    availableSpareRatio: 1,
    availableSpareThresholdRatio: 0.1,
    criticalWarning: 0,
    writtenBytes: 4e13,
    unsafeShutdowns: 3,
    failingNow: [],
    failedBefore: [],
    selfTest: { result: 'passed', atHours: 11_900, detail: null },
  }
}

function arrayOf(now: number): FactTypes['raid']['arrays'][number] {
  const members = ['nvme0n1p2', 'nvme1n1p2'].map(name => ({ name, state: 'active' as const }))
  const disks = { required: 2, active: 2, failed: 0, spare: 0, missing: 0 }
  const since = { errors: 0, lastScrubAt: now - 9 * DAY, detail: null }
  return { name: 'md0', implementation: 'md', level: 'raid1', state: 'ok', disks, sync: null, members, ...since }
}

function sensorOf(n: number, round: number): FactTypes['sensors']['sensors'][number] {
  const value = 40 + ((n + round) % 20)
  const limits = { high: 80, critical: 95, low: null, state: 'ok' as const, trusted: true }
  return { id: `platform/coretemp.0/Core ${n}`, chip: 'coretemp', label: `Core ${n}`, kind: 'temperature', value, ...limits }
}

function updatesOf(pending: number, now: number): FactTypes['updates'] {
  const one = (n: number) => ({
    name: `package-${n}`,
    installed: `1.${n}.0-1`,
    candidate: `1.${n}.1-1`,
    class: n % 3 === 0 ? ('security' as const) : ('quality' as const),
    severity: null,
    published: now - (n + 1) * DAY,
    origin: 'Debian-Security:12/stable-security',
    withheld: null,
    restart: null,
  })
  return {
    pending: Array.from({ length: pending }, (_, n) => one(n)),
    more: 0,
    classified: true,
    lastCheckAt: now - 3 * HOUR,
    lastCheckError: null,
    lastInstallAt: now - 5 * DAY,
    lastInstallSucceeded: true,
    automatic: { enabled: true, detail: 'unattended-upgrades', lastRunAt: now - 20 * HOUR },
    broken: null,
    badSources: [],
    managedBy: null,
  }
}

function jobOf(name: string, round: number, now: number, random: () => number): FactTypes['backups']['jobs'][number] {
  return {
    name,
    tool: 'restic',
    kind: 'backup',
    destination: 'sftp:backup.example.com:/srv/restic',
    standing: 'known',
    reason: null,
    hint: null,
    lastRunAt: now - 6 * HOUR,
    lastResult: 'success',
    lastSuccessAt: now - 6 * HOUR + round * 1000,
    runningSince: null,
    durationMs: 600_000,
    sourceBytes: Math.floor(random() * 500) * GIB,
    addedBytes: GIB,
    files: 400_000,
    snapshots: 60 + round,
    earlierBytes: [100 * GIB, 100 * GIB, 99 * GIB],
    expectedEveryMs: DAY,
    learnedEveryMs: DAY,
    verify: { at: now - 6 * DAY, result: 'ok', detail: null },
    restoreTestedAt: null,
    destinationFreeRatio: 0.4,
    warnings: [],
  }
}

function agentOf(round: number, now: number): FactTypes['agent'] {
  return {
    version: '0.1.0',
    runtime: 'v26.0.0',
    startedAt: now - 9 * DAY,
    privileged: true,
    residentBytes: 60e6 + round * 1e6,
    privateBytes: 18e6,
    cpuSeconds: 600 + round,
    cpuRatio: 0.001,
    outbox: { waiting: 0, dropped: 0, fault: null },
    stuck: 0,
    probes: ['usage/proc', 'disks/smartctl', 'updates/apt'].map(key => ({ key, outcome: 'ok', tookMs: 12 })),
    warnings: [],
  }
}
