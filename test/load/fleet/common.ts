import type { FactTypes } from '@fettle/catalog'
import { DAY, GIB, HOUR } from './member.ts'

type Disk = FactTypes['disks']['disks'][number]
type Job = FactTypes['backups']['jobs'][number]
type Product = FactTypes['antivirus']['products'][number]

/** A solid state disk that is well; what a system does not tell is null. */
export function ssd(id: string, now: number, more: Partial<Disk> = {}): Disk {
  const ata = { reallocatedSectors: null, pendingSectors: null, uncorrectableSectors: null, endToEndErrors: null, interfaceCrcErrors: null }
  const none = { reportedUncorrectable: null, commandTimeouts: null, spinRetries: null, reallocationEvents: null }
  const spare = { availableSpareRatio: 1, availableSpareThresholdRatio: 0.1, criticalWarning: 0, mediaErrors: 0 }
  return {
    ...ata,
    ...none,
    ...spare,
    id,
    device: null,
    model: 'Example NVMe 512',
    serial: `EXAMPLE-${id}`,
    firmware: '1.0',
    interface: 'nvme',
    media: 'ssd',
    sizeBytes: 512 * GIB,
    standing: 'read',
    reason: null,
    hint: null,
    readAt: now,
    passed: true,
    temperatureCelsius: 36,
    powerOnHours: 4_000,
    enduranceUsedRatio: 0.03,
    writtenBytes: 9e12,
    unsafeShutdowns: 12,
    failingNow: [],
    failedBefore: [],
    selfTest: { result: 'passed', atHours: 3_900, detail: null },
    ...more,
  }
}

/** A disk that turns, and counts what its cable does. */
export function spinning(id: string, now: number): Disk {
  const counts = { reallocatedSectors: 0, pendingSectors: 0, uncorrectableSectors: 0, interfaceCrcErrors: 2, mediaErrors: null }
  const spare = { availableSpareRatio: null, availableSpareThresholdRatio: null, criticalWarning: null, enduranceUsedRatio: null }
  const kind = { model: 'Example Disk 4T', interface: 'sata', media: 'hdd', sizeBytes: 4_000_787_030_016 } as const
  return { ...ssd(id, now), ...counts, ...spare, ...kind }
}

/** A nightly backup that went well. */
export function nightly(name: string, tool: string, now: number, more: Partial<Job> = {}): Job {
  return {
    name,
    tool,
    kind: 'backup',
    destination: 'nas.example.com',
    standing: 'known',
    reason: null,
    hint: null,
    lastRunAt: now - 7 * HOUR,
    lastResult: 'success',
    lastSuccessAt: now - 7 * HOUR,
    runningSince: null,
    durationMs: 900_000,
    sourceBytes: 200 * GIB,
    addedBytes: GIB,
    files: 300_000,
    snapshots: 30,
    earlierBytes: [200 * GIB, 199 * GIB, 198 * GIB],
    expectedEveryMs: DAY,
    learnedEveryMs: DAY,
    verify: { at: now - 6 * DAY, result: 'ok', detail: null },
    restoreTestedAt: now - 30 * DAY,
    destinationFreeRatio: 0.5,
    warnings: [],
    ...more,
  }
}

/** A product that watches, with signatures of this morning. */
export function guard(name: string, vendor: string, now: number, more: Partial<Product> = {}): Product {
  return {
    name,
    vendor,
    version: '4.18.24090.11',
    kind: 'antivirus',
    running: true,
    realtime: true,
    passive: false,
    signaturesVersion: '1.421.12.0',
    signaturesAt: now - 5 * HOUR,
    signaturesCurrent: null,
    updaterRunning: true,
    tamperProtection: true,
    degraded: null,
    quickScanAt: now - DAY,
    fullScanAt: now - 20 * DAY,
    activeThreats: 0,
    detections: 0,
    ...more,
  }
}

/** Installed packages, as many as such a machine has. */
export function packages(count: number, origin: string, now: number): FactTypes['software'] {
  const one = (n: number) => ({ name: `package-${n}`, version: `${n % 9}.${n % 7}.1`, arch: 'x86_64', origin, installedAt: now - 90 * DAY })
  return { packages: Array.from({ length: count }, (_, n) => one(n)), total: count, broken: [], unseen: null }
}

/** What a machine is made of. */
export function madeOf(seed: number): FactTypes['hardware'] {
  const slot = (n: number) => ({
    slot: `DIMM ${n}`,
    sizeBytes: 16 * GIB,
    type: 'DDR4',
    speed: 3200,
    vendor: 'Example',
    part: 'EX-16',
    serial: `${seed}${n}`,
    ecc: true,
  })
  return {
    cpu: { vendor: 'Example', model: 'Example 16', sockets: 1, cores: 16, threads: 32 },
    memory: [0, 1, 2, 3].map(slot),
    emptySlots: 4,
    board: { vendor: 'Example', model: 'EX-1', version: '1', serial: `B${seed}` },
    bios: { vendor: 'Example', version: '1.9.2', date: Date.UTC(2025, 3, 1) },
    chassis: { vendor: 'Example', type: 'Rack Mount Chassis', serial: `C${seed}`, assetTag: null },
    graphics: null,
    network: [{ name: 'eth0', model: null, address: null, kind: null }],
  }
}

/** How busy a machine is; another round finds other numbers. */
export function busy(cores: number, gib: number, round: number, load: FactTypes['usage']['load']): FactTypes['usage'] {
  return {
    cpu: { logical: cores, busyRatio: ((round * 7) % 80) / 100, stealRatio: null },
    load,
    memory: {
      totalBytes: gib * GIB,
      availableBytes: (gib * GIB) / 2 - (round % 64) * 4096,
      swapTotalBytes: 4 * GIB,
      swapFreeBytes: 3 * GIB,
    },
    pressure: { cpu: null, memory: null, io: null },
  }
}

/** One volume that holds everything; each round takes a little of it. */
export function volume(mountpoint: string, fstype: string, gib: number, round: number): FactTypes['filesystems'] {
  const inodes = fstype === 'ntfs' ? null : gib * 65_536
  return {
    filesystems: [
      {
        mountpoint,
        device: mountpoint,
        fstype,
        kind: 'local',
        sizeBytes: gib * GIB,
        availBytes: (gib * GIB) / 2 - round * 4096,
        inodes,
        inodesFree: inodes === null ? null : inodes - round,
        readonly: fstype === 'ntfs' ? null : false,
        readonlyWanted: null,
        standing: 'answers',
        reason: null,
      },
    ],
    ...(fstype === 'ntfs' ? { events: [] } : {}),
  }
}

/** A battery that ages. */
export function internalBattery(cycles: number): FactTypes['battery'] {
  const healthRatio = Math.max(0.5, 1 - cycles / 4_000)
  const vendor = { vendor: 'Example', model: 'B1', serial: null, service: false, condition: 'Normal' }
  return { batteries: [{ name: 'internal', ...vendor, healthRatio, chargeRatio: 0.8, cycles, state: 'discharging' }] }
}

/** The agent's own health. */
export function ownHealth(now: number, round: number): FactTypes['agent'] {
  return {
    version: '0.1.0',
    runtime: 'v26.10.0',
    startedAt: now - 9 * DAY,
    privileged: true,
    residentBytes: 60e6 + (round % 50) * 1e5,
    privateBytes: 18e6,
    cpuSeconds: 600 + round,
    cpuRatio: 0.0005,
    outbox: { waiting: 0, dropped: 0, fault: null },
    stuck: 0,
    probes: ['usage', 'disks', 'updates'].map(key => ({ key: `${key}/test`, outcome: 'ok', tookMs: 12 })),
    warnings: [],
  }
}
