import type { Case, CaseList } from '../case.ts'
import { absent, failed, sampleOf, waiting } from '../wants.ts'

const PLUGINS = 'updates_linux/Linuxfabrik+monitoring-plugins/check-plugins'
const PUPPET = 'updates_linux/puppetlabs+puppet/spec/fixtures/unit/provider/package'
const JC = 'updates_linux/kellyjonbrazil+jc/tests/fixtures/generic'
const apt = sampleOf(`${PLUGINS}/deb-updates/unit-test/stdout`)
const holds = sampleOf(`${PLUGINS}/deb-versionlock/unit-test/stdout`)
const rpm = sampleOf(`${PLUGINS}/rpm-updates/unit-test/stdout`)
const yum = sampleOf(`${PUPPET}/yum`)
const zypper = sampleOf(`${PUPPET}/zypper`)
const restart = sampleOf(`${PLUGINS}/needs-restarting/unit-test/stdout`)
const checkmk = sampleOf('manual/updates_linux')
const live = sampleOf('live/debian-12')

/** Held packages alone tell nothing of what waits. */
const HOLDS = ['debian10', 'debian11', 'ubuntu2004', 'ubuntu2604'].map(system => `${system}-two-holds-showhold`)

/** Debian's family. Numbers are counts of lines that `grep` finds: `upgradable from`, and of these `-security`. */
const debian: readonly Case[] = [
  apt('updates/apt', 'debian10', {
    ok: waiting({ total: 2, security: 0, has: { libc6: '2.28-10+deb10u4' }, from: { libc6: '2.28-10+deb10u3' } }),
  }),
  apt('updates/apt', 'debian12', {
    ok: waiting({ total: 37, security: 3, has: { 'base-files': '12.4+deb12u13' }, from: { libgnutls30: '3.7.9-2+deb12u3' } }),
  }),
  apt('updates/apt', 'debian13', {
    ok: waiting({ total: 15, security: 2, has: { libssl3t64: '3.5.5-1~deb13u2' }, from: { libssl3t64: '3.5.1-1' } }),
  }),
  apt('updates/apt', 'ubuntu2204', {
    ok: waiting({ total: 33, security: 27, has: { apt: '2.4.14' }, from: { libgnutls30: '3.7.3-4ubuntu1.5' } }),
  }),
  apt('updates/apt', 'ubuntu2404', { ok: waiting({ total: 39, security: 24, has: { apt: '2.8.3' }, from: { apt: '2.7.14build2' } }) }),
  ...[...HOLDS, 'hold-without-package-showhold', 'malformed-showhold'].map(file => holds('updates/apt', file, failed)),
  {
    source: 'updates/apt',
    files: [`${PLUGINS}/deb-versionlock/unit-test/stderr/apt-mark-broken-cache`],
    reading: failed,
  },
  checkmk('updates/apt', 'checkmk_apt_broken.txt', failed),
  checkmk('updates/apt', 'checkmk_apt_esm.txt', {
    ok: waiting({ total: 3, security: 0, withheld: 2, has: { 'ubuntu-advantage-tools': '27.4.2~16.04.1' } }),
  }),
  checkmk('updates/apt', 'checkmk_apt_no_esm.txt', {
    ok: waiting({ total: 1, security: 0, has: { 'ubuntu-advantage-tools': '27.4.2~16.04.1' } }),
  }),
  checkmk('updates/apt', 'checkmk_apt_kernel.txt', {
    ok: waiting({ total: 1, security: 1, has: { 'linux-image-amd64': '4.19+105+deb10u14' } }),
  }),
  checkmk('updates/apt', 'checkmk_apt_no_updates.txt', { ok: waiting({ total: 0 }) }),
  checkmk('updates/apt', 'checkmk_apt_ubuntu_pro_advert_only.txt', { ok: waiting({ total: 0 }) }),
  checkmk('updates/apt', 'checkmk_apt_sec_updates.txt', {
    ok: waiting({ total: 5, security: 4, has: { 'linux-libc-dev': '4.9.228-1', libexpat1: '2.2.0-2+deb9u3' } }),
  }),
  checkmk('updates/apt', 'checkmk_apt_ubuntu_pro_advert.txt', {
    ok: waiting({ total: 1, security: 0, has: { 'base-files': '9.9+deb9u11' } }),
  }),
  checkmk('updates/apt', 'checkmk_apt_updates_av.txt', {
    ok: waiting({
      total: 4,
      security: 1,
      has: { 'default-jre': '2:1.8-58+deb9u1', 'librsvg2-2': '2.40.21-0+deb9u1' },
      from: { 'default-jre': '2:1.8-58' },
    }),
  }),
]

/** The live machine, whose 136 updates name Debian-Security 81 times. */
const onDebian12: readonly Case[] = [
  live('updates/apt', 'apt-get-s-dist-upgrade.txt', { ok: { ...(waiting({ total: 136, security: 81 }) as object), classified: true } }),
  live('updates/apt', 'apt-get-sqq-dist-upgrade.txt', { ok: waiting({ total: 136, security: 81 }) }),
  live('updates/apt', 'apt-list-upgradable.txt', {
    ok: waiting({ total: 136, security: 81, has: { apt: '2.6.2' }, from: { apt: '2.6.1' } }),
  }),
  {
    source: 'updates/apt',
    files: ['apt-get-s-dist-upgrade.txt', 'apt-cache-policy.txt', 'apt-cache-policy-openssl.txt', 'inrelease-debian-security.txt'].map(
      file => `live/debian-12/${file}`,
    ),
    named: [{ input: 'holds', file: 'live/debian-12/apt-mark-showhold.txt' }],
    reading: { ok: waiting({ total: 136, security: 81 }) },
  },
]

/** Red Hat's family: counts of lines that name a package before "Obsoleting Packages". Advisories tell the class, lists do not. */
const redHat: readonly Case[] = [
  rpm('updates/dnf', 'fedora30-upgrades', { ok: { ...(waiting({ total: 40, security: 0 }) as object), classified: false } }),
  rpm('updates/dnf', 'fedora35-updateinfo', { ok: waiting({ total: 2, security: 0, has: { 'libxcrypt.x86_64': '4.4.33-3.fc35' } }) }),
  {
    source: 'updates/dnf',
    files: ['fedora35-updateinfo', 'fedora35-installed'].map(file => `${PLUGINS}/rpm-updates/unit-test/stdout/${file}`),
    reading: {
      ok: waiting({ total: 2, security: 0, has: { 'tzdata.noarch': '2022g-1.fc35' }, from: { 'tzdata.noarch': '2022f-1.fc35' } }),
    },
  },
  rpm('updates/dnf', 'fedora40-updateinfo', { ok: waiting({ total: 0 }) }),
  {
    source: 'updates/dnf',
    files: ['fedora40-upgrades', 'fedora40-installed'].map(file => `${PLUGINS}/rpm-updates/unit-test/stdout/${file}`),
    reading: { ok: waiting({ total: 0 }) },
  },
  rpm('updates/dnf5', 'fedora41-updateinfo', { ok: waiting({ total: 68, security: 18, has: { 'coreutils.x86_64': '9.5-12.fc41' } }) }),
  rpm('updates/dnf5', 'fedora41-upgrades', { ok: waiting({ total: 68, has: { 'zstd.x86_64': '1.5.7-1.fc41' } }) }),
  rpm('updates/dnf5', 'fedora42-upgrades', { ok: waiting({ total: 2, has: { 'vim-minimal.x86_64': '2:9.2.280-1.fc42' } }) }),
  rpm('updates/dnf5', 'fedora42-updateinfo', { ok: waiting({ total: 2, security: 2, has: { 'vim-data.noarch': '2:9.2.280-1.fc42' } }) }),
  {
    source: 'updates/dnf5',
    files: ['fedora43-updateinfo', 'fedora43-installed'].map(file => `${PLUGINS}/rpm-updates/unit-test/stdout/${file}`),
    reading: {
      ok: waiting({
        total: 7,
        security: 1,
        has: { 'libcap.x86_64': '2.76-4.fc43', 'glibc.x86_64': '2.42-11.fc43' },
        from: { 'libcap.x86_64': '2.76-3.fc43' },
      }),
    },
  },
  rpm('updates/dnf', 'rhel8-updateinfo', failed),
  rpm('updates/dnf', 'rhel10-installed', failed),
  {
    source: 'updates/dnf',
    files: ['rhel9-upgrades', 'rhel9-installed'].map(file => `${PLUGINS}/rpm-updates/unit-test/stdout/${file}`),
    reading: {
      ok: waiting({
        total: 100,
        has: { 'yum.noarch': '4.14.0-31.el9', 'vim-minimal.x86_64': '2:8.2.2637-23.el9_7.1' },
        from: { 'yum.noarch': '4.14.0-17.el9' },
      }),
    },
  },
  yum('updates/dnf', 'yum-check-update-broken-notices.txt', { ok: waiting({ total: 178 }) }),
  yum('updates/dnf', 'yum-check-update-multiline.txt', { ok: waiting({ total: 194, has: { 'bash.x86_64': '4.1.2-15.el6_4' } }) }),
  yum('updates/dnf', 'yum-check-update-obsoletes.txt', { ok: waiting({ total: 178 }) }),
  yum('updates/dnf', 'yum-check-update-plugin-output.txt', { ok: waiting({ total: 30 }) }),
  yum('updates/dnf', 'yum-check-update-security.txt', { ok: waiting({ total: 178 }) }),
  yum('updates/dnf', 'yum-check-update-simple.txt', {
    ok: waiting({ total: 6, has: { 'gawk.i686': '4.1.0-3.fc20', 'dhclient.i686': '12:4.1.1-38.P1.fc20' } }),
  }),
  yum('updates/dnf', 'yum-check-update-subscription-manager.txt', { ok: waiting({ total: 5, has: { 'curl.i686': '7.32.0-10.fc20' } }) }),
  zypper('updates/zypper', 'zypper-list-updates-SLES11sp1.out', {
    ok: waiting({ total: 365, has: { 'Mesa.x86_64': '7.7-5.10.1' }, from: { 'Mesa.x86_64': '7.7-0.4.41' } }),
  }),
  zypper('updates/zypper', 'zypper-list-updates-empty.out', { ok: waiting({ total: 0 }) }),
  zypper('updates/zypper', 'zypper-search-uninstalled.out', failed),
]

const restarts: readonly Case[] = [
  restart('reboot/linux', 'debian-kernel-pending-needrestart', {
    ok: {
      required: true,
      kernel: { running: '6.1.0-13-amd64', newest: '6.1.0-15-amd64' },
      services: ['sshd.service', 'systemd-logind.service'],
    },
  }),
  {
    source: 'reboot/linux',
    files: [`${JC}/needrestart--extralines.out`],
    reading: { ok: { required: true, kernel: { running: '5.10.0-19-amd64', newest: '5.10.0-20-amd64' } } },
  },
  // No kernel of the distribution runs: whether a restart is due is not known.
  live('reboot/linux', 'storage_tools/needrestart-b.txt', { ok: { required: null, kernel: { running: '6.18.44-cloud-amd64' } } }),
  // Process ids of a user's session: nothing of the kernel, and no unit of the system.
  { source: 'reboot/linux', files: [`${JC}/needrestart--pid.out`], reading: { ok: { required: null } } },
  restart('reboot/rpm', 'rhel-services-reboothint', { ok: { required: false } }),
  restart('reboot/rpm', 'rhel-services-services', { ok: { services: ['sshd', 'systemd-journald'] } }),
  {
    source: 'reboot/rpm',
    files: [],
    named: [{ input: 'services', file: `${PLUGINS}/needs-restarting/unit-test/stdout/rhel-clean-services` }],
    code: 0,
    reading: { ok: { services: [] } },
  },
]

const failures: readonly Case[] = [
  {
    source: 'services/systemd',
    files: [`${PLUGINS}/systemd-units-failed/unit-test/stdout/three-failed-tomcat-varnish`],
    reading: {
      ok: {
        bad: ['tomcat8.service', 'varnish.service', 'varnishlog.service'].map(name => ({ name, kind: 'failed' })),
      },
    },
  },
  {
    source: 'services/systemd',
    files: [`${PLUGINS}/systemd-units-failed/unit-test/stdout/no-failed-units`],
    code: 0,
    reading: { ok: { bad: [] } },
  },
  live('services/systemd', 'systemctl-failed.txt', absent),
]

/** What waits on Linux, restarts, failed units. */
export const updatesLinux: CaseList = {
  domain: 'updates_linux',
  cases: () => [...debian, ...onDebian12, ...redHat, ...restarts, ...failures],
  leftOut: [
    {
      files: /deb-versionlock\/.*-dpkg-query$/,
      why: 'versions of held packages in the order of a plug-in: apt is asked for the holds themselves',
    },
    { files: /deb-versionlock\/.*\/preferences\.d\//, why: 'pinning files: apt is asked for the policy that comes of them' },
    { files: /updates_linux\/.*\/apt_cache_show--standard\./, why: 'the description of a package says nothing of updates' },
    { files: /updates_linux\/kellyjonbrazil\+jc\/.*\.json$/, why: "what somebody else's parser makes of the file beside it" },
    { files: /dnf-module-list\.txt$/, why: 'streams of modules are no updates' },
    { files: /live\/debian-12\/ls-apt-lists\.txt$/, why: 'times of InRelease files are those of the server, and are not read on purpose' },
  ],
}
