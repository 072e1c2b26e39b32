import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { testHardiness } from '../../../../test/kit/package-captures.ts'
import { Absent, type Captured, Denied, Failed } from '../../probe.ts'
import { checked } from '../../runner.ts'
import dnf from './dnf.ts'
import { judgeRpm } from './rpm-pending.ts'

const now = Date.UTC(2026, 10, 22, 12)
const input = (text: string, more: Partial<Captured> = {}): Captured => ({
  text,
  stderr: '',
  code: 0,
  name: 'x',
  modifiedAt: null,
  ...more,
})
const judge = (inputs: Record<string, Captured>) =>
  judgeRpm(Object.fromEntries(Object.entries(inputs).map(([name, given]) => [name, [given]])), { now })
const row = (name: string, evr = '2.0-1', repository = 'baseos') => `${name}.x86_64    ${evr}    ${repository}\n`

// Written from dnf(8), dnf5-check-upgrade(8) and dnf5-advisory(8).
describe('what dnf and yum list', () => {
  test('is told with its repository, and a kernel with its restart', () => {
    const { pending } = judge({ list: input(`\n${row('bash')}${row('kernel-core', '5.14.0-503.el9')}`, { code: 100 }) })
    expect(pending.map(({ name, candidate, origin, restart }) => [name, candidate, origin, restart])).toEqual([
      ['bash.x86_64', '2.0-1', 'baseos', null],
      ['kernel-core.x86_64', '5.14.0-503.el9', 'baseos', true],
    ])
  })

  test('leaves out what only replaces another package, headed in any language', () => {
    const replaces = `${row('new')}    old.x86_64    1.0-1    @baseos\n`
    for (const heading of ['Obsoleting Packages', 'Obsoleting packages', 'Veraltete Pakete'])
      expect(judge({ list: input(`${row('bash')}${heading}\n${replaces}`, { code: 100 }) }).pending.map(({ name }) => name)).toEqual([
        'bash.x86_64',
      ])
  })

  test('joins a long name with the line below it', () => {
    const list = input('a-very-long-name.x86_64\n                2.0-1.el7       base\nother.noarch   1-1\n       updates\n', { code: 100 })
    expect(judge({ list }).pending.map(({ name, origin }) => [name, origin])).toEqual([
      ['a-very-long-name.x86_64', 'base'],
      ['other.noarch', 'updates'],
    ])
  })

  test('passes over what plug-ins say', () => {
    const noise =
      'Loaded plugins: fastestmirror\n * base: mirror.example.org\nUpdate notice X (from y) is broken, or a bad duplicate, skipping.\nSecurity: kernel-3.10.0-1.el7.x86_64 is an installed security update\n'
    expect(judge({ list: input(`${noise}${row('bash')}${noise}`, { code: 100 }) }).pending).toHaveLength(1)
  })

  test.each([
    ['no cache', input('', { code: 1, stderr: "Error: Cache-only enabled but no cache for 'baseos'\n" }), /no cache for 'baseos'/],
    [
      'a dead repository',
      input("Error: Failed to download metadata for repo 'baseos': All mirrors were tried\n", { code: null }),
      /Failed to download/,
    ],
    ['an empty text without exit code', input('', { code: null }), /without the exit code/],
    ['a promise without a row', input('\n', { code: 100 }), /exit code says/],
    [
      'a cache that is not there, though dnf ends with 0',
      input('', { stderr: "Error: Cache-only enabled but no cache for 'local'\nIgnoring repositories: local\n" }),
      /left out: local/,
    ],
    [
      'a heading without rows',
      input('Last metadata expiration check: 0:00:27 ago.\nAvailable Upgrades\n', { code: null }),
      /after its heading/,
    ],
    [
      'a table of advisories without rows',
      input('Repositories loaded.\nName Type     Severity Package Issued\n', { code: null }),
      /table of advisories/,
    ],
    [
      'lines that nobody knows, beside an advisory whose number looks like a time',
      input('Update notice RHSA-2014:1971 (from x) is broken, or a bad duplicate, skipping.\n', { code: null }),
      /without the exit code/,
    ],
    [
      'lines that nobody knows after the repositories',
      input('BaseOS    1.0 MB/s | 2.7 MB     00:02\nBASH.X86_64   2.0-1   BASEOS\n', { code: null }),
      /nothing waits from "BASH/,
    ],
    ['yum that said only how it began', input('Loaded plugins: fastestmirror\n', { code: null }), /without the exit code/],
    ['half a row', input('glibc.x86_64', { code: 100 }), /last line/],
    ['a text that stops within a line', input(row('bash').trimEnd(), { code: null }), /middle of a line/],
    [
      'dnf5 that did not finish loading',
      input('Updating and loading repositories:\n Fedora 41 100% | 3 KiB/s | 5 KiB | 00m02s\n', { code: null }),
      /not loaded to their end/,
    ],
    ['a list of advisories in its place', input('FEDORA-2026-1 Important/Sec. bash-2.0-1.x86_64\n'), /holds advisories/],
    ['an unregistered machine', input('This system is not registered with an entitlement server.\n'), /not registered/],
    ['installed packages alone', input(`Installed Packages\n${row('bash', '1-1', '@baseos')}`, { code: null }), /list of installed/],
  ])('is refused for %s', (_, list, reason) => expect(() => judge({ list })).toThrow(reason))

  test('is read from JSON, where replacements are no updates', () => {
    const entry = { name: 'bash', arch: 'x86_64', evr: '0:2.0-1', repository: 'updates' }
    const list = input(
      JSON.stringify({ 'Available upgrades': [entry], 'Obsoleting packages': [{ ...entry, name: 'new', obsoletes: [entry] }] }),
      { code: 100 },
    )
    expect(judge({ list }).pending.map(({ name, candidate }) => [name, candidate])).toEqual([['bash.x86_64', '2.0-1']])
    expect(judge({ list: input('{}') }).pending).toEqual([])
  })
})

describe('security by advisories', () => {
  const list = input(row('bash') + row('vim'), { code: 100 })
  const repomd = input('<repomd><data type="updateinfo"/></repomd>', {
    name: '/var/cache/dnf/baseos-0123456789abcdef/repodata/repomd.xml',
    modifiedAt: now - 1000,
  })

  test('an empty list of advisories of a repository that carries none is no "no security"', () => {
    expect(judge({ list, advisories: input('') }).classified).toBe(false)
    expect(judge({ list }).classified).toBe(false)
  })

  test('the file of advisories that a repository offers makes the empty list an answer', () => {
    expect(judge({ list, advisories: input(''), metadata: repomd }).classified).toBe(true)
    const third = input(row('bash') + row('tool', '1-1', 'third-party'), { code: 100 })
    expect(judge({ list: third, advisories: input(''), metadata: repomd }).classified).toBe(false)
  })

  test.each([
    ['dnf4 and yum', 'RHSA-2026:1 Important/Sec. bash-1.5-1.x86_64\nRHBA-2026:2 bugfix         bash-2.0-1.x86_64\n'],
    [
      'dnf5',
      'Name        Type     Severity  Package             Issued\nRHSA-2026:1 security Important bash-1.5-1.x86_64   2026-10-01 00:00:00\nRHBA-2026:2 bugfix None bash-2.0-1.x86_64 2026-11-01 00:00:00\n',
    ],
    [
      'dnf5 --json',
      JSON.stringify([{ name: 'RHSA-2026:1', type: 'security', severity: 'Important', nevra: 'bash-1.5-1.x86_64', buildtime: 1790812800 }]),
    ],
    [
      'dnf5 --json --with-cve',
      JSON.stringify([
        {
          advisory_name: 'RHSA-2026:1',
          advisory_type: 'security',
          advisory_severity: 'Important',
          nevra: 'bash-0:1.5-1.x86_64',
          buildtime: '2026-10-01 00:00:00',
          references: [],
        },
      ]),
    ],
  ])('a fix that a later bug fix has superseded still counts (%s)', (form, text) => {
    const fact = judge({ list, advisories: input(text), installed: input('bash.x86_64 1.0-1 1760000000\n') })
    const bash = fact.pending.find(({ name }) => name === 'bash.x86_64')
    expect([bash?.class, bash?.severity, bash?.installed]).toEqual(['security', 'important', '1.0-1'])
    expect(bash?.published).toBe(form === 'dnf4 and yum' ? null : Date.UTC(2026, 9, 1))
    expect(fact.lastInstallAt).toBe(1760000000000)
  })

  test('an advisory of an older version than the installed one is none', () => {
    const fact = judge({
      list,
      advisories: input('RHSA-2026:1 Important/Sec. bash-0.5-1.x86_64\n'),
      installed: input('bash.x86_64 1.0-1 1760000000\n'),
      metadata: repomd,
    })
    expect(fact.pending.every(update => update.class !== 'security')).toBe(true)
  })

  test('a fix that the list leaves out waits all the same', () => {
    const fact = judge({ list, advisories: input('RHSA-2026:1 Critical/Sec. openssl-3-1.x86_64\n') })
    expect(fact.pending[0]).toMatchObject({ name: 'openssl.x86_64', class: 'security', severity: 'critical' })
  })

  test('a lock or an exclusion makes it held, not gone', () => {
    const held = (text: string) => judge({ list, locks: input(text) }).pending.map(({ withheld }) => withheld)
    expect(held('bash-0:1.0-1.*\n')).toEqual(['held', null])
    expect(held('[main]\nexclude=vi* java\n')).toEqual([null, 'held'])
  })
})

describe('the machine', () => {
  const rpm = `rpm -qa --qf %{NAME}.%{ARCH} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{INSTALLTIME}\\n`

  test('without root nothing is said, since each user has another cache', async () => {
    const host = { ...hostOf(machine({ files: { '/usr/bin/dnf': '' } })), uid: 1000 }
    await expect(dnf.read(host, null)).rejects.toThrow(Denied)
  })

  test.each([
    ['no dnf', machine()],
    ['dnf that is dnf5', machine({ links: { '/usr/bin/dnf': '/usr/bin/dnf5' }, files: { '/usr/bin/dnf5': '' } })],
    ['an image-based system', machine({ files: { '/usr/bin/dnf': '', '/run/ostree-booted': '' } })],
    ['a system whose packages are no rpm', machine({ files: { '/usr/bin/dnf': '' }, commands: { [rpm]: {} } })],
  ])('%s has no such source', async (_, m) => {
    await expect(dnf.read(hostOf(m), null)).rejects.toThrow(Absent)
  })

  test.each([
    ['a timer that installs', 'Id=dnf-automatic-install.timer\nUnitFileState=enabled\nActiveState=active\n', undefined, true],
    [
      'a timer that only downloads',
      'Id=dnf-automatic.timer\nUnitFileState=enabled\nActiveState=active\n',
      '[commands]\napply_updates = no\n',
      false,
    ],
    [
      'a timer that applies',
      'Id=dnf-automatic.timer\nUnitFileState=enabled\nActiveState=active\n',
      '[commands]\napply_updates = yes\n',
      true,
    ],
    ['a timer whose settings are not known', 'Id=dnf-automatic.timer\nUnitFileState=enabled\nActiveState=active\n', undefined, null],
    ['no timer', 'Id=dnf-automatic.timer\nUnitFileState=disabled\nActiveState=inactive\n', '[commands]\napply_updates = yes\n', false],
    ['no systemd', '', undefined, null],
  ])('%s', (_, units, settings, enabled) => {
    const fact = judge({ list: input('{}'), units: input(units), ...(settings === undefined ? {} : { automatic: input(settings) }) })
    expect(fact.automatic.enabled).toBe(enabled)
  })
})

const samples = new URL('../../../../../shared/samples/updates_linux/', import.meta.url)
const rows = (folder: string, table: Record<string, readonly [number, number] | RegExp>) =>
  Object.entries(table).flatMap(([name, want]) =>
    existsSync(new URL(folder + name, samples)) ? [[name, new URL(folder + name, samples), want] as const] : [],
  )

/** Pending and security updates, or the reason of the refusal; an own count by grep where no note beside the capture says one. */
const captures = [
  ...rows('Linuxfabrik+monitoring-plugins/check-plugins/rpm-updates/unit-test/stdout/', {
    'fedora30-upgrades': [40, 0],
    'fedora35-updateinfo': [2, 0],
    'fedora40-upgrades': [0, 0],
    'fedora41-upgrades': [68, 0],
    'fedora41-updateinfo': [68, 18],
    'fedora42-updateinfo': [2, 2],
    'fedora43-updateinfo': [7, 1],
    'rhel9-upgrades': [100, 0],
    'rhel8-updateinfo': /not registered/,
    'rhel9-installed': /without the list/,
    'fedora43-installed': /without the list/,
  }),
  ...rows('puppetlabs+puppet/spec/fixtures/unit/provider/package/yum/', {
    'yum-check-update-simple.txt': [6, 0],
    'yum-check-update-obsoletes.txt': [178, 0],
    'yum-check-update-multiline.txt': [194, 0],
    'yum-check-update-plugin-output.txt': [30, 0],
    'yum-check-update-subscription-manager.txt': [5, 0],
  }),
]

test('captures of other machines are read as their own tests read them', () => {
  for (const [name, url, want] of captures) {
    const text = readFileSync(url, 'utf8')
    const kind = Object.entries(dnf.inputs).find(([, spec]) => spec.recognise?.(text))?.[0] ?? 'list'
    const read = () => judge({ [kind]: input(text, { code: null }) })
    if (want instanceof RegExp) expect(read, name).toThrow(want)
    else {
      const { pending } = read()
      expect([pending.length, pending.filter(update => update.class === 'security').length], name).toEqual(want)
    }
  }
})

test('ten thousand updates are a list cut with a count', () => {
  const fact = judge({ list: input(Array.from({ length: 10_000 }, (_, at) => row(`p${at}`)).join(''), { code: 100 }) })
  expect(fact.pending.length + fact.more).toBe(10_000)
  expect(checked(dnf, fact)).toMatchObject({ outcome: 'ok' })
})

test('a failure carries what to do', () => {
  expect(() => judge({ list: input('', { code: 1 }) })).toThrow(Failed)
})

testHardiness(dnf)
