import { existsSync, readFileSync } from 'node:fs'
import { utimes } from 'node:fs/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AptRepo, startAptRepo } from '../../../../test/kit/apt-repo.ts'
import { localHost } from '../../host/local.ts'
import type { Captured } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import apt, { parse } from './apt.ts'

const now = Date.UTC(2026, 10, 22, 12)
const input = (text: string, more: Partial<Captured> = {}): Captured => ({ text, stderr: '', code: 0, name: '', modifiedAt: null, ...more })
const judge = (inputs: Record<string, Captured | readonly Captured[]>) =>
  parse(Object.fromEntries(Object.entries(inputs).map(([name, given]) => [name, [given].flat()])), { now })
const byName = (fact: ReturnType<typeof parse>) => Object.fromEntries(fact.pending.map(update => [update.name, update]))

/** Written from apt-cache(8): one source line, one release line, one origin line each. */
const debianSources = input(`Package files:
 100 /var/lib/dpkg/status
     release a=now
 500 http://deb.example.org/debian-security trixie-security/main amd64 Packages
     release v=13,o=Debian,a=stable-security,n=trixie-security,l=Debian-Security,c=main,b=amd64
     origin deb.example.org
 500 http://deb.example.org/debian trixie/main amd64 Packages
     release v=13.2,o=Debian,a=stable,n=trixie,l=Debian,c=main,b=amd64
     origin deb.example.org
Pinned packages:
`)
const nothing = input('0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n')

describe('with real apt on a machine of its own', () => {
  let repo: AptRepo
  const look = async () => {
    const told = await runProbe(apt, localHost(), { configFile: repo.configFile }, 1)
    if (told.outcome !== 'ok') throw new Error(`${told.outcome}: ${told.reason}`)
    return told.data as ReturnType<typeof parse>
  }

  beforeAll(async () => {
    repo = await startAptRepo(['main', 'updates', 'security', 'extra'])
    await repo.publish(
      'main',
      ...['superseded', 'plain', 'stranger', 'held', 'phased', 'stuck', 'pinned'].map(name => ({ name, version: '1.0-1' })),
    )
    await repo.publish('security', { name: 'other', version: '1' })
    await repo.update()
    await repo.install('superseded', 'plain', 'stranger', 'held', 'phased', 'stuck', 'pinned')
  })
  afterAll(() => repo?.remove())

  test('a machine that has all there is has nothing pending, and knows when it last looked', async () => {
    const before = Date.now()

    const fact = await look()

    expect(fact).toMatchObject({ pending: [], more: 0, classified: true, broken: null, badSources: [] })
    expect(fact.lastCheckAt).toBeGreaterThan(before - 60_000)
    expect(fact.lastInstallAt).toBeNull()
  })

  test('falls behind, tells why of each update, and is patched', async () => {
    await repo.hold('held')
    await repo.configure('APT::Get::Never-Include-Phased-Updates "true";')
    await repo.pin('Package: pinned\nPin: release l=Debian-Security\nPin-Priority: -1\n')
    await repo.publish(
      'security',
      { name: 'superseded', version: '1.0-2' },
      { name: 'held', version: '1.0-2' },
      { name: 'pinned', version: '1.0-2' },
    )
    await repo.publish(
      'updates',
      { name: 'superseded', version: '1.0-10' },
      { name: 'plain', version: '2.0' },
      { name: 'phased', version: '2.0', index: { 'Phased-Update-Percentage': '0' } },
      { name: 'stuck', version: '2.0', depends: 'is-nowhere' },
    )
    await repo.publish('extra', { name: 'stranger', version: '2.0' })
    expect((await look()).pending).toEqual([])
    await repo.update()

    const behind = await look()

    const waits = byName(behind)
    expect(Object.keys(waits)).toHaveLength(7)
    expect(waits.superseded).toMatchObject({
      class: 'security',
      installed: '1.0-1',
      candidate: '1.0-10',
      origin: 'Debian-Security:13/stable-security',
    })
    expect(waits.plain).toMatchObject({ class: 'quality', withheld: null, origin: 'Debian:13/stable-updates' })
    expect(waits.stranger).toMatchObject({ class: 'quality', origin: 'Vendor:13/vendor-security' })
    expect(waits.held).toMatchObject({ class: 'security', withheld: 'held', candidate: '1.0-2' })
    expect(waits.phased).toMatchObject({ class: 'quality', withheld: 'phased' })
    expect(waits.stuck).toMatchObject({ class: 'quality', withheld: null })
    expect(waits.pinned).toMatchObject({ class: 'security', withheld: 'pinned', candidate: '1.0-2' })

    await repo.upgrade()
    const patched = await look()

    expect(Object.keys(byName(patched)).sort()).toEqual(['held', 'phased', 'pinned', 'stuck'])
    expect(patched.lastInstallSucceeded).toBe(true)
    expect(Math.abs((patched.lastInstallAt ?? 0) - Date.now())).toBeLessThan(60_000)
  })

  test('installing a package does not make old lists look fresh', async () => {
    const old = new Date(Date.now() - 120 * 86_400_000)
    await utimes(`${repo.directory}/root/var/lib/apt/lists/partial`, old, old)
    await repo.install('other')

    const fact = await look()

    expect(fact.lastCheckAt).toBeLessThan(Date.now() - 119 * 86_400_000)
  })

  test('a Release file past its date is told', async () => {
    await repo.release('security', { validUntil: Date.now() + 3_000_000 })
    await repo.update()
    const host = { ...localHost(), now: () => Date.now() + 86_400_000 }

    const told = await runProbe(apt, host, { configFile: repo.configFile }, 1)

    expect(told.data).toMatchObject({ badSources: [expect.stringContaining('Debian-Security trixie-security: its Release file expired')] })
  })

  test('a machine without lists is no up-to-date machine', async () => {
    const empty = await startAptRepo(['main'])
    try {
      const told = await runProbe(apt, localHost(), { configFile: empty.configFile }, 1)

      expect(told).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('no package lists') })
    } finally {
      await empty.remove()
    }
  })
})

test('apt that failed is a failure, whatever it printed', () => {
  const broken = 'E: Unmet dependencies. Try apt --fix-broken install.\n'
  expect(() => judge({ simulate: { ...nothing, code: 100 } })).toThrow('ended with 100')
  expect(() => judge({ simulate: { ...nothing, stderr: broken, code: null } })).toThrow('Unmet dependencies')
  expect(() => judge({ simulate: input('') })).toThrow('Cannot find the end')
  expect(() => judge({ simulate: input('not found\n') })).toThrow('Cannot find the end')
  expect(() => judge({ simulate: nothing, sources: input('', { code: 100 }) })).toThrow('ended with 100')
  expect(() => judge({ simulate: nothing, sources: debianSources, holds: input('--force-yes\n') })).toThrow('held package')
})

test('a list that is shorter than its summary promises is a failure', () => {
  const cut = input('2 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\nInst a [1] (2 Debian:13/stable [amd64])\n')

  expect(() => judge({ simulate: cut })).toThrow('promises 2 updates and lists 1')
})

test('a list in another language is held against its summary too', () => {
  const german = (counts: string, lines: string) => ({ simulate: input(`Paketlisten werden gelesen…\n${counts}\n${lines}`) })
  const two = '2 aktualisiert, 0 neu installiert, 0 zu entfernen und 0 nicht aktualisiert.'
  const [a, b] = ['Inst a [1] (2 Debian:13/stable [amd64])\n', 'Inst b [1] (2 Debian:13/stable [amd64])\n']

  expect(judge(german(two, a + b)).pending).toHaveLength(2)
  expect(() => judge(german(two, a))).toThrow('promises 2 updates and lists 1')
  expect(() => judge(german(two.replace('0 nicht', '3 nicht'), a + b))).toThrow('which 3 updates are kept back')
})

test('a list that was cut in the middle of a line, or whose beginning was lost, is a failure', () => {
  const row = 'libc6/stable 2.41-2 amd64 [upgradable from: 2.41-1]\n'
  const lost = 'Conf gone (1 Debian:13/stable [amd64])\nInst a [1] (2 Debian:13/stable [amd64])\nConf a (2 Debian:13/stable [amd64])\n'

  expect(judge({ list: input(`Listing...\n${row}`, { code: null }) }).pending).toHaveLength(1)
  expect(() => judge({ list: input(`Listing...\n${row}bash/sta`, { code: null }) })).toThrow('in the middle of a line')
  expect(() => judge({ list: input(`Listing...\n${row}bash/sta\n`) })).toThrow('Cannot read the line of the list')
  expect(() => judge({ simulate: input(lost) })).toThrow('configures gone and does not unpack it')
})

test('a quiet list that ends before all are configured is a failure', () => {
  const quiet = 'Inst a [1] (2 Debian:13/stable [amd64])\nConf a (2 Debian:13/stable [amd64])\nInst b [1] (2 Debian:13/stable [amd64])\n'

  expect(() => judge({ simulate: input(quiet) })).toThrow('ends before b is configured')
  expect(judge({ simulate: input(`${quiet}Conf b (2 Debian:13/stable [amd64])\n`) }).pending).toHaveLength(2)
})

test('only lines with the installed version are updates', () => {
  const simulate = input(`Remv gone [1.0]
Inst linux-image-6.12.9-amd64 (6.12.9-1 Debian-Security:13/stable-security [amd64])
Inst linux-image-amd64 [6.12.8-1] (6.12.9-1 Debian-Security:13/stable-security [amd64]) []
Inst libc6:i386 [2.41-1] (2.41-2 Debian:13.2/stable, Debian-Security:13/stable-security [i386])
Conf linux-image-amd64 (6.12.9-1 Debian-Security:13/stable-security [amd64])
Conf libc6:i386 (2.41-2 Debian:13.2/stable, Debian-Security:13/stable-security [i386])
`)

  const fact = judge({ simulate })

  expect(fact.pending.map(({ name, class: kind, restart }) => [name, kind, restart])).toEqual([
    ['libc6:i386', 'security', null],
    ['linux-image-amd64', 'security', true],
  ])
})

test.each([
  [
    'apt 2',
    'The following upgrades have been deferred due to phasing:\n  one two\n0 upgraded, 0 newly installed, 0 to remove and 2 not upgraded.\n',
  ],
  ['apt 3', 'Not upgrading yet due to phasing:\n  one  two\n\nSummary:\n  Upgrading: 0, Installing: 0, Removing: 0, Not Upgrading: 2\n'],
])('phased updates in the words of %s are withheld, not pending', (_, text) => {
  const fact = judge({ simulate: input(text) })

  expect(fact.pending.map(({ name, withheld }) => [name, withheld])).toEqual([
    ['one', 'phased'],
    ['two', 'phased'],
  ])
})

test('a distribution without its security source can say nothing of security', () => {
  const sources = input(debianSources.text.replaceAll('Debian-Security', 'Debian').replaceAll('stable-security', 'stable-other'))

  const fact = judge({ simulate: input('Inst a [1] (2 Debian:13.2/stable [amd64])\n'), sources })

  expect(fact).toMatchObject({
    classified: false,
    pending: [{ class: 'other' }],
    badSources: [expect.stringContaining('no security source')],
  })
})

test('a security source that priorities switch off, and an archived release, are told', () => {
  const sources = input(
    debianSources.text.replace(' 500 http://deb.example.org/debian-security', '  -1 http://archive.debian.org/debian-security'),
  )

  const fact = judge({ simulate: nothing, sources })

  expect(fact.badSources).toEqual([expect.stringContaining('archive'), expect.stringContaining('priority -1')])
})

describe('age of the lists', () => {
  const stamp = (name: string, modifiedAt: number) => input('', { name, modifiedAt })
  const day = 86_400_000

  test.each([
    ['nothing tells', [], null],
    [
      'the stamp of success wins over what is younger',
      [stamp('/var/lib/apt/periodic/update-success-stamp', now - 9 * day), stamp('/var/cache/apt/pkgcache.bin', now)],
      9,
    ],
    [
      'of the hints the older holds',
      [stamp('/var/cache/apt/pkgcache.bin', now), stamp('/var/lib/apt/lists/partial', now - 120 * day)],
      120,
    ],
    ['the only hint', [stamp('/var/cache/apt/pkgcache.bin', now - 3 * day)], 3],
    ['a time in the future tells nothing', [stamp('/var/cache/apt/pkgcache.bin', now + day)], null],
    ['InRelease has the time of the server', [stamp('/var/lib/apt/lists/deb.example.org_dists_trixie_InRelease', now)], null],
  ])('%s', (_, stamps, days) => {
    expect(judge({ simulate: nothing, stamps }).lastCheckAt).toBe(days === null ? null : now - days * day)
  })
})

describe('automatic updates', () => {
  const units = (state = 'enabled') =>
    input(`Id=apt-daily.service\nResult=success\n\nId=apt-daily-upgrade.timer\nUnitFileState=${state}\nActiveState=active\n`)
  const stamps = [
    input('', { name: '/usr/bin/unattended-upgrade', modifiedAt: now }),
    input('', { name: '/var/lib/apt/periodic/unattended-upgrades-stamp', modifiedAt: now - 1 }),
  ]
  const config = (...lines: string[]) => input(lines.map(line => `${line};\n`).join(''))
  const lists = 'APT::Periodic::Update-Package-Lists "1"'
  const upgrade = 'APT::Periodic::Unattended-Upgrade "1"'
  const pattern = `Unattended-Upgrade::Origins-Pattern:: "origin=Debian,codename=\${distro_codename}-security,label=Debian-Security"`

  test.each([
    ['on', config(lists, upgrade, pattern), units(), stamps, true],
    ['periodic upgrade 0', config(lists, 'APT::Periodic::Unattended-Upgrade "0"', pattern), units(), stamps, false],
    ['lists never fetched', config(upgrade, pattern), units(), stamps, false],
    ['no origin', config(lists, upgrade), units(), stamps, false],
    [
      'origins of another distribution',
      config(lists, upgrade, `Unattended-Upgrade::Allowed-Origins:: "Ubuntu:\${distro_codename}-security"`),
      units(),
      stamps,
      false,
    ],
    ['timer disabled', config(lists, upgrade, pattern), units('disabled'), stamps, false],
    ['configured, program removed', config(lists, upgrade, pattern), units(), stamps.slice(1), false],
    ['no systemd to ask', config(lists, upgrade, pattern), input('', { code: 1 }), stamps, null],
  ])('%s', (_, given, shown, found, enabled) => {
    const fact = judge({ simulate: nothing, sources: debianSources, config: given, units: shown, stamps: found })

    expect(fact.automatic).toMatchObject({ enabled, lastRunAt: now - 1 })
  })
})

test('the log of upgrades is read in the zone that its own time tells', () => {
  const history = input('Start-Date: 2026-11-22  08:00:00\nUpgrade: a:amd64 (1, 2)\nEnd-Date: 2026-11-22  08:00:10\n', {
    modifiedAt: Date.UTC(2026, 10, 22, 13, 0, 10),
  })

  expect(judge({ simulate: nothing, history })).toMatchObject({
    lastInstallAt: Date.UTC(2026, 10, 22, 13, 0, 10),
    lastInstallSucceeded: true,
  })
})

test('an upgrade that ended with an error leaves the one before as the last good', () => {
  const text = `Start-Date: 2026-11-20  08:00:00\nUpgrade: a:amd64 (1, 2)\nEnd-Date: 2026-11-20  08:00:10\n
Start-Date: 2026-11-22  08:00:00\nUpgrade: b:amd64 (1, 2)\nError: Sub-process /usr/bin/dpkg returned an error code (1)\nEnd-Date: 2026-11-22  08:00:10\n`
  const history = input(text, { modifiedAt: Date.UTC(2026, 10, 22, 8, 0, 10) })

  expect(judge({ simulate: nothing, history })).toMatchObject({
    lastInstallAt: Date.UTC(2026, 10, 20, 8, 0, 10),
    lastInstallSucceeded: false,
  })
})

test('an interrupted dpkg means that nothing can be installed', () => {
  const audit = input(
    'The following packages are only half configured, probably due to problems\nconfiguring them the first time:\n tzdata\n',
  )

  expect(judge({ simulate: nothing, audit }).broken).toContain('half configured')
})

/** Captures that may lie beside the checkout, with the reading that their source states. */
const folder = new URL('../../../../../shared/samples/', import.meta.url)
const captures: readonly (readonly [path: string, name: string, pending: number, security: number])[] = [
  ['live/debian-12/apt-get-s-dist-upgrade.txt', 'simulate', 136, 81],
  ['live/debian-12/apt-get-sqq-dist-upgrade.txt', 'simulate', 136, 81],
  ['live/debian-12/apt-list-upgradable.txt', 'list', 136, 81],
  ['manual/updates_linux/checkmk_apt_no_updates.txt', 'simulate', 0, 0],
  ['manual/updates_linux/checkmk_apt_ubuntu_pro_advert.txt', 'simulate', 1, 0],
  ['manual/updates_linux/checkmk_apt_ubuntu_pro_advert_only.txt', 'simulate', 0, 0],
  ['manual/updates_linux/checkmk_apt_no_esm.txt', 'simulate', 1, 0],
  ['manual/updates_linux/checkmk_apt_esm.txt', 'simulate', 1, 0],
  ['manual/updates_linux/checkmk_apt_sec_updates.txt', 'simulate', 5, 4],
  ['manual/updates_linux/checkmk_apt_updates_av.txt', 'simulate', 4, 1],
  ['manual/updates_linux/checkmk_apt_kernel.txt', 'simulate', 1, 1],
]
test('real captures read as their sources state', () => {
  for (const [path, name, pending, security] of captures.filter(([path]) => existsSync(new URL(path, folder)))) {
    const text = readFileSync(new URL(path, folder), 'utf8')
    expect(apt.inputs[name]?.recognise?.(text) || text.length < 500, path).toBe(true)

    const waiting = judge({ [name]: input(text, { code: null }) }).pending.filter(({ withheld }) => withheld === null)

    expect([path, waiting.length, waiting.filter(update => update.class === 'security').length]).toEqual([path, pending, security])
  }
})

test('whatever the text, there is a fact of the schema or an error', () => {
  const words = fc.constantFrom(
    'Inst a [1] (2 Debian:13/stable [amd64])',
    'Inst',
    '[',
    '(',
    '1 upgraded, ',
    'Package files:',
    ' 500 x',
    'a:',
    '  Version table:',
    '     1 500',
    '        500 x',
    'Upgrade: ',
    'End-Date: 2026-99-99  99:99:99',
    '\n',
    ' ',
  )
  const text = fc.oneof(
    fc.string({ maxLength: 300 }),
    fc.array(words, { maxLength: 40 }).map(parts => parts.join('')),
  )
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(apt.inputs)), text, text, (name, hostile, simulated) => {
      const given = { ...(name === 'list' ? {} : { simulate: [input(simulated)] }), [name]: [input(hostile, { modifiedAt: 1 })] }
      try {
        expect(checked(apt, parse(given, { now })).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
        if ((error as Error).name === 'AssertionError') throw error
      }
    }),
  )
})
