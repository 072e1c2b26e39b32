import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { localHost } from '../../host/local.ts'
import type { Captured } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import { compareKernels, parseKernel } from './kernels.ts'
import reboot, { parse } from './linux.ts'
import { replacedFiles, servicesOf, unitOf } from './replaced.ts'

const input = (text: string, more: Partial<Captured> = {}): Captured => ({
  text,
  stderr: '',
  code: null,
  name: '',
  modifiedAt: null,
  ...more,
})
const judge = (inputs: Record<string, Captured>) =>
  parse(Object.fromEntries(Object.entries(inputs).map(([name, given]) => [name, [given]])))
const at = Date.UTC(2026, 10, 20)

/** Releases as the distributions' kernels print them with uname -r; taken apart by their packaging documentation. */
test.each([
  ['6.1.0-13-amd64', '6.1.0-13', 'amd64'],
  ['6.1.0-13-cloud-amd64', '6.1.0-13', 'cloud-amd64'],
  ['6.1.0-13-rt-amd64', '6.1.0-13', 'rt-amd64'],
  ['6.1.0-13-686-pae', '6.1.0-13', '686-pae'],
  ['6.12.74+deb13+1-amd64', '6.12.74+deb13+1', 'amd64'],
  ['6.1.0-0.deb11.13-amd64', '6.1.0-0.deb11.13', 'amd64'],
  ['5.15.0-91-generic', '5.15.0-91', 'generic'],
  ['6.8.12-4-pve', '6.8.12-4', 'pve'],
  ['6.6.31+rpt-rpi-v8', '6.6.31+rpt', 'rpi-v8'],
  ['6.11.4-301.fc41.x86_64', '6.11.4-301.fc41', 'x86_64'],
  ['5.14.0-362.8.1.el9_3.x86_64+debug', '5.14.0-362.8.1.el9_3', 'x86_64+debug'],
  ['5.14.21-150500.55.39-default', '5.14.21-150500.55.39', 'default'],
  ['6.6.8-arch1-1', '6.6.8-arch1-1', 'arch'],
  ['6.6.8-1-lts', '6.6.8-1', 'lts'],
])('the release %s is version %s of flavour %s', (release, version, flavour) => {
  expect(parseKernel(release)).toEqual({ release, version, flavour })
})

test.each([
  ['9 is older than 13, though not as text', '6.1.0-9-amd64', ['6.1.0-9-amd64', '6.1.0-13-amd64'], true],
  ['the newest runs', '6.1.0-13-amd64', ['6.1.0-9-amd64', '6.1.0-13-amd64'], false],
  ['newer of another flavour only', '6.1.0-13-amd64', ['6.1.0-13-amd64', '6.1.0-15-cloud-amd64'], false],
  ['a kernel of its own making', '6.18.44-custom', ['6.1.0-13-amd64'], null],
  ['nothing installed', '6.18.44-custom', [], null],
  ['Arch has removed the running one', '6.6.8-arch1-1', ['6.6.9-arch1-1'], true],
  ['the rescue image is no kernel', '6.11.4-301.fc41.x86_64', ['0-rescue-0123456789abcdef', '6.11.4-301.fc41.x86_64'], false],
])('kernels: %s', (_, running, installed, outdated) => {
  expect(compareKernels(running, installed, undefined).outdated).toBe(outdated)
  expect(compareKernels(running, undefined, installed).outdated).toBe(outdated)
})

test('a removed kernel that left a folder of modules behind is not the newest where there are images', () => {
  expect(compareKernels('6.1.0-13-amd64', ['6.1.0-13-amd64'], ['6.1.0-13-amd64', '6.1.0-99-amd64']).outdated).toBe(false)
})

test('modules of the running kernel that are gone mean a restart, though no newer kernel is there', () => {
  expect(compareKernels('6.6.9-arch1-1', undefined, ['6.6.8-arch1-1'])).toMatchObject({ outdated: true, newest: '6.6.8-arch1-1' })
})

describe('wrong greens', () => {
  test('40: a missing flag on Debian is no "no": the kernels decide', () => {
    const fact = judge({
      running: input('6.1.0-9-amd64\n'),
      images: input('config-6.1.0-13-amd64\ngrub\nvmlinuz-6.1.0-9-amd64\nvmlinuz-6.1.0-13-amd64'),
      installedSince: input('', { modifiedAt: at }),
    })

    expect(fact).toMatchObject({ required: true, since: at, reasons: [{ kind: 'kernel' }], kernel: { newest: '6.1.0-13-amd64' } })
  })

  test('40: neither flag nor kernels that can be compared is unknown', () => {
    expect(judge({ running: input('6.18.44-custom\n') })).toMatchObject({ required: null, kernel: { newest: null } })
  })

  test('42: needrestart that does not know the kernel says neither yes nor no', () => {
    const fact = judge({
      needrestart: input('NEEDRESTART-VER: 3.6\nNEEDRESTART-KCUR: 6.18.44-custom\nNEEDRESTART-KSTA: 0\nNEEDRESTART-UCSTA: 1\n'),
    })

    expect(fact).toMatchObject({ required: null, services: [], kernel: { running: '6.18.44-custom', newest: null } })
  })

  test('a needrestart that was cut in the middle of a line says yes, and never no', () => {
    const cut = (text: string) => judge({ needrestart: input(`NEEDRESTART-VER: 3.6\nNEEDRESTART-KCUR: 6.1.0-1-amd64\n${text}`) })
    expect(cut('NEEDRESTART-KSTA: 1\nNEEDRESTART-UCST')).toMatchObject({ required: null, services: null })
    expect(cut('NEEDRESTART-KSTA: 3\nNEEDRESTART-UCST')).toMatchObject({ required: true })
  })

  test('a needrestart that failed tells nothing', () => {
    const fact = judge({ needrestart: input('NEEDRESTART-VER: 3.6\nNEEDRESTART-KSTA: 1\n', { code: 1 }) })

    expect(fact).toMatchObject({ required: null, services: null })
  })

  test('a kernel rebuilt under its old release is an old kernel', () => {
    const kernels = {
      running: input('6.1.0-13-amd64'),
      images: input('vmlinuz-6.1.0-13-amd64'),
      build: input('#1 SMP PREEMPT_DYNAMIC Debian 6.1.52-1 (2023-09-07)\n'),
    }

    expect(judge({ ...kernels, packageVersion: input('6.1.55-1', { code: 0 }) })).toMatchObject({
      required: true,
      reasons: [{ kind: 'kernel' }],
    })
    expect(judge({ ...kernels, packageVersion: input('6.1.52-1', { code: 0 }) })).toMatchObject({ required: false, reasons: [] })
  })
})

test('the flag is a yes since its own time, and names who asked for it', () => {
  const fact = judge({
    running: input('6.1.0-13-amd64'),
    images: input('vmlinuz-6.1.0-13-amd64'),
    flag: input('*** System restart required ***\n', { modifiedAt: at }),
    packages: input('libc6\nlinux-base\nlibc6\n'),
  })

  expect(fact).toMatchObject({ required: true, since: at, reasons: [{ kind: 'flag', detail: '/run/reboot-required: libc6, linux-base' }] })
})

test('needrestart that found nothing is a no, with the services that it names', () => {
  const text =
    'NEEDRESTART-VER: 3.6\nNEEDRESTART-KCUR: 6.1.0-13-amd64\nNEEDRESTART-KSTA: 1\nNEEDRESTART-SVC: ssh.service\nUse of uninitialized value\n'

  expect(judge({ needrestart: input(text, { code: 0 }) })).toMatchObject({
    required: false,
    services: ['ssh.service'],
    kernel: { newest: '6.1.0-13-amd64' },
  })
})

test('microcode that waits is a yes', () => {
  expect(judge({ needrestart: input('NEEDRESTART-VER: 3.6\nNEEDRESTART-KSTA: 1\nNEEDRESTART-UCSTA: 2\n') })).toMatchObject({
    required: true,
    reasons: [{ kind: 'firmware' }],
  })
})

describe('a container', () => {
  const marker = input('', { name: '/.dockerenv' })
  const links = (pid: string) => input(`pid:[${pid}]\ncgroup:[4026531835]\n`)

  test.each([
    ['a marker alone', { container: marker }],
    ['a process tree of its own', { namespaces: links('4026532200') }],
  ])('is absent by %s', (_, inputs) => {
    expect(() => judge({ running: input('6.1.0-13-amd64'), ...inputs })).toThrow('kernel of its host')
  })

  test('is not what a virtual machine is that was made of its image', () => {
    expect(judge({ running: input('6.1.0-13-amd64'), container: marker, namespaces: links('4026531836') }).kernel.running).toBe(
      '6.1.0-13-amd64',
    )
  })
})

test('live patches are told apart by whether they are on', () => {
  expect(judge({ running: input('6.1.0-13-amd64'), livepatch: input('1\n') }).kernel.livePatched).toBe(true)
  expect(judge({ running: input('6.1.0-13-amd64'), livepatch: input('0\n') }).kernel.livePatched).toBe(false)
  expect(judge({ running: input('6.1.0-13-amd64') }).kernel.livePatched).toBeNull()
})

test('replaced code is told from files that were deleted on purpose', () => {
  const text = `/proc/1405/maps:7f0f6204c000-7f0f62056000 r--p 00000000 00:01 24                         /memfd:sealed-91173221a7ea (deleted)
/proc/77/maps:7f1000000000-7f1000010000 r-xp 00000000 fe:00 1234                       /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
/proc/78/maps:7f1000000000-7f1000010000 rw-s 00000000 00:01 9                          /dev/shm/x (deleted)
`

  expect([...(replacedFiles({ text, stderr: '' }) ?? [])]).toEqual([['77', '/usr/lib/x86_64-linux-gnu/libssl.so.3']])
  expect(replacedFiles({ text: '', stderr: 'grep: /proc/1/maps: Permission denied\n' })).toBeUndefined()
  expect(unitOf('0::/system.slice/ssh.service\n')).toBe('ssh.service')
  expect(unitOf('0::/user.slice/user-0.slice/session-1.scope\n')).toBeUndefined()
  expect(servicesOf('ssh.service /usr/lib/a\nssh.service /usr/lib/b')).toEqual(['ssh.service'])
})

test('tells of the machine that it runs on, or why it cannot', async () => {
  const told = await runProbe(reboot, localHost(), undefined, 1)

  expect(['ok', 'absent']).toContain(told.outcome)
})

/** Captures that may lie beside the checkout, with the reading that their source states. */
const folder = new URL('../../../../../shared/samples/', import.meta.url)
const captures: readonly (readonly [path: string, required: boolean | null, services: number | null])[] = [
  ['live/debian-12/storage_tools/needrestart-b.txt', null, 0],
  [
    'updates_linux/Linuxfabrik+monitoring-plugins/check-plugins/needs-restarting/unit-test/stdout/debian-kernel-pending-needrestart',
    true,
    2,
  ],
  ['updates_linux/kellyjonbrazil+jc/tests/fixtures/generic/needrestart--extralines.out', true, 3],
  ['updates_linux/kellyjonbrazil+jc/tests/fixtures/generic/needrestart--pid.out', null, null],
]
test('real captures read as their sources state', () => {
  for (const [path, required, services] of captures.filter(([path]) => existsSync(new URL(path, folder)))) {
    const text = readFileSync(new URL(path, folder), 'utf8')
    expect(reboot.inputs.needrestart?.recognise?.(text), path).toBe(true)

    const fact = judge({ needrestart: input(text) })

    expect([path, fact.required, fact.services?.length ?? null]).toEqual([path, required, services])
  }
})

test('whatever the text, there is a fact of the schema or an error', () => {
  const words = fc.constantFrom('NEEDRESTART-KSTA: 3', 'NEEDRESTART-SVC: ', 'vmlinuz-', '6.1.0-13-amd64', '-', '\n', ' ', '9', '.')
  const text = fc.oneof(
    fc.string({ maxLength: 800 }),
    fc.array(words, { maxLength: 60 }).map(parts => parts.join('')),
  )
  const inputs = fc.dictionary(
    fc.constantFrom(...Object.keys(reboot.inputs).filter(name => name !== 'container' && name !== 'namespaces')),
    text,
  )
  fc.assert(
    fc.property(inputs, given => {
      const fact = judge(Object.fromEntries(Object.entries(given).map(([name, hostile]) => [name, input(hostile, { modifiedAt: 1 })])))

      expect(checked(reboot, fact).outcome).toBe('ok')
    }),
  )
})
