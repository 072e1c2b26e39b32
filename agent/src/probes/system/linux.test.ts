import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { subjectOf } from '@fettle/catalog'
import fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { localHost } from '../../host/local.ts'
import { type Host, HostError } from '../../host.ts'
import type { Captured, Inputs } from '../../probe.ts'
import { told } from '../gather.ts'
import probe, { parseSystem } from './linux.ts'

const context = { now: Date.UTC(2026, 0, 1), hostname: 'web1.example.org', options: undefined }
const schema = subjectOf('system')?.fact ?? v.never()

// Written from os-release(5), SMBIOS (DSP0134) and proc(5); the /proc excerpts have the form of a Debian 12 machine.
const DEBIAN =
  'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n'

const parse = (inputs: Record<string, readonly Captured[] | string>) =>
  parseSystem(
    Object.fromEntries(
      Object.entries(inputs).map(([name, given]) => [name, typeof given === 'string' ? [told(name, given)] : given]),
    ) as Inputs,
    context,
  )
const dmi = (files: Record<string, string>) => Object.entries(files).map(([file, text]) => told(`/sys/class/dmi/id/${file}`, `${text}\n`))
const battery = told('/sys/class/power_supply/BAT0/uevent', 'POWER_SUPPLY_NAME=BAT0\nPOWER_SUPPLY_TYPE=Battery\n')
const mouse = told('/sys/class/power_supply/hid-1/uevent', 'POWER_SUPPLY_TYPE=Battery\nPOWER_SUPPLY_SCOPE=Device\n')

describe('os-release alone', () => {
  it('tells the operating system, and leaves the rest unknown', () => {
    const fact = parse({ osRelease: DEBIAN })
    expect(fact).toMatchObject({
      hostname: 'web1.example.org',
      domain: 'example.org',
      os: { type: 'linux', id: 'debian', version: '12', codename: 'bookworm', name: 'Debian GNU/Linux 12 (bookworm)', supportEnd: null },
      kernel: { version: null, arch: null },
      bootedAt: null,
      virtualization: null,
      memoryBytes: null,
      cpu: { model: null, logical: null },
      machineIdHash: null,
    })
    expect(v.is(schema, fact)).toBe(true)
  })

  it.each([
    ['no version on a rolling release', 'ID=arch\nBUILD_ID=rolling\n', { id: 'arch', version: null, build: 'rolling' }],
    ['single quotes take everything as it is', "NAME='A \\ $B'\nID=a", { name: 'A \\ $B' }],
    ['double quotes know four escapes', 'PRETTY_NAME="a \\"b\\" \\$c \\`d\\` \\\\"', { name: 'a "b" $c `d` \\', id: 'linux' }],
    ['comments, blank lines and Windows line ends', '# ID=no\r\n\r\nID="rhel"\r\nVERSION_ID="8.6"\r\n', { id: 'rhel', version: '8.6' }],
    ['the last of a name wins', 'ID=one\nID=two\n', { id: 'two' }],
    ['several parents', 'ID=x\nID_LIKE="rhel fedora"\n', { like: ['rhel', 'fedora'] }],
    ['the end of support', 'ID=fedora\nSUPPORT_END=2026-05-13\n', { supportEnd: Date.UTC(2026, 4, 13) }],
    ['an end of support that is no day', 'ID=fedora\nSUPPORT_END=soon\n', { supportEnd: null }],
    ['a quote left open makes the value unknown, not wrong', 'ID=x\nVERSION_ID="12\n', { version: null }],
    ['an empty ID is the default of os-release(5)', 'NAME=Odd\nID=\n', { id: 'linux', name: 'Odd' }],
  ])('%s', (_, text, wanted) => {
    expect(parse({ osRelease: text }).os).toMatchObject(wanted)
  })

  it.each([
    ['pairs of lsblk', 'NAME="/dev/sda2" FSTYPE="ext4" UUID="" LABEL=""\n'],
    ['properties of WMI', 'Caption=Word\nDescription=Text\nGracePeriod=0\nID=1d2b\nName=Word 16\nProductKey=\n'],
  ])('%s are no os-release, though a line looks like one', (_, text) => {
    expect(probe.inputs.osRelease?.recognise?.(text)).toBe(false)
    expect(() => parse({ osRelease: text })).toThrow(/Cannot read os-release/)
  })

  it('is told from one long word in no time', () => {
    const started = performance.now()
    expect(probe.inputs.osRelease?.recognise?.('a'.repeat(4_000_000))).toBe(false)
    expect(performance.now() - started).toBeLessThan(500)
  })

  it.each(['', 'beowulf\n', 'DISTR_NAME="Linuxmint"\nRELEASE=19.3\n', '<html>'])('%j is no os-release, and no answer is given', text => {
    expect(() => parse({ osRelease: text })).toThrow(/Cannot read os-release/)
  })

  it('cuts endless text with a count', () => {
    const { os } = parse({ osRelease: `ID=x\nPRETTY_NAME="${'n'.repeat(5000)}"` })
    expect(os.name).toHaveLength(128)
    expect(os.name).toContain('(5000 characters)')
  })
})

describe('hardware', () => {
  it('names vendor, model, serial and chassis', () => {
    const { hardware, role } = parse({
      osRelease: DEBIAN,
      dmi: dmi({ sys_vendor: 'LENOVO', product_name: '20XW', product_serial: 'PF1ABCDE', chassis_type: '10', bios_date: '03/09/2023' }),
    })
    expect(hardware).toMatchObject({
      vendor: 'LENOVO',
      model: '20XW',
      serial: 'PF1ABCDE',
      chassis: 'notebook',
      biosDate: Date.UTC(2023, 2, 9),
    })
    expect(role).toBe('laptop')
  })

  it.each([
    'To Be Filled By O.E.M.',
    'Default string',
    'System Serial Number',
    'Not Specified',
    '0',
    '00000000',
    'FFFFFFFF',
    '..........',
    'None',
    ' ',
  ])('wrong green 44: %j is a placeholder of the maker, so the serial is unknown and no two machines look like one', placeholder => {
    expect(parse({ osRelease: DEBIAN, dmi: dmi({ product_serial: placeholder }) }).hardware.serial).toBeNull()
  })

  it('counts processors and memory, and knows when the machine booted', () => {
    const fact = parse({
      osRelease: DEBIAN,
      kernel: '6.1.0-18-amd64\n',
      uname: 'x86_64\n',
      stat: 'cpu  1 2 3 4\ncpu0 1 1 1 1\ncpu1 1 1 1 1\nbtime 1767200000\n',
      cpuinfo: 'processor\t: 0\nmodel name\t: AMD EPYC  7302\nflags\t\t: fpu vme\n',
      meminfo: 'MemTotal:       16384000 kB\n',
      machineId: '0123456789abcdef0123456789abcdef\n',
    })
    expect(fact).toMatchObject({
      kernel: { version: '6.1.0-18-amd64', arch: 'x86_64' },
      bootedAt: 1767200000000,
      cpu: { model: 'AMD EPYC 7302', logical: 2 },
      memoryBytes: 16384000 * 1024,
      virtualization: { kind: 'none', name: null },
    })
    expect(fact.machineIdHash).toMatch(/^[0-9a-f]{64}$/)
    expect(fact.machineIdHash).not.toContain('0123456789abcdef')
  })

  it('reads a whole uname -a as well', () => {
    const line = 'Linux vm 6.1.0-18-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01) x86_64 GNU/Linux\n'
    expect(parse({ osRelease: DEBIAN, uname: line }).kernel).toEqual({ version: '6.1.0-18-amd64', arch: 'x86_64' })
  })

  it.each([
    ['stat', 'cpu 1 2 3\n', /btime/],
    ['meminfo', 'MemFree: 1 kB\n', /MemTotal/],
  ])('a %s without its line is a failure, not a zero', (name, text, message) => {
    expect(() => parse({ osRelease: DEBIAN, [name]: text })).toThrow(message)
  })
})

describe('virtualization', () => {
  it.each([
    ['systemd finds real hardware', { virtualization: 'none\n' }, { kind: 'none', name: null }],
    ['systemd finds a virtual machine', { virtualization: 'kvm\n' }, { kind: 'vm', name: 'kvm' }],
    ['systemd finds a container', { virtualization: 'podman\n' }, { kind: 'container', name: 'podman' }],
    ['a marker of Docker', { containerMarker: [told('/.dockerenv', '')] }, { kind: 'container', name: 'docker' }],
    ['firmware of VMware', { dmi: dmi({ sys_vendor: 'VMware, Inc.' }) }, { kind: 'vm', name: 'vmware' }],
    [
      'firmware of Hyper-V',
      { dmi: dmi({ sys_vendor: 'Microsoft Corporation', product_name: 'Virtual Machine' }) },
      { kind: 'vm', name: 'microsoft' },
    ],
    ['a tablet of Microsoft is real', { dmi: dmi({ sys_vendor: 'Microsoft Corporation', product_name: 'Surface Pro 7' }) }, null],
    ['bare metal of Amazon is real', { dmi: dmi({ sys_vendor: 'Amazon EC2', product_name: 'i3.metal' }) }, null],
    ['a guest’s processor', { cpuinfo: 'processor: 0\nflags\t: fpu hypervisor lahf_lm\n' }, { kind: 'vm', name: null }],
    ['a processor that has no such flag tells nothing', { cpuinfo: 'processor: 0\nFeatures: fp asimd\n' }, null],
    ['nothing told', {}, null],
  ])('%s', (_, inputs, wanted) => {
    expect(parse({ osRelease: DEBIAN, ...inputs }).virtualization).toEqual(wanted)
  })
})

describe('the role', () => {
  const graphical = { displayManager: '/usr/lib/systemd/system/gdm.service', defaultTarget: '/usr/lib/systemd/system/graphical.target' }
  it.each([
    ['a battery of the machine', { power: [battery] }, 'laptop'],
    ['a battery of a mouse on a desktop', { power: [mouse], ...graphical, dmi: dmi({ chassis_type: '3' }) }, 'desktop'],
    ['a rack chassis with a screen', { ...graphical, dmi: dmi({ chassis_type: '23' }) }, 'server'],
    ['a tower with a screen', { ...graphical, dmi: dmi({ chassis_type: '7' }) }, 'desktop'],
    ['a tower that boots without its screen', { ...graphical, defaultTarget: '/lib/systemd/system/multi-user.target' }, 'server'],
    [
      'a graphical target alone, as Debian servers have it',
      { defaultTarget: graphical.defaultTarget, dmi: dmi({ chassis_type: '7' }) },
      'server',
    ],
    ['a virtual machine without screen', { virtualization: 'kvm', dmi: dmi({ chassis_type: '1' }) }, 'server'],
    ['a virtual machine with the battery of its host', { virtualization: 'oracle', power: [battery] }, 'server'],
    ['a virtual desktop', { virtualization: 'kvm', ...graphical }, 'desktop'],
    ['the edition for servers', { osRelease: `${DEBIAN}VARIANT_ID=server\n`, ...graphical }, 'server'],
  ])('%s', (_, inputs, wanted) => {
    expect(parse({ osRelease: DEBIAN, ...inputs }).role).toBe(wanted)
  })
})

describe('the probe', () => {
  it('tells the truth about this machine', async () => {
    const fact = await probe.read(localHost(), undefined)
    expect(v.is(schema, fact)).toBe(true)
    expect(fact).toMatchObject({ kernel: { version: readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim() } })
  })

  it('leaves out a serial that only root may read, and falls back to /usr/lib/os-release', async () => {
    const real = localHost()
    const captured = async (path: string, options?: { missing: unknown }) => {
      if (path === '/etc/os-release') return options?.missing
      if (path === '/usr/lib/os-release') return told(path, 'ID=void\n')
      if (path === '/sys/class/dmi/id/product_serial') throw new HostError('EACCES', path)
      if (path === '/sys/class/dmi/id/sys_vendor') return told(path, 'Dell Inc.\n')
      return real.captured(path, options as { missing: undefined })
    }
    const fact = await probe.read({ ...real, captured } as Host, undefined)
    expect(fact).toMatchObject({ os: { id: 'void' }, hardware: { vendor: 'Dell Inc.', serial: null } })
  })
})

it('any text gives a fact of the schema or an error, soon', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 400 }),
    fc.string({ maxLength: 200 }).map(tail => `ID=${tail}\nbtime 5\nMemTotal: 7 kB\n${tail}`),
  )
  const names = Object.keys(probe.inputs)
  fc.assert(
    fc.property(fc.array(text, { minLength: names.length, maxLength: names.length }), texts => {
      try {
        const fact = parse(Object.fromEntries(names.map((name, i) => [name, [told(`/sys/class/dmi/id/product_serial`, texts[i] ?? '')]])))
        expect(v.safeParse(schema, fact).issues).toBeUndefined()
      } catch (error) {
        if ((error as Error).name !== 'Error') throw error
      }
    }),
    { numRuns: 200 },
  )
})

const samples = new URL('../../../../../shared/samples/os_identity/puppetlabs+facter/spec/fixtures/', import.meta.url)
const captures = existsSync(samples) ? readdirSync(samples).filter(name => name.startsWith('os_release')) : []
// Files of other names that the collection holds beside them: an issue text, a codename, an lsb file.
const FOREIGN = new Set(['os_release_solaris', 'os_release_devuan', 'os_release_mint'])

describe('captures of other projects, where they are at hand', () => {
  it('are all read by their own words, and what is no os-release is refused', () => {
    for (const name of captures) {
      const text = readFileSync(new URL(name, samples), 'utf8')
      if (FOREIGN.has(name)) expect(() => parse({ osRelease: text }), name).toThrow(/Cannot read os-release/)
      else {
        const { os } = parse({ osRelease: text })
        expect(text, name).toContain(os.name)
        expect(os.version === null, name).toBe(!text.includes('VERSION_ID'))
        expect(v.is(schema, parse({ osRelease: text })), name).toBe(true)
      }
    }
  })
})

describe('a container’s marker', () => {
  it.each([
    ['the first namespaces: its image was booted as a virtual machine', 'pid:[4026531836]\ncgroup:[4026531835]\n', 'vm'],
    ['namespaces of its own: it is a container', 'pid:[4026532200]\ncgroup:[4026532201]\n', 'container'],
  ])('beside %s', (_, namespaces, kind) => {
    const cpuinfo = 'processor : 0\nflags\t\t: fpu hypervisor\n'
    const fact = parse({ osRelease: DEBIAN, containerMarker: [told('/.dockerenv', '')], virtualization: 'docker\n', namespaces, cpuinfo })
    expect(fact.virtualization?.kind).toBe(kind)
  })
})
