import type { Case, CaseList } from '../case.ts'
import { sampleOf } from '../wants.ts'

const w32tm = sampleOf('inventory_windows/Linuxfabrik+monitoring-plugins/check-plugins/ntp-w32tm/unit-test/stdout')
const WMI = 'inventory_windows/glpi-project+glpi-agent/resources/win32/wmi'
const registry = sampleOf('inventory_windows/glpi-project+glpi-agent/resources/win32/registry')
const TACTICAL = 'inventory_windows/amidaware+tacticalrmm/api/tacticalrmm/tacticalrmm/test_data/software2.json'
const win32 = sampleOf('inventory_windows/glpi-project+glpi-agent/resources/win32')
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
  ...[
    ['LogicalDisk', 'C:'],
    ['Volume', 'C:\\'],
  ].map(([kind, mountpoint]) => ({
    source: 'filesystems/windows',
    files: [`security_windows/glpi-project+glpi-agent/resources/win32/wmi/win10-crypt-Win32_${kind}.wmi`],
    reading: { ok: { filesystems: [{ mountpoint: mountpoint ?? '', fstype: 'NTFS', sizeBytes: 510_462_619_648 }] } },
  })),
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

type Packages = readonly { readonly name: string; readonly version: string | null }[]
const holds = (name: string, version: string) => (all: Packages) => all.some(one => one.name === name && one.version === version)

/** Counts by the manifest, and by what `grep` finds. Nothing of these captures says that it holds all that is installed. */
const software: readonly Case[] = [
  registry('software/registry', '10_russian-Uninstall.reg', { ok: { total: 2, packages: holds('КриптоПро CSP', '5.0.12000') } }),
  registry('software/registry', 'mssql-Uninstall.reg', { ok: { total: 7, packages: holds('Microsoft SQL Server 2017', '17.77.6700.34') } }),
  registry('software/registry', 'mssql_engine-Uninstall.reg', { ok: { total: 2 } }),
  { source: 'software/registry', files: [TACTICAL], reading: { ok: { total: 34, packages: holds('7-Zip 19.00 (x64)', '19.00') } } },
  win32('software/appx', 'powershell/10_russian.txt', { ok: { total: 8, packages: holds('Проводник', '10.0.19041.423') } }),
  live('software/dpkg', 'dpkg-query-W.tsv', {
    ok: {
      total: 780,
      packages: (all: readonly { name: string; version: string }[]) => all.some(one => one.name === 'adduser' && one.version === '3.134'),
    },
  }),
]

/** What is left of the design capacity, in whole percents downwards, and cycles; 0 cycles are not counted ones. */
const batteries: readonly Case[] = [
  win32('battery/windows', 'powercfg/win10-dell-xps.xml', { ok: { batteries: [{ healthRatio: 0.84, cycles: null }] } }),
  win32('battery/windows', 'powercfg/windows-10-notebook.xml', {
    ok: {
      batteries: [
        { model: '00HW023', healthRatio: 0.82, cycles: 173 },
        { model: '01AV406', healthRatio: 0.68, cycles: 143 },
      ],
    },
  }),
]

/** Clocks, volumes, software, batteries. */
export const inventory: CaseList = {
  domain: 'inventory_windows',
  cases: () => [...clocks, ...volumes, ...software, ...batteries],
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
    { files: /^inventory_windows\/glpi-project\+inventory_format\//, why: 'an inventory of another program' },
    { files: /^inventory_windows\/log2timeline\+/, why: 'the configuration of the recovery environment: no subject tells of it' },
    {
      files: /^inventory_windows\/MicrosoftDocs\+.*\/PnpDevice\//,
      why: 'devices with a trouble of their driver: no subject tells of them',
    },
  ],
}
