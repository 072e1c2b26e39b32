import { createHash } from 'node:crypto'
import type { FactTypes, Role } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { type Answer, answerOf, isAnswer, partIfThere, partOf } from '../windows/answer.ts'
import { listObjects, type Properties, truth, whole } from '../windows/properties.ts'
import { isRegistry, type Registry, registryOf, registryValue } from '../windows/registry.ts'
import { windowsTime } from '../windows/time.ts'
import { readFirmware } from './linux/firmware.ts'
import { isSystemInfo, systemInfo } from './systeminfo.ts'

type System = FactTypes['system']

const SCRIPT = 'system/windows'
/** Processor architectures of Win32_Processor. */
const ARCHITECTURES: Readonly<Record<string, string>> = { '0': 'x86', '5': 'arm', '9': 'x64', '12': 'arm64' }
const VIRTUAL = /virtual machine|vmware|virtualbox|kvm|qemu|xen|hvm domu|bochs|parallels|proxmox|amazon ec2|google compute|openstack/i
const HYPERVISOR_NAMES: readonly (readonly [RegExp, string])[] = [
  [/vmware/i, 'vmware'],
  [/virtualbox/i, 'oracle'],
  [/microsoft/i, 'microsoft'],
  [/xen|hvm/i, 'xen'],
  [/qemu|kvm|proxmox|bochs/i, 'kvm'],
  [/amazon/i, 'amazon'],
  [/google/i, 'google'],
  [/parallels/i, 'parallels'],
]
/** PCSystemType of Win32_ComputerSystem: 2 mobile, 4 enterprise server, 5 SOHO server, 7 performance server, 8 slate. */
const ROLES: Readonly<Record<string, Role>> = { '2': 'laptop', '8': 'laptop', '4': 'server', '5': 'server', '7': 'server' }

/** What machine this is: Win32_OperatingSystem, Win32_ComputerSystem, and the build with its revision from the registry. `systeminfo` is read too. */
export default defineProbe({
  subject: 'system',
  source: 'windows',
  platforms: ['win32'],
  shares: 'powershell',
  every: '6h',
  timeout: '1m',
  blind: 'The end of support (the collector knows it by build). A start out of Fast Startup counts as no boot.',
  inputs: {
    answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'os') },
    registry: { from: 'reg.exe query "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion" /reg:64', recognise: isRegistry },
    os: {
      from: 'Get-CimInstance Win32_OperatingSystem | Format-List',
      recognise: text => /\bBuildNumber\b/.test(text) && /\bCaption\b/.test(text),
    },
    systeminfo: { from: 'systeminfo', recognise: isSystemInfo },
  },
  parse: parseSystem,

  async read(host: Host) {
    return parseSystem({ answer: [await host.powershell(SCRIPT)] }, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

/** @throws where the version of Windows cannot be read */
export function parseSystem(inputs: Inputs, { hostname }: ParseContext): System {
  const captured = sole(inputs, 'answer')
  if (captured) return answered(answerOf(captured, 'always'), hostname)
  const listed = sole(inputs, 'os')
  const printed = sole(inputs, 'systeminfo')
  const registry = registryOf(inputs.registry ?? [])
  if (printed) {
    const told = systemInfo(printed.text)
    return {
      ...withOs(told.get('hostname') ?? hostname, osOf(told, new Map()), told),
      kernel: { version: told.get('version') ?? null, arch: told.get('architecture') ?? null },
      virtualization: virtualOf(told),
      hardware: hardwareOf(told, new Map(), new Map()),
      memoryBytes: whole(told.get('totalphysicalmemory')),
    }
  }
  const [object] = listed ? listObjects(listed.text).filter(one => one.has('buildnumber')) : []
  return withOs(hostname, osOf(object ?? new Map(), versionOf(registry)), object)
}

function withOs(hostname: string, os: System['os'], object?: Properties): System {
  return {
    hostname: cut(hostname, 253) || 'unknown',
    domain: null,
    os,
    kernel: { version: cut(object?.get('version') ?? '', 128) || null, arch: null },
    bootedAt: windowsTime(object?.get('lastbootuptime')),
    virtualization: null,
    hardware: { vendor: null, model: null, serial: null, chassis: null, biosVersion: null, biosDate: null },
    cpu: { model: null, logical: null },
    memoryBytes: null,
    role: os.id === 'windows-server' ? 'server' : 'desktop',
    machineIdHash: null,
  }
}

function versionOf(registry: Registry): Properties {
  const names = ['CurrentBuildNumber', 'UBR', 'DisplayVersion', 'ReleaseId', 'EditionID', 'InstallationType', 'ProductName']
  const key = '\\windows nt\\currentversion'
  return new Map(
    names.flatMap(name =>
      registryValue(registry, key, name) === undefined ? [] : [[name.toLowerCase(), registryValue(registry, key, name) ?? '']],
    ),
  )
}

function answered(answer: Answer, hostname: string): System {
  const first = (key: string) => partIfThere(answer, key)?.[0] ?? new Map<string, string>()
  const [os] = partOf(answer, 'os') ?? []
  if (!os) throw new Error('Cannot tell the version of Windows: the answer has no os')
  const [computer, bios, processor, chassis] = [first('computer'), first('bios'), first('processor'), first('chassis')]
  const hardware = hardwareOf(computer, bios, chassis)
  const base = withOs(hostname, osOf(os, first('version')), os)
  const virtual = virtualOf(computer)
  const bytes = whole(computer.get('totalphysicalmemory'))
  return {
    ...base,
    domain: cut(computer.get('domain') ?? '', 253) || null,
    kernel: { version: cut(os.get('version') ?? '', 128) || null, arch: ARCHITECTURES[processor.get('architecture') ?? ''] ?? null },
    virtualization: virtual,
    hardware,
    cpu: { model: cut((processor.get('name') ?? '').replace(/ {2,}/g, ' '), 128) || null, logical: whole(processor.get('logical')) },
    memoryBytes: bytes,
    role: roleOf(base.os.id, virtual, computer, whole(first('battery').get('count'))),
    machineIdHash: hashId(first('identity').get('guid')),
  }
}

function osOf(os: Properties, version: Properties): System['os'] {
  const build = version.get('currentbuildnumber') ?? os.get('buildnumber')
  if (build === undefined || !/^\d{3,6}$/.test(build)) throw new Error('Cannot tell the version of Windows: no build number')
  const revision = version.get('ubr')
  const caption = cut(os.get('caption') ?? version.get('productname') ?? '', 128)
  const server = [
    os.get('producttype') === '2' || os.get('producttype') === '3',
    /server/i.test(version.get('installationtype') ?? caption),
  ].some(Boolean)
  // The registry of Windows 11 still says Windows 10.
  const name = Number(build) >= 22000 && !server ? caption.replace('Windows 10', 'Windows 11') : caption
  return {
    type: 'windows',
    id: server ? 'windows-server' : 'windows',
    like: [],
    name: name || 'Windows',
    version: cut(version.get('displayversion') ?? version.get('releaseid') ?? '', 64) || null,
    codename: null,
    build: revision !== undefined && /^\d{1,6}$/.test(revision) ? `${build}.${revision}` : build,
    edition: cut(version.get('editionid') ?? '', 64) || null,
    supportEnd: null,
  }
}

function hardwareOf(computer: Properties, bios: Properties, chassis: Properties): System['hardware'] {
  const fields: readonly (readonly [string, string | undefined])[] = [
    ['sys_vendor', computer.get('manufacturer')],
    ['product_name', computer.get('model')],
    ['product_serial', bios.get('serialnumber')],
    ['chassis_type', chassis.get('types')?.split(',')[0]],
    ['bios_version', bios.get('smbiosbiosversion')],
  ]
  return { ...readFirmware(new Map(fields.map(([name, value]) => [name, value ?? '']))), biosDate: windowsTime(bios.get('releasedate')) }
}

/** A hypervisor is present on a desktop with virtualisation-based security too, so the model decides. */
function virtualOf(computer: Properties): System['virtualization'] {
  const words = `${computer.get('manufacturer') ?? ''} ${computer.get('model') ?? ''}`
  if (words.trim() === '') return null
  if (!VIRTUAL.test(words)) return truth(computer.get('hypervisorpresent')) === null ? null : { kind: 'none', name: null }
  return { kind: 'vm', name: HYPERVISOR_NAMES.find(([pattern]) => pattern.test(words))?.[1] ?? null }
}

function roleOf(id: string, virtual: System['virtualization'], computer: Properties, batteries: number | null): Role {
  if (id === 'windows-server') return 'server'
  const real = virtual === null || virtual.kind === 'none'
  const said = ROLES[computer.get('pcsystemtype') ?? '']
  if (real && (said === 'laptop' || (batteries ?? 0) > 0)) return 'laptop'
  return 'desktop'
}

/** MachineGuid, salted by its use; clones share it. */
function hashId(guid: string | undefined): string | null {
  return guid && /^[0-9a-f-]{36}$/i.test(guid) ? createHash('sha256').update(`fettle machine ${guid.toLowerCase()}`).digest('hex') : null
}
