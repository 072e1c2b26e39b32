import type { FactTypes } from '@fettle/catalog'
import { busy, guard, madeOf, nightly, ownHealth, spinning, ssd, volume } from './common.ts'
import { DAY, HOUR, type Member, type Told } from './member.ts'

/** What a Windows machine says of itself: keys as the agent's probes have them. */
export function windowsFacts({ kind, seed, instance }: Member, now: number): Told {
  const server = kind === 'windows-server'
  const behind = seed % 5 === 0
  const cores = server ? 16 : 8
  return {
    'system/windows': system({ server, laptop: kind === 'windows-laptop', instance, cores }, now),
    'usage/windows': busy(cores, 16, 0, null),
    'clock/w32time': windowsClock(now, 0),
    'services/windows': { manager: 'windows', state: null, bad: seed % 11 === 0 ? [stopped('Spooler')] : [] },
    'disks/windows': {
      disks: [ssd(`eui.win${seed}`, now, { selfTest: null }), ...(seed % 3 === 0 ? [spinning(`wwn.win${seed}`, now)] : [])],
      events: seed % 13 === 0 ? [{ kind: 'retried', device: '/dev/disk0', count: 2, lastAt: now - DAY }] : [],
    },
    'filesystems/windows': volume('C:', 'ntfs', 512, 0),
    'memory/whea': { controllers: [{ id: 'whea', kind: 'WHEA', correctable: 0, uncorrectable: 0, since: now - 30 * DAY, dimms: [] }] },
    'raid/storage-spaces': { arrays: server ? [mirror(now)] : [] },
    'updates/windows-update': windowsUpdates(behind ? 4 : 1, now),
    'updates/winget': { ...windowsUpdates(3, now), classified: false },
    'reboot/windows': {
      required: behind,
      since: behind ? now - 3 * DAY : null,
      reasons: behind ? [{ kind: 'update', detail: 'Windows Update asks for a restart' }] : [],
      kernel: { running: '10.0.22631', newest: null, livePatched: null },
      services: null,
    },
    ...(server
      ? { 'backups/veeam': { jobs: [nightly('System', 'veeam', now), nightly('Data', 'veeam', now)] } }
      : { 'backups/file-history': { jobs: [nightly('File History', 'file-history', now, { verify: null, restoreTestedAt: null })] } }),
    'antivirus/defender': { products: [guard('Microsoft Defender Antivirus', 'Microsoft', now)] },
    'firewall/windows': {
      profiles: ['domain', 'private', 'public'].map((name, i) => ({ name, enabled: true, inUse: i === 0, inbound: 'drop', detail: null })),
    },
    'encryption/bitlocker': {
      volumes: [
        { name: 'C:', role: 'system', state: seed % 7 === 0 ? 'off' : 'on', method: 'xts-aes-128', progressRatio: null, detail: null },
      ],
    },
    'hardening/windows': hardening(seed),
    'hardware/systeminformation': madeOf(seed),
    'agent/self': ownHealth(now, 0),
  }
}

/** Facts that another round finds changed. */
export function windowsMoving(round: number, now: number): Told {
  return {
    'usage/windows': busy(8, 16, round, null),
    'filesystems/windows': volume('C:', 'ntfs', 512, round),
    'clock/w32time': windowsClock(now, round),
    'agent/self': ownHealth(now, round),
    'updates/windows-update': windowsUpdates(1 + (round % 4), now),
  }
}

function system(machine: { server: boolean; laptop: boolean; instance: string; cores: number }, now: number): FactTypes['system'] {
  const { server, laptop, instance, cores } = machine
  return {
    hostname: instance.slice(0, 15),
    domain: 'corp.example.com',
    os: {
      type: 'windows',
      id: server ? 'windows-server' : 'windows',
      like: [],
      name: server ? 'Windows Server 2022 Standard' : 'Windows 11 Pro',
      version: server ? '21H2' : '24H2',
      codename: null,
      build: server ? '20348.2762' : '26100.2314',
      edition: server ? 'ServerStandard' : 'Professional',
      supportEnd: null,
    },
    kernel: { version: '10.0.26100', arch: 'AMD64' },
    bootedAt: now - 5 * DAY,
    virtualization: { kind: server ? 'vm' : 'none', name: server ? 'hyperv' : null },
    hardware: {
      vendor: 'Example',
      model: laptop ? 'Book 14' : 'Tower 5',
      serial: null,
      chassis: laptop ? 'notebook' : 'desktop',
      biosVersion: '1.31',
      biosDate: now - 300 * DAY,
    },
    cpu: { model: 'Example Core 7', logical: cores },
    memoryBytes: 16 * 2 ** 30,
    role: server ? 'server' : laptop ? 'laptop' : 'desktop',
    machineIdHash: null,
  }
}

function windowsClock(now: number, round: number): FactTypes['clock'] {
  const told = { synchronized: true, service: 'w32time', enabled: true, reference: 'dc1.corp.example.com', stratum: 4 }
  return { ...told, offsetSeconds: (round % 50) / 1000, lastSyncAt: now - HOUR }
}

function windowsUpdates(pending: number, now: number): FactTypes['updates'] {
  const one = (n: number) => ({
    name: `KB50${String(46_000 + n)}`,
    installed: null,
    candidate: null,
    class: n === 0 ? ('security' as const) : ('quality' as const),
    severity: n === 0 ? ('critical' as const) : null,
    published: n % 2 === 0 ? now - (n + 3) * DAY : null,
    origin: 'Windows Update',
    withheld: null,
    restart: true,
  })
  return {
    pending: Array.from({ length: pending }, (_, n) => one(n)),
    more: 0,
    classified: true,
    lastCheckAt: now - 4 * HOUR,
    lastCheckError: null,
    lastInstallAt: now - 12 * DAY,
    lastInstallSucceeded: true,
    automatic: { enabled: true, detail: 'Windows Update for Business', lastRunAt: now - DAY },
    broken: null,
    badSources: [],
    managedBy: null,
    failing: [],
  }
}

function mirror(now: number): FactTypes['raid']['arrays'][number] {
  const disks = { required: 2, active: 2, failed: 0, spare: 0, missing: 0 }
  const members = ['PhysicalDrive1', 'PhysicalDrive2'].map(name => ({ name, state: 'active' as const }))
  const about = { errors: null, lastScrubAt: now - 20 * DAY, detail: null, sync: null }
  return { name: 'Pool', implementation: 'storage-spaces', level: 'mirror', state: 'ok', disks, members, ...about }
}

const stopped = (name: string): FactTypes['services']['bad'][number] => ({
  ...{ name, description: name, kind: 'stopped', result: null, since: null },
})

function hardening(seed: number): FactTypes['hardening'] {
  const controls = [
    'secure_boot',
    'tpm',
    'uac',
    'smartscreen',
    'lsa_protection',
    'hvci',
    'screen_lock',
    'no_automatic_login',
    'no_smb1',
  ] as const
  return { controls: controls.map((name, i) => ({ name, state: (seed + i) % 13 === 0 ? 'off' : 'on', detail: null, hint: null })) }
}
