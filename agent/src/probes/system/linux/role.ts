import type { FactTypes, Role } from '@fettle/catalog'

const PORTABLE = new Set([
  'portable',
  'laptop',
  'notebook',
  'hand held',
  'sub notebook',
  'lunch box',
  'tablet',
  'convertible',
  'detachable',
])
const SERVING = new Set([
  'main server chassis',
  'expansion chassis',
  'RAID chassis',
  'rack mount chassis',
  'multi-system chassis',
  'compact PCI',
  'advanced TCA',
  'blade',
  'blade enclosure',
])

type Evidence = {
  readonly chassis: string | null
  readonly virtualization: FactTypes['system']['virtualization']
  /** `VARIANT_ID` of os-release. */
  readonly edition: string | null
  /** A battery that feeds the machine, not one of a mouse. */
  readonly battery: boolean
  /** A display manager is set up. */
  readonly display: boolean
  /** Name of systemd's default target; null where not told. */
  readonly target: string | null
}

/**
 * What the machine is used for, by what tells most first: a chassis or battery to carry about, a chassis of the rack, the vendor's edition, somebody
 * who may log in to a screen. Debian's default target is graphical even on servers, so the target alone shows nothing; with no sign of a
 * screen it is a server. The agent's configuration overrides it.
 */
export function detectRole(evidence: Evidence): Role {
  const real = evidence.virtualization === null || evidence.virtualization.kind === 'none'
  if (real && (evidence.battery || PORTABLE.has(evidence.chassis ?? ''))) return 'laptop'
  if (real && SERVING.has(evidence.chassis ?? '')) return 'server'
  if (evidence.edition === 'server') return 'server'
  if (evidence.edition === 'workstation' || evidence.edition === 'desktop') return 'desktop'
  return evidence.display && evidence.target !== 'multi-user.target' ? 'desktop' : 'server'
}
