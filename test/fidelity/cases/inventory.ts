import type { Case, CaseList } from '../case.ts'
import { sampleOf } from '../wants.ts'

const w32tm = sampleOf('inventory_windows/Linuxfabrik+monitoring-plugins/check-plugins/ntp-w32tm/unit-test/stdout')
const WMI = 'inventory_windows/glpi-project+glpi-agent/resources/win32/wmi'
const live = sampleOf('live/debian-12')

const inSync = (reference: string, stratum: number) => ({ ok: { synchronized: true, reference, stratum } })
const outOfSync = (stratum: number) => ({ ok: { synchronized: false, stratum } })

const clocks: readonly Case[] = [
  w32tm('clock/w32time', 'last-sync-too-old', inSync('DCName.acmecorp.com', 4)),
  w32tm('clock/w32time', 'stale-time-data', { ok: { synchronized: false } }),
  w32tm('clock/w32time', 'stratum-1-vm-ic', inSync('VM IC Time Synchronization Provider', 1)),
  w32tm('clock/w32time', 'stratum-2-nist', inSync('time-c.nist.gov', 2)),
  w32tm('clock/w32time', 'stratum-2-vm-ic', inSync('VM IC Time Synchronization Provider', 2)),
  w32tm('clock/w32time', 'stratum-4-synced-time-windows', inSync('time.windows.com', 4)),
  w32tm('clock/w32time', 'stratum-5-dc-authenticated', inSync('DCNAME.company.com', 5)),
  ...['unsynced-local-cmos', 'unsynced-local-cmos-poll10', 'unsynced-time-windows'].map(file => w32tm('clock/w32time', file, outOfSync(0))),
]

const volumes: readonly Case[] = [
  {
    source: 'filesystems/windows',
    files: [`${WMI}/win10-crypt-Win32_LogicalDisk.wmi`],
    reading: { ok: { filesystems: [{ mountpoint: 'C:', fstype: 'NTFS', sizeBytes: 510_462_619_648 }] } },
  },
  {
    source: 'filesystems/windows',
    files: [`${WMI}/win10-crypt-Win32_Volume.wmi`],
    reading: { ok: { filesystems: [{ mountpoint: 'C:\\', fstype: 'NTFS', sizeBytes: 510_462_619_648 }] } },
  },
  {
    source: 'filesystems/windows',
    files: [`${WMI}/win7-sp1-x64-Win32_LogicalDisk.wmi`],
    reading: { ok: { filesystems: [{ mountpoint: 'C:', fstype: 'NTFS', sizeBytes: 64_317_550_592 }] } },
  },
]

/** 780 rows, each of them installed. */
const software: readonly Case[] = [
  live('software/dpkg', 'dpkg-query-W.tsv', {
    ok: {
      total: 780,
      packages: (all: readonly { name: string; version: string }[]) => all.some(one => one.name === 'adduser' && one.version === '3.134'),
    },
  }),
]

/** Clocks, volumes, software. */
export const inventory: CaseList = {
  domain: 'inventory_windows',
  cases: () => [...clocks, ...volumes, ...software],
  leftOut: [
    {
      files: /^inventory_windows\/.*-CentralProcessor\.reg$/,
      why: 'the processor alone does not tell which Windows runs, which a fact of the system needs',
    },
    {
      files: /^inventory_windows\/.*Win32_(PhysicalMemory|PhysicalMemoryArray|Processor|Bios|CDROMDrive)\.wmi$/,
      why: 'one part alone does not tell which Windows runs; modules of memory have no health to tell',
    },
    {
      files: /^inventory_windows\/.*Win32_DiskDrive\.wmi$/,
      why: 'names and sizes by a class that tells no health: Get-PhysicalDisk is asked',
    },
    { files: /^inventory_windows\/microsoft\+InQRy\//, why: 'one part alone does not tell which Windows runs' },
    {
      files: /^inventory_windows\/.*(SoftwareLicensingProduct\.wmi|mssql.*-Setup\.reg|office_2016_0\d\.reg)$/,
      why: 'licences and editions of single products: no subject tells of them',
    },
    {
      files: /^inventory_windows\/.*\/powercfg\//,
      why: 'a report for people, which the tool writes to a file: batteries are asked of WMI',
    },
    { files: /^inventory_windows\/glpi-project\+inventory_format\//, why: 'an inventory of another program' },
    { files: /^inventory_windows\/log2timeline\+/, why: 'the configuration of the recovery environment: no subject tells of it' },
    {
      files: /^inventory_windows\/MicrosoftDocs\+.*\/PnpDevice\//,
      why: 'devices with a trouble of their driver: no subject tells of them',
    },
  ],
}
