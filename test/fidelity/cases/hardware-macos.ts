import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Case, CaseList, Expected, Samples } from '../case.ts'

const M = 'hardware_macos/'
const PROFILES = `${M}glpi-project+glpi-agent/resources/macos/system_profiler/`
const INQRY = `${M}microsoft+InQRy/tests/`

/** Disks, batteries, file systems and applications of Macs. */
export const hardwareMacos: CaseList = {
  domain: 'hardware_macos',
  cases: samples =>
    [...disks, ...broken, ...batteries, ...containers, ...df(samples), ...mounts(samples), ...software(samples), ...identity].filter(
      ({ files }) => files.every(file => samples.files.includes(file)),
    ),
  leftOut: [
    {
      files: /^hardware_macos\/.*\.results\.txt$|^hardware_macos\/kellyjonbrazil.*\.json$/,
      why: 'what another program made of the capture beside it',
    },
    {
      files: /^hardware_macos\/.*(airport|getinfo\.input|network_spec\.rb|sp_ethernet|SPCardReader|SPUSBDataType|fiberchannel)/,
      why: 'networks and what is plugged in: no subject tells of them',
    },
    {
      files: /^hardware_macos\/.*(powermetrics|AppleBacklightDisplay|AppleDisplay|asus-geforce)/,
      why: 'power and screens: macOS gives sensors to private interfaces only, and no source reads them',
    },
    {
      files: /^hardware_macos\/.*(diskutil-list\.txt|DISKUTIL_LIST_OUTPUT\.txt|\/decoder\/(broken_)?list\.plist)$/,
      why: 'which disks and partitions there are, and nothing of their health',
    },
    {
      files:
        /^hardware_macos\/.*(\/dmidecode\/macos-battery|\/configs\/test_info\.plist|test_systemprofile_fixture\.py\.system_profiler_hardware_data_type_output\.txt)$/,
      why: 'firmware that fills in nothing; what an application says of itself; a comment of a test',
    },
  ],
}

const one = (source: string, file: string, reading: Case['reading']): Case => ({ source, files: [file], reading })
const disk = (file: string, ...told: readonly Expected[]): Case => one('disks/macos', file, { ok: { disks: told } })

const disks: readonly Case[] = [
  disk(`${PROFILES}10.4-powerpc`, { model: 'Maxtor 6B250S0', serial: 'B623KFXH', device: 'disk0', passed: true }),
  disk(`${PROFILES}10.5-powerpc`, { model: 'Maxtor 6B250S0', serial: 'B623KFXH', device: 'disk0', passed: true }),
  disk(`${PROFILES}10.6-intel`, { model: 'WDC WD3200AAJS-40VWA0', serial: 'WD-WMARW0629615', sizeBytes: 320_072_933_376, passed: true }),
  disk(`${PROFILES}10.6-macmini`, { model: 'FUJITSU MHZ2160BH G1', serial: 'K67HTA229209', sizeBytes: 160_041_885_696, passed: true }),
  disk(`${PROFILES}10.6.6-intel`, { model: 'FUJITSU MHW2080BHPL', serial: 'K10RT792D51G', sizeBytes: 80_026_361_856, passed: true }),
  disk(`${PROFILES}SPSerialATADataType3.xml`, { interface: 'virtual', passed: null, standing: 'unsupported' }),
  disk(`${M}chef+ohai/spec/unit/plugins/darwin/hardware_system_profiler_output.rb.SPStorageDataType.plist`, {
    model: 'APPLE SSD SM0256F',
    media: 'ssd',
    passed: true,
  }),
  disk('manual/hardware_macos/system_profiler_nvme_m_series.json', {
    model: 'APPLE SSD AP0256Z',
    serial: '0ba018e4045c5e3e',
    interface: 'nvme',
    media: 'ssd',
    sizeBytes: 251_000_193_024,
    passed: true,
  }),
  disk(`${INQRY}mac/macdisk/test_representing_external_hdd_generic.py.DISKUTIL_OUTPUT.txt`, {
    device: 'disk5',
    model: 'G-DRIVE PRO Thunderbolt',
    media: 'hdd',
    sizeBytes: 2_000_179_691_520,
    passed: true,
  }),
  disk(`${INQRY}mac/macdisk/test_representing_internal_corestorage_volume.py.DISKUTIL_OUTPUT.txt`, {
    device: 'disk1',
    interface: 'virtual',
    media: 'ssd',
    passed: null,
  }),
  disk(`${INQRY}mac/macdisk/test_representing_internal_ssd_fusion_imac.py.DISKUTIL_OUTPUT.txt`, {
    device: 'disk0',
    model: 'APPLE SSD SM0128G',
    media: 'ssd',
    sizeBytes: 121_332_826_112,
    passed: true,
  }),
  disk(`${INQRY}test_disk_factory.py.diskutil_info_disk0_output.txt`, {
    device: 'disk0',
    model: 'APPLE SSD SM1024G',
    media: 'ssd',
    passed: true,
  }),
  disk(`${INQRY}test_disk_factory.py.diskutil_info_disk3_output.txt`, {
    device: 'disk3',
    model: 'HGST HTS721010A9E630',
    media: 'hdd',
    passed: true,
  }),
  disk(`${M}aws+ec2-macos-utils/internal/diskutil/testdata/decoder/disk_info.plist`, {
    device: 'disk0',
    passed: null,
    availableSpareRatio: 1,
  }),
]

/** Property lists that a decoder must refuse. */
const broken: readonly Case[] = [
  one('disks/macos', `${M}aws+ec2-macos-utils/internal/diskutil/testdata/decoder/broken_disk_info.plist`, { outcomes: ['failed'] }),
  one('filesystems/macos', `${M}aws+ec2-macos-utils/internal/diskutil/testdata/decoder/broken_container_info.plist`, {
    outcomes: ['failed'],
  }),
]

const battery = (file: string, told: Expected): Case => one('battery/macos', file, { ok: { batteries: [told] } })

const batteries: readonly Case[] = [
  // 4552 of 6078 mAh, charged downwards to 5 %.
  battery(`${PROFILES}10.11-system_profiler_SPPowerDataType.txt`, {
    vendor: 'DP',
    cycles: 552,
    condition: 'Normal',
    service: false,
    chargeRatio: 0.7,
  }),
  battery(`${PROFILES}charging-SPPowerDataType`, {
    vendor: 'SMP',
    serial: 'HD2J77',
    cycles: 125,
    condition: 'Normal',
    service: false,
    chargeRatio: 0.9,
    state: 'charging',
  }),
  battery(`${PROFILES}10.6.6-intel`, { condition: 'Replace Now', service: true }),
  battery(`${M}chef+ohai/spec/unit/plugins/darwin/hardware_system_profiler_output.rb.SPPowerDataType.plist`, {
    cycles: 201,
    condition: 'Good',
    service: false,
  }),
  battery(`${M}google+macops/gmacpyutil/gmacpyutil/gmacpyutil_test.py.pmset2.txt`, { chargeRatio: 1, state: 'full', service: null }),
]

const APFS = `${M}mikekazakov+nimble-commander/Source/Utility/tests/DiskUtility_UT.mm.g_APFSListExample`
const space = (device: string, size: number, free: number): Expected => ({
  device,
  fstype: 'apfs',
  sizeBytes: size,
  availBytes: (told: number) => told <= free && told >= free - size / 200 - 1,
})
const filesystem = (file: string, told: readonly Expected[]): Case => one('filesystems/macos', file, { ok: { filesystems: told } })

const containers: readonly Case[] = [
  // disk1 and disk2 are macOS's own.
  filesystem(`${M}kolide+launcher/ee/tables/execparsers/plist/test-data/diskutil-apfs.txt`, [
    space('disk3', 1_995_218_165_760, 1_897_427_308_544),
  ]),
  filesystem(`${APFS}10_14.plist`, [
    space('disk1', 489_999_998_976, 87_074_734_080),
    space('disk4', 239_847_653_376, 144_667_172_864),
    space('disk6', 99_983_360, 98_811_904),
  ]),
  filesystem(`${APFS}10_15.plist`, [space('disk1', 489_999_998_976, 29_498_146_816)]),
  filesystem(`${M}aws+ec2-macos-utils/internal/diskutil/testdata/decoder/container_info.plist`, [space('disk2', 6_000_000, 4_000_000)]),
]

type Told = readonly {
  readonly mountpoint: string
  readonly sizeBytes: number | null
  readonly availBytes: number | null
  readonly fstype: string
}[]

/** The root file system, with its size, and with at most what is left there. */
function df(samples: Samples): Case[] {
  const files = samples.files.filter(file => /darwin\/filesystem_spec\.rb\.L(34|101|122)\.txt$|osx-10\.14\.6\/df(-hh)?\.out$/.test(file))
  return files.map(file => {
    const line =
      readFileSync(join(samples.root, file), 'utf8')
        .split('\n')
        .find(row => / \/$/.test(row)) ?? ''
    const [, size = '', , avail = ''] = line.split(/\s+/)
    const bytes = (text: string) => (text.endsWith('G') ? Number.parseInt(text, 10) * 1e9 : Number(text) * 512)
    const right = (all: Told) =>
      all.some(({ mountpoint, sizeBytes, availBytes }) => {
        const most = bytes(avail)
        return mountpoint === '/' && sizeBytes === bytes(size) && availBytes !== null && availBytes <= most && availBytes > most * 0.97
      })
    return one('filesystems/macos', file, { ok: { filesystems: right } })
  })
}

function mounts(samples: Samples): Case[] {
  const of: readonly (readonly [RegExp, string])[] = [
    [/darwin\/filesystem_spec\.rb\.L75\.txt$/, 'hfs'],
    [/osx-10\.14\.6\/mount\.out$/, 'apfs'],
  ]
  const root = (fstype: string) => (all: Told) =>
    all.some(told => told.mountpoint === '/' && told.fstype === fstype && told.sizeBytes === null)
  return of.flatMap(([pattern, fstype]) =>
    samples.files.filter(file => pattern.test(file)).map(file => one('filesystems/macos', file, { ok: { filesystems: root(fstype) } })),
  )
}

/** Every application that the report names, by its headings or keys. */
function software(samples: Samples): Case[] {
  const files = samples.files.filter(file => /^hardware_macos\/.*(SPApplicationsDataType|spapplicationsdatatype)(?!.*results)/.test(file))
  return files.map(file => {
    const text = readFileSync(join(samples.root, file), 'utf8')
    const named = /<plist/.test(text)
      ? [...text.matchAll(/<key>_name<\/key>\s*<string>([^<]*)<\/string>/g)]
      : [...text.matchAll(/^ {4}(\S.*):\s*$/gm)]
    const names = new Set(named.map(([, name = '']) => name.replaceAll('&amp;', '&').replace(/\s+/g, ' ').trim()))
    const right = (packages: readonly { readonly name: string }[]) => {
      const told = packages.filter(({ name }) => names.has(name.replace(/\s+/g, ' ').trim()))
      return told.length >= 0.98 * packages.length && new Set(packages.map(({ name }) => name)).size >= 0.9 * (names.size - 2)
    }
    return one('software/macos', file, { ok: { packages: right } })
  })
}

const system = (file: string, ok: Expected): Case => one('system/macos', file, { ok })

const identity: readonly Case[] = [
  system(`${M}puppetlabs+facter/spec/fixtures/system_profile_sp_hardware_data_type`, {
    hardware: { model: 'MacBookPro11,4', serial: '123456789AAA' },
  }),
  system(`${M}puppetlabs+facter/spec/fixtures/system_profile_sp_software_data_type`, {
    os: { version: '10.15.2', build: '19C57' },
    kernel: { version: '19.2.0' },
  }),
  system(`${M}puppetlabs+facter/spec/fixtures/system_profiler`, { os: { version: '10.15.2' }, hardware: { model: 'MacBookPro11,4' } }),
  system(`${M}chef+ohai/spec/unit/plugins/darwin/hardware_system_profiler_output.rb.SPHardwareDataType.plist`, {
    hardware: { model: 'MacBookPro11,1', serial: 'ABCDEFG12345' },
  }),
  system(`${M}glpi-project+glpi-agent/resources/macos/ioreg/IOPlatformExpertDevice`, {
    hardware: { model: 'MacBook2,1', serial: 'W87305UMYA8' },
  }),
  system(`${M}glpi-project+glpi-agent/resources/macos/ioreg/IOPlatformExpertDevice-2`, {
    hardware: { model: 'MacBookPro12,1', serial: 'C02QM3FSFVH8' },
  }),
  system(`${M}glpi-project+glpi-agent/resources/macos/sysctl/11.0-apple-M1`, { cpu: { model: 'Apple M1' } }),
  system(`${M}glpi-project+glpi-agent/resources/macos/sysctl/10.6-macmini`, { cpu: { model: (model: string) => model.includes('P7550') } }),
  system(`${M}chef+ohai/spec/unit/plugins/darwin/cpu_spec.rb.L25.txt`, { cpu: { logical: 8 }, memoryBytes: 17_179_869_184 }),
  ...['failed-second-vol', 'multiple-boot-vol'].map(name =>
    one('hardening/macos', `${M}kolide+launcher/ee/tables/apple_silicon_security_policy/test-data/bputil-${name}.txt`, {
      outcomes: ['failed'],
    }),
  ),
  system(`${M}kellyjonbrazil+jc/tests/fixtures/osx-10.14.6/sysctl-a.out`, { kernel: { version: '18.7.0' } }),
]
