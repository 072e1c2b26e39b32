import type { FactTypes } from '@fettle/catalog'
import { cut } from '../../gather.ts'

/** Words of systemd-detect-virt(1) for containers; it knows more virtual machines than a list would, so any other word is one. */
const CONTAINERS = new Set([
  'openvz',
  'lxc',
  'lxc-libvirt',
  'systemd-nspawn',
  'docker',
  'podman',
  'rkt',
  'wsl',
  'proot',
  'pouch',
  'container-other',
])

/** Vendor and product names by which virtual machines give themselves away, as systemd's own table has them. */
const FIRMWARE: readonly (readonly [RegExp, string])[] = [
  [/^(QEMU|KVM)/, 'kvm'],
  [/^(VMware|VMW)/, 'vmware'],
  [/^(innotek GmbH|VirtualBox)/, 'oracle'],
  [/^(Xen|HVM domU)/, 'xen'],
  [/^(Bochs|SeaBIOS)/, 'bochs'],
  [/^Parallels/, 'parallels'],
  [/^BHYVE/, 'bhyve'],
  [/^(Google Compute Engine|Google)$/, 'google'],
  [/^(Hyper-V|Virtual Machine)$/, 'microsoft'],
  [/^Apple Virtualization/, 'apple'],
  [/^OpenStack/, 'kvm'],
]

type Evidence = {
  /** What `systemd-detect-virt` printed. */
  readonly detected?: string | undefined
  /** Names of the marker files of containers that are there, with their text. */
  readonly markers: ReadonlyMap<string, string>
  readonly dmi: ReadonlyMap<string, string>
  readonly cpuinfo?: string | undefined
  /** Whether this system has the kernel's first namespaces, as no container has; null: not told. */
  readonly isFirstNamespace?: boolean | null
}

/** Whether the machine is real, by the first that tells: systemd, a container's marker, firmware, processor. Null: nothing told. */
export function readVirtualization(evidence: Evidence): FactTypes['system']['virtualization'] {
  const told = bySystemd(evidence.detected) ?? byMarker(evidence.markers)
  // systemd-detect-virt(1) believes a marker that an image brought along when it was booted as a machine of its own.
  const isLeftOver = told?.kind === 'container' && evidence.isFirstNamespace === true
  return (isLeftOver ? null : told) ?? byFirmware(evidence.dmi) ?? byProcessor(evidence.cpuinfo)
}

function bySystemd(detected: string | undefined): FactTypes['system']['virtualization'] {
  const word = (detected ?? '').trim()
  if (!/^[a-z][a-z0-9-]{1,40}$/.test(word)) return null
  if (word === 'none') return { kind: 'none', name: null }
  return { kind: CONTAINERS.has(word) ? 'container' : 'vm', name: word }
}

/** systemd writes the kind of its container into /run/systemd/container; the others leave empty files. */
function byMarker(markers: ReadonlyMap<string, string>): FactTypes['system']['virtualization'] {
  const told = cut(markers.get('/run/systemd/container') ?? '', 64)
  if (told !== '') return { kind: 'container', name: told }
  if (markers.has('/run/.containerenv')) return { kind: 'container', name: 'podman' }
  if (markers.has('/.dockerenv')) return { kind: 'container', name: 'docker' }
  return null
}

function byFirmware(dmi: ReadonlyMap<string, string>): FactTypes['system']['virtualization'] {
  const names = ['product_name', 'sys_vendor', 'board_vendor', 'bios_vendor'].map(field => (dmi.get(field) ?? '').trim())
  // Amazon's bare machines carry the same vendor, and say so in the product.
  if (names[1] === 'Amazon EC2' && !names[0]?.includes('.metal')) return { kind: 'vm', name: 'amazon' }
  const found = FIRMWARE.find(([pattern]) => names.some(name => pattern.test(name)))
  return found ? { kind: 'vm', name: found[1] } : null
}

/** The flag `hypervisor` of an x86 processor is only set for guests; other processors have no such flag, and tell nothing. */
function byProcessor(cpuinfo: string | undefined): FactTypes['system']['virtualization'] {
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo ?? '')?.[1]
  if (flags === undefined) return null
  return / hypervisor( |$)/.test(flags) ? { kind: 'vm', name: null } : { kind: 'none', name: null }
}
