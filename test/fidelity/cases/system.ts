import type { Case, CaseList, Expected, Samples } from '../case.ts'
import { sampleOf } from '../wants.ts'

const JC = 'os_identity/kellyjonbrazil+jc/tests/fixtures'
const FACTER = 'os_identity/puppetlabs+facter/spec/fixtures'
const WMI = 'inventory_windows/glpi-project+glpi-agent/resources/win32/wmi'
const facter = sampleOf(FACTER)
const wesng = sampleOf('updates_windows/bitsadmin+wesng/validation')

type Os = { id: string; name: string; version: string | null; codename?: string; build?: string }
const os = (known: Os): { ok: Expected } => ({ ok: { os: { ...known } } })

const osRelease: readonly Case[] = [
  {
    source: 'system/linux',
    files: [`${JC}/generic/os-release-centos`],
    reading: os({ id: 'centos', name: 'CentOS Linux 7 (Core)', version: '7' }),
  },
  {
    source: 'system/linux',
    files: [`${JC}/generic/os-release-ubuntu`],
    reading: os({ id: 'ubuntu', name: 'Ubuntu 18.04.5 LTS', version: '18.04', codename: 'bionic' }),
  },
  {
    source: 'system/linux',
    files: ['os_identity/prometheus+node_exporter/collector/fixtures/usr/lib/os-release'],
    reading: os({ id: 'ubuntu', name: 'Ubuntu 20.04.2 LTS', version: '20.04', codename: 'focal' }),
  },
  // An empty ID: the manual page wants "linux" there, and nothing is guessed from the name.
  facter('system/linux', 'os_release', os({ id: 'linux', name: 'Ubuntu 18.04.1 LTS', version: '18.04', codename: 'bionic' })),
  facter('system/linux', 'os_release_archlinux', os({ id: 'arch', name: 'Arch Linux', version: null, build: 'rolling' })),
  facter('system/linux', 'os_release_debian', os({ id: 'debian', name: 'Debian GNU/Linux 10 (buster)', version: '10' })),
  facter('system/linux', 'os_release_manjarolinux', os({ id: 'manjaro', name: 'Manjaro Linux', version: null })),
  facter('system/linux', 'os_release_opensuse-leap', os({ id: 'opensuse-leap', name: 'openSUSE Leap 15.1', version: '15.1' })),
  facter('system/linux', 'os_release_oracle_linux', os({ id: 'ol', name: 'Oracle Linux Server 7.2', version: '7.2' })),
  facter(
    'system/linux',
    'os_release_redhat_linux_with_comment',
    os({ id: 'rhel', name: 'Red Hat Enterprise Linux 8.6 (Ootpa)', version: '8.6' }),
  ),
  facter('system/linux', 'os_release_sles', os({ id: 'sles', name: 'SUSE Linux Enterprise Server 15', version: '15' })),
  facter(
    'system/linux',
    'os_release_sles_sap',
    os({ id: 'sles_sap', name: 'SUSE Linux Enterprise Server for SAP Applications 12 SP2', version: '12.2' }),
  ),
  facter('system/linux', 'os_release_virtuozzolinux', os({ id: 'virtuozzo', name: 'Virtuozzo release 7.5.1', version: '7' })),
  ...['os_release_devuan', 'os_release_mint', 'os_release_solaris'].map(file => facter('system/linux', file, { outcomes: ['failed'] })),
  {
    source: 'system/linux',
    files: ['live/debian-12/os-release.txt', 'live/debian-12/uname.txt'],
    reading: {
      ok: {
        os: { id: 'debian', name: 'Debian GNU/Linux 12 (bookworm)', version: '12', codename: 'bookworm' },
        kernel: { version: '6.18.44-cloud-amd64', arch: 'x86_64' },
      },
    },
  },
]

/** Name and version of the system as the manifest reads them out of the text. */
function systemInfo(samples: Samples): Case[] {
  return samples.files
    .filter(file => /^updates_windows\/bitsadmin\+wesng\/.*systeminfo2?\.txt$/.test(file))
    .map(file => {
      const [, name = '', version = '', build = ''] =
        /systeminfo: OS "([^"]+)", version "(\S+) [^"]* (\d+)"/.exec(samples.reading(file)) ?? []
      const id = name.includes('Server') ? 'windows-server' : 'windows'
      return wesng('system/windows', file.slice(file.lastIndexOf('/') + 1), {
        ok: { os: { id, name: name.trim(), build }, kernel: { version } },
      })
    })
}

const windows: readonly Case[] = [
  ...['systeminfo-hyperv.out', 'systeminfo-hyperv-utc.out'].map(file => ({
    source: 'system/windows',
    files: [`updates_windows/kellyjonbrazil+jc/tests/fixtures/windows/windows-10/${file}`],
    reading: {
      ok: {
        hostname: 'TESTLAPTOP',
        os: { id: 'windows', name: 'Microsoft Windows 10 Enterprise', build: '17134' },
        kernel: { arch: 'x64' },
        hardware: { vendor: 'Dell Inc.', model: 'Precision 5530' },
        memoryBytes: 32_503 * 2 ** 20,
      },
    },
  })),
  ...['win7-sp1-x64-Win32_OperatingSystem.wmi', 'winxp-sp3-x86-Win32_OperatingSystem.wmi'].map(file => ({
    source: 'system/windows',
    files: [`${WMI}/${file}`],
    reading: { ok: { os: { id: 'windows', name: 'Microsoft Windows 7 Professionnel', build: '7600' }, kernel: { version: '6.1.7600' } } },
  })),
]

const macos: readonly Case[] = [
  {
    source: 'system/macos',
    files: ['updates_macos/glpi-project+glpi-agent/resources/macos/system_profiler/10.6-system_profiler_Software_SPSoftwareDataType'],
    reading: { ok: { os: { id: 'macos', version: '10.11.6', build: '15G1217' }, kernel: { version: '15.6.0' } } },
  },
  {
    source: 'system/macos',
    files: ['updates_macos/glpi-project+glpi-agent/resources/macos/system_profiler/11.0-apple-M1'],
    reading: {
      ok: {
        os: { id: 'macos', version: '11.2.3', build: '20D91' },
        hardware: { model: 'MacBookAir10,1' },
        cpu: { model: 'Apple M1' },
        memoryBytes: 16 * 2 ** 30,
        role: 'laptop',
      },
    },
  },
  {
    source: 'system/macos',
    files: ['updates_macos/macadmins+osquery-extension/tables/macosrsr/test_SystemVersion.plist'],
    reading: { ok: { os: { id: 'macos', version: '13.3.1', build: '22E261' } } },
  },
]

/** Which system and which machine it is. */
export const system: CaseList = {
  domain: 'system',
  cases: samples => [...osRelease, ...systemInfo(samples), ...windows, ...macos],
  leftOut: [
    { files: /^os_identity\/endoflife-date\+/, why: 'a reference: what the dated table of the catalog is made from' },
    { files: /^os_identity\/puppetlabs\+facter\/.*\/os_hierarchy$/, why: 'a table of another program' },
    {
      files: /^os_identity\/puppetlabs\+facter\/.*\/(blkid_output|lsblk_output|dmi_decode)/,
      why: 'identity is read from files of the kernel; disks are asked for JSON',
    },
    {
      files: /^(os_identity|updates_windows)\/kellyjonbrazil\+jc\/.*\.json$/,
      why: "what somebody else's parser makes of the file beside it",
    },
    { files: /^os_identity\/kellyjonbrazil\+jc\/.*\/lsblk\.out$/, why: 'a tree drawn for people: lsblk is asked for JSON' },
    { files: /^live\/debian-12\/(lscpu|lsmem|npm-outdated)\.json$/, why: 'tools that no source asks: /proc says the same' },
    { files: /^live\/debian-12\/dmidecode\.txt/, why: 'dmidecode is not asked: /sys/class/dmi says the same to everybody' },
  ],
}
