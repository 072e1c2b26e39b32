import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { NotInstalled } from '../../host.ts'
import { type Captured, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { CONTAINER_MARKERS, isFirstNamespace, NAMESPACE_LINKS, readNamespaces } from '../container.ts'
import { cut, present, readable, told, untilHostError } from '../gather.ts'
import { readFirmware } from './linux/firmware.ts'
import { isOsRelease, readOsRelease } from './linux/os-release.ts'
import { detectRole } from './linux/role.ts'
import { readVirtualization } from './linux/virtualization.ts'

const DMI_FOLDER = '/sys/class/dmi/id'
const DMI_FILES = [
  'sys_vendor',
  'product_name',
  'product_serial',
  'board_vendor',
  'board_name',
  'bios_vendor',
  'bios_version',
  'bios_date',
  'chassis_type',
]
const POWER_FOLDER = '/sys/class/power_supply'
const MOST_SUPPLIES = 32
const TARGET_LINKS = ['/etc/systemd/system/default.target', '/usr/lib/systemd/system/default.target', '/lib/systemd/system/default.target']
const DISPLAY_LINKS = ['/etc/systemd/system/display-manager.service']

/** Operating system, kernel, boot and hardware identity from os-release(5), proc(5), /sys/class/dmi/id and systemd-detect-virt(1). */
export default defineProbe({
  subject: 'system',
  source: 'linux',
  platforms: ['linux'],
  every: '1h',
  timeout: '30s',
  privilege: 'Only root may read the serial number of the hardware; without it the serial is left out.',
  blind: 'The end of support (the collector knows it by version). In a container the hardware is that of its host.',
  inputs: {
    osRelease: { from: '/etc/os-release, else /usr/lib/os-release', recognise: isOsRelease },
    uname: {
      from: 'uname -m',
      recognise: text => /^(Linux \S+ \d|(x86_64|aarch64|i[3-6]86|armv\w+|riscv64|ppc64(le)?|s390x)\s*$)/.test(text),
    },
    kernel: { from: '/proc/sys/kernel/osrelease', recognise: text => /^\d+\.\d+\.\S+\s*$/.test(text) },
    stat: { from: '/proc/stat', recognise: text => /^btime \d/m.test(text) },
    cpuinfo: { from: '/proc/cpuinfo', recognise: text => /^(processor\s*:|vendor_id\s*:)/m.test(text) },
    meminfo: { from: '/proc/meminfo', recognise: text => /^MemTotal:/m.test(text) },
    virtualization: {
      from: 'systemd-detect-virt',
      recognise: text => /^(none|kvm|qemu|vmware|microsoft|oracle|xen|amazon|docker|lxc)\s*$/.test(text),
    },
    containerMarker: { from: CONTAINER_MARKERS.join(', ') },
    namespaces: { from: NAMESPACE_LINKS.join(' '), recognise: text => text.startsWith('pid:[') },
    dmi: { from: `${DMI_FOLDER}/*` },
    power: { from: `${POWER_FOLDER}/*/uevent`, recognise: text => /^POWER_SUPPLY_TYPE=/m.test(text) },
    defaultTarget: { from: 'where the link default.target of systemd ends' },
    displayManager: { from: DISPLAY_LINKS.join(', ') },
    machineId: { from: '/etc/machine-id', recognise: text => /^[0-9a-f]{32}\s*$/.test(text) },
  },
  parse: parseSystem,

  async read(host) {
    const osRelease = (await host.captured('/etc/os-release', { missing: undefined })) ?? (await host.captured('/usr/lib/os-release'))
    const inputs = {
      osRelease: [osRelease],
      uname: [await host.run(['uname', '-m'], { timeoutMs: 5_000 })],
      kernel: [await host.captured('/proc/sys/kernel/osrelease')],
      stat: [await host.captured('/proc/stat')],
      cpuinfo: [await host.captured('/proc/cpuinfo')],
      meminfo: [await host.captured('/proc/meminfo')],
      virtualization: present(await detectVirtualization(host)),
      containerMarker: await readAll(host, CONTAINER_MARKERS),
      namespaces: present(await readNamespaces(host)),
      dmi: await readAll(
        host,
        DMI_FILES.map(file => `${DMI_FOLDER}/${file}`),
      ),
      power: await readSupplies(host),
      defaultTarget: await linkEnds(host, TARGET_LINKS),
      displayManager: await linkEnds(host, DISPLAY_LINKS),
      machineId: present(await readable(host, '/etc/machine-id')),
    }
    return parseSystem(inputs, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

/**
 * The machine by its files. What an input would have told is null where it is missing; only os-release must be there.
 * @throws where os-release cannot be read as such, or an input that is given holds none of its lines
 */
export function parseSystem(inputs: Inputs, context: ParseContext): FactTypes['system'] {
  const release = sole(inputs, 'osRelease')
  if (!release) throw new Error('Cannot tell the operating system without os-release')
  const os = readOsRelease(release.text)
  const dmi = new Map((inputs.dmi ?? []).map(file => [basename(file.name), file.text.trim()]))
  const hardware = readFirmware(dmi)
  const markers = new Map((inputs.containerMarker ?? []).map(file => [file.name, file.text]))
  const cpuinfo = sole(inputs, 'cpuinfo')?.text
  const virtualization = readVirtualization({
    detected: sole(inputs, 'virtualization')?.text,
    markers,
    dmi,
    cpuinfo,
    isFirstNamespace: isFirstNamespace(sole(inputs, 'namespaces')?.text),
  })
  return {
    hostname: cut(context.hostname, 253),
    domain: context.hostname.includes('.') ? cut(context.hostname.slice(context.hostname.indexOf('.') + 1), 253) || null : null,
    os,
    kernel: readKernel(sole(inputs, 'kernel')?.text, sole(inputs, 'uname')?.text),
    bootedAt: mapped(sole(inputs, 'stat'), readBootTime),
    virtualization,
    hardware,
    cpu: { model: cpuModel(cpuinfo), logical: logicalProcessors(sole(inputs, 'stat')?.text, cpuinfo) },
    memoryBytes: mapped(sole(inputs, 'meminfo'), readMemory),
    role: detectRole({
      chassis: hardware.chassis,
      virtualization,
      edition: os.edition,
      battery: (inputs.power ?? []).some(supply => feedsMachine(supply.text)),
      display: (inputs.displayManager ?? []).length > 0,
      target: mapped(sole(inputs, 'defaultTarget'), link => basename(link.text.trim())),
    }),
    machineIdHash: mapped(sole(inputs, 'machineId'), file => hashId(file.text)),
  }
}

function mapped<T>(captured: Captured | undefined, read: (captured: Captured) => T): T | null {
  return captured ? read(captured) : null
}

/** `uname -m` alone, or a whole `uname -a`: there the machine stands last but for the name of the system. */
function readKernel(release: string | undefined, uname: string | undefined): FactTypes['system']['kernel'] {
  const words = (uname ?? '').trim().split(/\s+/)
  if (words.at(-1) === 'GNU/Linux' || (words.length > 1 && words.at(-1) === 'Linux')) words.pop()
  const version = release?.trim() || (words.length > 2 ? words[2] : '') || ''
  return { version: cut(version, 128) || null, arch: cut(words.at(-1) ?? '', 32) || null }
}

/** `btime` of /proc/stat, seconds. @throws where the line is missing */
function readBootTime(stat: Captured): number {
  const seconds = Number(/^btime (\d{1,12})$/m.exec(stat.text)?.[1])
  if (!(seconds > 0)) throw new Error('Cannot tell when the machine booted: /proc/stat has no btime')
  return seconds * 1000
}

/** `MemTotal` of /proc/meminfo in bytes. @throws where the line is missing */
function readMemory(meminfo: Captured): number {
  const kilobytes = Number(/^MemTotal:\s*(\d{1,15}) kB$/m.exec(meminfo.text)?.[1])
  if (!(kilobytes > 0)) throw new Error('Cannot tell the memory: /proc/meminfo has no MemTotal')
  return kilobytes * 1024
}

/** x86 says `model name`, POWER `cpu`, some ARM boards `Model`; null where the kernel only prints part numbers. */
function cpuModel(cpuinfo = ''): string | null {
  const model = ['model name', 'cpu', 'Model', 'Hardware']
    .map(key => new RegExp(`^${key}[ \\t]*:(.*)$`, 'm').exec(cpuinfo)?.[1]?.trim())
    .find(value => value !== undefined && value !== '')
  return cut((model ?? '').replace(/ {2,}/g, ' '), 128) || null
}

function logicalProcessors(stat = '', cpuinfo = ''): number | null {
  return (stat.match(/^cpu\d+ /gm) ?? cpuinfo.match(/^processor[ \t]*\d*[ \t]*:/gm) ?? []).length || null
}

/** A battery of `Device` scope is that of a mouse or headset; power_supply in the kernel's sysfs ABI. */
function feedsMachine(uevent: string): boolean {
  return /^POWER_SUPPLY_TYPE=Battery$/m.test(uevent) && !/^POWER_SUPPLY_SCOPE=Device$/m.test(uevent)
}

/** Salted by its use, as machine-id(5) asks; null while the system is not set up. */
function hashId(text: string): string | null {
  const id = text.trim()
  return /^[0-9a-f]{32}$/.test(id) && !/^0+$/.test(id) ? createHash('sha256').update(`fettle machine ${id}`).digest('hex') : null
}

async function readAll(host: Host, paths: readonly string[]): Promise<Captured[]> {
  return present(...(await Promise.all(paths.map(path => readable(host, path)))))
}

/** systemd-detect-virt ends with 1 where it prints `none`; where it is not installed the other evidence speaks. */
async function detectVirtualization(host: Host): Promise<Captured | undefined> {
  try {
    return await host.run(['systemd-detect-virt'], { timeoutMs: 5_000 })
  } catch (error) {
    if (error instanceof NotInstalled) return undefined
    throw error
  }
}

async function readSupplies(host: Host): Promise<Captured[]> {
  const names = (await untilHostError(host.list(POWER_FOLDER))) ?? []
  return readAll(
    host,
    names.slice(0, MOST_SUPPLIES).map(name => `${POWER_FOLDER}/${name}/uevent`),
  )
}

/** Where the first of the links that is there ends. */
async function linkEnds(host: Host, links: readonly string[]): Promise<Captured[]> {
  for (const link of links) {
    const end = await untilHostError(host.realpath(link))
    if (end !== undefined) return [told(link, end)]
  }
  return []
}
