import type { Case, CaseList, Samples } from '../case.ts'
import { failed, sampleOf, waiting } from '../wants.ts'

const macos = sampleOf('updates_macos')
const meta = sampleOf('updates_macos/kdeldycke+meta-package-manager/meta_package_manager/managers')
const kolide = sampleOf('updates_macos/kolide+launcher/ee/tables/execparsers/softwareupdate/test-data')
const munki = sampleOf('updates_macos/macadmins+osquery-extension/tables/munki')
const wesng = sampleOf('updates_windows/bitsadmin+wesng/validation')
const vuls = sampleOf('updates_windows/future-architect+vuls/scanner')
const windows = sampleOf('updates_windows')
const manual = sampleOf('manual/updates_windows')
const at = (time: string) => Date.parse(time)
const known = (...args: Parameters<typeof waiting>) => waiting(...args) as object

const onMacos: readonly Case[] = [
  kolide('updates/softwareupdate', 'beta-update-available-noscan.txt', {
    ok: waiting({ total: 1, has: { 'macOS Ventura 13.3 Beta 3-22E5236f': '13.3' } }),
  }),
  kolide('updates/softwareupdate', 'update-available-noscan.txt', {
    ok: waiting({ total: 1, has: { 'macOS Ventura 13.3.1-22E261': '13.3.1' } }),
  }),
  kolide('updates/softwareupdate', 'update-available-scan.txt', {
    ok: waiting({ total: 1, has: { 'macOS Ventura 13.3.1-22E261': '13.3.1' } }),
  }),
  kolide('updates/softwareupdate', 'no-update-available-scan.txt', { ok: waiting({ total: 0 }) }),
  meta('updates/homebrew', 'homebrew.py.outdated-cask.json', {
    ok: waiting({ total: 2, has: { electrum: '4.0.3', qlcolorcode: '3.1.1' }, from: { electrum: '4.0.2' } }),
  }),
  // "latest" to "latest" is no update.
  meta('updates/homebrew', 'homebrew.py.outdated-greedy-cask.json', {
    ok: waiting({ total: 4, has: { amethyst: '0.15.3', balenaetcher: '1.5.108', electrum: '4.0.3' } }),
  }),
  meta('updates/mas', 'mas.py.outdated.jsonl', {
    ok: waiting({ total: 2, has: { Keynote: '12.0', Spark: '2.11.21' }, from: { Keynote: '11.0', Spark: '2.11.20' } }),
  }),
  munki('updates/munki', 'test_ManagedInstallReport.plist', {
    ok: { ...known({ total: 1 }), lastCheckAt: at('2022-09-22T11:53:01Z') },
  }),
  munki('updates/munki', 'test_ManagedInstallReport_munki7.plist', {
    ok: { ...known({ total: 0 }), lastCheckAt: at('2025-07-28T20:09:58Z') },
  }),
  munki('updates/munki', 'test_ManagedInstallReport_with_pending.plist', {
    ok: { ...known({ total: 2, has: { '1Password': '8.10.44', Slack: '4.47.72' } }), lastCheckAt: at('2024-01-14T12:00:00Z') },
  }),
  // The version alone tells of nothing that waits.
  macos('updates/softwareupdate', 'macadmins+osquery-extension/tables/macosrsr/test_SystemVersion.plist', failed),
]

const KB = ['KB4462930', 'KB890830', 'KB4487038', 'KB4100347', 'KB4487017']
const articles = (names: readonly string[]) => ({
  ok: {
    more: 0,
    pending: (all: readonly { name: string }[]) => all.length === names.length && names.every(name => all.some(one => one.name === name)),
  },
})

const onWindows: readonly Case[] = [
  wesng('updates/windows-update', '10_1803_x64_proforworkstations_en-us_A_20190305_updates.txt', articles(['KB4100347', 'KB2267602'])),
  wesng('updates/windows-update', '10_1803_x64_proforworkstations_en-us_B_20190306_updates.txt', articles(KB)),
  vuls('updates/windows-update', 'windows_test.go.wua-search-kbs.txt', articles(['KB5012170', 'KB5021233', 'KB5021088'])),
  manual('updates/windows-update', 'checkmk_windows_updates_failed.txt', failed),
  // Five of the seven are optional: told, and not counted as waiting.
  manual('updates/windows-update', 'checkmk_windows_updates_ok.txt', { ok: waiting({ total: 7, withheld: 5 }) }),
  // What is installed says nothing of what waits, and nothing at all is no answer.
  manual('updates/windows-update', 'wua_installed_server2016.json', failed),
  vuls('updates/windows-update', 'windows_test.go.wua-history.txt', failed),
  windows('updates/windows-update', 'Linuxfabrik+monitoring-plugins/check-plugins/updates/unit-test/stdout/none-pending', failed),
  {
    source: 'updates/winget',
    files: ['updates_windows/kdeldycke+meta-package-manager/meta_package_manager/managers/winget.py.upgrade-available-details.txt'],
    // Two of four are shown.
    reading: {
      ok: {
        more: 2,
        pending: [
          { name: 'Git.Git', installed: '2.37.3', candidate: '2.45.1' },
          { name: 'Microsoft.Edge', installed: '109.0.1518.70', candidate: '125.0.2535.51' },
        ],
      },
    },
  },
]

/** Installed hotfixes, in any encoding: from them nothing can be told of what waits. */
function hotfixes(samples: Samples): Case[] {
  return samples.files
    .filter(file => /^updates_windows\/bitsadmin\+wesng\/.*_qfe\.txt$/.test(file))
    .map(file => ({ source: 'updates/windows-update', files: [file], reading: failed }))
}

/**
 * Single records of the Windows Update client, by what the manifest reads in them: 19 an installation that went well, 20 one that failed. Applications
 * of the store (by its service, or a title such as `9NBLGGH5PNB1-…`) and definitions are no updates of Windows, and what only began tells nothing.
 */
function events(samples: Samples): Case[] {
  return samples.files
    .filter(file => /^updates_windows\/.*\.WindowsUpdateClient\.\d+\.rec\d+\.xml$/.test(file))
    .map(file => {
      const told = samples.reading(file)
      const [, id = ''] = /EventID (\d+)/.exec(told) ?? []
      const [, time = ''] = /(\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3})/.exec(told) ?? []
      const [, title = ''] = /updateTitle=([^;]*)/.exec(told) ?? []
      const isOfWindows = !/^9[A-Z0-9]{11}-|KB2267602/.test(title) && !told.toLowerCase().includes('{855e8a7c-ecb4-4ca3-b045-1dfa50104289}')
      const code = /errorCode=(0x\w+)/.exec(told)?.[1]
      const went = { lastInstallAt: Date.parse(`${time}Z`), lastInstallSucceeded: true }
      const wentNot = { lastInstallAt: null, lastInstallSucceeded: false, failing: [{ step: 'install', code: code ?? '' }] }
      const reading = isOfWindows && id === '19' ? { ok: went } : isOfWindows && id === '20' ? { ok: wentNot } : failed
      return { source: 'updates/windows-update', files: [file], reading }
    })
}

/** What waits on macOS and Windows. */
export const updatesDesktop: CaseList = {
  domain: 'updates_macos, updates_windows',
  cases: samples => [...onMacos, ...onWindows, ...hotfixes(samples), ...events(samples)],
  leftOut: [
    { files: /^updates_macos\/kolide\+.*\/pkgutil\//, why: 'receipts of packages: what waits is asked of softwareupdate' },
    {
      files: /^updates_macos\/(macadmins\+sofa\/|macadmins\+osquery-extension\/tables\/sofa\/)/,
      why: 'a reference: versions that Apple published',
    },
    {
      files: /^updates_macos\/zentralopensource\+.*\/mdm\//,
      why: 'what a device tells its management server, and what Apple tells servers: the agent asks the machine itself',
    },
    {
      files: /^updates_windows\/.*\.(Setup|SetupPlatform|Servicing)\.\d+\.rec\d+\.xml$/,
      why: 'records of the set-up of single packages: restarts that are due are read from the registry',
    },
    { files: /^updates_windows\/.*\.xml$/, why: 'records of the set-up of features of Windows' },
    {
      files: /^updates_windows\/.*\/(SFCfromFile|sccm_various|WindowsUpdate|WindowsUpdate_new)\.log$/,
      why: 'traces for people: the Windows Update agent is asked itself',
    },
    { files: /^updates_windows\/MicrosoftDocs\+.*\/Get-WindowsUpdateLog\./, why: 'the progress of a tool that makes a trace' },
    {
      files: /^updates_windows\/future-architect\+vuls\/.*get-package-/,
      why: 'programs as a package manager of PowerShell lists them: the registry is read, which is whole',
    },
    { files: /^updates_windows\/wazuh\+/, why: 'what a server tests its search for vulnerabilities with' },
  ],
}
