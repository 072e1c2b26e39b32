import { createHash } from 'node:crypto'
import type { FactTypes, Role } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { cut, present } from '../gather.ts'
import { dictOf, isPlistWith, numberIn, parsePlistDict, readPlistIfMay, runIfThere, textIn } from '../property-list.ts'
import { sysctlOf, sysctlTime } from '../sysctl.ts'
import { isProfile, isTextProfile, profileOf, sectionsOf, textProfile } from '../system-profiler.ts'

type System = FactTypes['system']

const VERSION = '/System/Library/CoreServices/SystemVersion.plist'
const RESPONSE = '/System/Cryptexes/OS/System/Library/CoreServices/SystemVersion.plist'
const TYPE = 'SPHardwareDataType'
const NAMES = [
  'hw.model',
  'hw.memsize',
  'hw.ncpu',
  'hw.machine',
  'kern.osrelease',
  'kern.boottime',
  'kern.hv_vmm_present',
  'machdep.cpu.brand_string',
] as const

/** What machine this is; see sw_vers(1), sysctl(8), ioreg(8). A Rapid Security Response adds a letter: `13.4.1 (a)`. */
export default defineProbe({
  subject: 'system',
  source: 'macos',
  platforms: ['darwin'],
  every: '1h',
  timeout: '60s',
  blind: 'The end of support: Apple publishes none.',
  inputs: {
    version: { from: `${VERSION}, ${RESPONSE}`, recognise: text => isPlistWith(text, 'ProductVersion', 'ProductBuildVersion') },
    sysctl: { from: `sysctl ${NAMES.join(' ')}`, recognise: text => /^(hw|kern|machdep)\.[\w.]+[:=] ?/m.test(text) },
    platform: { from: 'ioreg -rd1 -c IOPlatformExpertDevice', recognise: text => /IOPlatformExpertDevice/.test(text) },
    battery: { from: 'pmset -g batt', recognise: text => /^(Now|Currently) drawing from '/m.test(text) },
    hardware: {
      from: `system_profiler -json ${TYPE}`,
      recognise: text =>
        isProfile(text, TYPE) || isTextProfile(text, 'Hardware Overview') || isTextProfile(text, 'System Software Overview'),
    },
  },
  parse: parseMacSystem,

  async read(host: Host) {
    const version = await readPlistIfMay(host, VERSION)
    if (!version) throw new Absent('this is no macOS')
    return parseMacSystem(
      {
        version: present(version, await readPlistIfMay(host, RESPONSE)),
        sysctl: present(await runIfThere(host, ['sysctl', ...NAMES], 10_000)),
        battery: present(await runIfThere(host, ['pmset', '-g', 'batt'], 10_000)),
        platform: present(await runIfThere(host, ['ioreg', '-rd1', '-c', 'IOPlatformExpertDevice'], 10_000)),
      },
      { now: host.now(), hostname: host.hostname, options: undefined },
    )
  },
})

/** @throws where none of the inputs names release or model */
export function parseMacSystem(inputs: Inputs, { hostname }: ParseContext): System {
  const version = versionOf(inputs)
  const sysctl = sysctlOf(sole(inputs, 'sysctl')?.text ?? '')
  const hardware = hardwareOf(sole(inputs, 'hardware')?.text)
  const platform = sole(inputs, 'platform')?.text ?? ''
  const entry = (name: string) => new RegExp(`"${name}" = <?"([^"\\n]{1,200})"`).exec(platform)?.[1] ?? null
  const model = sysctl.get('hw.model') ?? entry('model') ?? hardware.model
  if (
    version.version === null &&
    model === null &&
    hardware.name === null &&
    !sysctl.has('hw.memsize') &&
    !sysctl.has('machdep.cpu.brand_string')
  ) {
    throw new Error('Cannot tell what Mac this is: neither release nor model is told')
  }
  const uuid = entry('IOPlatformUUID') ?? hardware.uuid
  const guest = sysctl.get('kern.hv_vmm_present')
  const isVirtual = guest === '1' || /^(VirtualMac|VMware|Parallels|QEMU)/i.test(model ?? '')
  const known = isVirtual || guest === '0'
  const family = `${hardware.name ?? ''} ${model ?? ''}`
  // Models since 2022 are only called Mac14,2: then the battery tells.
  const portable = /book/i.test(family) || /InternalBattery/.test(sole(inputs, 'battery')?.text ?? '')
  const role: Role = portable ? 'laptop' : /xserve|server/i.test(family) ? 'server' : 'desktop'
  return {
    hostname: cut(hostname, 253),
    domain: null,
    os: {
      type: 'darwin',
      id: 'macos',
      like: [],
      name: cut(version.name ?? 'macOS', 128),
      version: version.version,
      codename: null,
      build: version.build,
      edition: null,
      supportEnd: null,
    },
    kernel: { version: short(sysctl.get('kern.osrelease') ?? version.kernel, 128), arch: short(sysctl.get('hw.machine') ?? null, 32) },
    bootedAt: sysctlTime(sysctl.get('kern.boottime')),
    virtualization: known ? { kind: isVirtual ? 'vm' : 'none', name: null } : null,
    hardware: {
      vendor: 'Apple',
      model: short(model, 128),
      serial: short(entry('IOPlatformSerialNumber') ?? hardware.serial, 128),
      chassis: role === 'laptop' ? 'notebook' : null,
      biosVersion: short(hardware.firmware, 128),
      biosDate: null,
    },
    cpu: { model: short(sysctl.get('machdep.cpu.brand_string') ?? hardware.cpu, 128), logical: whole(sysctl.get('hw.ncpu')) },
    memoryBytes: whole(sysctl.get('hw.memsize')) ?? hardware.memory,
    role,
    machineIdHash: uuid === null ? null : createHash('sha256').update(uuid.toUpperCase()).digest('hex'),
  }
}

/** The system's file, and the one a Rapid Security Response brings, which has `ProductVersionExtra`. */
function versionOf(inputs: Inputs) {
  const dicts = (inputs.version ?? []).map(({ text }) => parsePlistDict(text))
  const extra = dicts.flatMap(dict => textIn(dict.ProductVersionExtra) ?? [])[0]
  const [newest] = dicts.toSorted((a, b) =>
    (textIn(b.ProductVersion) ?? '').localeCompare(textIn(a.ProductVersion) ?? '', 'en', { numeric: true }),
  )
  const version = textIn(newest?.ProductVersion)
  if (newest && version === null) throw new Error('Cannot tell the release: the property list has no ProductVersion')
  if (newest) {
    return {
      name: textIn(newest.ProductName),
      version: short(extra ? `${version} ${extra}` : version, 64),
      build: short(textIn(newest.ProductBuildVersion), 64),
      kernel: null,
    }
  }
  const software = sectionsOf(textProfile(textOf(inputs)), 'System Software Overview')[0]?.values
  const [, name, number, build] =
    /^((?:macOS|OS X|Mac OS X)(?: Server)?) ([\d.]{1,20}) \(([^)]{1,20})\)/.exec(software?.get('System Version') ?? '') ?? []
  return {
    name: name ?? null,
    version: number ?? null,
    build: build ?? null,
    kernel: /^Darwin (\S{1,40})/.exec(software?.get('Kernel Version') ?? '')?.[1] ?? null,
  }
}

/** The report for people, where that is what was given. */
function textOf(inputs: Inputs): string {
  const text = sole(inputs, 'hardware')?.text ?? ''
  return /^\s*\{|<plist[\s>]/.test(text) ? '' : text
}

function hardwareOf(text: string | undefined) {
  const nothing = { name: null, model: null, serial: null, firmware: null, cpu: null, uuid: null, memory: null }
  if (text === undefined) return nothing
  if (/^\s*\{|<plist[\s>]/.test(text)) {
    const item = dictOf(profileOf(text, TYPE)?.[0])
    if (!item) throw new Error(`Cannot read a report without ${TYPE}`)
    return {
      name: textIn(item.machine_name),
      model: textIn(item.machine_model),
      serial: textIn(item.serial_number),
      firmware: textIn(item.boot_rom_version),
      cpu: textIn(item.chip_type) ?? textIn(item.cpu_type),
      uuid: textIn(item.platform_UUID),
      memory: memoryOf(textIn(item.physical_memory)) ?? numberIn(item.physical_memory_in_bytes),
    }
  }
  const values = sectionsOf(textProfile(text), 'Hardware Overview')[0]?.values
  const first = (...names: readonly string[]) => names.flatMap(name => values?.get(name) ?? [])[0] ?? null
  return {
    name: first('Model Name', 'Machine Name'),
    model: first('Model Identifier', 'Machine Model'),
    serial: first('Serial Number (system)', 'Serial Number'),
    firmware: first('System Firmware Version', 'Boot ROM Version'),
    cpu: first('Chip', 'Processor Name', 'CPU Type'),
    uuid: first('Hardware UUID'),
    memory: memoryOf(first('Memory')),
  }
}

function memoryOf(text: string | null): number | null {
  const [, number, unit] = /^(\d{1,6}) (MB|GB|TB)$/.exec(text ?? '') ?? []
  return number === undefined ? null : Number(number) * (unit === 'TB' ? 1024 ** 4 : unit === 'GB' ? 1024 ** 3 : 1024 ** 2)
}

const short = (text: string | null, longest: number): string | null => (text === null || text.trim() === '' ? null : cut(text, longest))
const whole = (text: string | undefined): number | null => (text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null)
