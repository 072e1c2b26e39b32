import type { Case, CaseList, Expected } from '../case.ts'
import { denied, failed, named, sampleOf } from '../wants.ts'

const KOLIDE = 'security_linux/kolide+launcher/ee/tables'
const glpi = sampleOf('security_linux/glpi-project+glpi-agent/resources/linux')
const inspec = sampleOf('security_linux/inspec+inspec/test/fixtures/cmd')
const jc = sampleOf('security_linux/kellyjonbrazil+jc/tests/fixtures')
const checkbox = sampleOf('security_linux/canonical+checkbox/checkbox-ng/checkbox_ng/support/parsers/tests/udevadm_data')
const kolide = sampleOf(KOLIDE)
const mac = sampleOf('security_macos')
const manualMac = sampleOf('manual/security_macos')
const manualWindows = sampleOf('manual/security_windows')
const microsoft = sampleOf('security_windows/MicrosoftDocs+windows-powershell-docs/docset')
const windows = sampleOf('security_windows')
const registry = sampleOf('security_windows/glpi-project+glpi-agent/resources/win32/registry')
const registryOfTen = sampleOf('inventory_windows/glpi-project+glpi-agent/resources/win32/registry')
const live = sampleOf('live/debian-12')

const product = (known: Readonly<Record<string, Expected>>): { ok: Expected } => ({ ok: { products: [known] } })
const profile = (known: Readonly<Record<string, Expected>>): { ok: Expected } => ({ ok: { profiles: [known] } })
const control = (name: string, state: string): { ok: Expected } => ({ ok: { controls: [{ name, state }] } })
const volume = (known: Readonly<Record<string, Expected>>): { ok: Expected } => ({ ok: { volumes: [known] } })
const at = (time: string) => Date.parse(time)
const day = (wanted: string) => (actual: number | null) => actual !== null && Math.abs(actual - at(wanted)) < 86_400_000
const told = (text: string | null) => text !== null

const scanners: readonly Case[] = [
  glpi(
    'antivirus/bitdefender',
    'antivirus/bduitool-7.0.3.2239',
    product({ version: '7.0.3.2239', running: true, signaturesVersion: '7.95171', signaturesAt: at('2023-08-24T11:44:37+02:00') }),
  ),
  glpi('antivirus/cortex-xdr', 'antivirus/cortex-xdr-8.2.1.120305-info', product({ version: '8.2.1.120305' })),
  glpi('antivirus/cortex-xdr', 'antivirus/cortex-xdr-8.2.1.120305-runtime-query', product({ running: true })),
  mac(
    'antivirus/cortex-xdr',
    'glpi-project+glpi-agent/resources/macos/antivirus/cortex-xdr-8.2.1.47908-info',
    product({ version: '8.2.1.47908' }),
  ),
  mac(
    'antivirus/cortex-xdr',
    'glpi-project+glpi-agent/resources/macos/antivirus/cortex-xdr-8.2.1.47908-info-query',
    product({ signaturesVersion: '1270-79108' }),
  ),
  mac(
    'antivirus/cortex-xdr',
    'glpi-project+glpi-agent/resources/macos/antivirus/cortex-xdr-8.2.1.47908-runtime-query',
    product({ running: true }),
  ),
  mac(
    'antivirus/sentinelone',
    'glpi-project+glpi-agent/resources/macos/antivirus/sentinelone-epp-24.1.2.7444-version',
    product({ version: '24.1.2.7444' }),
  ),
  kolide('antivirus/crowdstrike', 'crowdstrike/falconctl/test-data/cid-error.txt', failed),
  kolide(
    'antivirus/carbon-black',
    'execparsers/repcli/test-data/repcli_linux.txt',
    product({ version: '2.14.0.1234321', running: true, realtime: true }),
  ),
  // Reduced functionality: it runs, and detects nothing.
  {
    source: 'antivirus/crowdstrike',
    files: ['security_linux/macadmins+osquery-extension/tables/crowdstrike_falcon/crowdstrike_falcon_test.go.falconctl-linux-loaded.txt'],
    reading: product({ version: '7.29.18202.0', realtime: false, degraded: told }),
  },
  mac(
    'antivirus/crowdstrike',
    'macadmins+osquery-extension/tables/crowdstrike_falcon/crowdstrike_falcon_test.go.falconctl-darwin.plist',
    product({ version: '7.26.19707.0', running: true, realtime: false, degraded: told }),
  ),
  {
    source: 'antivirus/clamav',
    files: ['manual/security_linux/clamav_cvd_header_2017.txt'],
    reading: product({ signaturesVersion: '23182', signaturesAt: 1_488_891_746_000 }),
  },
]

const defender: readonly Case[] = [
  microsoft(
    'antivirus/defender',
    'winserver2022-ps/Defender/Get-MpComputerStatus.md.fl.txt',
    product({
      version: '4.18.24050.7',
      running: true,
      realtime: true,
      passive: false,
      signaturesVersion: '1.413.102.0',
      signaturesAt: at('2024-06-04T08:06:27Z'),
      tamperProtection: false,
      quickScanAt: null,
      fullScanAt: null,
    }),
  ),
  ...['winserver2019-ps', 'winserver2025-ps'].map(edition =>
    microsoft(
      'antivirus/defender',
      `${edition}/Defender/Get-MpComputerStatus.md.fl.txt`,
      product({
        version: '4.3.9463.0',
        realtime: true,
        signaturesAt: at('2013-07-30T03:01:45Z'),
        quickScanAt: day('2013-07-30T13:50:24Z'),
        fullScanAt: null,
      }),
    ),
  ),
  manualWindows(
    'antivirus/defender',
    'mpcomputerstatus_age266.txt',
    product({ version: '4.18.2210.6', running: true, signaturesVersion: '1.379.386.0', signaturesAt: at('2022-11-14T22:38:25Z') }),
  ),
  manualWindows(
    'antivirus/defender',
    'mpcomputerstatus_rtp_off_904d.txt',
    product({ realtime: false, signaturesVersion: '1.355.721.0', signaturesAt: at('2021-12-23T05:16:15Z') }),
  ),
  manualWindows(
    'antivirus/defender',
    'mpcomputerstatus_zh_rtp_off_tail.txt',
    product({ realtime: false, tamperProtection: false, quickScanAt: at('2025-10-16T18:55:31Z') }),
  ),
  manualWindows(
    'antivirus/security-center',
    'antivirusproduct_appgate_wrong_reading.json',
    product({ name: 'Windows Defender', running: true, realtime: true, signaturesCurrent: true }),
  ),
  manualWindows(
    'antivirus/security-center',
    'antivirusproduct_bitdefender_defender.txt',
    named('products', {
      'Bitdefender Antivirus': { running: true, realtime: true, signaturesCurrent: true },
      'Windows Defender': { running: false, realtime: false },
    }),
  ),
  manualWindows(
    'antivirus/security-center',
    'antivirusproduct_cylance_defender.json',
    named('products', {
      CylancePROTECT: { running: true, realtime: true, signaturesCurrent: true },
      'Windows Defender': { running: false, realtime: false, signaturesCurrent: true },
    }),
  ),
]

const PROFILES = { Domain: 'domain', Public: 'public', Standard: 'private' } as const

const firewalls: readonly Case[] = [
  glpi('firewall/firewalld', 'firewall/fedora_systemctl_status_firewalld.service_ON_disabled.txt', profile({ enabled: true })),
  glpi('firewall/ufw', 'firewall/ubuntu_ufw_status_OFF.txt', profile({ enabled: false })),
  jc('firewall/ufw', 'generic/ufw-inactive.out', profile({ enabled: false })),
  jc('firewall/ufw', 'generic/ufw.out', profile({ enabled: true, inbound: 'drop' })),
  jc('firewall/ufw', 'generic/ufw-numbered.out', profile({ enabled: true, inbound: 'drop' })),
  // It does not tell its default.
  jc('firewall/ufw', 'generic/ufw-numbered2.out', profile({ enabled: true, inbound: null })),
  inspec('firewall/ufw', 'dpkg-s-held-package', failed),
  inspec('firewall/iptables', 'ip6tables-s', profile({ name: 'input-ipv6', enabled: true, inbound: 'drop' })),
  // One set of a table says nothing of its chains.
  inspec('firewall/nftables', 'nftables-set-json', failed),
  live(
    'firewall/nftables',
    'storage_tools/nft-ruleset.json',
    named('profiles', { 'input-ipv4': { enabled: false, inbound: 'accept' }, 'input-ipv6': { enabled: false, inbound: 'accept' } }),
  ),
  // The last rule of INPUT rejects all; `-L` alone hides the interfaces that rules are bound to, and may be refused for it.
  ...['iptables-filter.out', 'iptables-filter-line-numbers.out', 'iptables-filter-nv.out'].map(file =>
    jc('firewall/iptables', `centos-7.7/${file}`, profile({ enabled: true, inbound: 'reject' })),
  ),
  jc('firewall/iptables', 'centos-7.7/iptables-nat.out', failed),
  ...Object.entries(PROFILES).map(([file, name]) =>
    registry('firewall/windows', `7_firewall-${file}Profile.reg`, profile({ name, enabled: false })),
  ),
  // On by the local setting, which a group policy could override: not known to be on.
  ...Object.entries(PROFILES).map(([file, name]) =>
    registryOfTen('firewall/windows', `10-${file}Profile.reg`, profile({ name, enabled: null })),
  ),
  manualMac('firewall/application-firewall', 'socketfilterfw_on.txt', profile({ enabled: true, inbound: null })),
  manualMac('firewall/application-firewall', 'socketfilterfw_off.txt', profile({ enabled: false })),
  manualMac('firewall/application-firewall', 'socketfilterfw_blockall.txt', profile({ enabled: true, inbound: 'drop' })),
  manualMac('firewall/application-firewall', 'socketfilterfw_not_root.txt', denied),
  manualMac('firewall/application-firewall', 'spfirewall_off.json', profile({ enabled: false })),
  manualMac('firewall/application-firewall', 'spfirewall_on.json', profile({ enabled: true })),
  mac(
    'firewall/application-firewall',
    'kolide+launcher/ee/tables/execparsers/socketfilterfw/test-data/data.txt',
    profile({ enabled: true, inbound: 'drop' }),
  ),
  ...['apps.txt', 'empty.txt', 'malformed.txt'].map(file =>
    mac('firewall/application-firewall', `kolide+launcher/ee/tables/execparsers/socketfilterfw/test-data/${file}`, failed),
  ),
  // macOS 15 has no such property list, so that it is refused as evidence.
  mac('firewall/application-firewall', 'osquery+osquery/tools/tests/configs/test_alf.plist', profile({ enabled: false })),
]

const off = (...names: readonly string[]) => named('volumes', Object.fromEntries(names.map(name => [name, { state: 'off' }])))

const encryption: readonly Case[] = [
  checkbox('encryption/luks', 'CARA_T_SOCKETCAN.lsblk.json', off('/writable', 'mmcblk0p3')),
  checkbox('encryption/luks', 'HP_DVDRW_WITH_ISO9660_DISC.lsblk.json', off('/')),
  checkbox('encryption/luks', 'HP_ELITEBOOK_835_13_INCH_G10.lsblk.json', off('/', '/media/ubuntu/4526-3FDB')),
  checkbox('encryption/luks', 'IBM_s390x_DASD.lsblk.json', off('/', '/var', 'dasda2')),
  checkbox('encryption/luks', 'INTEL_NUC_SNAPPY.lsblk.json', off('/writable')),
  checkbox(
    'encryption/luks',
    'KIOXIA_TransMemory.lsblk.json',
    off('/writable', '/run/mnt/ubuntu-boot', '/var/lib/snapd/save', '/var/lib/snapd/seed'),
  ),
  checkbox('encryption/luks', 'NVIDIA_DGX_STATION.lsblk.json', off('/', '/raid')),
  checkbox('encryption/luks', 'XILINX_KR260.lsblk.json', off('/')),
  // Disks with LUKS are there and not open: the system runs from a plain partition.
  kolide('encryption/luks', 'execparsers/json/test-data/kolide_lsblk.json', off('/')),
  live('encryption/luks', 'lsblk-J.json', off('/')),
  live('encryption/luks', 'storage_tools/lsblk.json', off('/')),
  live('encryption/luks', 'storage_tools/lsblk-short.json', off('/')),
  live('encryption/luks', 'lsblk-J-O-b.json', off('/')),
  microsoft(
    'encryption/bitlocker',
    'winserver2025-ps/BitLocker/Get-BitLockerVolume.md.fl.txt',
    volume({ name: 'C:', state: 'on', method: 'XtsAes128' }),
  ),
  microsoft(
    'encryption/bitlocker',
    'winserver2025-ps/BitLocker/Get-BitLockerVolume.md.table.txt',
    named('volumes', {
      'C:': { state: 'off' },
      'D:': { state: 'encrypting' },
      'E:': { state: 'off' },
      'F:': { state: 'off' },
      'G:': { state: 'off' },
    }),
  ),
  windows(
    'encryption/bitlocker',
    'bnachtwey+IT-Stuff/Windows/N2K/Bitlocker-Notes.md.manage-bde-status-100-de.txt',
    volume({ name: 'C:', state: 'encrypting', progressRatio: 1, method: 'XTS-AES 128' }),
  ),
  windows(
    'encryption/bitlocker',
    'dreknix+wiki/docs/windows/tools/bitlocker.md.manage-bde-status-c.txt',
    volume({ name: 'C:', state: 'on', method: 'AES 256' }),
  ),
  windows(
    'encryption/bitlocker',
    'glpi-project+glpi-agent/resources/win32/wmi/win10-crypt-Win32_EncryptableVolume.wmi',
    volume({ name: 'C:', state: 'on', method: 'AES 256' }),
  ),
]

const hardening: readonly Case[] = [
  microsoft('hardening/windows', 'winserver2025-ps/TrustedPlatformModule/Get-Tpm.md.fl.txt', control('tpm', 'on')),
  microsoft('hardening/windows', 'winserver2016-ps/TrustedPlatformModule/Get-Tpm.md.L35.txt', control('tpm', 'partial')),
]

const engine: readonly Case[] = [
  live('antivirus/clamav', 'storage_tools/freshclam-version.txt', product({ version: '1.4.6', signaturesAt: null })),
]

/** Antivirus, firewall, encryption, hardening. */
export const security: CaseList = {
  domain: 'security',
  cases: () => [...scanners, ...engine, ...defender, ...firewalls, ...encryption, ...hardening],
  leftOut: [
    {
      files: /^live\/debian-12\/storage_tools\/(blkid-luks|cryptsetup-\w+(-\w+)?|nft-ruleset)\.txt$/,
      why: 'tools that are not asked: lsblk tells what is encrypted, and nft prints JSON',
    },
    { files: /^security_linux\/.*\/(fail2ban|lynis)\//, why: 'fail2ban and Lynis are no sources' },
    { files: /^security_linux\/.*\/not-expected-output\.json$/, why: 'a digit that no tool prints' },
    {
      files: /^security_linux\/inspec\+.*\/firewall-cmd[^/]*$/,
      why: 'answers of single questions to firewalld, without the zone: firewalld is asked for the state and for each zone whole',
    },
    {
      files: /^security_linux\/inspec\+.*\/(nftables-version|systemctl-show-all-apache2)$/,
      why: 'the version of a tool; a unit that is no firewall',
    },
    { files: /^security_(linux|windows)\/kellyjonbrazil\+jc\/.*\.json$/, why: "what somebody else's parser makes of the file beside it" },
    {
      files: /\/(ufw-appinfo-\w+|veracrypt_verbose_list_volumes)\.out$/,
      why: 'profiles of applications say nothing of the state; VeraCrypt is no source',
    },
    { files: /\/cryptsetup\/testdata\//, why: 'one mapping, without what is mounted from it: lsblk shows the tree' },
    {
      files: /^security_macos\/.*\/(defaults_read_preferences_com_alf_globalstate|procinfo)\.txt$/,
      why: 'a digit without words; an inventory of another program',
    },
    { files: /^security_macos\/.*\/test_alf_nested_path\.plist$/, why: 'a property list that macOS 15 has no more, and that is not read' },
    {
      files: /^security_macos\/kolide\+.*\/(remotectl|pwpolicy|security)\//,
      why: 'devices, password policies and trust in certificates: no subject tells of them',
    },
    {
      files: /^security_macos\/(kolide\+.*\/mdmclient|zentralopensource\+.*\/mdm)\//,
      why: 'what a device tells its management server: the agent asks the machine itself',
    },
    { files: /^security_macos\/log2timeline\+/, why: 'logs of decisions on single connections and programs' },
    {
      files: /^security_macos\/macadmins\+osquery-extension\/tables\/(localnetworkpermissions|macos_profiles)\//,
      why: 'permissions of applications; installed profiles',
    },
    { files: /^security_macos\/macadmins\+sofa\//, why: 'a reference: versions that Apple published' },
    { files: /^security_macos\/osquery\+.*\/test_launchd\.plist$/, why: 'the file of one job: launchd is asked which jobs failed' },
    {
      files: /^security_windows\/.*\.xml$/,
      why: 'single records of event logs tell what happened once, and not which state holds: products are asked for that',
    },
    {
      files: /^security_windows\/.*-NetworkList\.reg$/,
      why: 'names of networks: which profile is in use is asked of Get-NetConnectionProfile',
    },
    { files: /^security_windows\/inspec\+/, why: 'installed roles and exported policies: no subject tells of them' },
    {
      files: /^security_windows\/.*\/(netstat-aonb\.out|dsregcmd\/.*)$/,
      why: 'open connections and the membership in a directory: no subject tells of them',
    },
    {
      files: /^security_windows\/log2timeline\+/,
      why: 'logs and histories of single detections, as products that are no sources or no longer write them',
    },
    { files: /^security_windows\/wazuh\+/, why: 'what a log server tests its rules with' },
  ],
}
