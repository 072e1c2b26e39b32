import { expect } from 'vitest'
import reboot from '../../agent/src/probes/reboot/linux.ts'
import rebootRpm from '../../agent/src/probes/reboot/rpm.ts'
import apt from '../../agent/src/probes/updates/apt.ts'
import dnf from '../../agent/src/probes/updates/dnf.ts'
import windowsUpdate from '../../agent/src/probes/updates/windows-update.ts'
import { readSupportTable, supportEnd } from '../../packages/catalog/src/os-support.ts'
import { rebootPending, rebootServices } from '../../packages/catalog/src/subjects/reboot/checks.ts'
import { osSupport } from '../../packages/catalog/src/subjects/system/checks.ts'
import type { SystemFact } from '../../packages/catalog/src/subjects/system/facts.ts'
import {
  updatesCheckStale,
  updatesCriticalLate,
  updatesLate,
  updatesSecurityLate,
} from '../../packages/catalog/src/subjects/updates/checks.ts'
import type { UpdatesFact } from '../../packages/catalog/src/subjects/updates/facts.ts'
import { hostOf, machine } from '../kit/machine.ts'
import { DAY, dataOf, HOUR, input, looked as lookedAt, NOW, parsed, says, type WrongGreen } from './see.ts'

/** Written from apt-cache(8) and apt-get(8). */
const SOURCES = `Package files:
 100 /var/lib/dpkg/status
     release a=now
 500 http://deb.example.org/debian-security trixie-security/main amd64 Packages
     release v=13,o=Debian,a=stable-security,n=trixie-security,l=Debian-Security,c=main,b=amd64
     origin deb.example.org
 500 http://deb.example.org/debian trixie/main amd64 Packages
     release v=13.2,o=Debian,a=stable,n=trixie,l=Debian,c=main,b=amd64
     origin deb.example.org
Pinned packages:
`
const NO_LISTS = 'Package files:\n 100 /var/lib/dpkg/status\n     release a=now\nPinned packages:\n'
const NOTHING = '0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n'
const PHASED =
  'The following upgrades have been deferred due to phasing:\n  one\n0 upgraded, 0 newly installed, 0 to remove and 1 not upgraded.\n'
const PHASED_VERSIONS = `one:
  Installed: 1.0
  Candidate: 1.1
  Version table:
     1.1 500 (phased 10%)
        500 http://deb.example.org/debian trixie/main amd64 Packages
 *** 1.0 100
        100 /var/lib/dpkg/status
`
const stamp = (name: string, ago: number) => input('', { name, modifiedAt: NOW - ago })
const looked = (ago: number) => stamp('/var/lib/apt/periodic/update-success-stamp', ago)
const IN_RELEASE = 'Origin: Debian\nLabel: Debian\nSuite: stable\nCodename: trixie\nDate: Sun, 15 Feb 2026 09:00:00 UTC\n'

const pending = (more: object) => ({
  name: 'openssl',
  installed: '1',
  candidate: '2',
  class: 'security' as const,
  severity: null,
  published: NOW - 20 * DAY,
  origin: null,
  withheld: null,
  restart: null,
  ...more,
})
const updates = (more: Partial<UpdatesFact>): { updates: UpdatesFact } => ({
  updates: {
    pending: [],
    more: 0,
    classified: true,
    lastCheckAt: NOW - HOUR,
    lastCheckError: null,
    lastInstallAt: null,
    lastInstallSucceeded: null,
    automatic: { enabled: null, detail: null, lastRunAt: null },
    broken: null,
    badSources: [],
    managedBy: null,
    ...more,
  },
})

const system = (version: string): SystemFact => ({
  hostname: 'web1',
  domain: null,
  os: { type: 'linux', id: 'x', like: [], name: 'X', version, codename: null, build: null, edition: null, supportEnd: null },
  kernel: { version: null, arch: null },
  bootedAt: null,
  virtualization: null,
  hardware: { vendor: null, model: null, serial: null, chassis: null, biosVersion: null, biosDate: null },
  cpu: { model: null, logical: null },
  memoryBytes: null,
  role: 'server',
  machineIdHash: null,
})

export const updatesGreens: readonly WrongGreen[] = [
  {
    title: 'wrong green 1: dnf as another user than root, whose own cache is empty → denied, so unknown',
    async see() {
      const host = { ...hostOf(machine({ files: { '/usr/bin/dnf': '' }, commands: { 'dnf -C check-update': {} } })), uid: 1000 }
      const told = await lookedAt(dnf, host)
      expect(told['updates/dnf']).toMatchObject({ outcome: 'denied' })
      says(updatesSecurityLate, told, 'unknown')
    },
  },
  {
    title: 'wrong green 2: apt lists four months old, or none of an ended release, and nothing pending → unknown, stale',
    see() {
      const old = parsed(apt, { simulate: NOTHING, sources: SOURCES, stamps: looked(120 * DAY) })
      says(updatesSecurityLate, old, 'unknown')
      says(updatesLate, old, 'unknown')
      says(updatesCheckStale, old, 'critical')
      const ended = parsed(apt, { simulate: NOTHING, sources: NO_LISTS, stamps: looked(HOUR) })
      says(updatesSecurityLate, ended, 'unknown')
      says(updatesCheckStale, ended, 'unknown')
    },
  },
  {
    title: 'wrong green 3: InRelease carries the time of the server → the age of the lists is that of the stamp',
    see() {
      const inRelease = stamp('/var/lib/apt/lists/deb.example.org_debian_dists_trixie_InRelease', 120 * DAY)
      const given = { simulate: NOTHING, sources: SOURCES, releases: [input(IN_RELEASE, { ...inRelease, text: IN_RELEASE })] }
      const fresh = parsed(apt, { ...given, stamps: [inRelease, looked(HOUR)] })
      expect(dataOf(fresh)).toMatchObject({ lastCheckAt: NOW - HOUR })
      says(updatesCheckStale, fresh, 'ok')
      // and the other way round: a young InRelease does not make old lists young
      const young = { ...inRelease, modifiedAt: NOW - HOUR }
      says(updatesCheckStale, parsed(apt, { ...given, stamps: [young, looked(8 * DAY)] }), 'critical')
      says(updatesCheckStale, parsed(apt, { ...given, stamps: [young] }), 'unknown')
    },
  },
  {
    title: 'wrong green 4: phased updates that the vendor holds back → counted apart, never late',
    see() {
      const told = parsed(apt, { simulate: PHASED, sources: SOURCES, versions: PHASED_VERSIONS, stamps: looked(HOUR) })
      expect((dataOf(told) as UpdatesFact).pending).toMatchObject([{ name: 'one', candidate: '1.1', withheld: 'phased' }])
      const seenLongAgo = { firstSeen: () => NOW - 60 * DAY }
      says(updatesLate, told, 'ok', seenLongAgo)
      says(updatesSecurityLate, told, 'ok', seenLongAgo)
    },
  },
  {
    title: 'wrong green 5: a source that does not tell security apart shows no security update → severity unknown',
    see() {
      says(updatesSecurityLate, updates({ classified: false, pending: [pending({ class: 'other', published: NOW - DAY })] }), 'unknown')
      const centos = parsed(dnf, {
        list: input('bash.x86_64  2-1  base\n', { code: 100 }),
        advisories: '',
        metadata: input('<repomd><data type="primary"/></repomd>', {
          name: '/var/cache/dnf/base-0123456789abcdef/repodata/repomd.xml',
          modifiedAt: NOW - DAY,
        }),
      })
      says(updatesSecurityLate, centos, 'unknown')
    },
  },
  {
    title: 'wrong green 6: the search of Windows Update ends with an HRESULT, or its server is dead → unknown, never "0 updates"',
    see() {
      const failed = '{"error":{"hr":"0x8024402C","msg":"Exception from HRESULT: 0x8024402C","id":"COMException"}}'
      for (const answer of [failed, '{"resultCode":4,"updates":[]}', '{"resultCode":5,"updates":[]}', ''])
        says(updatesSecurityLate, parsed(windowsUpdate, { answer }), 'unknown')
      const old = '{"resultCode":2,"updates":[],"results":{"search":"2001-01-01T00:00:00Z"}}'
      says(updatesCheckStale, parsed(windowsUpdate, { answer: old }), 'critical')
    },
  },
  {
    title: 'wrong green 7: a security update without a severity → judged by its class',
    see() {
      const told = updates({ pending: [pending({ severity: null })] })
      says(updatesSecurityLate, told, 'critical')
      says(updatesCriticalLate, told, 'not-applicable')
    },
  },
  {
    title: 'wrong green 40: no flag file on plain Debian although a newer kernel is installed → a restart is due, by the kernels',
    see() {
      const images = 'vmlinuz-6.1.0-9-amd64\nvmlinuz-6.1.0-13-amd64\n'
      const behind = parsed(reboot, { running: '6.1.0-9-amd64\n', images, installedSince: stamp('/lib/modules/x', 5 * DAY) })
      says(rebootPending, behind, 'warning')
      says(rebootPending, parsed(reboot, { running: '6.1.0-13-amd64\n', images }), 'ok')
      says(rebootPending, parsed(reboot, { running: '6.1.0-9-custom\n' }), 'unknown')
    },
  },
  {
    title: 'wrong green 41: the tool that tells of restarts is missing or fails with 1 → unknown, neither due nor not',
    see() {
      for (const stderr of ['', 'No such command: needs-restarting.'])
        says(rebootPending, parsed(rebootRpm, { needsRestarting: input('', { code: 1, stderr }) }), 'unknown')
      const failing = input('NEEDRESTART-VER: 3.6\nNEEDRESTART-KSTA: 1\n', { code: 1, stderr: 'needrestart: died' })
      says(rebootPending, parsed(reboot, { needrestart: failing }), 'unknown')
      says(rebootServices, parsed(reboot, { needrestart: failing }), 'unknown')
      says(rebootPending, parsed(reboot, { running: '6.1.0-9-custom\n' }), 'unknown')
    },
  },
  {
    title: 'wrong green 42: needrestart says KSTA 0 → unknown, not "no"',
    see() {
      const text = 'NEEDRESTART-VER: 3.6\nNEEDRESTART-KCUR: 6.18.44-custom\nNEEDRESTART-KSTA: 0\nNEEDRESTART-UCSTA: 0\n'
      says(rebootPending, parsed(reboot, { needrestart: text }), 'unknown')
    },
  },
  {
    title: 'wrong green 45: an end of support that is true or false → ended, and none announced; never 1970',
    see() {
      const cycles = [
        { version: '1', end: true },
        { version: '2', end: false },
      ]
      const table = readSupportTable(JSON.stringify({ date: '2026-01-02', source: 'test', products: [{ ids: ['x'], cycles }] }))
      const told = (version: string) => ({ system: system(version) })
      const end = (version: string) => ({ supportEnd: supportEnd(system(version), table) })
      says(osSupport, told('1'), 'critical', end('1'))
      expect(end('1').supportEnd).toBeGreaterThan(Date.UTC(2025, 0, 1))
      says(osSupport, told('2'), 'unknown', end('2'))
    },
  },
]
