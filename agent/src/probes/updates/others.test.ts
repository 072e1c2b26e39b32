import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { Absent, type Captured, Denied, type Inputs, type Probe } from '../../probe.ts'
import { checked } from '../../runner.ts'
import reboot from '../reboot/rpm.ts'
import apk from './apk.ts'
import bootc from './bootc.ts'
import dnf from './dnf.ts'
import dnf5 from './dnf5.ts'
import flatpak from './flatpak.ts'
import fwupd from './fwupd.ts'
import pacman from './pacman.ts'
import rpmOstree from './rpm-ostree.ts'
import snap from './snap.ts'
import ubuntuPro from './ubuntu-pro.ts'
import type { PendingUpdate } from './waiting.ts'
import zypper from './zypper.ts'

const now = Date.UTC(2026, 10, 22, 12)
const input = (text: string, more: Partial<Captured> = {}): Captured => ({
  text,
  stderr: '',
  code: 0,
  name: 'x',
  modifiedAt: null,
  ...more,
})
type Fact = {
  pending: PendingUpdate[]
  classified: boolean
  lastCheckAt: number | null
  automatic: { enabled: boolean | null }
  badSources: string[]
  broken: string | null
}
const judge = (probe: Probe, inputs: Record<string, Captured | object>): Fact => {
  const captured = Object.entries(inputs).map(([name, given]) => [name, [given]] as const)
  return probe.parse(Object.fromEntries(captured) as Inputs, { now, hostname: 'vm', options: probe.setting?.default }) as unknown as Fact
}
const json = (value: unknown, more: Partial<Captured> = {}) => input(JSON.stringify(value), more)

// Printed by pacman 6.0.2 here; checkupdates prints the same rows.
describe('pacman', () => {
  test('what IgnorePkg keeps is held, and a kernel needs a restart', () => {
    const { pending, classified } = judge(pacman, { list: input('fettle-b 1.0-1 -> 2.0-1 [ignored]\nlinux 6.1-1 -> 6.2-1\n') })
    expect(pending.map(({ name, withheld, restart }) => [name, withheld, restart])).toEqual([
      ['fettle-b', 'held', null],
      ['linux', null, true],
    ])
    expect(classified).toBe(false)
  })

  test('nothing waits with exit code 1 and no word, as with 2 of checkupdates', () => {
    for (const code of [1, 2]) expect(judge(pacman, { list: input('', { code }) }).pending).toEqual([])
  })

  test.each([
    ['no database', input('', { code: 1, stderr: "warning: database file for 'extra' does not exist (use '-Sy' to download)\n" })],
    ['no repository', input('', { code: 1, stderr: 'error: no usable package repositories configured.\n' })],
    ['checkupdates that failed', input('', { code: 1, name: 'checkupdates', stderr: '==> ERROR: Cannot fetch updates\n' })],
    ['checkupdates that failed without a word', input('', { code: 1, name: 'checkupdates' })],
    ['an empty text without exit code', input('', { code: null })],
    ['another text', input('hello world\n')],
  ])('%s is refused', (_, list) => expect(() => judge(pacman, { list })).toThrow())

  test('a fetch counts where an upgrade followed it', () => {
    const line = (time: string, said: string) => `[2026-11-${time}:00:00+0000] ${said}\n`
    const log =
      line('20T10', '[PACMAN] synchronizing package lists') +
      line('20T11', '[PACMAN] starting full system upgrade') +
      line('21T10', '[PACMAN] synchronizing package lists')
    expect(judge(pacman, { list: input('', { code: 1 }), log: input(log) }).lastCheckAt).toBe(Date.UTC(2026, 10, 20, 10))
  })

  test('pacman on a system of another family is absent', async () => {
    await expect(pacman.read(hostOf(machine({ commands: { 'pacman -Qu': { code: 1 } } })), null)).rejects.toThrow(Absent)
  })
})

// Written from apk-list(8) and apk-version(8) of apk-tools 2.
describe('apk', () => {
  test.each([
    ['list', 'busybox-1.36.1-r7 x86_64 {busybox} (GPL-2.0-only) [upgradable from: busybox-1.36.1-r5]\n'],
    [
      'version',
      'Installed:                                Available:\nbusybox-1.36.1-r5                       < 1.36.1-r7 \nzlib-1.3-r0 = 1.3-r0\n',
    ],
  ])('%s tells what waits', (_, text) => {
    expect(judge(apk, { list: input(`WARNING: opening from cache https://x: temporary\n${text}`) }).pending).toMatchObject([
      { name: 'busybox', installed: '1.36.1-r5', candidate: '1.36.1-r7' },
    ])
  })

  test.each([
    ['an error', input('', { code: 99, stderr: 'ERROR: Unable to lock database: Permission denied\n' })],
    [
      'an index that is not there',
      input('', { stderr: 'WARNING: opening from cache https://dl.example.org/main: No such file or directory\n' }),
    ],
    ['an empty text without exit code', input('', { code: null })],
  ])('%s is refused', (_, list) => expect(() => judge(apk, { list })).toThrow())

  test('an index that is there makes an empty list an answer', () => {
    const fact = judge(apk, { list: input(''), indexes: input('', { modifiedAt: now - 5000 }) })
    expect([fact.pending, fact.lastCheckAt]).toEqual([[], now - 5000])
  })
})

// Written from the keys of snapd's overlord/snapstate and from snap(8).
describe('snap', () => {
  const state = (data: object) =>
    json({ data: { snaps: { core: { current: '1' } }, 'last-refresh': '2026-11-22T06:00:00Z', ...data } }, { code: null })

  test('what snapd found and has not installed waits', () => {
    const fact = judge(snap, { state: state({ 'refresh-candidates': { firefox: { version: '130', channel: 'latest/stable' } } }) })
    expect(fact.pending).toMatchObject([{ name: 'firefox', candidate: '130' }])
    expect([fact.lastCheckAt, fact.automatic.enabled]).toEqual([Date.UTC(2026, 10, 22, 6), true])
  })

  test('held refreshes are not automatic', () => {
    for (const hold of ['forever', '2027-01-01T00:00:00Z'])
      expect(judge(snap, { state: state({ config: { core: { refresh: { hold } } } }) }).automatic.enabled).toBe(false)
  })

  test('the list of the store is read, in any language, and nothing is said on standard error', () => {
    const table = 'Name     Version  Rev   Size   Publisher  Notes\nfirefox  130.0    4848  280MB  mozilla**  held\n'
    expect(judge(snap, { list: input(table) }).pending).toMatchObject([{ name: 'firefox', candidate: '130.0', withheld: 'held' }])
    expect(judge(snap, { list: input('', { stderr: 'All snaps up to date.\n', code: null }) }).pending).toEqual([])
    expect(() => judge(snap, { list: input('', { stderr: 'error: cannot list refreshes\n', code: 1 }) })).toThrow(/cannot list/)
    expect(() => judge(snap, { list: input('', { code: null }) })).toThrow()
  })

  test('without a snap there is nothing to tell', () => expect(() => judge(snap, { state: json({ data: { snaps: {} } }) })).toThrow(Absent))
})

describe('flatpak', () => {
  test('the remotes are not asked unless the configuration says so', async () => {
    const list = 'flatpak list --system --columns=application,version,branch,origin'
    const m = machine({ commands: { [list]: { text: 'org.gimp.GIMP\t2.10\tstable\tflathub\n' } } })
    await expect(flatpak.read(hostOf(m), { askRemotes: false })).rejects.toThrow(Denied)
    expect(m.ran).toEqual([list])
    await expect(flatpak.read(hostOf(machine({ commands: { [list]: {} } })), { askRemotes: true })).rejects.toThrow(Absent)
  })

  test('its table is read with the installed versions', () => {
    const row = (version: string) => input(`org.gimp.GIMP\t${version}\tstable\tflathub\n`)
    expect(judge(flatpak, { updates: row('2.10.38'), installed: row('2.10.36') }).pending).toMatchObject([
      { name: 'org.gimp.GIMP//stable', installed: '2.10.36', candidate: '2.10.38', origin: 'flathub' },
    ])
    expect(() =>
      judge(flatpak, { updates: input('', { code: 1, stderr: 'error: Unable to load summary from remote flathub\n' }) }),
    ).toThrow(/summary/)
  })
})

// Written from rpm-ostree's D-Bus interface and the schema of bootc's status.
describe('images', () => {
  const booted = {
    booted: true,
    staged: false,
    version: '41.1',
    origin: 'fedora:fedora/41/x86_64/silverblue',
    timestamp: 1790000000,
    checksum: 'aa',
  }

  test('a staged deployment waits for a restart, and a found one tells its advisories', () => {
    const staged = { ...booted, booted: false, staged: true, version: '41.2', checksum: 'bb' }
    const cached = {
      version: '41.3',
      checksum: 'cc',
      timestamp: 1790800000,
      advisories: [['FEDORA-2026-1', 1, 3, ['bash-2-1.x86_64'], {}]],
    }
    const fact = judge(rpmOstree, { status: json({ deployments: [staged, booted], 'cached-update': cached }) })
    expect(fact.pending.map(({ candidate, class: kind, severity, restart }) => [candidate, kind, severity, restart])).toEqual([
      ['41.3', 'security', 'important', true],
      ['41.2', 'other', null, true],
    ])
  })

  test('nothing found is nothing pending of unknown age', () => {
    expect(judge(rpmOstree, { status: json({ deployments: [booted], 'cached-update': null }) })).toMatchObject({
      pending: [],
      lastCheckAt: null,
    })
    expect(() => judge(rpmOstree, { status: json({ deployments: [] }) })).toThrow(Absent)
    expect(() => judge(rpmOstree, { status: input('', { code: 1, stderr: 'error: Loading sysroot' }) })).toThrow(/sysroot/)
  })

  test('a failed automatic check is an error of the check', () => {
    const units = input('Id=rpm-ostreed-automatic.service\nResult=exit-code\nExecMainExitTimestamp=Sun 2026-11-22 06:00:00 UTC\n')
    expect(judge(rpmOstree, { status: json({ deployments: [booted] }), units })).toMatchObject({
      lastCheckAt: null,
      lastCheckError: expect.stringContaining('exit-code'),
    })
  })

  const image = (digest: string, version = '10') => ({
    image: { image: 'quay.io/example/os', transport: 'registry' },
    version,
    timestamp: '2026-10-01T00:00:00Z',
    imageDigest: `sha256:${digest}`,
  })
  const host = (status: object) => json({ apiVersion: 'org.containers.bootc/v1', kind: 'BootcHost', status })

  test('bootc tells what is staged and what was found, by digest', () => {
    const status = { booted: { image: image('aaa'), cachedUpdate: image('ccc') }, staged: { image: image('bbb') } }
    expect(
      judge(bootc, { status: host(status) })
        .pending.map(({ candidate }) => candidate)
        .sort(),
    ).toEqual(['10 (bbb)', '10 (ccc)'])
    expect(judge(bootc, { status: host({ booted: { image: image('aaa'), cachedUpdate: image('aaa') }, staged: null }) }).pending).toEqual(
      [],
    )
    expect(judge(bootc, { status: host({ booted: { image: image('aaa'), incompatible: true } }) }).broken).toMatch(/keep bootc/)
    expect(() => judge(bootc, { status: host({ booted: null }) })).toThrow(Absent)
    expect(() => judge(bootc, { status: host({}) })).toThrow(/booted/)
  })
})

// Written from fwupdmgr(1) and its JSON of 1.9 and 2.0.
describe('fwupd', () => {
  const device = { Name: 'System Firmware', Version: '1.2', Flags: ['updatable', 'needs-reboot'] }
  const release = { Version: '1.3', Urgency: 'high', Created: 1790812800, RemoteId: 'lvfs' }

  test('the newest release of each device waits', () => {
    const older = { ...release, Version: '1.2.5' }
    expect(judge(fwupd, { updates: json({ Devices: [{ ...device, Releases: [release, older] }] }) }).pending).toMatchObject([
      {
        name: 'System Firmware',
        class: 'firmware',
        installed: '1.2',
        candidate: '1.3',
        severity: 'important',
        restart: true,
        published: 1790812800000,
      },
    ])
  })

  test('exit code 2 is nothing to do, in JSON or in words', () => {
    for (const text of ['', '{"Devices":[]}', '{"Error":{"Message":"No updates available"}}'])
      expect(judge(fwupd, { updates: input(text, { code: 2 }) }).pending).toEqual([])
  })

  test('a machine whose devices take no firmware has no such source', () => {
    expect(() => judge(fwupd, { updates: input('{"Error":{"Message":"No updatable devices"}}', { code: 2 }) })).toThrow(Absent)
    expect(() =>
      judge(fwupd, { updates: json({ Devices: [] }), devices: json({ Devices: [{ Name: 'x', Flags: ['internal'] }] }) }),
    ).toThrow(Absent)
  })

  test('an error is one, and the devices alone tell nothing', () => {
    expect(() => judge(fwupd, { updates: input('{"Error":{"Message":"Failed to connect to daemon"}}', { code: 1 }) })).toThrow(/connect/)
    expect(() => judge(fwupd, { updates: input('{"Error":{"Message":"Failed to connect to daemon"}}', { code: null }) })).toThrow(/connect/)
    expect(() => judge(fwupd, { devices: json({ Devices: [device] }) })).toThrow(/devices alone/)
  })
})

// Written from the page of ubuntu-pro-client on security-status.
describe('ubuntu-pro', () => {
  const status = (infra: number, packages: object[], attached = false) =>
    json({
      _schema_version: '0.1',
      summary: { ua: { attached }, num_standard_security_updates: 0, num_esm_infra_updates: infra, num_esm_apps_updates: 0 },
      packages,
    })
  const zlib = { package: 'zlib1g', version: '1:1.2-2+esm1', service_name: 'esm-infra', origin: 'esm.ubuntu.com' }

  test.each([
    ['pending_attach', 'subscription'],
    ['pending_enable', 'subscription'],
    ['upgrade_unavailable', 'subscription'],
    ['upgrade_available', null],
  ])('%s is withheld: %s', (state, withheld) => {
    expect(judge(ubuntuPro, { security: status(1, [{ ...zlib, status: state }]) }).pending).toMatchObject([
      { name: 'zlib1g', class: 'security', withheld },
    ])
  })

  test('counts without their packages are refused, and so is the contract alone', () => {
    expect(() => judge(ubuntuPro, { security: status(3, []) })).toThrow(/promises 3/)
    expect(() => judge(ubuntuPro, { security: json({ summary: {}, packages: [] }) })).toThrow(/counts/)
    expect(() => judge(ubuntuPro, { status: json({ attached: true, services: [] }) })).toThrow()
    const ended = json({ attached: true, expires: '2026-01-01T00:00:00+00:00', services: [] })
    expect(judge(ubuntuPro, { security: status(0, [], true), status: ended }).badSources).toHaveLength(1)
  })
})

describe('restarts by the tools of the rpm family', () => {
  const required = (inputs: Record<string, Captured>) => (judge(reboot, inputs) as unknown as { required: boolean | null }).required
  const yes =
    'Core libraries or services have been updated since boot-up:\n  * kernel\n  * glibc\n\nReboot is required to fully utilize these updates.\n'

  test.each([
    ['dnf4', input(yes, { code: 1 }), true],
    ['dnf4, clean', input('No core libraries or services have been updated since boot-up.\nReboot should not be necessary.\n'), false],
    [
      'dnf4 of old',
      input('Core libraries or services have not been updated since boot-up.\nReboot should not be necessary.\n', { code: null }),
      false,
    ],
    [
      'zypper',
      input(
        'Core libraries or services have been updated.\nReboot is suggested to ensure that your system benefits from these updates.\n',
        { code: 102 },
      ),
      true,
    ],
    ['zypper, clean', input('No core libraries or services have been updated.\nReboot is probably not necessary.\n'), false],
  ])('%s is taken by its sentence', (_, needsRestarting, want) => expect(required({ needsRestarting })).toBe(want))

  test.each([
    ['a missing plug-in', input('', { code: 1, stderr: 'No such command: needs-restarting. Please use /usr/bin/dnf --help\n' })],
    ['a failure without a word', input('', { code: 1 })],
    ['an empty answer', input('')],
    ['an empty capture', input('', { code: null })],
    ['a sentence against its exit code', input('Reboot should not be necessary.\n', { code: 1 })],
  ])('%s is neither yes nor no', (_, needsRestarting) => expect(() => required({ needsRestarting })).toThrow(/did not say/))

  test('dnf5 and a staged image say it in JSON', () => {
    expect(required({ json: json([{ type: 'reboot', reboot_required: true, packages: ['kernel'] }], { code: 1 }) })).toBe(true)
    expect(required({ json: json([{ type: 'reboot', reboot_required: false, packages: [] }]) })).toBe(false)
    expect(() => required({ json: json([]) })).toThrow(/did not say/)
    const deployment = { booted: true, staged: false, version: '1' }
    expect(required({ ostree: json({ deployments: [deployment] }) })).toBe(false)
    expect(required({ ostree: json({ deployments: [{ ...deployment, booted: false, staged: true }, deployment] }) })).toBe(true)
  })

  test('a list of processes alone says nothing of a restart, and names the services', () => {
    const fact = judge(reboot, { services: input('1234 : /usr/sbin/sshd -D\n', { code: null }) })
    expect(fact).toMatchObject({ required: null, services: ['sshd'] })
  })
})

describe('whatever is read', () => {
  const probes = [dnf, dnf5, zypper, pacman, apk, snap, flatpak, rpmOstree, bootc, fwupd, ubuntuPro, reboot]
  const pieces = fc.constantFrom(
    ...[
      'bash.x86_64',
      ' 2-1 ',
      'repo\n',
      'FEDORA-2026-1 security ',
      'bash-2-1.x86_64',
      '\n',
      '\0',
      '{',
      '}',
      '[',
      ']',
      '"Devices":',
      '"deployments":[',
      '<update kind="patch" ',
      '</stream>',
    ],
    ...['a 1 -> 2', ' | ', '--+--+--+--\n', 'Reboot is required', 'Name Version Rev\n', '\t', '"data":{}', '\u0007', 'é', 'x'.repeat(3000)],
  )
  const texts = fc.oneof(
    fc.string({ maxLength: 300 }),
    fc.array(pieces, { maxLength: 25 }).map(words => words.join('')),
    fc.json(),
  )

  test.each(probes.map(probe => [`${probe.subject}/${probe.source}`, probe] as const))(
    '%s gives a fact within its limits or throws',
    (_, probe) => {
      fc.assert(
        fc.property(texts, fc.constantFrom(...Object.keys(probe.inputs)), fc.constantFrom(null, 0, 1, 2, 100, 102), (text, name, code) => {
          let fact: Fact
          try {
            fact = judge(probe, { [name]: input(text, { code }) })
          } catch (error) {
            expect(error).toBeInstanceOf(Error)
            expect((error as Error).name).not.toMatch(/TypeError|RangeError/)
            return
          }
          expect(checked(probe, fact)).toMatchObject({ outcome: 'ok' })
        }),
        { numRuns: 150 },
      )
    },
  )

  test.each(probes.map(probe => [`${probe.subject}/${probe.source}`, probe] as const))(
    '%s survives a line of ten megabytes',
    (_, probe) => {
      for (const filler of ['a', ' ', 'a.x86_64 ', '<update ', '{"a":', '1 -> ']) {
        const text = filler.repeat(Math.floor(10_000_000 / filler.length))
        const started = performance.now()
        for (const name of Object.keys(probe.inputs)) {
          try {
            probe.inputs[name]?.recognise?.(text)
            judge(probe, { [name]: input(text, { code: null }) })
          } catch (error) {
            expect(error).toBeInstanceOf(Error)
          }
        }
        expect(performance.now() - started).toBeLessThan(4000)
      }
    },
    60_000,
  )
})
