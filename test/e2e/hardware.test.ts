import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { FactTypes } from '@fettle/catalog'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { localHost } from '../../agent/src/host/local.ts'
import { type Host, NotInstalled } from '../../agent/src/host.ts'
import type { Captured, Inputs, Probe } from '../../agent/src/probe.ts'
import nvme from '../../agent/src/probes/disks/nvme-cli.ts'
import smartctl from '../../agent/src/probes/disks/smartctl.ts'
import rasdaemon from '../../agent/src/probes/memory/rasdaemon.ts'
import btrfs from '../../agent/src/probes/raid/btrfs.ts'
import lvm from '../../agent/src/probes/raid/lvm.ts'
import md from '../../agent/src/probes/raid/md.ts'
import multipath from '../../agent/src/probes/raid/multipath.ts'
import zfs from '../../agent/src/probes/raid/zfs.ts'
import ipmi from '../../agent/src/probes/sensors/ipmi.ts'
import ups from '../../agent/src/probes/sensors/ups.ts'
import { outcomeOf, runProbe } from '../../agent/src/runner.ts'
import { sensorsPower } from '../../packages/catalog/src/subjects/sensors/checks.ts'
import { findingOf, NOW } from '../../packages/catalog/src/testing.ts'
import { command, type LoopDisks, loopDisks } from '../kit/loop.ts'
import { type Nut, startNut } from '../kit/nut.ts'

/**
 * The tools of Debian that tell of hardware, run for real. What this machine has none of is absent: where the kernel has the thing (md, device-mapper,
 * loop devices), the thing itself is made and broken, and where it has not, that is what must be told.
 */
const here = localHost()
const look = (probe: Probe, host: Host = here) => runProbe(probe, host, undefined, 0)
const run = (...argv: string[]) => here.run(argv, { timeoutMs: 30_000 })
const judged = (probe: Probe, inputs: Inputs) => {
  try {
    return { outcome: 'ok', data: probe.parse(inputs, { now: Date.now(), hostname: 'h', options: undefined }) }
  } catch (error) {
    return outcomeOf(error, 'linux')
  }
}
/** The machine as it is, but for what a test says of it. */
const but = (other: Partial<Host>): Host => ({ ...here, ...other })
const ofFolder = (folder: string, names: readonly string[]): Pick<Host, 'list'> => ({
  list: (async (path: string, options?: { readonly missing: unknown }) =>
    path === folder ? names : here.list(path, options as { missing: readonly string[] })) as Host['list'],
})
const isThere = (...paths: readonly string[]): Pick<Host, 'stat'> => ({
  stat: (async (path: string, options?: { readonly missing: unknown }) =>
    paths.includes(path)
      ? here.stat('/')
      : /smartctl$|ipmi/.test(path)
        ? undefined
        : here.stat(path, options as { missing: undefined })) as Host['stat'],
})
const kernelHas = (path: string) => existsSync(path)

describe('nvme-cli', () => {
  test('this machine: absent without an NVMe disk, and its list of nothing is refused, not read as no disk', async () => {
    const list = await run('nvme', 'list', '-o', 'json')
    const fact = await look(nvme, but(isThere()))

    if (kernelHas('/sys/class/nvme/nvme0')) expect(fact.outcome).not.toBe('absent')
    else {
      expect(fact).toMatchObject({ outcome: 'absent', reason: 'there is no NVMe disk' })
      expect(judged(nvme, { list: [list] }).outcome).not.toBe('ok')
    }
  })

  test.each([
    ['is not there', '/dev/fettle-nvme0', /No such file/],
    ['is no NVMe disk', '/dev/loop0', /Inappropriate ioctl|Invalid argument|No such|Operation not permitted|Permission denied/],
  ])('a disk that %s is unreadable in the words of the tool, and nothing says that it is well', async (_, device, reason) => {
    const host = but({
      ...isThere(),
      ...ofFolder('/sys/class/nvme', ['nvme0']),
      run: async (argv, options) =>
        here.run(
          argv.map(word => (word === '/dev/nvme0' ? device : word)),
          options,
        ),
    })

    const fact = await look(nvme, host)

    if (fact.outcome !== 'ok') return expect(['denied', 'failed']).toContain(fact.outcome)
    const [disk] = (fact.data as FactTypes['disks']).disks
    expect(disk).toMatchObject({ passed: null, reason: expect.stringMatching(reason) })
    expect(disk?.standing).not.toBe('read')
  })
})

describe('smartctl', () => {
  test.each(['/dev/loop0', '/dev/vda'].filter(existsSync))('%s has no health: it is never told as one that passed', async device => {
    const told = judged(smartctl, { disk: [await run('smartctl', '-j', '-a', device)] })

    const disks = told.outcome === 'ok' ? (told.data as FactTypes['disks']).disks : []
    for (const disk of disks) expect(disk).toMatchObject({ passed: null, standing: expect.not.stringMatching(/^read$/) })
  })
})

describe('IPMI', () => {
  const printed = (argv: string[]) => run(...argv)
  const elist = ['ipmitool', 'sdr', 'elist', 'all']
  const sensors = [
    'ipmi-sensors',
    '--comma-separated-output',
    '--no-header-output',
    '--ignore-not-available-sensors',
    '--output-sensor-state',
  ]
  const hasBmc = ['/dev/ipmi0', '/dev/ipmi/0', '/dev/ipmidev/0'].some(existsSync)

  test.each([elist, sensors])('%s without a BMC: absent, neither failed nor green', async (...argv) => {
    const told = judged(ipmi, { sensors: [await printed(argv)] })

    expect(told.outcome).toBe(hasBmc ? 'ok' : 'absent')
    expect((await look(ipmi)).outcome).toBe(hasBmc ? 'ok' : 'absent')
  })

  test.each([
    ['ipmitool', []],
    ['FreeIPMI, where ipmitool is not installed', ['ipmitool']],
  ])('a BMC that the kernel has and that cannot be opened has failed, by %s', async (_, missing) => {
    const host = but({
      ...isThere('/dev/ipmi0'),
      run: async (argv, options) => {
        if (missing.includes(argv[0] ?? '')) throw new NotInstalled(argv[0] ?? '')
        return here.run(argv, options)
      },
    })

    expect((await look(ipmi, host)).outcome).toBe(hasBmc ? 'ok' : 'failed')
  })
})

describe('NUT', () => {
  let nut: Nut
  const state = (status: string, charge = '100') => ({
    'ups.status': status,
    'ups.model': 'Dummy 1000',
    'battery.charge': charge,
    'battery.charge.low': '20',
    'ups.temperature': '25',
  })
  beforeAll(async () => {
    nut = await startNut({
      line: state('OL CHRG'),
      battery: state('OB DISCHRG', '80'),
      low: state('OB LB', '7'),
      replace: state('OL RB'),
      bypass: state('OL BYPASS'),
      forced: state('FSD OB LB', '3'),
    })
  })
  afterAll(() => nut?.stop())
  /** As on a machine whose NUT listens where it does by default, and watches these. */
  const watched = (...names: readonly string[]) =>
    but({
      text: (async (path: string) => (path === '/etc/nut/ups.conf' ? nut.config : here.text(path))) as Host['text'],
      run: async (argv, options): Promise<Captured> => {
        const [, word = ''] = argv
        const captured = await here.run(word === '-l' ? ['upsc', '-l', nut.address] : ['upsc', `${word}@${nut.address}`], options)
        const text = captured.text.split('\n').filter(line => names.includes(line))
        return { ...captured, name: argv.join(' '), text: word === '-l' ? text.join('\n') : captured.text }
      },
    })
  const told = async (...names: readonly string[]) => {
    const fact = await look(ups, watched(...names))
    const all = fact.outcome === 'ok' ? (fact.data as FactTypes['sensors']).sensors : []
    return {
      fact,
      states: all.filter(({ kind }) => kind === 'supply').map(sensor => sensor.state),
      finding: findingOf(sensorsPower, { 'sensors/ups': { ...fact, at: NOW, everyMs: 60_000 } }).status,
    }
  }

  test('a supply on line is well', async () => {
    expect(await told('line')).toMatchObject({ fact: { outcome: 'ok' }, states: ['ok'], finding: 'ok' })
  })

  test.each([
    ['battery', 'warning'],
    ['low', 'critical'],
    ['replace', 'warning'],
    ['bypass', 'warning'],
    ['forced', 'critical'],
  ])('beside it one is not: %s', async (name, wanted) => {
    expect(await told('line', name)).toMatchObject({ states: ['ok', wanted], finding: expect.stringMatching(/^(warning|critical)$/) })
  })

  test('a supply whose driver died has failed: what upsd knew last would look healthy', async () => {
    await nut.lose('line')

    expect(await told('line')).toMatchObject({
      fact: { outcome: 'failed', reason: expect.stringMatching(/Driver not connected|Data stale/) },
      finding: 'unknown',
    })
  })

  test('a server that does not answer has failed where a supply is configured, and is absent where none is', async () => {
    const nobody: Partial<Host> = { run: (argv, options) => here.run([...argv.slice(0, 2), '127.0.0.1:1'], options) }

    expect((await look(ups, { ...watched(), ...nobody })).outcome).toBe('failed')
    expect((await look(ups, but({ ...nobody, text: (async () => '') as Host['text'] }))).outcome).toBe('absent')
  })
})

describe('mirrors', () => {
  let disks: LoopDisks | undefined
  beforeAll(() => {
    disks = loopDisks(2)
  })
  afterAll(() => disks?.remove())
  const arrays = async (probe: Probe) => {
    const fact = await look(probe)
    return fact.outcome === 'ok' ? (fact.data as FactTypes['raid']).arrays : []
  }
  /** Whether a step of a real tool went through; where the kernel does not have it, it does not. */
  const works = (...argv: readonly [string, ...string[]]) => {
    try {
      command(...argv)
      return true
    } catch {
      return false
    }
  }

  test('a btrfs of two disks is whole, and degraded once one is gone; without loop devices or btrfs there is none', async () => {
    const [first = '', second = ''] = disks?.devices ?? []
    const mount = join(disks?.folder ?? '', 'mount')
    const made = disks !== undefined && works('mkfs.btrfs', '-q', '-d', 'raid1', '-m', 'raid1', first, second)
    if (!made || !works('mkdir', mount) || !works('mount', '-t', 'btrfs', first, mount)) {
      expect(kernelHas('/sys/fs/btrfs') && process.getuid?.() === 0 && disks !== undefined, 'it could have been made').toBe(false)
      return
    }
    const uuid = command('findmnt', '-n', '-o', 'UUID', mount).trim()
    try {
      const own = async () => (await arrays(btrfs)).find(({ name }) => name === uuid)
      expect(await own()).toMatchObject({ state: 'ok', level: 'raid1', disks: { required: 2, active: 2, missing: 0 } })
      command('umount', mount)
      disks?.detach(second)
      command('mount', '-t', 'btrfs', '-o', 'degraded', first, mount)
      expect(await own()).toMatchObject({ state: 'degraded', disks: { required: 2, active: 1, missing: 1 } })
    } finally {
      works('umount', mount)
    }
  })

  test('md: without the driver in the kernel it is absent, by the probe and by mdadm; with it a mirror is made and broken', async () => {
    const own = loopDisks(2)
    const [first = '', second = ''] = own?.devices ?? []
    const node = `/dev/md/fettle-${process.pid}`
    const create = ['mdadm', '--create', node, '--run', '--level=1', '--raid-devices=2', '--metadata=1.2', '--assume-clean'] as const
    try {
      // Without the driver mdadm leaves a node behind.
      if (own === undefined || !kernelHas('/proc/mdstat') || !works(...create, first, second)) {
        expect(kernelHas('/proc/mdstat') && own !== undefined && process.getuid?.() === 0, 'it could have been made').toBe(false)
        expect((await look(md)).outcome).toBe('absent')
        expect(judged(md, { scan: [await run('mdadm', '--detail', '--scan')] }).outcome).toBe('absent')
        return
      }
      const name = command('realpath', node).trim().slice('/dev/'.length)
      const mirror = async () => (await arrays(md)).find(array => array.name === name)
      expect(await mirror()).toMatchObject({ state: 'ok', level: 'raid1' })
      command('mdadm', node, '--fail', second)
      expect(await mirror()).toMatchObject({ state: 'degraded' })
      command('mdadm', '--stop', node)
    } finally {
      own?.remove()
    }
  })

  test('LVM: a volume group that has lost a disk is told, although no volume of it is active', async () => {
    const own = loopDisks(2)
    const [first = '', second = ''] = own?.devices ?? []
    const settings = `devices { use_devicesfile=0 filter=["a|^${first}$|","a|^${second}$|","r|.*|"] } backup { backup=0 archive=0 }`
    const group = `fettle${process.pid}`
    try {
      if (own === undefined || !works('pvcreate', '-qq', '--config', settings, first, second)) {
        expect(own !== undefined && process.getuid?.() === 0, 'it could have been made').toBe(false)
        return
      }
      command('vgcreate', '-qq', '--config', settings, group, first, second)
      own.detach(second)
      const host = but({
        ...ofFolder('/etc/lvm/backup', [group]),
        run: (argv, options) => here.run([argv[0] ?? '', '--config', settings, ...argv.slice(1)], options),
      })

      expect(await look(lvm, host)).toMatchObject({
        outcome: 'ok',
        data: { arrays: [{ name: `${group} (group)`, state: 'degraded' }] },
      })
    } finally {
      own?.remove()
    }
  })

  test('what the kernel has no driver for is absent: mapped devices, several paths, ZFS', async () => {
    if (!kernelHas('/sys/class/misc/device-mapper')) {
      expect((await look(lvm)).outcome).toBe('absent')
      expect((await look(multipath)).outcome).toBe('absent')
      expect(judged(multipath, { paths: [await run('multipath', '-ll')] })).toMatchObject({
        outcome: 'absent',
        reason: 'the kernel has no device-mapper',
      })
      expect(judged(lvm, { lvs: [await run('lvs', '--reportformat', 'json', '--nolocking')] }).outcome).toBe('absent')
    } else expect(['ok', 'absent']).toContain((await look(multipath)).outcome)
    if (!kernelHas('/proc/spl/kstat/zfs')) expect((await look(zfs)).outcome).toBe('absent')
  })
})

describe('rasdaemon', () => {
  test('that has recorded nothing is absent, and its tool without a database is never "no errors"', async () => {
    const hasRecorded = existsSync('/var/lib/rasdaemon/ras-mc_event.db')

    expect((await look(rasdaemon)).outcome).toBe(hasRecorded ? 'ok' : 'absent')
    if (!hasRecorded) expect(judged(rasdaemon, { summary: [await run('ras-mc-ctl', '--summary')] }).outcome).not.toBe('ok')
  })
})
