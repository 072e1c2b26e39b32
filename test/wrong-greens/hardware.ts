import type { FactTypes } from '@fettle/catalog'
import { expect } from 'vitest'
import { type Host, TimedOut } from '../../agent/src/host.ts'
import { smartctlProbe } from '../../agent/src/probes/disks/smartctl.ts'
import { mountsProbe } from '../../agent/src/probes/filesystems/mounts.ts'
import { mdProbe } from '../../agent/src/probes/raid/md.ts'
import services from '../../agent/src/probes/services/systemd.ts'
import system from '../../agent/src/probes/system/linux.ts'
import { disksErrors, disksHealth, disksSelftest, disksUnreadable } from '../../packages/catalog/src/subjects/disks/checks.ts'
import { filesystemsFull, filesystemsHang } from '../../packages/catalog/src/subjects/filesystems/checks.ts'
import { raidDegraded, raidErrors } from '../../packages/catalog/src/subjects/raid/checks.ts'
import type { RaidFact } from '../../packages/catalog/src/subjects/raid/facts.ts'
import { servicesFailed } from '../../packages/catalog/src/subjects/services/checks.ts'
import { hostOf, type Machine, machine } from '../kit/machine.ts'
import { dataOf, input, looked, NOW, parsed, says, type WrongGreen } from './see.ts'

/** Documents written after the JSON of smartmontools 7.3 (ataprint.cpp, nvmeprint.cpp, smartctl.cpp); the devices are made up. */
const answered = (exit: number, messages: readonly string[] = []) => ({
  smartctl: {
    version: [7, 3],
    argv: ['smartctl', '/dev/sda'],
    exit_status: exit,
    messages: messages.map(string => ({ string, severity: 'error' })),
  },
})
const ata = (exit: number, more: object = {}) => ({
  ...answered(exit),
  device: { name: '/dev/sda', type: 'sat', protocol: 'ATA' },
  model_name: 'Example 1000',
  serial_number: 'EXAMPLE1',
  rotation_rate: 7200,
  smart_status: { passed: true },
  ata_smart_attributes: {
    table: [{ id: 5, name: 'Reallocated_Sector_Ct', value: 100, when_failed: '', raw: { value: 0, string: '0' } }],
  },
  ...more,
})
const nvme = (log: object) => ({
  ...answered(0),
  device: { name: '/dev/nvme0', type: 'nvme', protocol: 'NVMe' },
  model_name: 'Example N',
  serial_number: 'EXAMPLE2',
  smart_status: { passed: true },
  nvme_smart_health_information_log: {
    critical_warning: 0,
    available_spare: 100,
    available_spare_threshold: 10,
    percentage_used: 4,
    media_errors: 0,
    ...log,
  },
})
const disk = (document: object) => parsed(smartctlProbe(), { disk: JSON.stringify(document) })

const LOOK = 'smartctl --json=c -n standby,3 -d sat -i -H -A -l error -l selftest /dev/sda'
const SCAN = { 'smartctl --scan --json=c': { text: JSON.stringify({ ...answered(0), devices: [] }) } }
const asleep = {
  text: JSON.stringify({
    smartctl: {
      argv: ['smartctl', '-n', 'standby,3', '/dev/sda'],
      exit_status: 3,
      messages: [{ string: 'Device is in STANDBY mode, exit(3)', severity: 'information' }],
    },
  }),
  code: 3,
}
const withDisk = (answer: Machine['commands'][string]) =>
  machine({
    now: NOW,
    files: {
      '/dev/sda': '',
      '/sys/block/sda/size': '1953525168\n',
      '/sys/block/sda/removable': '0\n',
      '/sys/block/sda/device/vendor': 'ATA     \n',
      '/sys/block/sda/device/model': 'Example 1000    \n',
      '/sys/block/sda/device/wwid': 'naa.5000c50012345678\n',
    },
    commands: { ...SCAN, [LOOK]: answer },
  })

const MIRROR = (slots: string, line: string) =>
  `Personalities : [raid1]\nmd0 : active raid1 sdb1[1] sda1[0]\n      1046528 blocks super 1.2 ${slots}\n${line}      \nunused devices: <none>\n`
const pool = (more: Partial<RaidFact['arrays'][number]>): { raid: RaidFact } => ({
  raid: {
    arrays: [
      {
        name: 'tank',
        implementation: 'zfs',
        level: 'mirror',
        state: 'ok',
        disks: { required: 2, active: 2, failed: 0, spare: 0, missing: 0 },
        sync: null,
        errors: 0,
        lastScrubAt: null,
        members: [],
        detail: null,
        ...more,
      },
    ],
  },
})

/** What systemctl of Debian 12 printed where systemd is not process 1. */
const SHUT = "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n"
const OS = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'

export const hardwareGreens: readonly WrongGreen[] = [
  {
    title: 'wrong green 17: smart_status is missing (USB bridge, RAID volume) → unknown',
    see() {
      says(disksHealth, disk(ata(0, { smart_status: undefined })), 'unknown')
      says(disksUnreadable, disk(ata(0, { smart_status: undefined })), 'unknown')
      says(disksHealth, disk(ata(4, { smart_status: undefined, ata_smart_attributes: undefined })), 'unknown')
      says(disksHealth, disk(answered(1, ['/dev/sdb: Unknown USB bridge [0x1234:0x5678 (0x100)]'])), 'unknown')
    },
  },
  {
    title: 'wrong green 18: smartctl leaves a sleeping disk alone → asleep, by an exit code of our own, and its last values stand',
    async see() {
      const probe = smartctlProbe()
      const sleeper = withDisk({ text: JSON.stringify(ata(0)) })
      await looked(probe, hostOf(sleeper))
      sleeper.commands[LOOK] = asleep
      const told = await looked(probe, hostOf(sleeper))
      expect(dataOf(told)).toMatchObject({ disks: [{ standing: 'asleep', passed: true }] })
      says(disksHealth, told, 'ok')
      // never read so far: asleep and unknown, not gone and not healthy
      const first = await looked(smartctlProbe(), hostOf(withDisk(asleep)))
      expect(dataOf(first)).toMatchObject({ disks: [{ standing: 'asleep', passed: null }] })
      says(disksHealth, first, 'unknown')
    },
  },
  {
    title: 'wrong green 19: smartctl ends with 4, 64 or 128 → the data is valid, each bit is judged by itself',
    see() {
      for (const exit of [4, 64, 68, 128]) says(disksHealth, disk(ata(exit)), 'ok')
      says(disksSelftest, disk(ata(128)), 'critical')
      says(disksSelftest, disk(ata(64)), 'not-applicable')
      says(disksHealth, disk(ata(8, { smart_status: { passed: false } })), 'critical')
      says(disksHealth, disk(ata(8, { smart_status: undefined })), 'critical')
      says(disksHealth, disk(ata(16)), 'critical')
    },
  },
  {
    title: 'wrong green 20: a virtio disk, exit code 1 → not applicable',
    see() {
      const virtio = { smartctl: { ...answered(1, ['/dev/vda: Unable to detect device type']).smartctl, argv: ['smartctl', '/dev/vda'] } }
      says(disksHealth, disk(virtio), 'not-applicable')
      says(disksErrors, disk(virtio), 'not-applicable')
    },
  },
  {
    title: 'wrong green 21: NVMe media errors although the disk says passed → a problem',
    see() {
      says(disksErrors, disk(nvme({ media_errors: 3 })), 'warning')
      says(disksHealth, disk(nvme({ media_errors: 3 })), 'ok')
    },
  },
  {
    title: 'wrong green 22: thousands of NVMe error log entries → ignored',
    see() {
      says(disksErrors, disk(nvme({ num_err_log_entries: 48_710 })), 'ok')
      says(disksHealth, disk(nvme({ num_err_log_entries: 48_710 })), 'ok')
    },
  },
  {
    title: 'wrong green 23: an md array runs its check → healthy',
    see() {
      const running = '      [=>...]  check =  5.7% (1/2) finish=0.2min speed=1K/sec\n'
      says(raidDegraded, parsed(mdProbe(), { mdstat: MIRROR('[2/2] [UU]', running) }), 'ok')
      const rebuilding = '      [=>...]  recovery =  5.7% (1/2) finish=0.2min speed=1K/sec\n'
      says(raidDegraded, parsed(mdProbe(), { mdstat: MIRROR('[2/1] [U_]', rebuilding) }), 'critical')
    },
  },
  {
    title: 'wrong green 24: a member is missing while every error count is 0 → degraded',
    see() {
      says(raidDegraded, pool({ implementation: 'btrfs', state: 'degraded', errors: 0 }), 'critical')
      const told = parsed(mdProbe(), { mdstat: MIRROR('[2/1] [U_]', ''), sysfs: [input('0\n', { name: '/sys/block/md0/md/degraded' })] })
      says(raidDegraded, told, 'critical')
    },
  },
  {
    title: 'wrong green 25: a pool that is online with data errors → a problem',
    see() {
      says(raidErrors, pool({ errors: 4 }), 'warning')
    },
  },
  {
    title: 'wrong green 37: systemctl without systemd ends with 1 and lists nothing → not 0 failed units',
    see() {
      const failed = input('', { code: 1, stderr: SHUT })
      says(servicesFailed, parsed(services, { failed, init: 'systemd\n' }), 'unknown')
      // another init: there is nothing of systemd's to judge
      says(servicesFailed, parsed(services, { failed, init: 'init\n' }), 'not-applicable')
      says(
        servicesFailed,
        parsed(services, { failed: input('', { code: 1, stderr: 'Failed to connect to bus: No such file\n' }) }),
        'unknown',
      )
      says(servicesFailed, parsed(services, { failed: input('', { code: null }) }), 'unknown')
    },
  },
  {
    title: 'wrong green 38: statfs on a dead NFS server → a child is asked under a deadline, and the agent goes on',
    async see() {
      const mounts =
        '27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n60 27 0:50 / /mnt/files rw shared:9 - nfs4 files.example.org:/export rw\n'
      const asked: (readonly [string, unknown])[] = []
      const host: Host = {
        ...hostOf(machine({ now: NOW, files: { '/proc/self/mountinfo': mounts, '/proc/1/mountinfo': mounts } })),
        statfs: async (path, options) => {
          asked.push([path, options])
          if (path !== '/') throw new TimedOut('no answer')
          return { sizeBytes: 100e9, availBytes: 50e9, inodes: 1000, inodesFree: 500 }
        },
      }
      const told = await looked(mountsProbe(), host)
      expect(asked).toContainEqual(['/mnt/files', { timeoutMs: expect.any(Number) }])
      expect(dataOf(told)).toMatchObject({
        filesystems: [
          { mountpoint: '/', standing: 'answers' },
          { standing: 'hangs', sizeBytes: null },
        ],
      })
      says(filesystemsHang, told, 'warning')
      says(filesystemsFull, told, 'unknown')
    },
  },
  {
    title: 'wrong green 43: the battery of a mouse (scope=Device) → not the battery of a laptop',
    see() {
      const battery = (scope: string) =>
        input(`POWER_SUPPLY_TYPE=Battery\n${scope}POWER_SUPPLY_CAPACITY=5\n`, { name: '/sys/class/power_supply/x/uevent' })
      const roleWith = (scope: string) =>
        (dataOf(parsed(system, { osRelease: OS, virtualization: 'none\n', power: [battery(scope)] })) as FactTypes['system']).role
      expect(roleWith('POWER_SUPPLY_SCOPE=Device\n')).toBe('server')
      expect(roleWith('')).toBe('laptop')
    },
  },
  {
    title: 'wrong green 44: a serial number "To Be Filled By O.E.M." → unknown, and no two machines are one',
    see() {
      for (const serial of ['To Be Filled By O.E.M.', 'Default string', '0123456789', '00000000']) {
        const told = parsed(system, { osRelease: OS, dmi: [input(`${serial}\n`, { name: '/sys/class/dmi/id/product_serial' })] })
        expect(dataOf(told), serial).toMatchObject({ hardware: { serial: null } })
      }
    },
  },
]
