import type { FactTypes } from '@fettle/catalog'
import { busy, guard, internalBattery, nightly, ownHealth, ssd, volume } from './common.ts'
import { DAY, GIB, HOUR, type Member, type Told } from './member.ts'

const LOAD = { one: 1.9, five: 2.1, fifteen: 2 }

/** What a Mac says of itself: keys as the agent's probes have them. */
export function macosFacts({ seed, instance }: Member, now: number): Told {
  return {
    'system/macos': system(instance, now),
    'usage/macos': busy(10, 16, 0, LOAD),
    'clock/macos': macClock(0),
    'services/launchd': { manager: 'launchd', state: null, bad: [] },
    'disks/macos': { disks: [ssd(`mac-${seed}`, now, { device: 'disk0', model: 'APPLE SSD AP0512Z' })] },
    'filesystems/macos': volume('/', 'apfs', 494, 0),
    'raid/apple-raid': { arrays: [] },
    'battery/macos': internalBattery(seed % 900),
    'updates/softwareupdate': macUpdates(seed % 3, now),
    'updates/homebrew': { ...macUpdates(seed % 6, now), classified: false },
    'reboot/macos': {
      required: false,
      since: null,
      reasons: [],
      kernel: { running: '24.1.0', newest: null, livePatched: null },
      services: null,
    },
    'backups/time-machine': { jobs: [nightly('Time Machine', 'time-machine', now, { verify: null, restoreTestedAt: null })] },
    'antivirus/xprotect': {
      products: [
        guard('XProtect', 'Apple', now, { version: '2184', signaturesVersion: '5285', signaturesAt: now - 9 * DAY, realtime: null }),
      ],
    },
    'firewall/application-firewall': {
      profiles: [{ name: 'application', enabled: seed % 9 !== 0, inUse: null, inbound: 'drop', detail: null }],
    },
    'encryption/filevault': {
      volumes: [
        { name: '/', role: 'system', state: seed % 8 === 0 ? 'off' : 'on', method: 'filevault', progressRatio: null, detail: null },
      ],
    },
    'hardening/macos': hardening(seed),
    'agent/self': ownHealth(now, 0),
  }
}

/** Facts that another round finds changed. */
export function macosMoving(round: number, now: number): Told {
  return {
    'usage/macos': busy(10, 16, round, LOAD),
    'filesystems/macos': volume('/', 'apfs', 494, round),
    'clock/macos': macClock(round),
    'battery/macos': internalBattery(round % 900),
    'updates/softwareupdate': macUpdates(round % 3, now),
  }
}

function system(instance: string, now: number): FactTypes['system'] {
  return {
    hostname: instance.split('.')[0] ?? instance,
    domain: null,
    os: {
      type: 'darwin',
      id: 'macos',
      like: [],
      name: 'macOS 15.1 Sequoia',
      version: '15.1',
      codename: 'Sequoia',
      build: '24B83',
      edition: null,
      supportEnd: null,
    },
    kernel: { version: '24.1.0', arch: 'arm64' },
    bootedAt: now - 11 * DAY,
    virtualization: { kind: 'none', name: null },
    hardware: { vendor: 'Apple', model: 'Mac15,12', serial: null, chassis: 'notebook', biosVersion: null, biosDate: null },
    cpu: { model: 'Apple M3', logical: 8 },
    memoryBytes: 16 * GIB,
    role: 'laptop',
    machineIdHash: null,
  }
}

function macClock(round: number): FactTypes['clock'] {
  const told = { synchronized: true, service: 'timed', enabled: true, reference: 'time.apple.com', stratum: 2, lastSyncAt: null }
  return { ...told, offsetSeconds: (round % 40) / 1000 }
}

function macUpdates(pending: number, now: number): FactTypes['updates'] {
  const one = (n: number) => ({
    name: `macOS Sequoia 15.${n + 2}`,
    installed: '15.1',
    candidate: `15.${n + 2}`,
    class: n === 0 ? ('security' as const) : ('other' as const),
    severity: null,
    published: null,
    origin: 'Apple',
    withheld: null,
    restart: true,
  })
  return {
    pending: Array.from({ length: pending }, (_, n) => one(n)),
    more: 0,
    classified: true,
    lastCheckAt: now - 6 * HOUR,
    lastCheckError: null,
    lastInstallAt: now - 16 * DAY,
    lastInstallSucceeded: true,
    automatic: { enabled: true, detail: 'CriticalUpdateInstall', lastRunAt: now - DAY },
    broken: null,
    badSources: [],
    managedBy: null,
  }
}

function hardening(seed: number): FactTypes['hardening'] {
  const controls = ['sip', 'gatekeeper', 'xprotect', 'screen_lock', 'no_automatic_login', 'no_remote_login'] as const
  return { controls: controls.map((name, i) => ({ name, state: (seed + i) % 17 === 0 ? 'off' : 'on', detail: null, hint: null })) }
}
