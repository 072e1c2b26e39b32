import { existsSync, globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { printed } from '../../../../test/kit/hostile.ts'
import { checked, outcomeOf } from '../../runner.ts'
import { probes } from '../index.ts'

/** Captures of real machines, where a folder with them stands beside the checkout; without it there is nothing to read. */
const folder = fileURLToPath(new URL('../../../../../shared/samples/', import.meta.url))

/** What files of a source must be read as, by the words of those who captured them. */
const READINGS: readonly (readonly [key: string, files: string, wanted: object])[] = [
  ['antivirus/defender', 'manual/security_windows/mpcomputerstatus_rtp_off_904d.txt', { data: { products: [{ realtime: false }] } }],
  [
    'antivirus/defender',
    'manual/security_windows/mpcomputerstatus_zh_rtp_off_tail.txt',
    { data: { products: [{ realtime: false, fullScanAt: null }] } },
  ],
  [
    'antivirus/defender',
    'security_windows/**/winserver2022-ps/Defender/Get-MpComputerStatus*',
    { data: { products: [{ realtime: true, quickScanAt: null, tamperProtection: false }] } },
  ],
  [
    'antivirus/security-center',
    'manual/security_windows/antivirusproduct_appgate*',
    { data: { products: [{ running: true, realtime: true }] } },
  ],
  [
    'antivirus/security-center',
    'manual/security_windows/antivirusproduct_cylance*',
    { data: { products: [{ realtime: true }, { running: false, passive: true }] } },
  ],
  [
    'encryption/bitlocker',
    'security_windows/**/Get-BitLockerVolume.md.table.txt',
    { data: { volumes: [{ name: 'C:', state: 'off' }, { name: 'D:', state: 'encrypting' }, {}, {}, {}] } },
  ],
  [
    'encryption/bitlocker',
    'security_windows/**/win10-crypt-Win32_EncryptableVolume.wmi',
    { data: { volumes: [{ name: 'C:', state: 'on', method: 'AES 256' }] } },
  ],
  ['firewall/windows', 'security_windows/**/7_firewall-*Profile.reg', { data: { profiles: [{ enabled: false }] } }],
  [
    'disks/windows',
    'hardware_windows/**/latitude-7480-MSFT_PhysicalDisk.wmi',
    { data: { disks: [{ interface: 'nvme', media: 'ssd', passed: true }] } },
  ],
  [
    'disks/windows',
    'hardware_windows/**/Get-StorageReliabilityCounter*',
    { data: { disks: [{ enduranceUsedRatio: null, powerOnHours: null, temperatureCelsius: 28 }] } },
  ],
  [
    'backups/windows-server-backup',
    'manual/backup/wbsummary_failed_fr.txt',
    { data: { jobs: [{ lastResult: 'failed', lastSuccessAt: Date.UTC(2026, 2, 10, 20, 16) }] } },
  ],
  ['backups/windows-server-backup', 'manual/backup/wbsummary_ok_sv.txt', { data: { jobs: [{ lastResult: 'success', snapshots: 101 }] } }],
  ['backups/veeam', 'manual/backup/checkmk_veeam_client_no_stop.tsv', { data: { jobs: [{ lastSuccessAt: null, lastResult: null }] } }],
  ['clock/w32time', 'inventory_windows/**/ntp-w32tm/**/unsynced-*', { data: { synchronized: false } }],
  ['clock/w32time', 'inventory_windows/**/ntp-w32tm/**/stratum-*', { data: { synchronized: true } }],
  ['updates/windows-update', 'manual/updates_windows/checkmk_windows_updates_failed.txt', { outcome: 'failed' }],
  [
    'updates/windows-update',
    'updates_windows/**/windows_test.go.wua-search-kbs.txt',
    { data: { classified: false, pending: [{ name: 'KB5012170' }, { name: 'KB5021233' }, { name: 'KB5021088' }] } },
  ],
  [
    'updates/winget',
    'updates_windows/**/winget.py.upgrade-available-details.txt',
    { data: { pending: [{ name: 'Git.Git' }, { name: 'Microsoft.Edge' }], more: 2 } },
  ],
  [
    'disks/windows',
    'hardware_windows/**/*.disk.153.rec*.xml',
    { data: { events: [{ kind: 'retried', device: 'PhysicalDrive0', count: 1 }] } },
  ],
  [
    'disks/windows',
    'hardware_windows/**/system.evtx.Disk.51.rec543.xml',
    { data: { events: [{ kind: 'paging', device: 'PhysicalDrive1' }] } },
  ],
  // A volume that NTFS calls healthy is no news of damage, and none of anything else.
  ['filesystems/windows', 'hardware_windows/**/*.Ntfs.98.rec*.xml', { outcome: 'failed' }],
  [
    'updates/windows-update',
    'updates_windows/**/system.evtx.WindowsUpdateClient.20.rec561.xml',
    { data: { lastInstallSucceeded: false, lastCheckAt: null, failing: [{ name: 'KB4025342', code: '0x80248007' }] } },
  ],
  [
    'updates/windows-update',
    'updates_windows/**/2-vss_7-System.evtx.WindowsUpdateClient.19.rec197.xml',
    { data: { lastInstallSucceeded: true, classified: false, failing: [] } },
  ],
  ['updates/windows-update', 'updates_windows/**/system.evtx.WindowsUpdateClient.44.rec385.xml', { outcome: 'failed' }],
  ['system/windows', 'updates_windows/**/srv_2022_systeminfo.txt', { data: { os: { id: 'windows-server', build: '20348' } } }],
]

function text(path: string): string {
  const bytes = readFileSync(path)
  return bytes[0] === 0xff && bytes[1] === 0xfe ? bytes.subarray(2).toString('utf16le') : bytes.toString('utf8')
}

function read(key: string, path: string): object {
  const probe = probes.find(one => `${one.subject}/${one.source}` === key)
  if (!probe) throw new Error(`there is no source ${key}`)
  const captured = printed(text(path))
  const names = Object.keys(probe.inputs)
  const input = names.find(name => probe.inputs[name]?.recognise?.(captured.text)) ?? names[0] ?? ''
  try {
    return checked(probe, probe.parse({ [input]: [captured] }, { now: 1_795_000_000_000, hostname: 'x', options: probe.setting?.default }))
  } catch (error) {
    return outcomeOf(error, 'win32')
  }
}

describe('captures of real machines', () => {
  const found = READINGS.flatMap(([key, files, wanted]) => globSync(files, { cwd: folder }).map(file => [key, file, wanted] as const))

  test('each row finds its files, where the captures are there', () => {
    expect(existsSync(folder) ? READINGS.filter(([, files]) => globSync(files, { cwd: folder }).length === 0) : []).toEqual([])
  })

  for (const [key, file, wanted] of found) {
    test(`${key} reads ${file.split('/').at(-1)}`, () => {
      expect(read(key, `${folder}${file}`)).toMatchObject(wanted)
    })
  }
})
