import type { Case, CaseList, Expected } from '../case.ts'

const W = 'hardware_windows/'
const DOCS = `${W}MicrosoftDocs+windows-powershell-docs/docset/winserver2025-ps/Storage/`
const EVTX = `${W}omerbenamram+evtx/samples/`

/** Disks, volumes, pools and records of the System log of Windows. */
export const hardwareWindows: CaseList = {
  domain: 'hardware_windows',
  cases: samples =>
    [...disks, ...volumes, ...pools, ...records, ...batteries].filter(({ files }) => files.every(file => samples.files.includes(file))),
  leftOut: [
    {
      files: /^hardware_windows\/.*\/Get-(Partition|StorageHealthReport|StorageJob|StorageSubSystem)\.md/,
      why: 'partitions, load, one running job, the sum of all: none tells how a disk or an array is',
    },
    {
      files: /^hardware_windows\/.*\/(chkdsk\.txt|energy-report\.html|sample\.xml)$/,
      why: 'the report of a check that somebody ran; settings of power; the diagnosis of one vendor',
    },
    {
      files: /^hardware_windows\/.*\/(File\.CSV|OpenHardwareMonitor\.Report\.txt)$/,
      why: 'what other programs for sensors record: Windows itself has no interface to them',
    },
    {
      files: /^hardware_windows\/.*-Win32_VideoController\.wmi$/,
      why: 'which graphics there are and how they are set, nothing of their health',
    },
    {
      files: /^hardware_windows\/.*\.(Kernel-Processor-Power|Virtual-Disk-Service)\.\d+\.rec\d+\.xml$/,
      why: 'idle states of processors, a service that started: nothing of health',
    },
    {
      files: /^events_windows\/.*_Microsoft-Windows-(Ntfs|Partition|StorPort|Storsvc)_\d+\.map\.event\.xml$/,
      why: 'statistics of volumes and ports, disks that were plugged in: records of operation, none of damage',
    },
  ],
}

const one = (source: string, file: string, reading: Case['reading']): Case => ({ source, files: [file], reading })
const disk = (file: string, told: Expected): Case => one('disks/windows', file, { ok: { disks: [told] } })

const disks: readonly Case[] = [
  // "Healthy" of a disk whose bus is not told: nothing is known of it.
  disk(`${DOCS}Get-PhysicalDisk.md.table.txt`, { model: 'PhysicalDisk4', passed: null }),
  // An empty Wear and 0 hours are "not reported".
  disk(`${DOCS}Get-StorageReliabilityCounter.md.fl.txt`, {
    device: 'PhysicalDrive8',
    temperatureCelsius: 28,
    powerOnHours: null,
    enduranceUsedRatio: null,
    passed: null,
  }),
  disk(`${W}glpi-project+glpi-agent/resources/win32/wmi/latitude-7480-MSFT_PhysicalDisk.wmi`, {
    device: 'PhysicalDrive0',
    model: 'PC300 NVMe SK hynix 512GB',
    firmware: '20007A00',
    interface: 'nvme',
    media: 'ssd',
    passed: true,
  }),
  disk(`${W}microsoft+InQRy/tests/windows/windisk/test_representing_desktop_sata_ssd.py.GET_PHYSICALDISK_OUTPUT.txt`, {
    model: 'SAMSUNG MZHPV512HDGL-000H1',
    serial: 'S1X0NYAGC03193',
    interface: 'sata',
    media: 'ssd',
    sizeBytes: 512_110_190_592,
    passed: true,
  }),
]

const GB = 1024 ** 3
/** Sizes are rounded to two places, and free space downwards to half a percent. */
const volume = (mountpoint: string, size: number, free: number): Expected => ({
  mountpoint,
  fstype: 'NTFS',
  sizeBytes: (told: number) => Math.abs(told - size * GB) < 0.006 * GB,
  availBytes: (told: number) => told <= (free + 0.006) * GB && told > (free - size / 150) * GB,
})
type Volumes = readonly { readonly mountpoint: string }[]

const volumes: readonly Case[] = [
  one('filesystems/windows', `${DOCS}Get-Volume.md.table.txt`, { ok: { filesystems: [volume('C:\\', 465.42, 23.61)] } }),
  one('filesystems/windows', `${DOCS}Repair-Volume.md.L77.txt`, {
    ok: {
      filesystems: (all: Volumes) => ['C:\\', 'D:\\', 'E:\\', 'F:\\'].every(wanted => all.some(({ mountpoint }) => mountpoint === wanted)),
    },
  }),
]

/** The primordial pool is every disk that could be pooled: no array. */
const pools: readonly Case[] = ['L100', 'L112'].map(line =>
  one('raid/storage-spaces', `${DOCS}Get-StoragePool.md.${line}.txt`, { ok: { arrays: [{ name: 'CompanyData', state: 'ok' }] } }),
)

const logged = (file: string, kind: string, device: string, at: string): Case =>
  one('disks/windows', file, { ok: { disks: [], events: [{ kind, device, count: 1, lastAt: Date.parse(at) }] } })
const nothing = (source: string, file: string): Case => one(source, file, { outcomes: ['failed'] })

const records: readonly Case[] = [
  ...[436, 437, 438, 439].map(record =>
    logged(
      `${EVTX}sample-with-zero-data-size-event.evtx.disk.153.rec${record}.xml`,
      'retried',
      'PhysicalDrive0',
      '2022-10-25T10:20:14.545Z',
    ),
  ),
  logged(`${EVTX}system.evtx.Disk.51.rec543.xml`, 'paging', 'PhysicalDrive1', '2017-07-23T07:16:52.599Z'),
  logged(`${EVTX}system.evtx.Disk.51.rec876.xml`, 'paging', 'PhysicalDrive0', '2017-07-26T07:41:15.023Z'),
  // The write cache was switched off; a volume was mounted clean. Neither is damage, and neither tells how things stand now.
  nothing('disks/windows', `${W}log2timeline+plaso/test_data/evtx/System.evtx.Disk.34.rec543.xml`),
  ...['2-vss_7-System.evtx.Ntfs.98.rec12', '2-vss_7-System.evtx.Ntfs.98.rec29', 'system.evtx.Ntfs.98.rec12'].map(name =>
    nothing('filesystems/windows', `${EVTX}${name}.xml`),
  ),
  ...[134, 143].map(record => nothing('filesystems/windows', `${EVTX}sample-with-zero-data-size-event.evtx.Ntfs.98.rec${record}.xml`)),
]

/** 36.520 of 52.500 mWh, with the separator of the country; cycles are told as "-". */
const batteries: readonly Case[] = [
  one('battery/windows', `${W}Fla20035+battery-report/battery-report.html`, { ok: { batteries: [{ healthRatio: 0.69, cycles: null }] } }),
]
