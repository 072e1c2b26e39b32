import { compareDebVersions } from '@fettle/catalog'

/** A kernel's release, `uname -r`, taken apart: only kernels of one flavour can follow one another. */
export type Kernel = {
  readonly release: string
  /** What is compared: `6.1.0-13`. */
  readonly version: string
  /** What stays the same from update to update: `amd64`, `cloud-amd64`, `generic`, `x86_64`, `lts`, `arch`. */
  readonly flavour: string
}

/** Words that name a flavour and a build at once: Arch's `arch1`, `zen1`, `hardened1` and their like. */
const countedFlavour = /^(arch|zen|hardened|xanmod|cachyos|lqx)\d/
const rpmArchitecture = /\.(x86_64|aarch64|ppc64le|s390x|riscv64|i[3-6]86|armv7hl)(\+[\w+.-]*)?$/

/** Null: not the name of a kernel (`linux`, `0-rescue-…`). */
export function parseKernel(release: string): Kernel | null {
  if (release.length > 128 || !/^\d+\.\d+/.test(release)) return null
  const rpm = rpmArchitecture.exec(release)
  const words = (rpm ? release.slice(0, rpm.index) : release).split('-')
  const firstName = words.findIndex((word, at) => at > 0 && (!/^\d/.test(word) || /^[3-6]86$/.test(word)) && !countedFlavour.test(word))
  const versionWords = firstName === -1 ? words : words.slice(0, firstName)
  const counted = versionWords.flatMap(word => countedFlavour.exec(word)?.[1] ?? [])
  const named = firstName === -1 ? [] : words.slice(firstName)
  return { release, version: versionWords.join('-'), flavour: [...counted, ...named, ...(rpm ? [rpm[0].slice(1)] : [])].join('-') }
}

export type KernelFinding = {
  /** Newest installed of the running flavour; null: none is installed. */
  readonly newest: string | null
  /** Null: cannot be told. */
  readonly outdated: boolean | null
  readonly detail: string | null
}

/**
 * The running kernel against what is installed. `images` are the releases with a /boot/vmlinuz-…, `modules` those with a folder in /lib/modules
 * (which a removed kernel may leave behind: where there are images they decide); undefined: could not be looked at.
 */
export function compareKernels(
  running: string,
  images: readonly string[] | undefined,
  modules: readonly string[] | undefined,
): KernelFinding {
  const unknown = { newest: null, outdated: null, detail: null }
  const current = parseKernel(running)
  if (!current) return unknown
  const sameFlavour = (names: readonly string[] | undefined) =>
    (names ?? []).flatMap(name => parseKernel(name) ?? []).filter(({ flavour }) => flavour === current.flavour)
  const bootable = sameFlavour(images)
  const loadable = sameFlavour(modules)
  const newest = (bootable.length > 0 ? bootable : loadable).toSorted((a, b) => compareDebVersions(b.version, a.version))[0]
  if (!newest) return unknown
  if (compareDebVersions(newest.version, current.version) > 0)
    return { newest: newest.release, outdated: true, detail: `runs ${running}, newest installed is ${newest.release}` }
  if (loadable.length > 0 && !loadable.some(({ release }) => release === running))
    return { newest: newest.release, outdated: true, detail: `the modules of the running kernel ${running} are gone` }
  return { newest: newest.release, outdated: false, detail: null }
}

/**
 * A kernel rebuilt under the same release: Debian names the build that runs in `uname -v` (`… Debian 6.1.55-1 (2023-09-29)`), dpkg the one
 * installed. Null: one of them is not told.
 */
export function isRebuilt(running: string, installed: string): boolean | null {
  const build = /\bDebian (\S{1,100})/.exec(running)?.[1]
  const version = installed.trim()
  return build && /^\d\S{0,100}$/.test(version) ? compareDebVersions(version, build) > 0 : null
}
